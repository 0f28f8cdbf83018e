"""Figures: known values, the right intervals, and nothing made up where there is nothing to count."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.evaluation._measures import area, auc, calibration_error, ece, resampled, share

SCORES = st.lists(st.tuples(st.sampled_from([0.0, 0.1, 0.5, 0.9]), st.booleans()), min_size=2, max_size=30)


@pytest.mark.parametrize(
    ("hits", "n", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (0, 10, 0.0, 0.2775), (10, 10, 0.7225, 1.0)],  # Newcombe 1998; 10 of 10 its mirror
)
def test_a_share_has_wilson_s_interval(hits: int, n: int, low: float, high: float) -> None:
    found = share(hits, n)
    assert (found.value, found.n) == (hits / n, n)
    assert found.low == pytest.approx(low, abs=5e-4)
    assert found.high == pytest.approx(high, abs=5e-4)


def test_a_share_of_nothing_is_no_number_between_nought_and_one() -> None:
    found = share(0, 0)
    assert math.isnan(found.value)
    assert (found.n, found.low, found.high) == (0, 0.0, 1.0)


@given(SCORES)
def test_the_area_is_how_often_a_positive_is_above_a_negative(rows: list[tuple[float, bool]]) -> None:
    positives, negatives = [s for s, t in rows if t], [s for s, t in rows if not t]
    found = area([s for s, _ in rows], [t for _, t in rows])
    if not positives or not negatives:
        assert math.isnan(found)
        return
    wins = sum((p > n) + (p == n) / 2 for p in positives for n in negatives)
    assert found == pytest.approx(wins / (len(positives) * len(negatives)))


def test_calibration_is_the_gap_between_chance_and_truth() -> None:
    assert calibration_error([0.5, 0.5], [True, False]) == 0
    assert calibration_error([1.0, 1.0], [True, False]) == pytest.approx(0.5)
    assert calibration_error([0.05, 0.95], [False, True]) == pytest.approx(0.05)
    assert math.isnan(calibration_error([], []))


def test_groups_that_stay_together_widen_the_interval() -> None:
    scores = [float(n % 4 > 1) for n in range(200)]
    truths = [bool(n % 2) for n in range(200)]
    alone = auc(scores, truths)
    together = auc(scores, truths, [n // 50 for n in range(200)])
    assert alone.value == together.value
    assert together.high - together.low != alone.high - alone.low
    assert alone == auc(scores, truths)  # the same every time


def test_resampling_draws_whole_groups() -> None:
    seen: list[tuple[int, ...]] = []

    def statistic(cases: np.ndarray[tuple[int], np.dtype[np.intp]]) -> float:
        seen.append(tuple(int(case) for case in cases))
        return float(len(cases))

    found = resampled(statistic, ["a", "a", "b"], draws=20)
    assert found.n == 3
    assert all(cases.count(0) == cases.count(1) for cases in seen)
    assert {2, 3, 4} >= {len(cases) for cases in seen}


def test_of_no_case_there_is_no_figure() -> None:
    found = ece([], [])
    assert (math.isnan(found.value), found.n) == (True, 0)
