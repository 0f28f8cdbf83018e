"""Figures with their 95 % intervals: shares, areas under the curve, errors of calibration, and resampling by group.

Arithmetic on scores and truths only; which data they come from is each evaluator's.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from core.meaning import Encoder

    Floats = NDArray[np.float64]
    Indices = NDArray[np.intp]

Z = 1.959964
"""The standard normal's 97.5 % point."""

DRAWS = 500
"""Resamplings behind an interval."""

BINS = 10
"""Equally wide bins of the expected calibration error (Guo et al. 2017, "On Calibration of Modern Neural Networks")."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured number: from `n` cases, and between `low` and `high` with 95 % confidence."""

    value: float
    n: int
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Task:
    """What to evaluate on: a file or folder, other data to train on (or None), and what reads meanings."""

    data: Path
    train: Path | None
    encoder: Encoder


@dataclass(frozen=True, slots=True)
class Evaluation:
    """How good a signal is on some data, beside what is simpler. `n` cases; figures by name."""

    signal: str
    n: int
    metrics: Mapping[str, Figure]
    baseline: Mapping[str, Figure] = field(default_factory=dict)


def share(hits: int, n: int) -> Figure:
    """A share with Wilson's score interval (Wilson 1927); of nothing it is nan, between 0 and 1."""
    if not n:
        return Figure(math.nan, 0, 0.0, 1.0)
    p, z2 = hits / n, Z * Z
    middle = (p + z2 / (2 * n)) / (1 + z2 / n)
    half = Z / (1 + z2 / n) * math.sqrt(p * (1 - p) / n + z2 / (4 * n * n))
    return Figure(p, n, max(0.0, middle - half), min(1.0, middle + half))


def area(scores: Sequence[float] | Floats, truths: Sequence[bool] | NDArray[np.bool_]) -> float:
    """AUC: how often a positive scores above a negative, ties counting half; nan without one of either."""
    values, positive = np.asarray(scores, np.float64), np.asarray(truths, np.bool_)
    many, few = int(positive.sum()), int((~positive).sum())
    if not many or not few:
        return math.nan
    _, place, count = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.cumsum(count)
    ranks = (ends - (count - 1) / 2)[place]
    return float((ranks[positive].sum() - many * (many + 1) / 2) / (many * few))


def auc(scores: Sequence[float], truths: Sequence[bool], groups: Sequence[object] | None = None) -> Figure:
    """AUC with an interval by resampling whole groups (dialogues, entries); without groups each case is its own."""
    values, positive = np.asarray(scores, np.float64), np.asarray(truths, np.bool_)
    return resampled(lambda chosen: area(values[chosen], positive[chosen]), groups or range(len(values)))


def calibration_error(chances: Sequence[float] | Floats, truths: Sequence[bool] | NDArray[np.bool_]) -> float:
    """Expected calibration error over BINS equally wide bins."""
    values, truth = np.asarray(chances, np.float64), np.asarray(truths, np.float64)
    if not len(values):
        return math.nan
    bins = np.minimum((values * BINS).astype(np.intp), BINS - 1)
    gaps = np.bincount(bins, values - truth, BINS)
    return float(np.abs(gaps).sum() / len(values))


def ece(chances: Sequence[float], truths: Sequence[bool], groups: Sequence[object] | None = None) -> Figure:
    """Expected calibration error with an interval as `auc` has."""
    values, truth = np.asarray(chances, np.float64), np.asarray(truths, np.bool_)
    return resampled(lambda chosen: calibration_error(values[chosen], truth[chosen]), groups or range(len(values)))


def resampled(statistic: Callable[[Indices], float], groups: Sequence[object], draws: int = DRAWS) -> Figure:
    """`statistic` of all cases, with the 2.5 and 97.5 percentiles over resampled groups (the same every time).

    `groups` names the group of each case; `statistic` takes the indices of the cases to count, some several times.
    """
    members: dict[object, list[int]] = {}
    for case, group in enumerate(groups):
        members.setdefault(group, []).append(case)
    kept = [np.asarray(cases, np.intp) for cases in members.values()]
    everything = np.arange(len(groups), dtype=np.intp)
    if not kept:
        return Figure(math.nan, 0, math.nan, math.nan)
    chance = np.random.default_rng(0)
    singly = len(kept) == len(everything)
    found = []
    for _ in range(draws):
        drawn = chance.integers(len(kept), size=len(kept))
        found.append(statistic(drawn if singly else np.concatenate([kept[group] for group in drawn])))
    low, high = np.nanpercentile(found, [2.5, 97.5])
    return Figure(statistic(everything), len(everything), float(low), float(high))
