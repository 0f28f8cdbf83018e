"""In which order the models of one tier are tried, by the policy config.yaml names.

Pure: what is known of a model is told as a Standing, and the same input gives the same order. Which models may be
tried at all is preflight's and the breaker's business.

    fixed       as config.yaml lists them
    cheapest    by what this request is expected to cost: free ones first, unknown prices last; amounts in different
                currencies are never compared, so each currency stays together, the one listed first in front
    fastest     by the time to the first text; one that was never called is tried first, by one request at a time, for
                otherwise nobody would ever learn how fast it is. One that was called in vain is tried last
    weighted    by quality, cost and speed at once, each between 0 for the worst of these models and 1 for the best;
                an unknown quality or price counts as the worst, so that keeping silent is never an advantage
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from types import MappingProxyType

from core.answering.request import Request
from core.answering.tokens import estimate
from core.tiers import ModelCard, Usage

FREE = Decimal(0)
NOISE = 0.05
"""Shares of success nearer to each other than this are taken as equal: a few calls cannot tell them apart."""

WELL = 0.9
"""The share of success from which on a model does well."""


@dataclass(frozen=True, slots=True)
class Weights:
    """How much each goal counts in `weighted`, in any unit; only their proportion matters."""

    quality: float = 1.0
    cost: float = 1.0
    speed: float = 1.0


@dataclass(frozen=True, slots=True)
class Order:
    """How a tier's models are put in order. `policy` is fixed, cheapest, fastest or weighted.

    `arbitrage`, cheapest or fastest, decides among models of equal weights on their own: they change places with one
    another and leave all others where they are. `output` is the length of an answer in tokens that costs are reckoned
    with, `cached` the share of a prompt the vendor that answered this chat before is expected to have in its cache;
    both are assumptions, used where nothing was measured.
    """

    policy: str = "fixed"
    weights: Weights = Weights()
    arbitrage: str = ""
    output: int = 200
    cached: float = 0.5

    def __post_init__(self) -> None:
        if self.policy not in POLICIES:
            raise ValueError(f"{self.policy!r} is not an order: {', '.join(POLICIES)}")
        if self.arbitrage and self.arbitrage not in ARBITRAGE:
            raise ValueError(f"{self.arbitrage!r} is not an arbitrage: {', '.join(ARBITRAGE)}")


@dataclass(frozen=True, slots=True)
class Standing:
    """What is known of one model now. `first` are the seconds to its first text, None before any was seen.

    `success` is its share of calls that gave a text, None before the first ended; `flying` are the calls under way.
    `output` and `cached` are what was measured of its answers: tokens an answer, cached share of a prompt.
    """

    card: ModelCard
    first: float | None = None
    success: float | None = None
    flying: int = 0
    output: int | None = None
    cached: float | None = None


Rank = Callable[[Sequence[Standing], Order, Request, str], Sequence[tuple[float | Decimal, ...]]]


def arranged(
    order: Order, standings: Sequence[Standing], request: Request, last: str = "", *, wary: bool = False
) -> list[Standing]:
    """All of them, in the order they are to be tried; those that rank alike stay as they are.

    `last` names the model that answered this chat before, whose vendor has the start of the prompt in its cache.
    `wary`: little is left for further tries, so what often fails goes last. What only stands in for a model is last in
    every order but the one config.yaml lists.
    """
    found = list(standings)
    if order.policy != "fixed" and len(found) > 1:
        found = _sorted(POLICIES[order.policy], found, order, request, last)
    if order.arbitrage and len(found) > 1:
        found = _swapped(found, order, request, last)
    if order.policy != "fixed":
        found.sort(key=lambda standing: standing.card.fallback)
    return sorted(found, key=lambda standing: failing(standing.success)) if wary else found


def failing(success: float | None) -> float:
    """A rank for when every extra call counts: 0 for what does well or was not tried, the higher the more it fails.

    What does well keeps its place: that it never fails makes nothing a better answer.
    """
    return 0.0 if success is None or success >= WELL else 1.0 - round(success / NOISE) * NOISE


def expected(standing: Standing, order: Order, tokens: int, last: str = "") -> Decimal | None:
    """What a prompt of so many tokens will cost with this model in its price's currency; None when unknown."""
    card = standing.card
    if card.free:
        return FREE
    share = (order.cached if standing.cached is None else standing.cached) if card.name == last else 0.0
    output = order.output if standing.output is None else standing.output
    money = Usage(tokens, output, min(tokens, int(tokens * share))).cost(card.price)
    return None if money is None else money.amount


def _sorted(rank: Rank, standings: Sequence[Standing], order: Order, request: Request, last: str) -> list[Standing]:
    ranks = rank(standings, order, request, last)
    return [standings[n] for n in sorted(range(len(standings)), key=lambda n: ranks[n])]


def _swapped(standings: Sequence[Standing], order: Order, request: Request, last: str) -> list[Standing]:
    """Models of equal weights in the order of the arbitrage, within the places they had."""
    made = list(standings)
    for weights in dict.fromkeys(s.card.weights for s in standings if s.card.weights):
        places = [n for n, s in enumerate(standings) if s.card.weights == weights]
        group = _sorted(ARBITRAGE[order.arbitrage], [standings[n] for n in places], order, request, last)
        for place, standing in zip(places, group, strict=True):
            made[place] = standing
    return made


def _by_cost(
    standings: Sequence[Standing], order: Order, request: Request, last: str
) -> list[tuple[float | Decimal, ...]]:
    tokens = estimate(request.prompt).likely
    currencies = list(dict.fromkeys(s.card.price.currency for s in standings if s.card.price))

    def rank(standing: Standing) -> tuple[float | Decimal, ...]:
        cost, price = expected(standing, order, tokens, last), standing.card.price
        if cost is None:
            return (2, 0, FREE)
        return (0, 0, FREE) if price is None or standing.card.free else (1, currencies.index(price.currency), cost)

    return [rank(standing) for standing in standings]


def _by_speed(
    standings: Sequence[Standing], _order: Order, _request: Request, _last: str
) -> list[tuple[float | Decimal, ...]]:
    return [_speed(standing) for standing in standings]


def _speed(standing: Standing) -> tuple[float, float]:
    """A rank by speed: first what is to be found out, then what is known, then what gave nothing or is being tried."""
    if standing.first is not None:
        return (1, standing.first)
    return (0, 0.0) if _untried(standing) else (2, 0.0)


def _untried(standing: Standing) -> bool:
    """Whether nothing is known of its speed and nobody is finding it out."""
    return standing.first is None and standing.success is None and not standing.flying


def _by_weights(
    standings: Sequence[Standing], order: Order, request: Request, last: str
) -> list[tuple[float | Decimal, ...]]:
    tokens = estimate(request.prompt).likely
    currency = next((s.card.price.currency for s in standings if s.card.price and not s.card.free), "")
    quality = _scaled([s.card.quality.get(request.kind) for s in standings], best=max)
    costs = [expected(s, order, tokens, last) if _in(s, currency) else None for s in standings]
    cost = _scaled([None if c is None else float(c) for c in costs], best=min)
    fastest = min((s.first for s in standings if s.first is not None), default=0.0)
    firsts = [fastest if _untried(s) else s.first for s in standings]
    speed = _scaled(firsts, best=min)
    w = order.weights
    return [(-(w.quality * q + w.cost * c + w.speed * s),) for q, c, s in zip(quality, cost, speed, strict=True)]


def _in(standing: Standing, currency: str) -> bool:
    """Whether its cost can be compared with costs in that currency; nothing is nothing in every currency."""
    price = standing.card.price
    return standing.card.free or (price is not None and price.currency == currency)


def _scaled(values: Sequence[float | None], best: Callable[[Sequence[float]], float]) -> list[float]:
    """Each value between 0 and 1, the best known one 1, the worst known one 0; an unknown one 0."""
    known = [v for v in values if v is not None]
    if not known:
        return [0.0] * len(values)
    top, bottom = best(known), (min if best is max else max)(known)
    return [0.0 if v is None else 1.0 if top == bottom else (v - bottom) / (top - bottom) for v in values]


ARBITRAGE: Mapping[str, Rank] = MappingProxyType({"cheapest": _by_cost, "fastest": _by_speed})
POLICIES: Mapping[str, Rank] = MappingProxyType(
    {"fixed": lambda standings, *_: [()] * len(standings), **ARBITRAGE, "weighted": _by_weights}
)
