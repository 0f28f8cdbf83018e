"""Which models are worth having: compared by quality, cost and speed at once, and tier against tier.

Pure. What is unknown is never better than anything: a figure that is missing decides nothing either way.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TypeVar

from core.tiers import GENERAL, ModelCard, Money, Tier, Usage

N = TypeVar("N", float, Decimal)

TYPICAL = Usage(1000, 200)
"""The call costs are compared by where there is no request to reckon with: tokens in and out."""


@dataclass(frozen=True, slots=True)
class Point:
    """One model. `quality` is better when higher, `cost` of a typical call and `first`, in seconds, when lower."""

    name: str
    quality: float | None = None
    cost: Money | None = None
    free: bool = False
    first: float | None = None


def point(card: ModelCard, first: float | None = None, kind: str = GENERAL) -> Point:
    """A model as it stands in the registry, with the speed that was measured."""
    return Point(card.name, card.quality.get(kind), TYPICAL.cost(card.price), card.free, first)


def dominated(points: Sequence[Point]) -> Mapping[str, tuple[str, ...]]:
    """By name, those that others beat, and by whom: at least as good in all three, and better in one.

    Costs in different currencies are not compared, except that free is less than any amount; equals beat nobody.
    """
    beaten = {p.name: tuple(q.name for q in points if _beats(q, p)) for p in points}
    return {name: by for name, by in beaten.items() if by}


def upside_down(tiers: Mapping[Tier, Sequence[ModelCard]]) -> Iterator[tuple[Tier, Tier]]:
    """Pairs of a stronger tier and a weaker one whose first models are the wrong way round.

    That is: the stronger tier's costs less and is not better. Only what is known of both is judged.
    """
    firsts = [(tier, point(cards[0])) for tier, cards in sorted(tiers.items()) if cards]
    for n, (weaker, low) in enumerate(firsts):
        for stronger, high in firsts[n + 1 :]:
            if _cost(high, low) == 1 and _quality(high, low) in (0, -1):
                yield stronger, weaker


def _beats(a: Point, b: Point) -> bool:
    """Whether `a` is known to be at least as good as `b` in everything, and better in something."""
    found = (_quality(a, b), _cost(a, b), _lower(a.first, b.first))
    return all(c is not None and c >= 0 for c in found) and any(found)


def _quality(a: Point, b: Point) -> int | None:
    return _lower(b.quality, a.quality)


def _cost(a: Point, b: Point) -> int | None:
    if a.free or b.free:
        return _lower(_amount(a), _amount(b))
    if a.cost is None or b.cost is None or a.cost.currency != b.cost.currency:
        return None
    return _lower(a.cost.amount, b.cost.amount)


def _amount(p: Point) -> Decimal | None:
    return Decimal(0) if p.free else p.cost.amount if p.cost else None


def _lower(a: N | None, b: N | None) -> int | None:
    """1 where `a` is lower, 0 where both are equal, -1 where `b` is lower, None where one is unknown."""
    return None if a is None or b is None else (a < b) - (a > b)
