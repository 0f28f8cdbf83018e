"""Windows of time as a report's reader means them: whole days in a named zone, safe across changes of the clock.

Pure: what time it is now is told by the caller.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo

DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Window:
    """Half-open: `start` belongs to it, `end` does not. Both are aware; `zone` is how days are told apart in it."""

    start: datetime
    end: datetime
    zone: tzinfo

    def __contains__(self, at: datetime) -> bool:
        return self.start <= at < self.end

    def day(self, at: datetime) -> date:
        """The date an instant falls on, in this window's zone."""
        return at.astimezone(self.zone).date()

    @property
    def title(self) -> str:
        """The days in words: `Fri 20 Nov 2026`, or the first and the last of several."""
        first, last = self.day(self.start), self.day(self.end - timedelta(microseconds=1))
        return f"{first:%a %d %b %Y}" if first == last else f"{first:%a %d %b %Y} to {last:%a %d %b %Y}"

    @property
    def exact(self) -> str:
        """Both ends with their offsets from UTC: `2026-11-20 00:00 +01:00 to 2026-11-21 00:00 +01:00`."""
        ends = (at.astimezone(self.zone).isoformat(" ", "minutes") for at in (self.start, self.end))
        return " to ".join(f"{text[:-6]} {text[-6:]}" for text in ends)


def days(first: date, last: date, zone: tzinfo) -> Window:
    """From the first moment of `first` to the last of `last`. ValueError when `last` comes before `first`.

    A day is as long as its zone makes it: 23 or 25 hours where the clock changes.
    """
    if last < first:
        raise ValueError(f"{last} comes before {first}")
    return Window(_midnight(first, zone), _midnight(last + DAY, zone), zone)


def yesterday(now: datetime, zone: tzinfo) -> Window:
    """The whole day before the one `now` falls on in that zone."""
    day = now.astimezone(zone).date() - DAY
    return days(day, day, zone)


def _midnight(day: date, zone: tzinfo) -> datetime:
    """The first moment of a day as an instant, also where the clock skips midnight."""
    return datetime.combine(day, time.min, zone).astimezone(UTC)
