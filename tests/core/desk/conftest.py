"""A desk on an in-memory store with scripted models: everything a test of the desk needs, nothing platform-like."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from channels.memory import MemoryChannel
from core.answering.chain import Chain
from core.conversation import Address, Arrival, Conversation, Customer, Message
from core.desk import Desk
from core.errors import ProviderError
from core.library import Library
from core.policy import Policy
from core.ports import Store
from core.records import Promise
from core.rules import Condition, Is, Reading, Rule, Rulebook, Signal
from core.store.sql import open_store
from core.tiers import Chunk, Delta, ModelCard, Prompt, Tier, Usage
from core.wording import Wording

START = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


@dataclass
class Script:
    """A provider that says what it is told to, and waits where `gate` is closed."""

    text: str = "It takes two days."
    gate: asyncio.Event | None = None
    fails: ProviderError | None = None
    fails_after: ProviderError | None = None
    asked: list[Prompt] = field(default_factory=list)
    closed: int = 0

    async def stream(self, prompt: Prompt, card: ModelCard) -> AsyncGenerator[Chunk, None]:
        self.asked.append(prompt)
        try:
            if self.fails:
                raise self.fails
            if self.gate:
                await self.gate.wait()
            for word in self.text.split(" "):
                yield Delta(word + " ")
                await asyncio.sleep(0)
            if self.fails_after:
                raise self.fails_after
            yield Usage(10, 5)
        finally:
            self.closed += 1

    async def ready(self) -> str:
        return ""

    async def aclose(self) -> None:
        pass


class AlwaysReady:
    def is_ready(self, provider: str) -> bool:
        return True


def says(word: str) -> Signal:
    """A signal that is true when the burst holds the word."""
    return lambda conversation: Reading(word in conversation.asked.casefold(), note=word)


def when(name: str, tier: Tier, **more: Any) -> Rule:
    """A rule on the signal of the same name."""
    return replace(Rule(name, (Condition(name, Is(True)),), tier), **more)


BOOK = Rulebook(
    rules=(when("refund", Tier.EXPERT, lasts=3, say={"en": "I am on it."}), when("human", Tier.PERSON, lasts=None)),
    signals={"refund": says("refund"), "human": says("human"), "broken": lambda c: Reading(None)},
    hash="book-1",
)


class House:
    """A desk with its parts in reach, and short ways to talk to it."""

    def __init__(self, store: Store, channel: MemoryChannel, scripts: dict[str, Script]) -> None:
        self.store = store
        self.channel = channel
        self.scripts = scripts
        cards = {t: [ModelCard(t.label, "m", free=True)] for t in (Tier.QUICK, Tier.STANDARD, Tier.EXPERT)}
        chain = Chain(cards, dict(scripts), AlwaysReady())
        self.policy = Policy(BOOK, chain, Wording(("en", "da")), Library(()))
        self.time = START
        self.desk = Desk(store, {"memory": channel}, self.policy, lambda: self.time)
        self._count = 0

    def message(self, text: str, chat: str = "ann", **more: Any) -> Message:
        self._count += 1
        self.time += timedelta(seconds=1)
        made = Message(f"m{self._count}", Address("memory", chat), text, self.time, Customer(chat))
        return replace(made, **more)

    async def say(self, text: str, chat: str = "ann", **more: Any) -> Message:
        """A customer's message is accepted; it is not waited for the answer."""
        message = self.message(text, chat, **more)
        await self.desk.accept(Arrival(f"key-{message.address.chat}-{message.id}", "{}", message))
        return message

    async def ask(self, text: str, chat: str = "ann", **more: Any) -> str:
        """A customer's message and what the chat was shown last once nothing is left to do."""
        await self.say(text, chat, **more)
        assert await self.desk.idle(5)
        return self.channel.said[chat][-1] if self.channel.said[chat] else ""

    async def conversation(self, chat: str = "ann") -> Conversation:
        return await self.store.load(Address("memory", chat))

    async def unsettled(self) -> list[Promise]:
        return list(await self.store.unsettled())

    async def until(self, condition: Callable[[], bool]) -> None:
        """Let the loop run until the condition holds, five seconds at most."""
        async with asyncio.timeout(5):
            while not condition():  # noqa: ASYNC110 - what is waited for has no event to wait on
                await asyncio.sleep(0)


@pytest.fixture
def channel() -> MemoryChannel:
    """The channel customers write on; a test file that needs another one says so by a fixture of this name."""
    return MemoryChannel()


@pytest.fixture
async def house(channel: MemoryChannel) -> AsyncIterator[House]:
    scripts = {name: Script() for name in ("quick", "standard", "expert")}
    async with AsyncExitStack() as stack:
        store = await stack.enter_async_context(open_store("sqlite://"))
        made = House(store, channel, scripts)
        await stack.enter_async_context(made.desk)
        yield made
