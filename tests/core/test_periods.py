"""Days as a report's reader means them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from core.periods import days, yesterday

COPENHAGEN = ZoneInfo("Europe/Copenhagen")


@pytest.mark.parametrize(("day", "hours"), [(date(2026, 3, 29), 23), (date(2026, 10, 25), 25), (date(2026, 7, 1), 24)])
def test_a_day_is_as_long_as_its_zone_makes_it(day: date, hours: int) -> None:
    window = days(day, day, COPENHAGEN)
    assert window.end - window.start == timedelta(hours=hours)


def test_yesterday_is_the_readers_yesterday_and_not_that_of_utc() -> None:
    window = yesterday(datetime(2026, 11, 20, 23, 30, tzinfo=UTC), COPENHAGEN)
    assert window.exact == "2026-11-20 00:00 +01:00 to 2026-11-21 00:00 +01:00"
    assert window.title == "Fri 20 Nov 2026"


def test_a_window_across_a_change_of_the_clock_shows_both_offsets() -> None:
    assert days(date(2026, 10, 25), date(2026, 10, 25), COPENHAGEN).exact.count("+0") == 2
    assert "+02:00 to 2026-10-26 00:00 +01:00" in days(date(2026, 10, 25), date(2026, 10, 25), COPENHAGEN).exact


def test_days_join_without_gap_or_overlap_even_where_midnight_is_skipped() -> None:
    zone = ZoneInfo("America/Asuncion")  # its clock skipped midnight each spring
    for offset in range(40):
        day = date(2023, 9, 20) + timedelta(days=offset)
        assert days(day, day, zone).end == days(day + timedelta(days=1), day + timedelta(days=1), zone).start


def test_the_end_does_not_belong_to_a_window() -> None:
    window = days(date(2026, 11, 20), date(2026, 11, 21), COPENHAGEN)
    assert window.start in window
    assert window.end not in window
    assert window.title == "Fri 20 Nov 2026 to Sat 21 Nov 2026"


def test_a_window_cannot_end_before_it_begins() -> None:
    with pytest.raises(ValueError, match="comes before"):
        days(date(2026, 11, 21), date(2026, 11, 20), COPENHAGEN)
