"""How many extra calls there are."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.answering.retries import RetryBudget


def spent(budget: RetryBudget, wanted: int = 10_000) -> int:
    return sum(budget.take() for _ in range(wanted))


def test_before_anything_was_earned_there_is_the_reserve_and_no_more() -> None:
    budget = RetryBudget()
    assert budget.left == 10.0
    assert spent(budget) == 10
    assert (budget.left, budget.extra) == (0.0, 10)


def test_ten_thousand_calls_that_all_fail_make_exactly_a_fifth_of_extra_ones() -> None:
    budget = RetryBudget()
    for _ in range(10_000):
        budget.call()
        budget.take()
    assert (budget.calls, budget.extra) == (10_000, 2_000)


def test_a_budget_that_was_used_up_earns_one_extra_call_with_five_calls() -> None:
    budget = RetryBudget(reserve=0.0)
    for _ in range(4):
        budget.call()
        assert not budget.take()
    budget.call()
    assert budget.take()
    assert not budget.take()


def test_a_calm_month_pays_for_a_hundred_extra_calls_at_once_and_no_more() -> None:
    budget = RetryBudget()
    for _ in range(1_000_000):
        budget.call()
    assert budget.left == 100.0
    assert spent(budget) == 100


def test_without_a_share_and_a_reserve_there_is_never_an_extra_call() -> None:
    budget = RetryBudget(share=0.0, reserve=0.0)
    for _ in range(100):
        budget.call()
    assert not budget.take()


@given(
    steps=st.lists(st.tuples(st.booleans(), st.integers(1, 60)), max_size=60),
    percent=st.integers(0, 100),
    reserve=st.integers(0, 20),
)
def test_extra_calls_never_exceed_the_share_or_the_reserve(
    steps: list[tuple[bool, int]], percent: int, reserve: int
) -> None:
    budget = RetryBudget(percent / 100, float(reserve))
    for first, times in steps:
        for _ in range(times):
            if first:
                budget.call()
            else:
                budget.take()
            assert 100 * budget.extra <= max(100 * reserve, percent * budget.calls)


@pytest.mark.parametrize("share", [0.1, 0.2, 0.3])
def test_nothing_is_lost_in_sums(share: float) -> None:
    budget = RetryBudget(share, reserve=0.0, most=1e6)
    for _ in range(1_000_000):
        budget.call()
    assert budget.left == share * 1_000_000


def test_another_share_counts_from_the_next_call_on_and_nothing_saved_is_lost() -> None:
    budget = RetryBudget(0.2, reserve=0.0)
    for _ in range(10):
        budget.call()
    budget.obey(0.5)
    budget.call()
    assert budget.left == 2.5
