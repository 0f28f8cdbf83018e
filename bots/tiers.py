"""From config.yaml to the means of a chain: circuits, checks, hedge, judge and budgets.

Circuits and the retry budget outlive a reload: what was learnt of a vendor is not forgotten because a rule was edited.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from random import random
from time import monotonic
from typing import Any
from zoneinfo import ZoneInfo

from core.answering.chain import Chain
from core.answering.circuit import Circuits
from core.answering.judge import JudgeRules
from core.answering.means import Means, now
from core.answering.purse import Purse, Till
from core.answering.registry import Registry
from core.answering.retries import RetryBudget
from core.answering.screen import Check
from core.answering.spoken import Spoken
from core.answering.whole import Judging
from core.budgets import Budget, Scope, Unpriced
from core.settings import Settings, options_for
from core.tiers import ModelCard

CHECKS = "core.answering.checks"
SHIPPED: Mapping[str, Mapping[str, Any]] = {
    name: {} for name in ("empty", "language", "leak", "not_knowing", "refusal")
}
"""The checks that are on where config.yaml has no `checks:`."""


@dataclass(slots=True)
class Lasting:
    """What outlives a reload. `budgets` are those in force; `till` keeps them, and is None until the store is open."""

    circuits: Circuits
    retries: RetryBudget
    spoken: Spoken
    budgets: tuple[Budget, ...] = ()
    till: Till | None = None

    def adopt(self, chain: Chain, settings: Settings) -> None:
        """Another configuration is in force: circuits of models that are gone go, and denied ones are tried again."""
        judge = [chain.means.judging.card] if chain.means.judging is not None else []
        self.circuits.adopt([*judge, *(card for cards in chain.tiers.values() for card in cards)], chain.means.keys)
        self.circuits.obey(settings.answering.breaker)
        self.retries.obey(settings.answering.extra_calls)
        self.budgets = settings.budgets


def lasting(settings: Settings) -> Lasting:
    """Circuits that know nothing yet, and a retry budget nobody has drawn on."""
    asked = settings.answering
    circuits = Circuits(asked.breaker, monotonic, random)
    return Lasting(circuits, RetryBudget(asked.extra_calls), Spoken(), settings.budgets)


def means(
    settings: Settings, registry: Registry, kept: Lasting, built: Callable[[str, Mapping[str, Any]], Check]
) -> Means:
    """The means in force by these settings; `built` makes a check of its name and options."""
    asked, judged = settings.answering, settings.answering.judge
    checks = SHIPPED if settings.checks is None else settings.checks
    judging = None
    if judged is not None:
        [card] = registry.pick([judged.model])
        judging = Judging(card, JudgeRules(judged.share, judged.least), judged.within)
    return Means(
        circuits=kept.circuits,
        retries=kept.retries,
        spoken=kept.spoken,
        patience=asked.patience,
        order=asked.order,
        places=asked.places,
        keys=fingerprints(settings),
        checks=tuple(built(name, options) for name, options in checks.items()),
        purse=purse(settings, kept.till),
        hedge=asked.hedge,
        judging=judging,
        votes=asked.votes,
    )


def purse(settings: Settings, till: Till | None) -> Purse | None:
    """What pays, where there are budgets and a store to keep them."""
    if not settings.budgets or till is None:
        return None
    return Purse(settings.budgets, till, settings.bot, ZoneInfo(settings.time_zone), now)


def paying(made: Means, settings: Settings, till: Till) -> Means:
    """The same means once the store is open."""
    return replace(made, purse=purse(settings, till))


def fingerprints(settings: Settings) -> dict[str, str]:
    """Eight hexadecimal digits for each provider's section, its key included: another one is another circuit."""
    written = {name: (s.uses, sorted(options_for(s).items())) for name, s in settings.providers.items()}
    return {name: hashlib.sha256(repr(section).encode()).hexdigest()[:8] for name, section in written.items()}


def unbounded(settings: Settings, cards: Mapping[str, ModelCard]) -> Iterator[tuple[int, str]]:
    """Budgets a model's price cannot be held against, by their number, with what is wrong."""
    for number, budget in enumerate(settings.budgets):
        if budget.hard is not None and budget.scope is not Scope.UPGRADES and budget.unpriced is Unpriced.REFUSE:
            for card in cards.values():
                if why := _unbounded(budget, card):
                    yield number, why


def _unbounded(budget: Budget, card: ModelCard) -> str:
    if card.free or (card.price is not None and card.price.currency == budget.currency):
        return ""
    known = f"its price is in {card.price.currency}" if card.price else "its price is unknown"
    return f"a hard limit in {budget.currency} cannot bound {card.name}: {known}"
