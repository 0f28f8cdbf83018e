"""Instants kept by name: when a scheduled run was due last, when a platform was heard. Plain functions of a connection.

What runs and when is the schedule's affair: whoever writes a run down first makes it.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, select, update
from sqlalchemy.dialects.postgresql import insert

from core.store.plain import instant, micros
from core.store.schema import run

_newer = insert(run)
_newer = _newer.on_conflict_do_update(
    index_elements=["name"], set_={"at": _newer.excluded.at}, where=run.c.at < _newer.excluded.at
)


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


def passed(c: Connection, name: str, at: datetime) -> datetime | None:
    """Move the name on to this instant, never back; where it stood."""
    before = last(c, name)
    c.execute(_newer, {"name": name, "at": micros(at)})
    return before
