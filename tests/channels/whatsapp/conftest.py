"""What the WhatsApp tests share: an inbox and an outbox that record, and a bot behind the stand-in for Twilio."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aiohttp import web

from channels.whatsapp import Options, WhatsAppChannel, assembled
from channels.whatsapp.client import Limits
from channels.whatsapp.line import LISTED, UNLISTED, Timing
from channels.whatsapp.testing import FakeTwilio
from core.conversation import Address, Arrival, Author, Conversation, Customer, Message
from core.errors import Fenced, StoreError
from core.fleet import Lone
from core.records import Part, PartState, Progress

PUBLIC = "https://bot.example.com/firstline/"
CHAT = "+4512345678"
QUICK = Timing(through=1.0, soon=0.2, look=0.05, callback=0.2, lists=(0.01, 0.01), again=(0.01, 0.01), tries=3)
RANK = {state: rank for rank, state in enumerate(("planned", "sending", "unknown", "sent", "delivered", "read"))}
FINAL = {PartState.DELIVERED, PartState.READ, PartState.REJECTED}


@dataclass
class RecordingOutbox:
    """Plans once and keeps what the platform told, like the real one; `history` is every state that was kept."""

    parts: list[Part] = field(default_factory=list)
    history: list[tuple[int, PartState]] = field(default_factory=list)
    reply: str = "SM1"
    author: Author = Author.BOT
    fenced: Callable[[Part], bool] = lambda _: False

    async def plan(self, texts: Sequence[str]) -> Sequence[Part]:
        self.parts = self.parts or [Part(self.reply, index, text) for index, text in enumerate(texts)]
        return tuple(self.parts)

    async def look(self, part: Part) -> Part:
        return self.parts[part.index]

    async def mark(self, part: Part) -> None:
        if self.fenced(part):
            raise Fenced
        kept = self.parts[part.index]
        begins = part.state in {PartState.PLANNED, PartState.SENDING}
        state = kept.state if kept.state in FINAL and not begins else part.state
        self.parts[part.index] = replace(part, state=state)
        self.history.append((part.index, part.state))

    def advance(self, progress: Progress) -> None:
        part = self.parts[progress.index]
        if part.state is PartState.PLANNED:
            return
        lower = part.state is PartState.REJECTED or RANK.get(progress.state, 4) <= RANK.get(part.state, 0)
        if progress.state is PartState.REJECTED:
            lower = part.state in FINAL
        if not lower:
            self.parts[progress.index] = replace(part, state=progress.state, sent_as=progress.sent_as)

    @property
    def states(self) -> list[PartState]:
        return [part.state for part in self.parts]


@dataclass
class RecordingInbox:
    """Keeps arrivals, aliases and what was told; the next `away` commits fail as a store that is away does."""

    away: int = 0
    arrivals: dict[str, Arrival] = field(default_factory=dict)
    offered: list[str] = field(default_factory=list)
    told: list[Progress] = field(default_factory=list)
    outbox: RecordingOutbox | None = None
    names: dict[str, Address] = field(default_factory=dict)
    seen: list[str] = field(default_factory=list)
    conversation: Conversation | None = None
    fleet: Any = field(default_factory=Lone)

    @property
    def messages(self) -> list[Message]:
        return [arrival.message for arrival in self.arrivals.values() if arrival.message]

    def _commit(self) -> None:
        if self.away:
            self.away -= 1
            raise StoreError("the store is away")

    async def accept(self, arrival: Arrival) -> bool:
        self._commit()
        self.offered.append(arrival.key)
        new = arrival.key not in self.arrivals
        self.arrivals.setdefault(arrival.key, arrival)
        return new

    async def history(self, address: Address) -> Conversation:
        return self.conversation or Conversation(address)

    async def stop(self, address: Address) -> None:
        raise AssertionError("nobody pressed Stop")

    async def progress(self, progress: Progress) -> None:
        self._commit()
        self.told.append(progress)
        if self.outbox is not None:
            self.outbox.advance(progress)

    async def chat_of(self, channel: str, names: Sequence[str]) -> Address:
        self._commit()
        chat = next((self.names[name] for name in names if name in self.names), Address(channel, names[0]))
        self.names |= dict.fromkeys(names, chat)
        self.seen = [*names, *(name for name in self.seen if name not in names)]
        return chat

    async def names_of(self, address: Address) -> Sequence[str]:
        return [name for name in self.seen if self.names[name] == address] or [address.chat]


@dataclass
class Bot:
    """A channel that listens behind a proxy, Twilio before it, and a desk that records."""

    channel: WhatsAppChannel
    twilio: FakeTwilio
    inbox: RecordingInbox
    outbox: RecordingOutbox

    async def answer(self, text: str, chat: str = CHAT) -> str:
        async def pieces() -> AsyncIterator[str]:
            yield text

        self.inbox.outbox = self.outbox
        return await self.channel.deliver(Address("whatsapp", chat), pieces(), self.outbox)

    @property
    def bodies(self) -> list[str]:
        return [message.body for message in self.twilio.sent]

    @property
    def posts(self) -> int:
        return len(self.twilio.calls("POST", "/Messages.json"))

    def count(self, name: str) -> int:
        counted: int = self.channel.counts()[name]
        return counted

    def knows(self, *ages: timedelta, chat: str = CHAT) -> None:
        """The desk remembers messages of the customer's, so long ago."""
        address, now = Address("whatsapp", chat), datetime.now(UTC)
        turns = [Message(f"SM{n}", address, "hello", now - age, Customer(chat)) for n, age in enumerate(ages)]
        self.inbox.conversation = Conversation(address, tuple(turns))


Start = Callable[..., Any]


@pytest.fixture
async def start() -> AsyncIterator[Start]:
    """Start a bot with these options, Twilio's and the channel's own; the customer has just written."""
    async with AsyncExitStack() as stack:

        async def begin(
            timing: Timing = QUICK,
            limits: Limits | None = None,
            twilio: dict[str, Any] | FakeTwilio | None = None,
            inbox: RecordingInbox | None = None,
            waits: bool = True,
            **options: Any,
        ) -> Bot:
            api = twilio if isinstance(twilio, FakeTwilio) else FakeTwilio(delays=(0.02,), **(twilio or {}))
            if api is not twilio:
                await stack.enter_async_context(api)
            given: dict[str, Any] = {
                "account": api.account, "token": api.token, "number": api.number, "public_url": PUBLIC,
                "languages": ("en",), "base_url": api.url, "messaging_url": api.url,
            }  # fmt: skip
            channel = assembled(Options(**given | options), timing, limits, (api.cdn,))
            stack.push_async_callback(channel.aclose)
            inbox = inbox or RecordingInbox()
            await _listen(stack, channel, inbox, api, waits)
            api.world.heard[f"whatsapp:{CHAT}"] = api.world.clock()
            return Bot(channel, api, inbox, RecordingOutbox())

        yield begin


async def _listen(
    stack: AsyncExitStack, channel: WhatsAppChannel, inbox: RecordingInbox, api: FakeTwilio, waits: bool
) -> None:
    app = web.Application()
    app.add_routes(channel.routes())
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    running = asyncio.create_task(channel.run(inbox))
    stack.push_async_callback(_ended, running)
    api.connect(f"http://127.0.0.1:{runner.addresses[0][1]}", PUBLIC)
    await asyncio.sleep(0)  # run() has begun once the loop went round
    if waits:
        await until(lambda: running.done() or channel.counts()[LISTED] + channel.counts()[UNLISTED])
    api.log.clear()  # of the first round, which every start makes


async def until(true: Callable[[], object]) -> None:
    """Return once it is true; TimeoutError after fifteen seconds."""
    async with asyncio.timeout(15):
        while not true():  # noqa: ASYNC110 - what changes tells nobody
            await asyncio.sleep(0.005)


async def _ended(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.wait({task})


@pytest.fixture
async def bot(start: Start) -> Any:
    return await start()
