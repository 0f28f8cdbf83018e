"""Articles by what they mean: a vector for each wording and for each whole article, compared with a question's.

Only products and their best are here; how sure a match is lives in core.library.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from core.meaning import Vector

MANY = 1_000
"""Wordings from which on a coarse product with each comes first, and the exact one only with the best of it."""

COARSE = 64
"""Numbers of a coarse vector: the directions in which the wordings differ most."""

KEPT = 96
"""Wordings that get the exact product after a coarse one; more than one article has, or the lead would be unknown."""

TWINS = 0.8
"""The cosine from which two wordings may differ in nothing but a detail: nine in ten of the pairs with a negation in
benchmarks/data/faq_minimal_pairs.csv have 0.77 or more."""


@dataclass(frozen=True, slots=True)
class Near:
    """An article beside a question: its number, its nearest wording's, the cosines with that and with the whole."""

    article: int
    wording: int
    cosine: float
    whole: float


class MeaningIndex:
    """Vectors of length 1. `owners` gives the article of each wording, in rising order, every article at least once.

    Articles are ranked by the cosine with their nearest wording plus `whole` times that with the whole of them. Both
    are products with the question, so one with their sum ranks: half the work.
    """

    def __init__(
        self, owners: Sequence[int], wordings: Sequence[Vector], bodies: Sequence[Vector], whole: float
    ) -> None:
        self._wordings = np.stack(wordings)
        self._bodies = np.stack(bodies)
        self._owners = np.asarray(owners, np.intp)
        self._starts = np.flatnonzero(np.diff(self._owners, prepend=-1))
        self._ends = np.append(self._starts[1:], len(self._owners))
        self._sums = self._wordings + np.float32(whole) * self._bodies[self._owners]
        self._directions: Vector | None = None
        if len(owners) > MANY:
            _, directions = np.linalg.eigh(self._sums.T @ self._sums)
            self._directions = np.ascontiguousarray(directions[:, -COARSE:].T, np.float32)
            self._coarse = np.ascontiguousarray(self._sums @ self._directions.T)

    def best(self, meaning: Vector, count: int) -> list[Near]:
        """The best `count` articles, best first."""
        if self._directions is None:
            ranks = self._sums @ meaning
            articles = _top(np.maximum.reduceat(ranks, self._starts), count).tolist()
            return self._near(articles, [self._nearest(ranks, article) for article in articles], meaning)
        rows = _top(self._coarse @ (self._directions @ meaning), KEPT)
        rows = rows[(-(self._sums[rows] @ meaning)).argsort(kind="stable")]
        nearest: dict[int, int] = {}
        for row, article in zip(rows.tolist(), self._owners[rows].tolist(), strict=True):
            nearest.setdefault(article, row)
        return self._near(list(nearest)[:count], list(nearest.values())[:count], meaning)

    def compare(self, article: int, meaning: Vector) -> Near:
        """One article beside the question."""
        return self._near([article], [self._nearest(self._wordings @ meaning, article)], meaning)[0]

    def _nearest(self, ranks: Vector, article: int) -> int:
        """The best wording of an article; the whole of it adds the same to each."""
        start = self._starts[article]
        return int(start + ranks[start : self._ends[article]].argmax())

    def _near(self, articles: list[int], wordings: list[int], meaning: Vector) -> list[Near]:
        cosines = (self._wordings[wordings] @ meaning).tolist()
        wholes = (self._bodies[articles] @ meaning).tolist()
        return [Near(*each) for each in zip(articles, wordings, cosines, wholes, strict=True)]

    def twins(self, wordings: Sequence[int]) -> list[bool]:
        """For each of these wordings, whether another of them means nearly the same."""
        vectors = self._wordings[list(wordings)]
        cosines = vectors @ vectors.T
        np.fill_diagonal(cosines, -1)
        return [bool(highest >= TWINS) for highest in cosines.max(1, initial=-1)]


def _top(ranks: Vector, count: int) -> NDArray[np.intp]:
    """The places of the highest `count`, highest first; of equals the first."""
    if len(ranks) > 4 * count:
        some = np.argpartition(-ranks, count)[:count]
        some.sort()
    else:
        some = np.arange(len(ranks))
    return some[(-ranks[some]).argsort(kind="stable")][:count]
