"""Articles by what they mean: a vector for each wording and for each whole article, compared with a question's.

Only products and their best are here; how sure a match is lives in core.library.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from core.meaning import Vector


class MeaningIndex:
    """Vectors of length 1. `owners` gives the article of each wording, in rising order, every article at least once."""

    def __init__(self, owners: Sequence[int], wordings: Sequence[Vector], bodies: Sequence[Vector]) -> None:
        self._wordings = np.stack(wordings)
        self._bodies = np.stack(bodies)
        self._starts = np.flatnonzero(np.diff(np.asarray(owners), prepend=-1))

    def compare(self, meaning: Vector) -> tuple[Vector, Vector]:
        """For each article: the cosine with its nearest wording, and with the whole of it."""
        return np.maximum.reduceat(self._wordings @ meaning, self._starts), self._bodies @ meaning
