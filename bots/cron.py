"""Cron lines by APScheduler: when one is due next, and being woken then. Loaded only where a report is scheduled.

What happens at a wake-up is the caller's; nothing runs inside the scheduler.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta, tzinfo

from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.base import BaseTrigger
from apscheduler.triggers.cron import CronTrigger

WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
MOMENT = timedelta(microseconds=1)
STEPS = (timedelta(hours=1), timedelta(days=1), timedelta(days=32), timedelta(days=5 * 366))


def trigger(line: str, zone: tzinfo) -> CronTrigger:
    """The trigger for five words in the zone. ValueError when they are not a cron line.

    APScheduler 3 counts weekdays from Monday where cron counts from Sunday, so they are handed over by name.
    """
    words = line.split()
    if len(words) != 5:
        raise ValueError(f"a cron line has five words, not {len(words)}: {line!r}")
    minute, hour, day, month, weekday = words
    return CronTrigger(minute=minute, hour=hour, day=day, month=month, day_of_week=_weekdays(weekday), timezone=zone)


def newest(due: BaseTrigger, after: datetime, until: datetime) -> datetime | None:
    """The last time it was due in (after, until], in UTC; None when it was not.

    Looked for backwards in growing steps, so that a line due every minute is not counted through a whole absence.
    """
    for step in STEPS:
        found = _last(due, max(after, until - step), until)
        if found or until - step <= after:
            return found
    return None


def _last(due: BaseTrigger, after: datetime, until: datetime) -> datetime | None:
    found: datetime | None = None
    at = due.get_next_fire_time(None, after + MOMENT)
    while at is not None and at <= until:
        found = at.astimezone(UTC)  # sums in a zone go wrong in the hour that comes twice
        at = due.get_next_fire_time(found, found + MOMENT)
    return found


@contextmanager
def waking(triggers: Mapping[str, BaseTrigger], wake: Callable[[str], None]) -> Iterator[None]:
    """Call `wake(name)` in the running loop whenever that trigger is due; late rather than never."""
    scheduler = AsyncIOScheduler()

    async def due(name: str) -> None:  # a coroutine, or the scheduler would use a thread
        wake(name)

    for name, each in triggers.items():
        scheduler.add_job(due, each, [name], id=name, coalesce=True, misfire_grace_time=None)
    scheduler.start()
    try:
        yield
    finally:
        scheduler.shutdown(wait=False)


def _weekdays(field: str) -> str:
    """The field with every weekday by its name: 0 and 7 are Sunday, `fri-mon` goes over the week's end."""
    if field in {"*", "?"}:
        return "*"
    named = {day for part in field.lower().split(",") for day in _span(part)}
    return ",".join(sorted(named, key=WEEKDAYS.index))


def _span(part: str) -> list[str]:
    span, _, step = part.partition("/")
    first, dash, last = ("0", "-", "6") if span == "*" else span.partition("-")
    start = _weekday(first)
    end = _weekday(last) if dash else 6 if step else start
    end = 7 if end == 0 and last == "7" else end
    days = range(start, (end if end >= start else end + 7) + 1, int(step or 1))
    return [WEEKDAYS[day % 7] for day in days]


def _weekday(word: str) -> int:
    if word.isdigit() and int(word) <= 7:
        return int(word) % 7
    if word in WEEKDAYS:
        return WEEKDAYS.index(word)
    raise ValueError(f"{word!r} is not a day of the week")
