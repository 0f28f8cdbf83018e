"""How much waits in the store, for operators: one query that reads only the rows that wait. Nothing is changed here."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, func, select

from core.store.clock import now_micros
from core.store.schema import IS_ACCEPTED, IS_PARKED, inbox

_waiting = select(func.count(), func.min(inbox.c.at), now_micros()).select_from(inbox).where(IS_ACCEPTED)
_parked = select(func.count()).select_from(inbox).where(IS_PARKED)


@dataclass(frozen=True, slots=True)
class Backlog:
    """Messages not settled, how old the oldest is in seconds (0 when there is none), and rows a person must look at."""

    waiting: int
    oldest: float
    parked: int


def read(c: Connection) -> Backlog:
    """What waits now, by the database's clock; a platform's clock that runs ahead makes no age negative."""
    many, first, now = c.execute(_waiting).one()
    age = max(0, now - first) / 1_000_000 if many else 0.0
    return Backlog(many, age, c.execute(_parked).scalar_one())
