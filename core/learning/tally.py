"""Counting what a replay did: messages, tiers, rules and cost. Pure; how it is printed is the command's affair."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from core.records import Outcome, Settlement

Amounts = dict[str, Decimal]


@dataclass(slots=True)
class Share:
    """What fell to one tier or one rule: how many messages, and what the calls for them cost in each currency."""

    messages: int = 0
    cost: Amounts = field(default_factory=dict)
    unknown: int = 0

    def book(self, settlement: Settlement) -> None:
        """Count one settled burst."""
        self.messages += len(settlement.messages)
        for call in settlement.entry.calls:
            if call.cost is not None:
                self.cost[call.cost.currency] = self.cost.get(call.cost.currency, Decimal()) + call.cost.amount
            elif not call.free:
                self.unknown += 1

    def merge(self, other: Share) -> None:
        """Count what another share holds as well."""
        self.messages += other.messages
        self.unknown += other.unknown
        for currency, amount in other.cost.items():
            self.cost[currency] = self.cost.get(currency, Decimal()) + amount


@dataclass(slots=True)
class Tally:
    """What became of `messages` customer messages; what was never settled is unanswered."""

    dialogues: int
    messages: int
    answered: int = 0
    with_person: int = 0
    apologised: int = 0
    all: Share = field(default_factory=Share)
    tiers: defaultdict[str, Share] = field(default_factory=lambda: defaultdict(Share))
    rules: defaultdict[str, Share] = field(default_factory=lambda: defaultdict(Share))
    outcomes: Counter[str] = field(default_factory=Counter)

    @property
    def unanswered(self) -> int:
        """Messages that got neither a reply nor a person."""
        return self.messages - self.answered - self.with_person

    def add(self, other: Tally) -> None:
        """Count what another replay did as well."""
        self.dialogues += other.dialogues
        self.messages += other.messages
        self.answered += other.answered
        self.with_person += other.with_person
        self.apologised += other.apologised
        self.outcomes.update(other.outcomes)
        self.all.merge(other.all)
        for mine, theirs in ((self.tiers, other.tiers), (self.rules, other.rules)):
            for name, share in theirs.items():
                mine[name].merge(share)

    def data(self, seconds: float) -> dict[str, Any]:
        """The settled keys of `replay --json`."""
        return {
            "dialogues": self.dialogues,
            "messages": self.messages,
            "answered": self.answered,
            "with_person": self.with_person,
            "unanswered": self.unanswered,
            "apologised": self.apologised,
            "outcomes": dict(self.outcomes),
            "seconds": round(seconds, 3),
            "messages_per_second": round(self.messages / seconds, 1) if seconds else 0.0,
            "tiers": {name: share.messages for name, share in self.tiers.items()},
            "rules": {name: share.messages for name, share in _most(self.rules)},
            "cost": self._cost(),
        }

    def _cost(self) -> dict[str, Any]:
        """One currency stands in `known` and `currency`; several stand each in `currencies`, for they do not add up."""
        known = {currency: f"{amount:f}" for currency, amount in sorted(self.all.cost.items())}
        one = next(iter(known.items())) if len(known) == 1 else ("", "0") if not known else ("", None)
        return {"known": one[1], "currency": one[0], "unknown_calls": self.all.unknown, "currencies": known}


def count(settlements: Iterable[Settlement], dialogues: int, messages: int) -> Tally:
    """The tally of a replay. `tiers` counts answered messages by the tier that was decided on."""
    tally = Tally(dialogues, messages)
    for settlement in settlements:
        number = len(settlement.messages)
        if not number:
            continue
        tally.all.book(settlement)
        tally.outcomes[settlement.entry.outcome.value] += number
        for rule in settlement.entry.rules:
            tally.rules[rule].book(settlement)
        if settlement.entry.outcome is Outcome.WITH_PERSON:
            tally.with_person += number
        elif settlement.reply is not None:
            tally.answered += number
            tally.apologised += number * (settlement.entry.outcome is Outcome.APOLOGISED)
            tier = settlement.decision.tier.label if settlement.decision else settlement.entry.tier
            tally.tiers[tier].book(settlement)
    return tally


def _most(shares: dict[str, Share]) -> list[tuple[str, Share]]:
    return sorted(shares.items(), key=lambda item: (-item[1].messages, item[0]))
