"""The section `hours:` -> core.hours.Hours: days, times of day and the file of closed dates."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, date
from itertools import pairwise
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from core.errors import Problem
from core.hours import DAY, Hours, Span
from core.settings.source import Path, quote

if TYPE_CHECKING:
    from core.settings.files import ListFile
    from core.settings.problems import Faults

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
CLOSED_ON = "closed_on"

NEVER = Hours(UTC, ((),) * 7)
"""Stands in for hours with a fault in them while the rules are checked."""

_DAY = "|".join(DAYS)
_KEY = re.compile(rf"({_DAY})(?:-({_DAY}))?")
_CLOCK = r"(\d{1,2})(?:[:.](\d{2}))?"
_SPAN = re.compile(rf"{_CLOCK}\s*(?:-|\u2013|to)\s*{_CLOCK}")
_STRICT = re.compile(r"\d{1,2}:\d{2}-\d{1,2}:\d{2}(, ?\d{1,2}:\d{2}-\d{1,2}:\d{2})*|closed")
_DATE = re.compile(r"(\d{4})-(\d\d)-(\d\d)(?=$|[\s,;])")
_OTHER_DATE = re.compile(r"(\d{1,2})[./](\d{1,2})[./](\d{4})")


def opening_hours(section: Mapping[str, Any], zone: str, closed: ListFile | None, faults: Faults) -> Hours | None:
    """The hours of the section; None when it names no day. Faults go to `faults`."""
    ranges: dict[int, tuple[Span, ...]] = {}
    single: dict[int, tuple[Span, ...]] = {}
    for key, value in section.items():
        if key == CLOSED_ON:
            continue
        found = _KEY.fullmatch(key.casefold())
        if not found:
            meant = key[:3].casefold() if key[:3].casefold() in DAYS else key
            what = f"{key!r} is not a day or a range of days"
            faults.unknown(("hours", key), what, meant, ("mon-fri", *DAYS, CLOSED_ON), key=True)
            continue
        spans = _spans(("hours", key), value, faults)
        first = DAYS.index(found[1])
        days = [first] if not found[2] else [(first + n) % 7 for n in range((DAYS.index(found[2]) - first) % 7 + 1)]
        chosen = ranges if found[2] else single
        if any(day in chosen for day in days):
            faults.add(
                ("hours", key), "one of these days already has its hours in a line above", "each day once", key=True
            )
        chosen.update(dict.fromkeys(days, spans))
    dates = _dates(closed, faults) if closed else frozenset()
    if not (ranges or single):
        return None
    week = ranges | single
    return Hours(ZoneInfo(zone), tuple(week.get(day, ()) for day in range(7)), dates)


def _spans(path: Path, value: Any, faults: Faults) -> tuple[Span, ...]:
    typed = faults.document.place(path).text.strip()
    if not isinstance(value, str) or not _STRICT.fullmatch(typed.casefold()):
        faults.add(path, f"{typed[:40]!r} are not opening hours", _corrected(typed))
        return ()
    if typed.casefold() == "closed":
        return ()
    spans = [_minutes(found) for found in _SPAN.finditer(typed)]
    if any(start >= DAY or end > 2 * DAY for start, end in spans) or any(
        later[0] < earlier[1] for earlier, later in pairwise(spans)
    ):
        faults.add(path, f"{typed!r}: times lie between 00:00 and 24:00, the earlier ones first", '"09:00-17:00"')
        return ()
    return tuple(spans)


def _minutes(found: re.Match[str]) -> Span:
    hour, minute, to_hour, to_minute = (int(part or 0) for part in found.groups())
    if minute > 59 or to_minute > 59 or to_hour * 60 + to_minute > DAY:
        return DAY, DAY
    start, end = hour * 60 + minute, to_hour * 60 + to_minute
    return start, end if end > start else end + DAY


def _corrected(typed: str) -> str:
    """`9-17` and `9.00 to 17.30` as they are meant to be written."""
    found = [f"{int(a):02}:{b or '00'}-{int(c):02}:{d or '00'}" for a, b, c, d in _SPAN.findall(typed)]
    plain = not re.sub(_SPAN, "", typed).strip(" ,;")
    return quote(", ".join(found)) if found and plain else '"09:00-17:00"'


def _dates(closed: ListFile, faults: Faults) -> frozenset[date]:
    days = set()
    for entry in closed.entries:
        found = _DATE.match(entry.text)
        try:
            if not found:
                raise ValueError
            days.add(date(int(found[1]), int(found[2]), int(found[3])))
        except ValueError:
            other = _OTHER_DATE.match(entry.text)
            write = f"{other[3]}-{int(other[2]):02}-{int(other[1]):02}" if other else "2026-12-25"
            what = f"{entry.text[:40]!r} is not a date, which is written year-month-day"
            faults.found.append(Problem(closed.file, entry.line, 1, what, write))
    return frozenset(days)
