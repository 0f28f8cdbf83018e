"""Adding up ledger entries: what a set of them came to, exactly. What a reader sees of it is each report's affair."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Context, Decimal, localcontext
from typing import Any

from core.conversation import Address
from core.records import Call, Entry
from core.tiers import Fee, Money, Tier

TIERS = (*(tier.label for tier in Tier), "desk")
"""Who answers: the tiers, and the desk itself with a fixed text."""

EXACT = Context(prec=60)


@dataclass(frozen=True, slots=True)
class Rate:
    """What one unit of another currency is worth in the report's: `per_unit`, read at `source` on `dated`."""

    per_unit: Decimal
    dated: str
    source: str


@dataclass(frozen=True, slots=True)
class Exchange:
    """The currency a report is wanted in, empty for the vendors' own, and the rates somebody wrote down for it."""

    currency: str = ""
    rates: Mapping[str, Rate] = field(default_factory=dict)

    def convert(self, money: Money) -> Money:
        """The amount in the report's currency, or as it is where no rate is known: a rate is never made up."""
        rate = self.rates.get(money.currency)
        return money if rate is None else Money(money.amount * rate.per_unit, self.currency)


@dataclass(slots=True)
class Sum:
    """What some entries came to. `unknown` counts the calls whose cost nobody can know, by model and why.

    `cost` is everything known: models and platforms; `fees` the platforms' part of it. `charged` counts the messages
    a platform takes money for, `unknown_fees` those of them for which nobody wrote down how much.
    """

    conversations: int = 0
    messages: int = 0
    answered: Counter[str] = field(default_factory=Counter)
    outcomes: Counter[str] = field(default_factory=Counter)
    rules: Counter[str] = field(default_factory=Counter)
    calls: int = 0
    free: int = 0
    unknown: Counter[str] = field(default_factory=Counter)
    cost: dict[str, Decimal] = field(default_factory=dict)
    charged: int = 0
    fees: dict[str, Decimal] = field(default_factory=dict)
    unknown_fees: Counter[str] = field(default_factory=Counter)

    @property
    def complete(self) -> bool:
        """Whether nothing is missing from `cost`."""
        return not (self.unknown or self.unknown_fees)

    @property
    def per_conversation(self) -> dict[str, Decimal]:
        """Known cost by conversations, in each currency; a quotient, so not exact."""
        return {c: amount / self.conversations for c, amount in sorted(self.cost.items()) if self.conversations}

    def data(self) -> dict[str, Any]:
        """The same for machines: amounts as decimal text, exact but for quotients."""
        return {
            "conversations": self.conversations,
            "messages": self.messages,
            "answered": {tier: self.answered[tier] for tier in TIERS},
            "outcomes": dict(self.outcomes),
            "rules": dict(self.rules.most_common()),
            "calls": {"all": self.calls, "free": self.free, "unknown": self.unknown.total()},
            "unknown": dict(self.unknown),
            "fees": {
                "messages": self.charged,
                "unknown": dict(self.unknown_fees),
                "cost": {currency: f"{amount:f}" for currency, amount in sorted(self.fees.items())},
            },
            "cost": {currency: f"{amount:f}" for currency, amount in sorted(self.cost.items())},
            "cost_per_conversation": {currency: f"{each:f}" for currency, each in self.per_conversation.items()},
        }


def add_up(entries: Sequence[Entry], idle: timedelta, exchange: Exchange) -> Sum:
    """The sum of the entries. A chat silent for longer than `idle` counts as a new conversation."""
    total = Sum(conversations=_conversations(entries, idle))
    for entry in entries:
        count = len(entry.messages)
        total.messages += count
        total.outcomes[entry.outcome.value] += count
        total.rules.update(entry.rules)
        if entry.tier:
            total.answered[entry.tier] += count
        with localcontext(EXACT):
            _book(total, entry.calls, exchange)
            _charge(total, entry.fees, exchange)
    return total


def _charge(total: Sum, fees: Iterable[Fee], exchange: Exchange) -> None:
    for fee in fees:
        total.charged += 1
        if fee.cost is None:
            total.unknown_fees[fee.what] += 1
            continue
        money = exchange.convert(fee.cost)
        for sums in (total.cost, total.fees):
            sums[money.currency] = sums.get(money.currency, Decimal()) + money.amount


def _book(total: Sum, calls: Iterable[Call], exchange: Exchange) -> None:
    for call in calls:
        total.calls += 1
        if call.cost is not None:
            money = exchange.convert(call.cost)
            total.cost[money.currency] = total.cost.get(money.currency, Decimal()) + money.amount
        elif call.free:
            total.free += 1
        else:
            why = "no price" if call.usage is not None else call.outcome
            total.unknown[f"{call.provider}/{call.model} ({why})"] += 1


def _conversations(entries: Sequence[Entry], idle: timedelta) -> int:
    """Chats a customer wrote in, anew after each silence."""
    seen: dict[Address, datetime] = {}
    count = 0
    for entry in sorted(entries, key=lambda e: e.at):
        if entry.messages:
            before = seen.get(entry.address)
            count += before is None or entry.at - before > idle
            seen[entry.address] = entry.at
    return count
