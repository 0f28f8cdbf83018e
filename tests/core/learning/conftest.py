"""A real desk for recorded conversations: in-memory store, a model that answers at once, two rules."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal

import pytest

from channels.memory import MemoryChannel
from core.answering.chain import Chain
from core.conversation import Address
from core.desk import Desk
from core.learning.replay import RecordedHistory
from core.library import Library
from core.policy import Policy
from core.rules import Condition, Is, Reading, Rule, Rulebook, Signal
from core.store.sql import open_store
from core.tiers import Chunk, Delta, ModelCard, Price, Prompt, Tier, Usage
from core.wording import Wording


class Model:
    def __init__(self) -> None:
        self.asked: list[Prompt] = []

    async def stream(self, prompt: Prompt, card: ModelCard) -> AsyncGenerator[Chunk, None]:
        self.asked.append(prompt)
        yield Delta(f"our answer {len(self.asked)}")
        yield Usage(1000, 100)

    async def ready(self) -> str:
        return ""

    async def aclose(self) -> None:
        return None


class Ready:
    def is_ready(self, provider: str) -> bool:
        return True


def says(word: str) -> Signal:
    return lambda conversation: Reading(word in conversation.last.text.casefold())


def rule(name: str, tier: Tier, lasts: int | None = 1) -> Rule:
    return Rule(name, (Condition(name, Is(True)),), tier, lasts=lasts)


BOOK = Rulebook(
    rules=(rule("refund", Tier.EXPERT, lasts=2), rule("human", Tier.PERSON, lasts=None)),
    signals={"refund": says("refund"), "human": says("human")},
)
PRICE = Price(Decimal(3), Decimal(15), "USD", date(2026, 1, 1), "a price list")
CARDS = {
    Tier.QUICK: [ModelCard("offline", "faq", free=True)],
    Tier.EXPERT: [ModelCard("vendor", "big", PRICE)],
}


@dataclass
class Bench:
    history: RecordedHistory
    desk: Desk
    model: Model
    channel: MemoryChannel


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    model, channel = Model(), MemoryChannel()
    chain = Chain(CARDS, {"offline": model, "vendor": model}, Ready())
    policy = replace(Policy(BOOK, chain, Wording(("en",)), Library(())), operators=Address("memory", "operators"))
    async with AsyncExitStack() as stack:
        history = RecordedHistory(await stack.enter_async_context(open_store("sqlite://")))
        desk = await stack.enter_async_context(Desk(history, {"memory": channel}, policy))
        yield Bench(history, desk, model, channel)
