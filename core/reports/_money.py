"""Amounts for readers: exact sums in, rounded text out, and never a rounding that makes a column not add up."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import ROUND_FLOOR, ROUND_HALF_EVEN, Decimal

CENTS = 2
MOST = 8
"""Digits after the point at most; what is smaller still is shown as less than the smallest amount that can be."""


def digits_for(amounts: Sequence[Decimal]) -> int:
    """How many digits after the point show every amount: two, or two significant ones of the smallest under a cent."""
    smallest = min((abs(a) for a in amounts if a), default=Decimal(1))
    return min(MOST, max(CENTS, 1 - smallest.adjusted())) if smallest < Decimal("0.01") else CENTS


def rounded(amount: Decimal, digits: int = CENTS) -> Decimal:
    """Half-even to that many digits after the point."""
    return amount.quantize(Decimal(1).scaleb(-digits), ROUND_HALF_EVEN)


def adding_up(amounts: Sequence[Decimal], digits: int) -> list[Decimal]:
    """The amounts rounded so that they add up to their rounded sum: the largest remainders are rounded up."""
    unit = Decimal(1).scaleb(-digits)
    floors = [amount.quantize(unit, ROUND_FLOOR) for amount in amounts]
    missing = int((rounded(sum(amounts, Decimal()), digits) - sum(floors, Decimal())) / unit)
    order = sorted(range(len(amounts)), key=lambda i: amounts[i] - floors[i], reverse=True)
    for i in order[:missing]:
        floors[i] += unit
    return floors


def shown(amount: Decimal, exact: Decimal, currency: str) -> str:
    """A rounded amount as text; one that is not nothing but rounds to it says so."""
    if exact and not amount:
        return f"< {Decimal(1).scaleb(-MOST):f} {currency}"
    return f"{amount:,f} {currency}"
