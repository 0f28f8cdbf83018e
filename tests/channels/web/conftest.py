"""A desk of a few lines, a server on loopback with the web channel on it, and a reader of event streams."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest
from aiohttp import ClientSession, ClientTimeout, CookieJar, web

from channels.web import build
from channels.web.channel import WebChannel
from core.conversation import Address, Arrival, Author, Conversation, Holder, Message, Reply
from core.errors import StoreError
from core.fleet import Lone
from core.records import Part, Progress

PATIENCE = 5.0


class NoOutbox:
    """The web channel plans nothing: whoever asks this one has a bug."""

    async def plan(self, texts: Sequence[str]) -> Sequence[Part]:
        raise AssertionError(texts)

    async def mark(self, part: Part) -> None:
        raise AssertionError(part)

    async def look(self, part: Part) -> Part:
        raise AssertionError(part)


@dataclass
class TinyDesk:
    """An inbox that keeps everything in memory and answers with what `answer` yields.

    Two of them with the same `chats` and `arrivals` are two processes on one store.
    """

    channel: WebChannel | None = None
    answer: Callable[[Message], AsyncGenerator[str, None]] | None = None
    arrivals: list[Arrival] = field(default_factory=list)
    chats: dict[Address, Conversation] = field(default_factory=dict)
    stopped: asyncio.Queue[Address] = field(default_factory=asyncio.Queue)
    down: bool = False
    tasks: set[asyncio.Task[None]] = field(default_factory=set)
    settled: asyncio.Event = field(default_factory=asyncio.Event)
    fleet: Lone = field(default_factory=Lone)
    asked_for: list[Address] = field(default_factory=list)
    reading: asyncio.Event = field(default_factory=asyncio.Event)

    async def accept(self, arrival: Arrival) -> bool:
        if self.down:
            raise StoreError("away")
        if any(known.key == arrival.key for known in self.arrivals):
            return False
        self.arrivals.append(arrival)
        message = arrival.message
        assert message is not None
        self.chats[message.address] = self._chat(message.address).heard(message)
        if self.answer is not None:
            self.settled.clear()
            task = asyncio.get_running_loop().create_task(self._serve(message))
            self.tasks.add(task)
            task.add_done_callback(self.tasks.discard)
        return True

    async def history(self, address: Address) -> Conversation:
        self.asked_for.append(address)
        self.reading.set()
        if self.down:
            raise StoreError("away")
        return self._chat(address)

    async def stop(self, address: Address) -> None:
        self.stopped.put_nowait(address)

    async def progress(self, progress: Progress) -> None:
        raise AssertionError("this platform tells nothing later")

    async def chat_of(self, channel: str, names: Sequence[str]) -> Address:
        return Address(channel, names[0])

    async def names_of(self, address: Address) -> Sequence[str]:
        return [address.chat]

    async def readings(self, many: int) -> None:
        """Wait until the history was asked for so often from now on."""
        async with asyncio.timeout(PATIENCE):
            for _ in range(many):
                self.reading.clear()
                await self.reading.wait()

    def settle(self, address: Address, text: str, author: Author = Author.BOT, holder: Holder = Holder.BOT) -> None:
        chat = self._chat(address).answered(Reply(text, datetime.now(UTC), author))
        self.chats[address] = Conversation(address, chat.turns, holder, first_contact=False)
        self.settled.set()

    def hold(self, address: Address, holder: Holder) -> None:
        self.chats[address] = Conversation(address, self._chat(address).turns, holder)

    async def _serve(self, message: Message) -> None:
        assert self.channel is not None
        assert self.answer is not None
        await self.channel.acknowledge(message)
        if self._chat(message.address).holder is not Holder.BOT:
            return
        async with aclosing(self.answer(message)) as text:
            whole = await self.channel.deliver(message.address, text, NoOutbox())
        self.settle(message.address, whole)

    def _chat(self, address: Address) -> Conversation:
        return self.chats.get(address, Conversation(address))


@dataclass
class Event:
    """One server-sent event as it was read."""

    name: str
    id: str
    data: Any


class Listener:
    """One open event stream."""

    def __init__(self, content: AsyncIterable[bytes]) -> None:
        self._lines = content
        self.retry = ""

    async def next(self, *names: str) -> Event:
        """The next event with one of these names; the others are passed over."""
        async with asyncio.timeout(PATIENCE):
            while True:
                event = await self._read()
                if not names or event.name in names:
                    return event

    async def until_status(self, state: str) -> list[Event]:
        """Everything up to and including this status."""
        events: list[Event] = []
        while not (events and events[-1].name == "status" and events[-1].data["state"] == state):
            events.append(await self.next())
        return events

    async def comment(self) -> None:
        """The next comment, which is what a silent stream sends."""
        async with asyncio.timeout(PATIENCE):
            async for line in self._lines:
                if line.startswith(b":"):
                    return

    async def _read(self) -> Event:
        fields: dict[str, str] = {}
        async for raw in self._lines:
            line = raw.decode().rstrip("\n")
            if not line:
                if "event" in fields:
                    return Event(fields["event"], fields.get("id", ""), json.loads(fields["data"]))
                self.retry = fields.get("retry", self.retry)
                fields = {}
            elif not line.startswith(":"):
                name, _, value = line.partition(": ")
                fields[name] = value
        raise ConnectionResetError("the stream ended")


class Site:
    """A running server with the channel on it, and browsers that have been there."""

    def __init__(
        self, runner: web.AppRunner, channel: WebChannel, desk: TinyDesk, listening: asyncio.Task[None]
    ) -> None:
        host, port = runner.addresses[0][:2]
        self.url = f"http://{host}:{port}"
        self.runner = runner
        self.channel = channel
        self.desk = desk
        self.listening = listening
        self.stack = AsyncExitStack()

    async def browser(self) -> ClientSession:
        """A visitor who has just opened the page."""
        jar = CookieJar(unsafe=True)
        client = ClientSession(self.url, cookie_jar=jar, timeout=ClientTimeout(total=PATIENCE))
        await self.stack.enter_async_context(client)
        async with client.get("/") as page:
            assert page.status == 200
        return client

    async def listen(self, client: ClientSession, seen: str = "") -> Listener:
        """Open an event stream, as a page that saw this id last."""
        headers = {"Last-Event-ID": seen} if seen else {}
        response = await self.stack.enter_async_context(client.get("/chat/events", headers=headers))
        assert response.status == 200, await response.text()
        return Listener(response.content)

    async def say(self, client: ClientSession, text: str, name: str = "message-0001") -> int:
        """Send a message; the status of the answer."""
        async with client.post("/chat/messages", json={"id": name, "text": text}) as response:
            return response.status

    def visitor(self, client: ClientSession) -> Address:
        """The visitor's address."""
        return Address("web", next(c.value for c in client.cookie_jar if c.key == "firstline_visitor"))

    async def stop_listening(self) -> None:
        """End the channel's run()."""
        self.listening.cancel()
        await asyncio.wait({self.listening}, timeout=PATIENCE)
        assert self.listening.cancelled()


Open = Callable[..., Awaitable[Site]]


@asynccontextmanager
async def serving(channel: WebChannel, desk: TinyDesk, routes: Sequence[web.AbstractRouteDef]) -> AsyncIterator[Site]:
    """The channel and further routes on a port of their own."""
    app = web.Application()
    app.add_routes([*channel.routes(), *routes])
    runner = web.AppRunner(app, shutdown_timeout=PATIENCE)
    await runner.setup()
    at = web.TCPSite(runner, "127.0.0.1", 0)
    await at.start()
    desk.channel = channel
    async with asyncio.TaskGroup() as group:
        listening = group.create_task(channel.run(desk))
        site = Site(runner, channel, desk, listening)
        await asyncio.sleep(0)  # run() has begun once the loop went round
        try:
            yield site
        finally:
            await site.stack.aclose()
            listening.cancel()
            for task in desk.tasks:
                task.cancel()
            await runner.cleanup()


@pytest.fixture
async def open_site() -> AsyncIterator[Open]:
    """Start a server: the options are build()'s, `desk` the desk behind it, `routes` whatever else is mounted."""
    async with AsyncExitStack() as stack:

        async def opened(desk: TinyDesk | None = None, routes: Sequence[Any] = (), **options: Any) -> Site:
            context = serving(build(**options), desk or TinyDesk(), routes)
            return await stack.enter_async_context(context)

        yield opened


@pytest.fixture
def tiny_desk() -> type[TinyDesk]:
    return TinyDesk


@pytest.fixture
def no_outbox() -> NoOutbox:
    return NoOutbox()
