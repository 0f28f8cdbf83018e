"""How frustration is weighed: the numbers of the newest bursts and their vectors in, one probability out.

Two formulas: by words alone, and by meaning where the newest burst's vector is known. What one burst's words say is in
`_frustration`; the weights stand in _data/frustration, fitted by tools/fit_frustration.py.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from core.asks import asks
from core.conversation import Conversation
from core.meaning import native
from core.signals._frustration import INPUTS, RECENT, Gauge
from core.words import clip

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from core.meaning import Meanings

    Floats = NDArray[np.float64]

FOLDER = Path(__file__).parent / "_data" / "frustration"

LOOKED_AT = 4
"""Bursts that are read, the newest included: as many as an encoder is asked for."""

FEELINGS = ("negative", "angry", "pleased")
"""What is read from a vector by weights learned from data/goemotions, each in standard deviations of it."""

TALK = (*(f"newest {name}" for name in INPUTS), *(f"earlier {name}" for name in INPUTS), "bursts", "not the first")
"""The inputs of the formula on words: the newest burst, the mean of the earlier ones, and how many there were."""

MEANT = (*(f"newest {name}" for name in FEELINGS), *(f"earlier {name}" for name in FEELINGS))
"""What comes in addition where vectors are known; then the newest burst's vector itself."""

OUTRIGHT = 1.5
"""Added when frustration is said outright ("third time I am asking", "I want it now!!"). Set by hand, not fitted: such
words stand in 7 of the 484 rated turns only, of which 6 were rated frustrated."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is weighed: `talk` in the order of TALK; `meant` in the order of MEANT and then the vector, or None."""

    talk: Floats
    meant: Floats | None
    outright: bool
    words: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Formula:
    """Weights with the intercept last: over `talk`, and over `talk` and `meant` (empty where that was never fitted)."""

    by_words: Floats
    by_meaning: Floats

    def probability(self, evidence: Evidence) -> float:
        """That people would call the newest burst frustrated."""
        if evidence.meant is None or not len(self.by_meaning):
            weights, total = self.by_words, 0.0
        else:
            weights, total = self.by_meaning, float(self.by_meaning[len(TALK) : -1] @ evidence.meant)
        total += float(weights[: len(TALK)] @ evidence.talk) + float(weights[-1]) + OUTRIGHT * evidence.outright
        return 1 / (1 + math.exp(-total))


class Weighing:
    """The word lists and what reads feelings from a vector; `evidence` is pure."""

    def __init__(self) -> None:
        self._gauge = Gauge()
        self._feelings, self._offsets = feelings()
        self._values = lru_cache(maxsize=RECENT)(lambda text: np.array(self._gauge.read(text).values))

    def evidence(self, conversation: Conversation) -> Evidence:
        """Of the newest burst and those before it; all 0 when there is none."""
        said = [ask.text for ask in asks(conversation, LOOKED_AT)]
        texts = [clip(text) for text in said] or [""]
        newest = self._gauge.read(texts[0])
        talk = np.zeros(len(TALK))
        talk[: len(INPUTS)] = self._values(texts[0])
        if count := len(texts) - 1:
            earlier = talk[len(INPUTS) : 2 * len(INPUTS)]
            for text in texts[1:]:
                earlier += self._values(text)
            earlier /= count
            talk[-2:] = count / (LOOKED_AT - 1), 1
        meant = self._meant(conversation.meanings, said) if said and newest.english else None
        return Evidence(talk, meant, newest.outright, newest.words)

    def _meant(self, meanings: Meanings | None, said: Sequence[str]) -> Floats | None:
        newest, *earlier = [native(meanings, text) for text in said]
        if newest is None:
            return None
        known = [newest, *(one for one in earlier if one is not None)]
        felt = np.array(known, np.float64) @ self._feelings + self._offsets
        meant = np.zeros(len(MEANT) + len(newest))
        meant[: len(FEELINGS)] = felt[0]
        if len(known) > 1:
            meant[len(FEELINGS) : len(MEANT)] = felt[1:].sum(0) / (len(known) - 1)
        meant[len(MEANT) :] = newest
        return meant


def feelings() -> tuple[Floats, Floats]:
    """(weights of shape (d, 3), offsets of shape (3,)) as they ship."""
    rows = _numbers("feelings.csv", FEELINGS)
    return rows[1:], rows[0]


def shipped() -> Formula:
    """The formula that ships."""
    named = _numbers("weights.csv", ("by words", "by meaning"))
    own = _numbers("vector.csv", ("weight",))[:, 0]
    talk = len(TALK)
    by_words = np.append(named[:talk, 0], named[-1, 0])
    return Formula(by_words, np.concatenate([named[:-1, 1], own, named[-1:, 1]]))


def _numbers(name: str, columns: Sequence[str]) -> Floats:
    """A shipped table's columns; an empty field is 0."""
    with (FOLDER / name).open(encoding="utf-8", newline="") as lines:
        return np.array([[float(row[column] or 0) for column in columns] for row in csv.DictReader(lines)])
