"""A short run of the breaker's life beside a simple one; python -m tests.fuzz.breaker plays longer."""

from __future__ import annotations

from core.answering.breaker import State
from tests.fuzz.breaker import Life, crowd, play


def test_any_life_of_a_breaker_is_that_of_the_simple_one() -> None:
    assert play(80) >= 2_000
    assert set(Life.seen) == set(State)


async def test_thundering_half_open_with_callers_at_once() -> None:
    assert await crowd(20) == dict.fromkeys(range(1, 11), 2)
