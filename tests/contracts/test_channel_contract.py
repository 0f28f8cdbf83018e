"""What every channel keeps to, whichever file it is in: the folder channels/ is the list.

Each channel runs as in the product, listening, with a stand-in for the world outside of it: a `Driver`.
"""

from __future__ import annotations

import asyncio
import io
import json
import os
import threading
import uuid
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, aclosing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self, TextIO, cast

import pytest
from aiohttp import ClientSession, CookieJar, StreamReader, web
from rich.console import Console

from channels import telegram, whatsapp
from channels import web as web_chat
from channels.console import ADDRESS, ConsoleChannel
from channels.memory import MemoryChannel
from channels.telegram.testing import FakeBotApi
from channels.whatsapp.testing import FakeTwilio
from core import plugins
from core.abilities import Replaces
from core.conversation import Address, Arrival, Conversation, Customer, Holder, Message
from core.errors import StoreError, Withdrawn
from core.fleet import Lone
from core.ports import Channel
from core.records import Part, PartState, Progress
from core.text import Anew

SHARED = Path(os.environ.get("FIRSTLINE_SHARED", Path(__file__).parents[3] / "shared"))
PATIENCE = 5.0
PIECES = ("Your parcel left ", "this morning; ", "it comes on Friday.")
WHOLE = "".join(PIECES)


class Inbox:
    """Keeps arrivals by key. While `open` is not set nothing is committed; the next `away` commits fail."""

    def __init__(self) -> None:
        self.fleet = Lone()
        self.kept: dict[str, Arrival] = {}
        self.tried: list[str] = []
        self.told: list[Progress] = []
        self.away = 0
        self.holder = Holder.BOT
        self.open = asyncio.Event()
        self.open.set()
        self._news = asyncio.Condition()

    @property
    def texts(self) -> list[str]:
        return [arrival.message.text for arrival in self.kept.values() if arrival.message]

    async def accept(self, arrival: Arrival) -> bool:
        if arrival.message is not None:
            self.tried.append(arrival.message.text)
        await self._tell()
        await self.open.wait()
        if self.away and arrival.message is not None:
            self.away -= 1
            raise StoreError("the store is away")
        new = arrival.key not in self.kept
        self.kept.setdefault(arrival.key, arrival)
        await self._tell()
        return new

    async def history(self, address: Address) -> Conversation:
        return Conversation(address, holder=self.holder)

    async def stop(self, address: Address) -> None:
        raise AssertionError("nobody pressed Stop")

    async def progress(self, progress: Progress) -> None:
        self.told.append(progress)

    async def chat_of(self, channel: str, names: Sequence[str]) -> Address:
        return Address(channel, names[0])

    async def names_of(self, address: Address) -> Sequence[str]:
        return (address.chat,)

    async def until(self, true: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE), self._news:
            await self._news.wait_for(true)

    async def _tell(self) -> None:
        async with self._news:
            self._news.notify_all()


class Outbox:
    """The parts of one reply; what was planned in an earlier life comes back instead of a new plan."""

    def __init__(self, earlier: Sequence[Part] = ()) -> None:
        self.parts = {part.index: part for part in earlier}
        self.planned = False

    async def plan(self, texts: Sequence[str]) -> Sequence[Part]:
        self.planned = True
        self.parts = self.parts or {n: Part("reply", n, text) for n, text in enumerate(texts)}
        return tuple(self.parts.values())

    async def mark(self, part: Part) -> None:
        self.parts[part.index] = part

    async def look(self, part: Part) -> Part:
        return part


class Driver:
    """One channel and the world it talks to, as an async context manager. What holds for most channels is preset.

    `plans`: it cannot take back what it sent, so it plans. `hears`: messages come in by run(). `takes_back`: what was
    shown of an answer can be made unseen. `several`: there is more than one chat.
    """

    plans = False
    hears = True
    takes_back = True
    several = True
    channel: Channel

    def __init__(self) -> None:
        self.inbox = Inbox()
        self.stack = AsyncExitStack()
        self.listening: asyncio.Task[None]

    async def __aenter__(self) -> Self:
        await self.begin()
        self.listening = asyncio.create_task(self.channel.run(self.inbox))
        await asyncio.sleep(0)  # run() has begun once the loop went round
        await self.opened()
        return self

    async def __aexit__(self, *_: object) -> None:
        self.listening.cancel()
        await asyncio.wait({self.listening}, timeout=PATIENCE)
        await self.stack.aclose()

    async def begin(self) -> None:
        """Build `channel` and whatever it needs."""
        raise NotImplementedError

    async def opened(self) -> None:
        """Whatever needs the channel to be listening."""

    def chat(self, number: int = 0) -> Address:
        """The address of a chat nothing was ever said in."""
        return Address(self.channel.name, str(number + 1))

    async def write(self, chat: Address, text: str) -> None:
        """A customer writes; the platform brings it again until it is told that it arrived."""
        raise NotImplementedError

    async def confirmed(self) -> None:
        """Return once the platform was told that everything written arrived."""
        raise NotImplementedError

    async def heard(self, chat: Address) -> bool:
        """Whether the customer was shown that the message was heard."""
        raise NotImplementedError

    async def final(self, chat: Address) -> list[str]:
        """The answers that stand in the chat once the one under way is over, however it ended."""
        raise NotImplementedError


class MemoryDriver(Driver):
    """The channel that records is its own world."""

    hears = False
    channel: MemoryChannel

    async def begin(self) -> None:
        self.channel = plugins.build("channels", "memory", {}, {})

    async def heard(self, chat: Address) -> bool:
        return [m.address for m in self.channel.acknowledged] == [chat]

    async def final(self, chat: Address) -> list[str]:
        return self.channel.said[chat.chat]


class PlanningMemoryDriver(MemoryDriver):
    """The same, planning like a platform that takes nothing back."""

    plans = True

    async def begin(self) -> None:
        self.channel = MemoryChannel(parts=True)


class ConsoleDriver(Driver):
    """A pipe to read from and a text to write into. The next line is asked for when the one before is done with."""

    takes_back = False
    several = False

    async def begin(self) -> None:
        read, self._write = os.pipe()
        self._asked = self._written = 0
        self._more = asyncio.Event()
        self._lines = _Pipe(read, self._count)
        self._out = io.StringIO()
        self.channel = ConsoleChannel(cast(TextIO, self._lines), Console(file=self._out, width=80, highlight=False))
        self.stack.push_async_callback(asyncio.to_thread, self._lines.end)
        self.stack.callback(os.close, self._write)

    def _count(self) -> None:
        self._asked += 1
        self._more.set()

    def chat(self, number: int = 0) -> Address:
        return ADDRESS

    async def write(self, chat: Address, text: str) -> None:
        self._written += 1
        os.write(self._write, f"{text}\n".encode())

    async def confirmed(self) -> None:
        while self._asked <= self._written:
            self._more.clear()
            await self._more.wait()

    async def heard(self, chat: Address) -> bool:
        return not self._out.getvalue()  # through a pipe nobody watches, and the output is for the answers alone

    async def final(self, chat: Address) -> list[str]:
        return [line for line in self._out.getvalue().split("\n") if line]


class _Pipe:
    """The reading end; `asked` is called each time a line is wanted, in the loop this was made in."""

    def __init__(self, read: int, asked: Callable[[], None]) -> None:
        self._file = os.fdopen(read)
        self._loop = asyncio.get_running_loop()
        self._asked = asked
        self._reading = threading.Lock()

    def readline(self) -> str:
        with self._reading:
            if self._file.closed:  # the test is over, and its loop may be
                return ""
            self._loop.call_soon_threadsafe(self._asked)
            return self._file.readline()

    def end(self) -> None:
        with self._reading:
            self._file.close()


class TelegramDriver(Driver):
    """A Bot API server on loopback that refuses what Telegram would."""

    plans = True
    library = "ptb"

    async def begin(self) -> None:
        self._api = await self.stack.enter_async_context(FakeBotApi(SHARED if (SHARED / "peers").exists() else None))
        for number in range(2):
            self._api.joins(int(self.chat_number(number)))
        channel = telegram.build(token=self._api.token, library=self.library, base_url=self._api.url)
        self.stack.push_async_callback(channel.aclose)
        self.channel = channel

    @staticmethod
    def chat_number(number: int) -> str:
        return str(71 + number)

    def chat(self, number: int = 0) -> Address:
        return Address("telegram", self.chat_number(number))

    async def write(self, chat: Address, text: str) -> None:
        self._api.says(int(chat.chat), text)

    async def confirmed(self) -> None:
        await self._api.wait_for(lambda: not self._api.updates.pending, PATIENCE)

    async def heard(self, chat: Address) -> bool:
        return bool(self._api.drafts(int(chat.chat)))

    async def final(self, chat: Address) -> list[str]:
        return [post.text for post in self._api.chat(int(chat.chat))]


class TelegramAiogramDriver(TelegramDriver):
    """The same through the other library."""

    library = "aiogram"


class WhatsAppDriver(Driver):
    """Twilio on loopback, behind a proxy, with two customers who have written before."""

    plans = True

    async def begin(self) -> None:
        self._twilio = await self.stack.enter_async_context(FakeTwilio())
        for number in range(2):
            self._twilio.world.heard[f"whatsapp:{self.chat(number).chat}"] = self._twilio.world.clock()
        channel = whatsapp.build(
            account=self._twilio.account,
            token=self._twilio.token,
            number=self._twilio.number,
            public_url="https://bot.example.com",
            languages=("en",),
            base_url=self._twilio.url,
            messaging_url=self._twilio.url,
        )
        self.channel = channel
        self.stack.push_async_callback(channel.aclose)
        app = web.Application()
        app.add_routes(channel.routes())
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await runner.setup()
        self.stack.push_async_callback(runner.cleanup)
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        self._twilio.connect(f"http://127.0.0.1:{runner.addresses[0][1]}", "https://bot.example.com")
        self._writing: list[asyncio.Task[str]] = []

    def chat(self, number: int = 0) -> Address:
        return Address("whatsapp", f"+451234567{number}")

    async def write(self, chat: Address, text: str) -> None:
        self._writing.append(asyncio.create_task(self._twilio.says(chat.chat, text)))

    async def confirmed(self) -> None:
        await asyncio.shield(asyncio.gather(*self._writing))

    async def heard(self, chat: Address) -> bool:
        return not self._twilio.calls("POST")  # showing it would mark the message read, so it is off by itself

    async def final(self, chat: Address) -> list[str]:
        await self._twilio.settled()
        return [message.body for message in self._twilio.chat(chat.chat)]


class WebDriver(Driver):
    """A server on loopback and two visitors, each with the page open; what could not be sent their page sends again."""

    async def begin(self) -> None:
        channel = web_chat.build()
        self.channel = channel
        app = web.Application()
        app.add_routes(channel.routes())
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.stack.push_async_callback(self._runner.cleanup)
        self._sending: list[asyncio.Task[None]] = []
        self._visitors: dict[Address, tuple[ClientSession, StreamReader]] = {}

    async def opened(self) -> None:
        host, port = self._runner.addresses[0][:2]
        for _ in range(2):
            client = ClientSession(f"http://{host}:{port}", cookie_jar=CookieJar(unsafe=True))
            await self.stack.enter_async_context(client)
            async with client.get("/") as page:
                cookie = page.cookies["firstline_visitor"].value
            events = await self.stack.enter_async_context(client.get("/chat/events"))
            self._visitors[Address("web", cookie)] = client, events.content
            assert await _shown(events.content, "idle") == []

    def chat(self, number: int = 0) -> Address:
        return list(self._visitors)[number]

    async def write(self, chat: Address, text: str) -> None:
        self._sending.append(asyncio.create_task(self._send(self._visitors[chat][0], text)))

    async def _send(self, page: ClientSession, text: str) -> None:
        message = {"id": uuid.uuid4().hex, "text": text}
        while True:
            async with page.post("/chat/messages", json=message) as answer:
                if answer.status == 202:
                    return
                assert answer.status == 503, await answer.text()
                assert answer.headers["Retry-After"]

    async def confirmed(self) -> None:
        await asyncio.shield(asyncio.gather(*self._sending))

    async def heard(self, chat: Address) -> bool:
        await _shown(self._visitors[chat][1], "heard")
        return True

    async def final(self, chat: Address) -> list[str]:
        return await _shown(self._visitors[chat][1], "idle")


async def _shown(stream: StreamReader, state: str) -> list[str]:
    """The texts of the finished answers a page is told of before the next status is this."""
    name, texts = "", []
    async with asyncio.timeout(PATIENCE):
        async for line in stream:
            field, _, value = line.decode().strip().partition(": ")
            name = value if field == "event" else name
            told: Any = json.loads(value) if field == "data" else {}
            if name == "final" and told:
                texts.append(told["text"])
            if name == "status" and told.get("state") == state:
                return texts
    raise ConnectionResetError("the stream ended")


DRIVERS: dict[str, tuple[type[Driver], ...]] = {
    "console": (ConsoleDriver,),
    "memory": (MemoryDriver, PlanningMemoryDriver),
    "telegram": (TelegramDriver, TelegramAiogramDriver),
    "web": (WebDriver,),
    "whatsapp": (WhatsAppDriver,),
}
ALL = [driver for several in DRIVERS.values() for driver in several]


def on(drivers: Sequence[type[Driver]]) -> pytest.MarkDecorator:
    """Run the test on each of them."""
    return pytest.mark.parametrize("driver", drivers, indirect=True, ids=lambda d: d.__name__.removesuffix("Driver"))


@pytest.fixture
async def driver(request: pytest.FixtureRequest) -> AsyncIterator[Driver]:
    async with request.param() as made:
        yield made


def message(chat: Address) -> Message:
    return Message("5", chat, "where is my parcel?", datetime.now(UTC), Customer("9"))


async def said(*pieces: str) -> AsyncGenerator[str, None]:
    for piece in pieces:
        yield piece


def test_every_channel_has_a_driver_here() -> None:
    found = set(plugins.names("channels"))
    assert not found - DRIVERS.keys(), (
        f"channels/{', '.join(sorted(found - DRIVERS.keys()))} keeps to no contract yet: in {Path(__file__).name} write"
        " a Driver for it (the channel as it ships, a stand-in for its platform) and name it in DRIVERS"
    )
    assert not DRIVERS.keys() - found, "these are driven here and are in channels/ no more"


@on(ALL)
async def test_a_channel_says_the_name_config_yaml_calls_it_by(driver: Driver) -> None:
    assert type(driver) in DRIVERS[driver.channel.name]


@on(ALL)
async def test_what_deliver_returns_is_what_the_customer_sees_in_the_end(driver: Driver) -> None:
    chat = driver.chat()
    await driver.channel.acknowledge(message(chat))
    assert await driver.channel.deliver(chat, said(*PIECES), Outbox()) == WHOLE
    assert await driver.final(chat) == [WHOLE]


@on(ALL)
async def test_an_answer_without_an_acknowledgement_before_it_arrives_too(driver: Driver) -> None:
    assert await driver.channel.deliver(driver.chat(), said(*PIECES), Outbox()) == WHOLE
    assert await driver.final(driver.chat()) == [WHOLE]


@on(ALL)
async def test_a_channel_that_can_shows_in_the_end_only_what_took_the_place_of_the_rest(driver: Driver) -> None:
    chat = driver.chat()
    if not (isinstance(driver.channel, Replaces) and driver.channel.replaces):
        pytest.skip("what this channel shows it cannot take back, and it is given nothing of the kind")
    assert await driver.channel.deliver(chat, said("It is lost. ", Anew(PIECES[0]), *PIECES[1:]), Outbox()) == WHOLE
    assert await driver.final(chat) == [WHOLE]


@on(ALL)
async def test_an_empty_text_ends_the_acknowledgement_and_shows_nothing(driver: Driver) -> None:
    chat, outbox = driver.chat(), Outbox()
    await driver.channel.acknowledge(message(chat))
    assert await driver.channel.deliver(chat, said(), outbox) == ""
    assert await driver.final(chat) == []
    assert not outbox.planned


@on(ALL)
async def test_a_withdrawn_answer_passes_through_and_nothing_of_it_stands(driver: Driver) -> None:
    async def withdrawn() -> AsyncGenerator[str, None]:
        if driver.takes_back:
            yield PIECES[0]
        raise Withdrawn

    outbox = Outbox()
    with pytest.raises(Withdrawn):
        await driver.channel.deliver(driver.chat(), withdrawn(), outbox)
    assert await driver.final(driver.chat()) == []
    assert not outbox.planned


@on(ALL)
@pytest.mark.parametrize("already", [0, 1])
async def test_a_cancelled_delivery_closes_the_provider_and_shows_nothing_more(driver: Driver, already: int) -> None:
    """The answer pulls its provider as the channel pulls the answer, so whoever ends one ends them all."""
    waits, closed = asyncio.Event(), asyncio.Event()

    async def provider() -> AsyncGenerator[str, None]:
        try:
            for piece in PIECES[:already]:
                yield piece
            waits.set()
            await asyncio.Event().wait()
        finally:
            closed.set()

    async def answer() -> AsyncGenerator[str, None]:
        async with aclosing(provider()) as pieces:
            async for piece in pieces:
                yield piece

    async def delivering() -> None:
        async with aclosing(answer()) as text:
            await driver.channel.deliver(driver.chat(), text, outbox)

    outbox = Outbox()
    task = asyncio.create_task(delivering())
    await asyncio.wait_for(waits.wait(), PATIENCE)
    task.cancel()
    await asyncio.wait({task}, timeout=1.0)
    assert task.cancelled()
    assert closed.is_set()
    assert await driver.final(driver.chat()) == ([] if driver.takes_back else list(PIECES[:already]))
    assert not outbox.planned


@on(ALL)
async def test_a_provider_is_asked_for_no_more_than_the_channel_takes(driver: Driver) -> None:
    """Between two pieces the channel waits for the answer, not the answer for a buffer somewhere."""
    given: list[str] = []
    go_on, first_taken = asyncio.Event(), asyncio.Event()

    async def text() -> AsyncGenerator[str, None]:
        for piece in PIECES:
            given.append(piece)
            yield piece
            first_taken.set()
            await go_on.wait()

    task = asyncio.create_task(driver.channel.deliver(driver.chat(), text(), Outbox()))
    await asyncio.wait_for(first_taken.wait(), PATIENCE)
    assert given == [PIECES[0]]
    assert not task.done()
    go_on.set()
    assert await asyncio.wait_for(task, PATIENCE) == WHOLE


@on([driver for driver in ALL if driver.plans])
async def test_a_part_sent_in_an_earlier_life_is_not_sent_again(driver: Driver) -> None:
    sent = Part("reply", 0, "It left on Monday.", PartState.SENT, "7")
    outbox = Outbox([sent, Part("reply", 1, "It comes on Friday.")])
    returned = await driver.channel.deliver(driver.chat(), said("It left on Monday.\n\nIt comes on Friday."), outbox)
    assert await driver.final(driver.chat()) == ["It comes on Friday."]
    assert returned == "It left on Monday.\n\nIt comes on Friday."
    assert outbox.parts[0] == sent
    assert outbox.parts[1].state is PartState.SENT
    assert outbox.parts[1].sent_as


@on(ALL)
async def test_only_a_channel_that_takes_nothing_back_plans_and_it_ends_with_every_part_sent(driver: Driver) -> None:
    outbox = Outbox()
    await driver.channel.deliver(driver.chat(), said(*PIECES), outbox)
    assert outbox.planned is driver.plans
    assert {part.state for part in outbox.parts.values()} == ({PartState.SENT} if driver.plans else set())


@on(ALL)
async def test_the_first_message_of_a_chat_is_acknowledged_within_a_second(driver: Driver) -> None:
    await asyncio.wait_for(driver.channel.acknowledge(message(driver.chat())), 1.0)
    assert await driver.heard(driver.chat())


@on(ALL)
async def test_listening_ends_promptly_when_cancelled_and_an_answer_under_way_is_finished_all_the_same(
    driver: Driver,
) -> None:
    driver.listening.cancel()
    await asyncio.wait({driver.listening}, timeout=1.0)
    assert driver.listening.cancelled()
    assert await driver.channel.deliver(driver.chat(), said(*PIECES), Outbox()) == WHOLE


@on([driver for driver in ALL if driver.hears])
async def test_a_message_is_accepted_once_and_confirmed_only_when_that_is_committed(driver: Driver) -> None:
    driver.inbox.holder = Holder.PERSON  # nobody answers here
    driver.inbox.open.clear()
    await driver.write(driver.chat(), "where is my parcel?")
    await driver.inbox.until(lambda: driver.inbox.tried == ["where is my parcel?"])
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(driver.confirmed(), 0.3)
    driver.inbox.open.set()
    await asyncio.wait_for(driver.confirmed(), PATIENCE)
    await driver.write(driver.chat(), "and when?")
    await asyncio.wait_for(driver.confirmed(), PATIENCE)
    assert driver.inbox.texts == driver.inbox.tried == ["where is my parcel?", "and when?"]


@on([driver for driver in ALL if driver.hears])
async def test_a_message_the_store_could_not_keep_is_not_confirmed_and_comes_again(driver: Driver) -> None:
    driver.inbox.holder = Holder.PERSON
    driver.inbox.away = 1
    await driver.write(driver.chat(), "where is my parcel?")
    await asyncio.wait_for(driver.confirmed(), PATIENCE)
    assert driver.inbox.texts == ["where is my parcel?"]
    assert driver.inbox.tried == ["where is my parcel?"] * 2
    assert not driver.listening.done()


@on([driver for driver in ALL if driver.several])
async def test_two_chats_are_answered_at_once_and_neither_waits_for_the_other(driver: Driver) -> None:
    slow, quick = driver.chat(0), driver.chat(1)
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def waits() -> AsyncGenerator[str, None]:
        yield PIECES[0]
        begun.set()
        await go_on.wait()
        yield "".join(PIECES[1:])

    outboxes = Outbox(), Outbox()
    task = asyncio.create_task(driver.channel.deliver(slow, waits(), outboxes[0]))
    await asyncio.wait_for(begun.wait(), PATIENCE)
    assert await asyncio.wait_for(driver.channel.deliver(quick, said("No."), outboxes[1]), PATIENCE) == "No."
    assert await driver.final(quick) == ["No."]
    assert not task.done()
    go_on.set()
    assert await asyncio.wait_for(task, PATIENCE) == WHOLE
    assert await driver.final(slow) == [WHOLE]
