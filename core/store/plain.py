"""Instants and texts <-> what a column holds: whole microseconds since 1970 in UTC, and texts every database takes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


def micros(at: datetime) -> int:
    """Whole microseconds since 1970 in UTC."""
    return (at - EPOCH) // MICROSECOND


def instant(count: int) -> datetime:
    """The aware UTC instant so many microseconds after 1970."""
    return EPOCH + count * MICROSECOND


def kept(value: str) -> str:
    """A text as every database takes it: without NUL, which PostgreSQL refuses, and halves of surrogate pairs."""
    return value.replace("\0", "\ufffd").encode("utf-8", "replace").decode()
