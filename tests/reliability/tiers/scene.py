"""A chain over vendors of ours, with every time of it given in one place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from random import Random
from time import monotonic
from types import TracebackType
from typing import Self

from core.answering.availability import Availability
from core.answering.breaker import BreakerRules
from core.answering.chain import Chain
from core.answering.circuit import Circuits
from core.answering.deadline import Patience
from core.answering.hedge import Hedge
from core.answering.load import LoadRules
from core.answering.means import Means
from core.providers import openai_chat
from core.providers.openai_chat import OpenAIChat
from core.tiers import ModelCard, Price, Tier
from tests.reliability.tiers.vendor import Vendor

PRICE = Price(Decimal(1), Decimal(2), "USD", date(2026, 11, 1), "https://prices.example")


RULES, LOAD = BreakerRules(), LoadRules()


@dataclass(frozen=True, slots=True)
class Times:
    """What is configured in seconds. `scale` makes all of them shorter at once: a minute of 60 seconds at 1."""

    scale: float = 1.0
    first: float = 5.0
    stall: float = 5.0
    rules: BreakerRules = RULES
    load: LoadRules = LOAD
    hedge: Hedge | None = None

    def breaker(self) -> BreakerRules:
        """The breaker's rules, with their times shortened."""
        names = ("window", "pause", "longest_pause", "probe_within", "first_within", "stall_within")
        return replace(self.rules, **{name: getattr(self.rules, name) * self.scale for name in names})

    def means(self, seed: int) -> Means:
        """The parts that are on unless somebody turns them off; a hedge where one is asked for."""
        load = replace(
            self.load, pause=self.load.pause * self.scale, longest_pause=self.load.longest_pause * self.scale
        )
        patience = Patience(self.first * self.scale, 60.0 * self.scale, self.stall * self.scale, self.scale)
        hedge = self.hedge and replace(self.hedge, least=self.hedge.least * self.scale)
        circuits = Circuits(self.breaker(), monotonic, Random(seed).random, load)
        return Means(circuits=circuits, patience=patience, hedge=hedge)


@dataclass(slots=True)
class Scene:
    """A chain and the providers it calls, whose connections are closed at the end of the block."""

    chain: Chain
    providers: Mapping[str, OpenAIChat]

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        for provider in self.providers.values():
            await provider.aclose()


def scene(tiers: Mapping[Tier, Sequence[Vendor]], times: Times, seed: int = 0, continues: bool = True) -> Scene:
    """A chain over these vendors, who all serve the same weights; `continues`: they go on from a begun answer."""
    cards = {
        tier: [ModelCard(vendor.name, "model", PRICE, weights="open", continues=continues) for vendor in group]
        for tier, group in tiers.items()
    }
    return served_by(cards, {vendor.name: vendor.url for group in tiers.values() for vendor in group}, times, seed)


def served_by(cards: Mapping[Tier, Sequence[ModelCard]], urls: Mapping[str, str], times: Times, seed: int = 0) -> Scene:
    """A chain over the models of providers at these URLs."""
    first, stall = times.first * times.scale, times.stall * times.scale
    made = {name: openai_chat.build(url=url, key="k", first_token=first, stall=stall) for name, url in urls.items()}
    return Scene(Chain(cards, made, Availability(made), times.means(seed)), made)
