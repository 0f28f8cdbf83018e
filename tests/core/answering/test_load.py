"""How much a model is asked at once, and how long one waits."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.answering.load import AGAIN, Bucket, Load, LoadRules

PLAIN = LoadRules(jitter=0.0)


class Time:
    """A clock that moves when told."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def time() -> Time:
    return Time()


def made(time: Time, rules: LoadRules = PLAIN, requests: int = 0, tokens: int = 0) -> Load:
    return Load(rules, time, lambda: 1.0, requests, tokens)


def entered(load: Load, calls: int, tokens: int = 0) -> list[float]:
    return [load.enter(tokens) for _ in range(calls)]


def test_unknown_limits_limit_nothing(time: Time) -> None:
    load = made(time)
    entered(load, 2_000, tokens=10**9)
    assert load.wait_for(10**9) == 0.0


def test_requests_a_minute_flow_back_evenly(time: Time) -> None:
    load = made(time, requests=60)
    entered(load, 60)
    assert load.wait_for() == pytest.approx(1.0)
    time.now += 1.0
    assert load.wait_for() == 0.0
    entered(load, 3)
    assert load.wait_for() == pytest.approx(3.0)


def test_tokens_are_taken_as_thought_and_settled_as_used(time: Time) -> None:
    load = made(time, tokens=6_000)
    load.enter(5_000)
    assert load.wait_for(1_000) == 0.0
    assert load.wait_for(2_000) == pytest.approx(10.0)
    load.leave(5_000, used=2_000)
    assert load.wait_for(4_000) == 0.0
    load.enter(1_000)
    load.leave(1_000, used=4_600)
    assert load.wait_for(1) == pytest.approx(6.01)
    load.enter(1_000)
    load.leave(1_000, used=None)
    assert load.wait_for(1) == pytest.approx(16.01)


def test_what_is_more_than_a_minute_gives_waits_for_a_full_bucket_not_for_ever(time: Time) -> None:
    load = made(time, tokens=1_000)
    assert load.wait_for(50_000) == 0.0
    load.enter(50_000)
    assert load.wait_for(1) == pytest.approx(49 * 60, rel=1e-3)


def test_a_call_that_was_never_made_gives_everything_back(time: Time) -> None:
    load = made(time, requests=1, tokens=100)
    load.enter(100)
    load.undo(100)
    assert (load.flying, load.wait_for(100)) == (0, 0.0)


def test_a_bucket_holds_no_more_than_a_minute(time: Time) -> None:
    load = made(time, requests=10)
    time.now += 3_600
    entered(load, 10)
    assert load.wait_for() > 0


@given(
    a_minute=st.integers(1, 1_000),
    waits=st.lists(st.floats(0, 5), max_size=80),
    start=st.floats(0, 1e9),
)
def test_who_waits_as_long_as_told_gets_in_and_never_more_than_two_minutes_worth_in_one(
    a_minute: int, waits: list[float], start: float
) -> None:
    now, taken = start, []
    bucket = Bucket(a_minute, now)
    for pause in waits:
        now += pause
        told = bucket.wait_for(a_minute // 3, now)
        assert 0 <= told <= 60
        now += told
        assert bucket.wait_for(a_minute // 3, now) < 1e-3
        bucket.take(a_minute // 3, now)
        taken.append((now, a_minute // 3))
        assert sum(amount for at, amount in taken if at > now - 60) <= 2 * a_minute + 1


def test_a_limit_that_changed_keeps_how_much_of_it_is_left(time: Time) -> None:
    load = made(time, requests=60)
    entered(load, 30)
    load.resize(10, 100)
    entered(load, 5)
    assert load.wait_for() == pytest.approx(6.0)
    assert load.wait_for(100) == pytest.approx(6.0)
    load.resize(0, 0)
    assert load.wait_for(10**6) == 0.0
    load.resize(10, 0)
    assert load.wait_for() == 0.0


def test_busy_closes_it_for_as_long_as_the_vendor_asked_and_the_longest_wins(time: Time) -> None:
    load = made(time)
    began = entered(load, 4)
    waits = []
    for at, asked in zip(began, (5.0, 30.0, 10.0, None), strict=True):
        load.busy(at, asked)
        waits.append(load.wait_for())
    assert waits == [5.0, 30.0, 30.0, 30.0]
    time.now += 30
    for _ in range(4):
        load.leave()
    assert load.wait_for() == 0.0


def test_a_vendor_that_names_no_time_is_left_alone_twice_as_long_each_round(time: Time) -> None:
    load, waits = made(time), []
    for _ in range(7):
        time.now += 1e-6
        began = load.enter()
        load.busy(began)
        load.leave()
        waits.append(load.wait_for())
        time.now += waits[-1]
    assert waits == pytest.approx([1, 2, 4, 8, 16, 30, 30])
    began = load.enter()
    load.showed(began, 0.1)
    load.leave()
    time.now += 1.0
    load.busy(load.enter())
    load.leave()
    assert load.wait_for() == pytest.approx(1.0)


def test_calls_of_one_round_make_it_fall_once(time: Time) -> None:
    load = made(time)
    began = entered(load, 100)
    time.now += 1
    for at in began:
        load.busy(at)
        load.leave()
    assert load.limit == 70.0
    assert load.wait_for() == 1.0


def test_a_jittered_wait_is_longer_never_shorter(time: Time) -> None:
    load = made(time, LoadRules())
    load.busy(load.enter(), 10.0)
    assert load.wait_for() == 12.0


def test_the_limit_is_what_may_be_under_way_and_never_less_than_one(time: Time) -> None:
    load = made(time)
    for _ in range(20):
        time.now += 100
        load.busy(load.enter())
        load.leave()
    time.now += 100
    assert load.limit == 1.0
    assert load.wait_for() == 0.0
    load.enter()
    assert load.wait_for() == AGAIN
    load.leave()
    assert load.wait_for() == 0.0


def test_the_limit_rises_by_one_a_round_while_it_is_used(time: Time) -> None:
    load = made(time, replace(PLAIN, most=12))
    began = entered(load, 12)
    time.now += 1
    load.busy(began[0])
    assert load.limit == pytest.approx(8.4)
    for _ in range(12):
        load.leave()
    limits = [load.limit]
    for _ in range(5):
        time.now += 10
        began = entered(load, int(load.limit))
        for at in began:
            load.showed(at, 0.2)
        for _ in began:
            load.leave()
        limits.append(load.limit)
    assert all(after == 12 or 0.8 < after - before <= 1 for before, after in pairwise(limits))
    assert limits[-1] == 12


def test_a_limit_that_is_not_used_does_not_rise(time: Time) -> None:
    load = made(time)
    began = entered(load, 100)
    time.now += 1
    load.busy(began[0])
    for _ in range(100):
        load.leave()
    for _ in range(1_000):
        load.showed(load.enter(), 0.2)
        load.leave()
    assert load.limit == 70.0


def test_first_texts_that_come_later_the_more_is_asked_lower_the_limit(time: Time) -> None:
    load = made(time)
    for _ in range(200):
        load.showed(load.enter(), 0.2)
        load.leave()
        time.now += 1
    assert load.limit == 2_048
    began = entered(load, 40)
    time.now += 2
    for at in began:
        load.showed(at, 2.0)
    assert load.limit == 36.0


def test_a_few_slow_texts_are_not_our_making(time: Time) -> None:
    load = made(time)
    for seconds in (0.2,) * 200 + (5.0,) * 200:
        load.showed(load.enter(), seconds)
        load.leave()
        time.now += 1
    assert load.limit == 2_048


def test_concurrency_settles_near_what_a_vendor_takes(time: Time) -> None:
    """A vendor that refuses whatever is over 20 at once; everybody always wants 60."""
    load = made(time, replace(PLAIN, pause=0.1, longest_pause=0.1))
    history, refused, asked = [], 0, 0
    for _ in range(400):
        time.now += 1.0
        began: list[float] = []
        while len(began) < 60 and not load.wait_for():
            began.append(load.enter())
        for n, at in enumerate(began):
            asked += 1
            if n >= 20:
                refused += 1
                load.busy(at)
            else:
                load.showed(at, 0.3)
        for _ in began:
            load.leave()
        history.append(len(began))
    assert min(history[10:]) >= 14
    assert max(history[10:]) <= 21
    assert refused / asked < 0.03


def test_cooldown_storms_a_busy_vendor_is_always_a_finite_wait(time: Time) -> None:
    load = made(time, requests=60, tokens=1_000)
    for _ in range(500):
        load.busy(load.enter(500), 7.0)
        load.leave(500, None)
    assert 0 < load.wait_for(500) < 20_000
    load = made(time)
    for _ in range(500):
        load.busy(load.enter(), 7.0)
        load.leave()
    assert load.wait_for() == 7.0
    time.now += 7.0
    assert load.wait_for() == 0.0
    assert load.view().busy == 500
