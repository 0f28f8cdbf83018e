"""When people are at work: opening hours in one time zone, and when they open next.

Pure: the instant asked about is always handed in. Wall-clock times are what a lead means, so a day with a change of
clocks opens and closes at the same times as any other. How hours are written in YAML is read in core/settings.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo

DAY = 24 * 60
HORIZON = 400
"""Days looked ahead for the next opening: a year and the longest holiday after it."""

Span = tuple[int, int]
"""Opening and closing in minutes since local midnight; a closing past 24 * 60 belongs to the next day."""


@dataclass(frozen=True, slots=True)
class Hours:
    """Seven days of spans, Monday first, and the dates on which nothing that starts that day is open."""

    zone: tzinfo
    week: tuple[tuple[Span, ...], ...]
    closed: frozenset[date] = frozenset()

    def is_open(self, at: datetime) -> bool:
        """Whether somebody is there at this instant (timezone-aware). An end is no longer open, a start already is."""
        local = at.astimezone(self.zone)
        minute = local.hour * 60 + local.minute
        today, yesterday = local.date(), local.date() - timedelta(days=1)
        return any(start <= minute < end for start, end in self._spans(today)) or any(
            minute + DAY < end for _, end in self._spans(yesterday)
        )

    def next_opening(self, at: datetime) -> datetime | None:
        """The first instant from `at` on when it is open, in the zone of the hours; `at` itself while open.

        None when there is no such instant within HORIZON days.
        """
        if self.is_open(at):
            return at.astimezone(self.zone)
        day = at.astimezone(self.zone).date() - timedelta(days=1)
        for ahead in range(HORIZON):
            chances = (c for c in self._chances(day + timedelta(days=ahead)) if c >= at and self.is_open(c))
            first = min(chances, default=None)
            if first is not None:
                return first.astimezone(self.zone)
        return None

    def _spans(self, day: date) -> tuple[Span, ...]:
        return () if day in self.closed else self.week[day.weekday()]

    def _chances(self, day: date) -> Iterator[datetime]:
        """Instants of a local day at which it can become open: starts of spans, and changes of the clocks."""
        for start, _ in self._spans(day):
            wall = datetime.combine(day, time(start // 60, start % 60), self.zone)
            yield from (wall.replace(fold=fold).astimezone(UTC) for fold in (0, 1))
        before = datetime.combine(day, time(), self.zone).astimezone(UTC)
        after = datetime.combine(day + timedelta(days=1), time(), self.zone).astimezone(UTC)
        if self._offset(before) != self._offset(after):
            while after - before > timedelta(minutes=1):
                middle = before + timedelta(minutes=(after - before) // timedelta(minutes=2))
                if self._offset(middle) == self._offset(before):
                    before = middle
                else:
                    after = middle
            yield after

    def _offset(self, at: datetime) -> timedelta | None:
        return at.astimezone(self.zone).utcoffset()
