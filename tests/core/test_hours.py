from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.hours import DAY, HORIZON, Hours, Span

COPENHAGEN = ZoneInfo("Europe/Copenhagen")
OFFICE = (540, 1080)
WEEK = (OFFICE,), (OFFICE,), (OFFICE,), (OFFICE,), (OFFICE,), ((600, 840),), ()
NEVER: tuple[tuple[Span, ...], ...] = ((),) * 7
SHOP = Hours(COPENHAGEN, WEEK, frozenset({date(2026, 12, 25)}))

ZONES = ("Europe/Copenhagen", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "Africa/Casablanca", "UTC")


def local(*parts: int, zone: ZoneInfo = COPENHAGEN, fold: int = 0) -> datetime:
    year, month, day, hour, minute = parts
    return datetime(year, month, day, hour, minute, tzinfo=zone, fold=fold)


@pytest.mark.parametrize(
    ("at", "is_open"),
    [
        (local(2026, 11, 20, 8, 59), False),
        (local(2026, 11, 20, 9, 0), True),
        (local(2026, 11, 20, 17, 59) + timedelta(seconds=59), True),
        (local(2026, 11, 20, 18, 0), False),
        (local(2026, 11, 21, 9, 30), False),
        (local(2026, 11, 21, 13, 59), True),
        (local(2026, 11, 22, 12, 0), False),
        (local(2026, 12, 25, 12, 0), False),
    ],
)
def test_it_is_open_from_the_start_until_just_before_the_end(at: datetime, is_open: bool) -> None:
    assert SHOP.is_open(at) is is_open
    assert SHOP.is_open(at.astimezone(UTC)) is is_open


@pytest.mark.parametrize(
    ("at", "opens"),
    [
        (local(2026, 11, 20, 12, 0), local(2026, 11, 20, 12, 0)),
        (local(2026, 11, 20, 3, 0), local(2026, 11, 20, 9, 0)),
        (local(2026, 11, 20, 18, 0), local(2026, 11, 21, 10, 0)),
        (local(2026, 11, 21, 14, 0), local(2026, 11, 23, 9, 0)),
        (local(2026, 12, 24, 18, 0), local(2026, 12, 26, 10, 0)),
    ],
)
def test_the_next_opening_skips_nights_sundays_and_closed_days(at: datetime, opens: datetime) -> None:
    assert SHOP.next_opening(at) == opens
    assert SHOP.next_opening(at.astimezone(UTC)) == opens


def test_hours_keep_the_wall_clock_when_the_clocks_change() -> None:
    before, after = local(2026, 3, 28, 14, 0), local(2026, 3, 30, 9, 0)
    assert SHOP.next_opening(before) == after
    assert after.astimezone(UTC).hour == 7
    assert local(2026, 3, 27, 9, 0).astimezone(UTC).hour == 8


def test_an_opening_inside_the_skipped_hour_happens_when_the_clock_jumps() -> None:
    hours = Hours(COPENHAGEN, (((150, 300),),) * 7)
    opens = hours.next_opening(local(2026, 3, 29, 1, 0))
    assert opens == datetime(2026, 3, 29, 1, 0, tzinfo=UTC)
    assert opens is not None
    assert opens.hour == 3


def test_the_repeated_hour_opens_twice() -> None:
    hours = Hours(COPENHAGEN, (((120, 150),),) * 7)
    first = hours.next_opening(local(2026, 10, 25, 1, 0))
    assert first is not None
    assert first.astimezone(UTC) == datetime(2026, 10, 25, 0, 0, tzinfo=UTC)
    again = hours.next_opening(local(2026, 10, 25, 2, 45))
    assert again is not None
    assert again.astimezone(UTC) == datetime(2026, 10, 25, 1, 0, tzinfo=UTC)


def test_an_opening_inside_the_repeated_hour_comes_again() -> None:
    hours = Hours(COPENHAGEN, (((150, 165),),) * 7)
    again = hours.next_opening(local(2026, 10, 25, 2, 50))
    assert again is not None
    assert again.astimezone(UTC) == datetime(2026, 10, 25, 1, 30, tzinfo=UTC)


def test_a_night_shift_belongs_to_the_day_it_starts_on() -> None:
    friday_night = Hours(COPENHAGEN, ((), (), (), (), ((1320, DAY + 120),), (), ()))
    assert friday_night.is_open(local(2026, 11, 21, 1, 59))
    assert not friday_night.is_open(local(2026, 11, 21, 2, 0))
    assert not friday_night.is_open(local(2026, 11, 20, 1, 0))
    closed = Hours(COPENHAGEN, friday_night.week, frozenset({date(2026, 11, 20)}))
    assert not closed.is_open(local(2026, 11, 21, 1, 0))


def test_hours_that_never_open_have_no_next_opening() -> None:
    assert Hours(COPENHAGEN, NEVER).next_opening(local(2026, 11, 20, 9, 0)) is None


def test_a_year_of_closed_days_is_looked_past() -> None:
    closed = frozenset(date(2026, 1, 1) + timedelta(days=n) for n in range(HORIZON - 10))
    hours = Hours(COPENHAGEN, WEEK, closed)
    opens = hours.next_opening(local(2026, 1, 1, 12, 0))
    assert opens is not None
    assert opens.date() >= max(closed)


def spans() -> st.SearchStrategy[tuple[Span, ...]]:
    one = st.tuples(st.integers(0, DAY - 1), st.integers(1, DAY)).map(lambda s: (s[0], s[0] + s[1]))
    return st.lists(one, max_size=2).map(tuple)


weeks = st.tuples(*[spans()] * 7)
# Around the changes of clocks in both halves of the world, where a mistake would hide.
instants = st.one_of(
    st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1)),  # noqa: DTZ001 - made aware below
    st.datetimes(datetime(2026, 3, 27), datetime(2026, 4, 6)),  # noqa: DTZ001
    st.datetimes(datetime(2026, 10, 24), datetime(2026, 11, 2)),  # noqa: DTZ001
).map(lambda naive: naive.replace(tzinfo=UTC))


@given(st.sampled_from(ZONES), weeks, instants)
def test_at_the_next_opening_it_is_open_and_just_before_it_was_not(
    zone: str, week: tuple[tuple[Span, ...], ...], at: datetime
) -> None:
    hours = Hours(ZoneInfo(zone), week)
    opens = hours.next_opening(at)
    if opens is None:
        assert not any(week)
        return
    opens = opens.astimezone(UTC)
    assert opens >= at
    assert hours.is_open(opens)
    if opens > at:
        assert not hours.is_open(at)
        assert not hours.is_open(max(at, opens - timedelta(microseconds=1)))


@given(st.sampled_from(ZONES), weeks, instants, st.integers(1, 10**6))
def test_between_now_and_the_next_opening_it_is_closed(
    zone: str, week: tuple[tuple[Span, ...], ...], at: datetime, part: int
) -> None:
    hours = Hours(ZoneInfo(zone), week)
    opens = hours.next_opening(at)
    if opens is None or opens == at:
        return
    between = at + (opens.astimezone(UTC) - at) * (part / 10**6)
    assert between >= opens or not hours.is_open(between)


@given(st.sampled_from(ZONES), weeks, instants)
def test_whether_it_is_open_does_not_depend_on_the_zone_of_the_question(
    zone: str, week: tuple[tuple[Span, ...], ...], at: datetime
) -> None:
    hours = Hours(ZoneInfo(zone), week)
    assert hours.is_open(at) == hours.is_open(at.astimezone(ZoneInfo("Asia/Tokyo")))
