"""What may be spent on whom: budgets, the accounts one call is paid from, and what a call can cost at most.

Pure values, amounts in pico-units: whole numbers of 1e-12 of a currency unit. Where accounts are kept is the store's
affair, what a refusal leads to is `core.answering.purse`'s. Any amount is at most MOST, so that a sum of two still fits
a column of 64 bits.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal
from enum import StrEnum

from core.tiers import MILLION, Price

PICO = Decimal(10) ** 12
MOST = 4 * 10**18
"""Pico-units: four million units of a currency."""

EXACT = Context(prec=60)

ANSWER, SHADOW = "answer", "shadow"
FEATURES = (ANSWER, "hedge", "vote", "validation", SHADOW)
"""The values of core.records.Purpose: what settings are made of imports no records."""


class Scope(StrEnum):
    """Whose spending is bounded. FEATURE: what calls are made for; UPGRADES: a customer's answers by stronger tiers."""

    TENANT = "tenant"
    CUSTOMER = "customer"
    CHANNEL = "channel"
    FEATURE = "feature"
    UPGRADES = "upgrades"


class Per(StrEnum):
    """How long an amount has to last, in the configured time zone."""

    DAY = "day"
    MONTH = "month"


class Unpriced(StrEnum):
    """What a hard limit does with a model whose price is unknown or in another currency: it cannot bound that."""

    REFUSE = "refuse"
    ALLOW = "allow"


@dataclass(frozen=True, slots=True)
class Budget:
    """One line of config.yaml. `name` empty: each one of the scope apart; else this one, instead of such a line.

    Reaching `soft` asks for a cheaper tier, `hard` is never passed; either may be left out. UPGRADES count whole
    answers and have no currency. ValueError where a limit cannot be kept.
    """

    scope: Scope
    name: str = ""
    per: Per = Per.DAY
    soft: Decimal | None = None
    hard: Decimal | None = None
    currency: str = ""
    unpriced: Unpriced = Unpriced.REFUSE

    def __post_init__(self) -> None:
        for limit in (self.soft, self.hard):
            if limit is not None and not (limit.is_finite() and 0 <= limit * PICO <= MOST):
                raise ValueError(f"a limit lies between 0 and {MOST / PICO:f}, not {limit}")
        if self.scope is Scope.UPGRADES:
            if self.hard is None or self.hard != self.hard.to_integral_value():
                raise ValueError("upgrades: hard is a whole number of answers")
        elif not self.currency:
            raise ValueError("a budget of money names its currency, for example EUR")

    @property
    def unit(self) -> str:
        """What is counted: a currency, or `answers`."""
        return "answers" if self.scope is Scope.UPGRADES else self.currency

    @property
    def limits(self) -> tuple[int | None, int | None]:
        """Soft and hard as accounts have them: pico-units rounded down, upgrades as they are."""
        size = Decimal(1) if self.scope is Scope.UPGRADES else PICO
        soft, hard = (None if limit is None else _whole(limit * size, ROUND_FLOOR) for limit in (self.soft, self.hard))
        return soft, hard

    @property
    def prefix(self) -> str:
        """How the names of its accounts begin."""
        return f"{self.scope}/{self.unit}/"


@dataclass(frozen=True, slots=True)
class Spender:
    """For whom a call is made; `purpose` is one of core.records.Purpose."""

    tenant: str = ""
    customer: str = ""
    channel: str = ""
    purpose: str = ANSWER

    def name_in(self, scope: Scope) -> str:
        """Its name there, empty where it has none: what we try out in the shadow is not a customer's affair."""
        if self.purpose == SHADOW and scope not in {Scope.TENANT, Scope.FEATURE}:
            return ""
        return {
            Scope.TENANT: self.tenant or "all",
            Scope.CUSTOMER: self.customer,
            Scope.CHANNEL: self.channel,
            Scope.FEATURE: str(self.purpose),
            Scope.UPGRADES: self.customer,
        }[scope]


@dataclass(frozen=True, slots=True, order=True)
class Account:
    """What one budget has left in one period: `customer/EUR/telegram:42` in `day/2026-11-21`. Sorted as it is locked.

    `refuses`: a hard limit that a price in another currency, or none, cannot be held against.
    """

    account: str
    period: str
    soft: int | None = None
    hard: int | None = None
    refuses: bool = False

    @property
    def key(self) -> str:
        """Its name as people read it, with the period."""
        return f"{self.account}/{self.period}"

    @property
    def unit(self) -> str:
        """Its currency, or `answers`."""
        return self.account.split("/", 2)[1]

    @property
    def words(self) -> str:
        """The budget it belongs to, without anybody's name: fit for a log."""
        return f"the {self.account.partition('/')[0]} budget in {self.unit} of the {self.period.partition('/')[0]}"

    @property
    def most(self) -> int:
        """What may be spent and set aside together."""
        return MOST if self.hard is None else self.hard


@dataclass(frozen=True, slots=True)
class Hold:
    """Money to be set aside for a call of a model: at most `amount` of `currency`, from all accounts or from none.

    It `lasts` so many seconds; who has not settled it by then is taken for dead. `final`: it is spent at once.
    """

    id: str
    amount: int
    accounts: tuple[Account, ...]
    currency: str = ""
    conversation: str = ""
    provider: str = ""
    model: str = ""
    purpose: str = ANSWER
    lasts: float = 600.0
    final: bool = False


@dataclass(frozen=True, slots=True)
class Held:
    """What became of it. `refused` is the key of the account that lacks it; `soft` are those past their soft limit."""

    id: str
    refused: str = ""
    soft: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Balance:
    """An account as it stands."""

    account: str
    period: str
    spent: int
    reserved: int


def accounts(budgets: Iterable[Budget], spender: Spender, at: datetime, zone: tzinfo) -> tuple[Account, ...]:
    """The accounts of what this spender does at that instant, each once, in the order in which they are locked.

    Two lines about the same account are both kept: the lower limit counts.
    """
    concerned = [(b, name) for b in budgets if (name := spender.name_in(b.scope)) and b.name in {"", name}]
    own = {(b.scope, b.per) for b, _ in concerned if b.name}
    found: dict[tuple[str, str], Account] = {}
    for b, name in concerned:
        if not b.name and (b.scope, b.per) in own:
            continue
        soft, hard = b.limits
        place = (b.prefix + name, period(b.per, at, zone))
        refuses = hard is not None and b.unpriced is Unpriced.REFUSE
        known = found.get(place, Account(*place))
        lower = (_lower(known.soft, soft), _lower(known.hard, hard))
        found[place] = Account(*place, *lower, known.refuses or refuses)
    return tuple(found[place] for place in sorted(found))


def period(per: Per, at: datetime, zone: tzinfo) -> str:
    """The day or month an instant falls into: `day/2026-11-21`, `month/2026-11`."""
    return f"{per}/{at.astimezone(zone):{'%Y-%m-%d' if per is Per.DAY else '%Y-%m'}}"


def pico(amount: Decimal) -> int:
    """Pico-units, rounded up and at most MOST: what is owed is never made less."""
    return min(MOST, _whole(EXACT.multiply(amount, PICO), ROUND_CEILING))


def units(amount: int) -> Decimal:
    """Pico-units as an exact amount of the currency."""
    return EXACT.divide(Decimal(amount), PICO)


def ceiling(price: Price, most_input: int, most_output: int) -> int:
    """Pico-units that a call of at most so many tokens can cost, whatever of them comes from a cache."""
    dearest = max(price.input, price.cached or price.input)
    millionths = EXACT.add(EXACT.multiply(most_input, dearest), EXACT.multiply(most_output, price.output))
    return pico(EXACT.divide(millionths, MILLION))


def passed(found: Sequence[Account], stand: Mapping[str, tuple[int, int]]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Keys of accounts whose soft limit is reached, and of those with nothing left, by what is spent.

    Money that is only set aside does not count: most of it comes back.
    """
    spent = [(each, stand.get(each.key, (0, 0))[0]) for each in found]
    return (
        tuple(each.key for each, gone in spent if each.soft is not None and gone >= each.soft),
        tuple(each.key for each, gone in spent if each.hard is not None and gone >= each.hard),
    )


def _whole(amount: Decimal, rounding: str) -> int:
    return int(amount.to_integral_value(rounding, EXACT))


def _lower(one: int | None, other: int | None) -> int | None:
    return min((limit for limit in (one, other) if limit is not None), default=None)
