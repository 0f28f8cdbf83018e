"""Fitting the complexity signal: questions with who solved them in, weights out. Numpy only; used to measure as well.

What is fitted is the gain of asking the strong model (1 where it alone is right, -1 where the small one alone is, else
0), by least squares with a penalty: what a router wins by ranking questions is a sum of just these. The result is then
turned into log odds by a logistic formula, over questions the weights were not fitted on.
"""

from __future__ import annotations

import math
from collections import Counter as Tally
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from core.signals._complexity import INPUTS
from core.signals._complexity_weights import Linear, Weights

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Indices = NDArray[np.intp]

FOLDS = 5
ALIKE = 0.9
"""Cosine from which two questions are near-duplicates: all that hang together so stay in one fold."""

PENALTY_COUNTS, PENALTY_VECTOR, PENALTY_TERMS = 1_000.0, 10_000.0, 500.0
"""Of least squares, on standardised counts and vector, and on terms weighed by their rareness."""

MOST_TERMS, FEWEST_USES = 8_000, 4
"""Terms that are weighed, the most frequent, and in how many questions each must stand."""

CENTRES = 10
FAR = 5.0
"""Percent of the fitted questions that are told to be unlike them."""

STEPS, EXACT = 150, 1e-4
"""Conjugate gradients: most steps, and the share of the first error at which they stop."""


@dataclass(frozen=True, slots=True)
class Sample:
    """Questions: shapes (n, len(INPUTS)) of counts, (n, d) of vectors; `said` are the terms of each; right or not."""

    counts: Floats
    vectors: Floats
    said: Sequence[Sequence[str]]
    weak: Floats
    strong: Floats

    @property
    def gain(self) -> Floats:
        """What asking the strong model instead wins, by question."""
        return self.strong - self.weak

    def part(self, chosen: Indices) -> Sample:
        """Some of the questions."""
        said = [self.said[n] for n in chosen]
        return Sample(self.counts[chosen], self.vectors[chosen], said, self.weak[chosen], self.strong[chosen])


@dataclass(frozen=True, slots=True)
class Ranking:
    """A formula that ranks questions: the gain it expects of each. Without vector and terms: from counts alone."""

    linear: Linear
    vector: Floats
    terms: Mapping[str, float]

    def scores(self, sample: Sample) -> Floats:
        """The expected gain of each question."""
        kept = np.clip(sample.counts, self.linear.least, self.linear.most)
        known = [sum(self.terms.get(t, 0.0) for t in said) / math.sqrt(len(said) or 1) for said in sample.said]
        total: Floats = self.linear.intercept + kept @ self.linear.weights + sample.vectors @ self.vector
        total += np.array(known)
        return total

    def scaled(self, slope: float, offset: float) -> Ranking:
        """The same with every score times `slope` plus `offset`."""
        linear = self.linear
        moved = Linear(linear.intercept * slope + offset, linear.weights * slope, linear.least, linear.most)
        return Ranking(moved, self.vector * slope, {term: gain * slope for term, gain in self.terms.items()})


def both(one: Sample, other: Sample) -> Sample:
    """All questions of two samples."""
    return Sample(
        np.concatenate([one.counts, other.counts]),
        np.concatenate([one.vectors, other.vectors]),
        [*one.said, *other.said],
        np.concatenate([one.weak, other.weak]),
        np.concatenate([one.strong, other.strong]),
    )


def fit(sample: Sample, encoder: str) -> Weights:
    """Weights of both formulas, calibrated, for vectors of this encoder."""
    centres, near = _domain(sample.vectors)
    plain, meant = (
        rank(sample, by_meaning=by_meaning).scaled(
            *calibration(out_of_fold(sample, by_meaning=by_meaning), sample.gain > 0)
        )
        for by_meaning in (False, True)
    )
    return Weights(encoder, near, plain.linear, meant.linear, meant.vector, centres, meant.terms)


def out_of_fold(sample: Sample, *, by_meaning: bool = True) -> Floats:
    """Each question's score from a ranking fitted on other questions, near-duplicates kept together."""
    groups = alike(sample.vectors)
    drawn = np.random.default_rng(0).permutation(int(groups.max()) + 1) % FOLDS
    found = np.zeros(len(groups))
    for fold in range(FOLDS):
        inside = drawn[groups] == fold
        if inside.any() and not inside.all():
            rest = rank(sample.part(np.flatnonzero(~inside)), by_meaning=by_meaning)
            found[inside] = rest.scores(sample.part(np.flatnonzero(inside)))
    return found


def rank(sample: Sample, *, by_meaning: bool = True) -> Ranking:
    """The ranking of least squares with a penalty."""
    least, most = np.percentile(sample.counts, [1, 99], axis=0)
    dense = np.clip(sample.counts, least, most)
    penalties = np.full(len(INPUTS), PENALTY_COUNTS)
    terms = dict[str, float]()
    if by_meaning:
        dense = np.hstack([dense, sample.vectors])
        penalties = np.concatenate([penalties, np.full(sample.vectors.shape[1], PENALTY_VECTOR)])
        terms = _rareness(sample.said)
    middle, spread = dense.mean(0), dense.std(0)
    spread[spread < 1e-6] = 1.0
    target = sample.gain - sample.gain.mean()
    solved = _solve(_Design((dense - middle) / spread / np.sqrt(penalties), sample.said, terms), target)
    weights = solved[: dense.shape[1]] / spread / np.sqrt(penalties)
    rest = zip(terms.items(), solved[dense.shape[1] :], strict=True)
    counted = weights[: len(INPUTS)]
    vector = weights[len(INPUTS) :] if by_meaning else np.zeros(sample.vectors.shape[1])
    linear = Linear(float(sample.gain.mean() - middle @ weights), counted, least, most)
    return Ranking(linear, vector, {term: float(size * weight) for (term, size), weight in rest})


def alike(vectors: Floats) -> Indices:
    """The group of each question, 0 and up: near-duplicates of near-duplicates share one."""
    group = np.arange(len(vectors), dtype=np.intp)
    rows = vectors.astype(np.float32)
    for start in range(0, len(rows), 512):
        near = np.argwhere(rows[start : start + 512] @ rows.T >= ALIKE)
        for near_one, other in near:
            one = near_one + start
            if one < other and group[one] != group[other]:
                group[group == group[other]] = group[one]
    return np.unique(group, return_inverse=True)[1].astype(np.intp)


class _Design:
    """The columns of the least squares, dense ones and then a sparse one for each term."""

    def __init__(self, dense: Floats, said: Sequence[Sequence[str]], terms: Mapping[str, float]) -> None:
        place = {term: n for n, term in enumerate(terms)}
        sizes = np.array(list(terms.values())) / math.sqrt(PENALTY_TERMS)
        found = [(row, place[term], len(some)) for row, some in enumerate(said) for term in some if term in place]
        self.rows, self.columns, many = np.array(found or np.zeros((0, 3)), np.intp).T
        self.entries = sizes[self.columns] / np.sqrt(many) if len(terms) else np.zeros(0)
        self.dense, self.terms = dense, len(terms)

    def times(self, weights: Floats) -> Floats:
        wide = self.dense.shape[1]
        sparse = np.bincount(self.rows, self.entries * weights[wide:][self.columns], len(self.dense))
        total: Floats = self.dense @ weights[:wide] + sparse
        return total

    def back(self, errors: Floats) -> Floats:
        sparse = np.bincount(self.columns, self.entries * errors[self.rows], self.terms)
        return np.concatenate([self.dense.T @ errors, sparse])


def _solve(design: _Design, target: Floats) -> Floats:
    """The weights of least squares with a penalty of 1 a squared weight, by conjugate gradients."""
    left = design.back(target)
    weights, step = np.zeros(len(left)), left.copy()
    size = first = float(left @ left)
    for _ in range(STEPS):
        if size <= first * EXACT * EXACT:
            break
        bent = design.back(design.times(step)) + step
        far = size / float(step @ bent)
        weights += far * step
        left -= far * bent
        size, before = float(left @ left), size
        step = left + step * (size / before)
    weights[design.dense.shape[1] :] /= math.sqrt(PENALTY_TERMS)
    return weights


def _rareness(said: Sequence[Sequence[str]]) -> dict[str, float]:
    """The most frequent terms, each with the logarithm of how rare it is (inverse document frequency)."""
    used = Tally(term for some in said for term in some)
    kept = [(term, count) for term, count in used.most_common(MOST_TERMS) if count >= FEWEST_USES and "," not in term]
    return {term: 1 + math.log((1 + len(said)) / (1 + count)) for term, count in kept}


def calibration(scores: Floats, truths: NDArray[np.bool_]) -> tuple[float, float]:
    """(slope, offset) that turn scores into log odds of the truth, as if it held for half of the cases."""
    truth = truths.astype(np.float64)
    weight = np.where(truths, 0.5 / max(truth.mean(), 1e-9), 0.5 / max(1 - truth.mean(), 1e-9))
    spread = float(scores.std()) or 1.0
    inputs = np.column_stack([scores / spread, np.ones(len(scores))])
    found = np.zeros(2)
    for _ in range(50):
        guess = 1 / (1 + np.exp(-inputs @ found))
        slope = inputs.T @ (weight * (truth - guess)) - 1e-3 * found
        bend = (inputs * (weight * guess * (1 - guess))[:, None]).T @ inputs + 1e-3 * np.eye(2)
        found += np.linalg.solve(bend, slope)
    return float(found[0]) / spread, float(found[1])


def _domain(vectors: Floats) -> tuple[Floats, float]:
    """Centres of the questions (k-means on the sphere) and the cosine all but FAR percent have with the nearest."""
    centres = vectors[np.linspace(0, len(vectors) - 1, CENTRES).astype(np.intp)]
    for _ in range(20):
        nearest = (vectors @ centres.T).argmax(1)
        sums = np.stack([vectors[nearest == n].sum(0) if (nearest == n).any() else centres[n] for n in range(CENTRES)])
        centres = sums / np.maximum(np.linalg.norm(sums, axis=1, keepdims=True), 1e-9)
    return centres, float(np.percentile((vectors @ centres.T).max(1), FAR))
