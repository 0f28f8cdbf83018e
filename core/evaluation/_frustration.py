"""Fitting the formulas of the frustration signal on rated turns: other people's, or ours in tools/fit_frustration.py.

Ridge regression of the mean rating on scaled inputs, then a logistic curve that makes a probability of it: fitted on
predictions for dialogues the ridge did not see.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from core.signals._frustration import INPUTS
from core.signals._frustration_formula import MEANT, OUTRIGHT, Evidence, Formula

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

FRUSTRATED = 3.0
"""The median rating from which a turn counts as frustrated."""

FOLDS = 5
RIDGE = 0.01
"""Of the squared weights, per row; picked by tools/fit_frustration.py, which also prints what picking it is worth."""

SCALES = {"words": 0.5, "talk": 0.3, "feelings": 0.3, "vector": 1.0}
"""How large inputs are made before the ridge, so that it leaves some freer than others."""

ALONE = 2.0
"""How much larger `words` and `talk` are made where they are all there is."""


@dataclass(frozen=True, slots=True)
class Rated:
    """One rated turn: its dialogue, what is weighed, the raters' median and mean (0 to 5)."""

    dialogue: str
    evidence: Evidence
    median: float
    mean: float


def refit(rows: Sequence[Rated], ridge: float = RIDGE) -> Formula:
    """Both formulas from these rows, that by meaning from those whose vector is known."""
    meant = [row for row in rows if row.evidence.meant is not None]
    by_meaning = _fitted(meant, meaning=True, ridge=ridge) if meant else np.zeros(0)
    return Formula(_fitted(rows, meaning=False, ridge=ridge), by_meaning)


def folds(rows: Sequence[Rated], shuffle: int) -> NDArray[np.intp]:
    """The fold of each row; a dialogue is never in two."""
    names = sorted({row.dialogue for row in rows})
    random.Random(shuffle).shuffle(names)  # noqa: S311 - repeatable folds, no secrets
    fold = {name: n % FOLDS for n, name in enumerate(names)}
    return np.array([fold[row.dialogue] for row in rows], np.intp)


def _fitted(rows: Sequence[Rated], *, meaning: bool, ridge: float) -> Floats:
    scale = _scale(rows[0].evidence, meaning=meaning)
    inputs = np.array([_inputs(row.evidence, meaning=meaning) for row in rows]) * scale
    means = np.array([row.mean for row in rows])
    fold, unseen = folds(rows, 0), np.zeros(len(rows))
    for k in range(FOLDS):
        rest, part = fold != k, fold == k
        if rest.any() and part.any():
            weights = _ridge(inputs[rest], means[rest], ridge)
            unseen[part] = inputs[part] @ weights[:-1] + weights[-1]
    offsets = OUTRIGHT * np.array([row.evidence.outright for row in rows], np.float64)
    slope, start = _logistic(unseen, np.array([row.median >= FRUSTRATED for row in rows], np.float64), offsets)
    weights = _ridge(inputs, means, ridge)
    return np.append(weights[:-1] * scale * slope, weights[-1] * slope + start)


def _scale(evidence: Evidence, *, meaning: bool) -> Floats:
    words = np.full(2 * len(INPUTS), SCALES["words"])
    talk = np.full(len(evidence.talk) - len(words), SCALES["talk"])
    if not meaning or evidence.meant is None:
        return np.concatenate([words, talk]) * ALONE
    felt = np.full(len(MEANT), SCALES["feelings"])
    return np.concatenate([words, talk, felt, np.full(len(evidence.meant) - len(felt), SCALES["vector"])])


def _inputs(evidence: Evidence, *, meaning: bool) -> Floats:
    if not meaning or evidence.meant is None:
        return evidence.talk
    return np.concatenate([evidence.talk, evidence.meant])


def _ridge(inputs: Floats, truths: Floats, ridge: float) -> Floats:
    """Weights with the intercept last, which is not penalised; solved over rows, of which there are fewer."""
    middle, level = inputs.mean(0), float(truths.mean())
    centred = inputs - middle
    alike = centred @ centred.T + ridge * len(inputs) * np.eye(len(inputs))
    weights: Floats = centred.T @ np.linalg.solve(alike, truths - level)
    return np.append(weights, level - middle @ weights)


def _logistic(scores: Floats, truths: Floats, offsets: Floats) -> tuple[float, float]:
    """(slope, start) of the curve through scores, by Newton's method; held back a little, so that it always ends."""
    inputs = np.stack([scores, np.ones(len(scores))], 1)
    weights, held = np.zeros(2), np.diag([1e-3, 1e-3])
    for _ in range(50):
        chance = 1 / (1 + np.exp(-np.clip(inputs @ weights + offsets, -40, 40)))
        bend = (inputs * (chance * (1 - chance))[:, None]).T @ inputs + held
        step = np.linalg.solve(bend, inputs.T @ (truths - chance) - held @ weights)
        weights = weights + step
        if np.abs(step).max() < 1e-9:
            break
    return float(weights[0]), float(weights[1])
