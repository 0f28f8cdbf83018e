"""A call of a model <-> its row, both ways. How rows come into the store is in `work`, who reads them in `books`."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from sqlalchemy import Row

from core.records import Call, Purpose
from core.store.plain import instant, kept, micros
from core.tiers import Money, Usage


def columns(conv: str, reply: str, number: int, made: Call) -> dict[str, Any]:
    """The row of the n-th call made for a reply."""
    return {
        "conv": conv,
        "reply": reply,
        "number": number,
        "provider": made.provider,
        "model": made.model,
        "outcome": made.outcome,
        "seconds": made.seconds,
        "input": made.usage.input if made.usage else None,
        "output": made.usage.output if made.usage else None,
        "cached": made.usage.cached if made.usage else None,
        "cost": str(made.cost.amount) if made.cost else None,
        "currency": made.cost.currency if made.cost else None,
        "free": made.free,
        "error": made.error,
        "purpose": made.purpose,
        "tier": made.tier,
        "at": None if made.at is None else micros(made.at),
        "first": made.first,
        "verdict": kept(made.verdict),
        "draft": kept(made.draft),
        "reservation": made.reservation,
    }


def read(row: Row[Any]) -> Call:
    """The call of a row."""
    return Call(
        provider=row.provider,
        model=row.model,
        outcome=row.outcome,
        seconds=row.seconds,
        usage=None if row.input is None else Usage(row.input, row.output, row.cached),
        cost=None if row.cost is None else Money(Decimal(row.cost), row.currency),
        free=row.free,
        error=row.error,
        purpose=Purpose(row.purpose),
        tier=row.tier,
        at=None if row.at is None else instant(row.at),
        first=row.first,
        verdict=row.verdict,
        draft=row.draft,
        reservation=row.reservation,
    )
