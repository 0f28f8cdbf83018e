"""Articles by what they mean: a vector for each wording and for each whole article, compared with a question's.

Only products and their best are here; how sure a match is lives in core.library.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

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


class Near(NamedTuple):
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
        self._every = np.stack([*wordings, *bodies])
        self._wordings, self._bodies = self._every[: len(wordings)], self._every[len(wordings) :]
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
            if len(self._bodies) == len(ranks):  # a wording each
                articles = wordings = _highest(ranks, count)
            else:
                articles = _highest(np.maximum.reduceat(ranks, self._starts), count)
                wordings = [self._nearest(ranks, article) for article in articles]
            return self._near(articles, wordings, meaning)
        rows = _top(self._coarse @ (self._directions @ meaning), KEPT)
        rows = rows[(-(self._sums.take(rows, 0) @ meaning)).argsort(kind="stable")]
        nearest: dict[int, int] = {}
        for row, article in zip(rows.tolist(), self._owners[rows].tolist(), strict=True):
            nearest.setdefault(article, row)
            if len(nearest) == count:
                break
        return self._near(list(nearest), list(nearest.values()), meaning)

    def compare(self, article: int, meaning: Vector) -> Near:
        """One article beside the question."""
        return self._near([article], [self._nearest(self._wordings @ meaning, article)], meaning)[0]

    def _nearest(self, ranks: Vector, article: int) -> int:
        """The best wording of an article; the whole of it adds the same to each."""
        start = self._starts[article]
        return int(start + ranks[start : self._ends[article]].argmax())

    def _near(self, articles: list[int], wordings: list[int], meaning: Vector) -> list[Near]:
        first = len(self._wordings)
        places = wordings + [first + article for article in articles]
        cosines = (self._every.take(places, 0) @ meaning).tolist()
        return list(map(Near, articles, wordings, cosines, cosines[len(wordings) :]))

    def twins(self, wordings: Sequence[int]) -> list[bool]:
        """For each of these wordings, whether another of them means nearly the same."""
        vectors = self._wordings.take(wordings, 0)
        cosines = vectors @ vectors.T
        cosines.flat[:: len(wordings) + 1] = -1  # not with itself
        return [max(row) >= TWINS for row in cosines.tolist()]


def _highest(ranks: Vector, count: int) -> list[int]:
    """The places of the highest `count`, a few, highest first; of equals the first. It uses the ranks up."""
    places = []
    for _ in range(min(count, len(ranks))):
        place = int(ranks.argmax())
        places.append(place)
        ranks[place] = -np.inf
    return places


def _top(ranks: Vector, count: int) -> NDArray[np.intp]:
    """The places of the highest `count`, of which there are more, and of what equals the last; in rising order."""
    last = np.partition(ranks, len(ranks) - count)[len(ranks) - count]  # a third of argpartition's time
    return np.flatnonzero(ranks >= last)
