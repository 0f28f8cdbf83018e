"""Which scheduled runs were made: whoever writes a run down first makes it. Plain functions of a connection.

What runs and when is the schedule's affair.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, select, update
from sqlalchemy.dialects.postgresql import insert

from core.store.codec import instant, micros
from core.store.schema import run


def last(c: Connection, name: str) -> datetime | None:
    """When it was due last."""
    at = c.execute(select(run.c.at).where(run.c.name == name)).scalar()
    return None if at is None else instant(at)


def due(c: Connection, name: str, before: datetime | None, at: datetime) -> bool:
    """Move the run on from what was known to this instant; False when another process was faster."""
    if before is None:
        row = {"name": name, "at": micros(at)}
        return c.execute(insert(run).on_conflict_do_nothing().returning(run.c.name), row).first() is not None
    moved = update(run).where(run.c.name == name, run.c.at == micros(before)).values(at=micros(at))
    return c.execute(moved).rowcount > 0
