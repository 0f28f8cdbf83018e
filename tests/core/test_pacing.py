"""Buckets and paces: what comes back with time, and what a complaint costs."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.pacing import CLEAN, SLOWEST, Bucket, Pace


def test_a_burst_passes_and_the_next_token_is_waited_for() -> None:
    bucket = Bucket(rate=2.0, burst=3.0)
    waits = []
    for _ in range(5):
        wait, bucket = bucket.take(10.0)
        waits.append(wait)
    assert waits == pytest.approx([0.0, 0.0, 0.0, 0.5, 1.0])
    assert bucket.left(10.0) == pytest.approx(-2.0)


def test_tokens_come_back_with_time_and_never_more_than_the_burst() -> None:
    bucket = Bucket(rate=1.0, burst=3.0)
    for _ in range(3):
        _, bucket = bucket.take(0.0)
    assert bucket.left(0.0) == pytest.approx(0.0)
    assert bucket.left(1.5) == pytest.approx(1.5)
    assert bucket.left(1000.0) == 3.0


def test_a_bucket_is_a_value_and_looking_takes_nothing() -> None:
    bucket = Bucket(rate=1.0, burst=1.0)
    bucket.take(0.0)
    assert bucket.left(0.0) == 1.0
    assert bucket == Bucket(rate=1.0, burst=1.0)


@given(st.lists(st.floats(0.0, 3.0), min_size=1, max_size=60), st.floats(0.1, 10.0), st.integers(1, 5))
def test_no_stretch_of_time_lets_through_more_than_burst_and_rate_allow(
    gaps: list[float], rate: float, burst: int
) -> None:
    bucket, now, leaving = Bucket(rate, float(burst)), 0.0, []
    for gap in gaps:
        now += gap
        wait, bucket = bucket.take(now)
        leaving.append(now + wait)
    for first, start in enumerate(leaving):
        for last in range(first, len(leaving)):
            assert last - first + 1 <= burst + rate * (leaving[last] - start) + 1e-6


def test_a_text_is_shown_at_once_and_then_at_its_pace() -> None:
    pace = Pace(every=0.7)
    assert pace.next_due < 0.0
    assert pace.shown(5.0).next_due == pytest.approx(5.7)


def test_a_complaint_halves_the_pace_and_ten_clean_showings_give_a_tenth_back() -> None:
    pace = Pace(every=1.0).shown(0.0).throttled()
    assert pace.next_due == pytest.approx(2.0)
    for _ in range(CLEAN - 1):
        pace = pace.shown(0.0)
        assert pace.next_due == pytest.approx(2.0)
    pace = pace.shown(0.0)
    assert pace.next_due == pytest.approx(1 / 0.55)


def test_a_complaint_starts_the_count_of_clean_showings_again() -> None:
    pace = Pace(every=1.0).throttled()
    for _ in range(CLEAN - 1):
        pace = pace.shown(0.0)
    pace = pace.throttled().shown(0.0)
    assert pace.share == 0.25


@given(st.lists(st.booleans(), max_size=300))
def test_the_pace_stays_between_its_slowest_and_its_usual(complaints: list[bool]) -> None:
    pace = Pace(every=1.0)
    for complaint in complaints:
        pace = pace.throttled() if complaint else pace.shown(0.0)
        assert SLOWEST <= pace.share <= 1.0
