"""What the Telegram tests share: an inbox and an outbox that record, and a client that follows a script."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from channels.telegram.client import Buttons, Me, Place, Reason, Refused
from core.abilities import Media
from core.conversation import Address, Arrival, Conversation, Message
from core.errors import Rejected, StoreError, Unconfirmed
from core.fleet import Lone
from core.markup import Rich
from core.ports import Fleet
from core.records import Part, PartState, Progress


@dataclass
class RecordingInbox:
    """Keeps arrivals by key; the first `failures` calls fail as a store that is away does."""

    failures: int = 0
    arrivals: dict[str, Arrival] = field(default_factory=dict)
    attempts: list[str] = field(default_factory=list)
    stopped: list[Address] = field(default_factory=list)
    on_message: Callable[[Message], None] = lambda message: None
    on_stop: Callable[[Address], None] = lambda address: None
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)
    fleet: Fleet = field(default_factory=Lone)

    @property
    def messages(self) -> list[Message]:
        return [arrival.message for arrival in self.arrivals.values() if arrival.message]

    async def accept(self, arrival: Arrival) -> bool:
        self.attempts.append(arrival.key)
        if self.failures:
            self.failures -= 1
            raise StoreError("the store is away")
        new = arrival.key not in self.arrivals
        if new:
            self.arrivals[arrival.key] = arrival
            if arrival.message:
                self.on_message(arrival.message)
        async with self.changed:
            self.changed.notify_all()
        return new

    async def history(self, address: Address) -> Conversation:
        return Conversation(address)

    async def stop(self, address: Address) -> None:
        self.stopped.append(address)
        self.on_stop(address)

    async def progress(self, progress: Progress) -> None:
        raise AssertionError("Telegram tells nothing of a message later")

    async def chat_of(self, channel: str, names: Sequence[str]) -> Address:
        raise AssertionError("a chat of Telegram's has one name")

    async def names_of(self, address: Address) -> Sequence[str]:
        raise AssertionError("a chat of Telegram's has one name")

    async def until(self, true: Callable[[], bool], seconds: float = 10.0) -> None:
        """Wait until an arrival has made this true."""
        async with asyncio.timeout(seconds), self.changed:
            await self.changed.wait_for(true)


@dataclass
class RecordingOutbox:
    """Plans once, like the real one: what was planned before comes back as it was left."""

    parts: list[Part] = field(default_factory=list)
    states: list[PartState] = field(default_factory=list)
    planned: int = 0

    async def plan(self, texts: Sequence[str]) -> Sequence[Part]:
        self.planned += 1
        if not self.parts:
            self.parts = [Part("reply", index, text) for index, text in enumerate(texts)]
        return tuple(self.parts)

    async def mark(self, part: Part) -> None:
        self.parts[part.index] = part
        self.states.append(part.state)

    async def look(self, part: Part) -> Part:
        return self.parts[part.index]


@dataclass
class ScriptedClient:
    """Telegram as a script: each send or edit first raises what `errors` holds, unless that is None."""

    errors: list[Exception | None] = field(default_factory=list)
    arrives_anyway: bool = False
    chat: dict[str, Rich] = field(default_factory=dict)
    calls: list[tuple[str, Place, str]] = field(default_factory=list)
    replies: list[int] = field(default_factory=list)
    webhooks: asyncio.Queue[tuple[str, str]] = field(default_factory=asyncio.Queue)
    pressed: asyncio.Queue[str] = field(default_factory=asyncio.Queue)
    drafts: list[tuple[int, str]] = field(default_factory=list)
    typing: list[Place] = field(default_factory=list)
    preview_errors: list[Exception | None] = field(default_factory=list)
    asked: asyncio.Event = field(default_factory=asyncio.Event)
    pending: list[dict[str, Any]] = field(default_factory=list)
    offsets: list[int] = field(default_factory=list)
    bot: int = 99

    def _next(self, then: Callable[[], None]) -> None:
        error = self.errors.pop(0) if self.errors else None
        if error is None or (self.arrives_anyway and isinstance(error, Unconfirmed)):
            then()
        if error is not None:
            raise error

    async def send_message(self, place: Place, rich: Rich, reply_to: int = 0, buttons: Buttons = ()) -> str:
        self.calls.append(("send", place, rich.text))
        self.replies.append(reply_to)
        number = str(len(self.chat) + 1)
        self._next(lambda: self.chat.update({number: rich}))
        return number

    async def edit_message(self, place: Place, message: str, rich: Rich) -> None:
        self.calls.append(("edit", place, rich.text))
        if self.chat.get(message) == rich:
            raise Refused("message is not modified", Reason.SAME_TEXT)
        self._next(lambda: self.chat.update({message: rich}))

    async def settle(self, true: Callable[[], bool], seconds: float = 10.0) -> None:
        """Wait until what this client was asked for makes this true."""
        async with asyncio.timeout(seconds):
            while not true():
                self.asked.clear()
                await self.asked.wait()

    async def get_me(self) -> Me:
        return Me(99, "shop_bot")

    async def get_updates(self, offset: int, wait: int, kinds: Sequence[str]) -> list[Any]:
        self.offsets.append(offset)
        self.asked.set()
        self.pending = [update for update in self.pending if not 0 < update.get("update_id", offset) < offset]
        if not self.pending:
            await asyncio.Event().wait()
        return self.pending

    async def set_webhook(self, url: str, secret: str, kinds: Sequence[str]) -> None:
        self.webhooks.put_nowait((url, secret))

    async def answer_press(self, query: str) -> None:
        self.pressed.put_nowait(query)

    async def send_file(self, place: Place, media: Media, caption: Rich, photo: bool) -> str:
        return await self.send_message(place, caption)

    async def download(self, file_id: str, most: int) -> bytes:
        raise Rejected("nobody sent a file")

    async def delete_webhook(self) -> None: ...
    async def send_draft(self, place: Place, draft: int, rich: Rich) -> None:
        self.drafts.append((draft, rich.text))
        self._previewed()

    async def send_typing(self, place: Place) -> None:
        self.typing.append(place)
        self._previewed()

    def _previewed(self) -> None:
        self.asked.set()
        if error := self.preview_errors.pop(0) if self.preview_errors else None:
            raise error

    async def open(self) -> None: ...
    async def aclose(self) -> None: ...


@pytest.fixture(params=["ptb", "aiogram"])
def library(request: pytest.FixtureRequest) -> str:
    """Every library there is, one after the other."""
    name: str = request.param
    return name


@pytest.fixture
def inbox() -> RecordingInbox:
    return RecordingInbox()


@pytest.fixture
def outbox() -> RecordingOutbox:
    return RecordingOutbox()


@pytest.fixture
def client() -> ScriptedClient:
    return ScriptedClient()
