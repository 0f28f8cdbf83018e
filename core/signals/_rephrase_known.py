"""The bot's FAQ as a yardstick: which of its entries a burst asks for, as a share of each.

Two bursts that ask for one entry are the same question however differently they are worded, two that ask for
different ones are not however alike they sound. Nothing is answered here; that is the signal `faq`.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from core.articles import Article

if TYPE_CHECKING:
    from core.meaning import Vector

SHARPNESS = 20.0
NONE = 0.6
"""Shares are exp(SHARPNESS * cosine), made to add up to 1 with one of a cosine of NONE that stands for no entry.
Chosen among 15 to 40 and 0.4 to 0.6 on data/faq with half of the entries removed."""

REMEMBERED = 512
"""Bursts whose shares are remembered; the one that came first is forgotten first."""


class Known:
    """The entries; it knows nothing until it has learned what their wordings mean."""

    def __init__(self, articles: Iterable[Article]) -> None:
        owned = [(n, text) for n, a in enumerate(articles) for text in (a.question, *a.asked_as)]
        self.texts = tuple(text for _, text in owned)
        self._starts = np.flatnonzero(np.diff(np.array([n for n, _ in owned], np.intp), prepend=-1))
        self._wordings: Vector | None = None
        self._recent: OrderedDict[str, Vector] = OrderedDict()

    def learn(self, vectors: Sequence[Vector]) -> None:
        """The meanings of `texts`, in their order."""
        if self.texts:
            self._wordings = np.stack(vectors)
            self._recent.clear()

    def shares(self, text: str, meaning: Vector) -> Vector | None:
        """How likely the burst asks for each entry, the last number for none of them; None before it has learned."""
        if self._wordings is None:
            return None
        found = self._recent.get(text)
        if found is None:
            found = self._shares(self._wordings @ meaning)
            self._recent[text] = found
            if len(self._recent) > REMEMBERED:
                self._recent.popitem(last=False)
        return found

    def _shares(self, cosines: Vector) -> Vector:
        """The shares from the cosine of the burst with each wording, worked out in place."""
        found = np.empty(len(self._starts) + 1, cosines.dtype)
        np.maximum.reduceat(cosines, self._starts, out=found[:-1])
        found[-1] = NONE
        found -= 1
        found *= SHARPNESS
        np.exp(found, out=found)
        found /= found.sum()
        return found


def together(one: Vector | None, other: Vector | None) -> tuple[float, float]:
    """The probability that two bursts ask for one entry, and for two different ones; 0 and 0 where nothing is known."""
    if one is None or other is None:
        return 0.0, 0.0
    shared = float(one[:-1].dot(other[:-1]))
    return shared, max(0.0, float((1 - one[-1]) * (1 - other[-1])) - shared)
