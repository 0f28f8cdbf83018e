"""Examples near a text, among the intents a regression found likeliest: how near they are, and how much that counts.

The regression is in core.softmax; who asks, and what is held back, in core.classifier.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from core.meaning import Matrix, Vector
    from core.softmax import Labels

    Floats = NDArray[np.float64]

FINALISTS = 3
"""Intents whose examples are looked at: the right one is among them for 0.98 of data/banking77 (n=2,001); 5 tell no
more."""

SHARPNESS = 40.0
"""How much nearer counts: an example's weight falls by e for each 1/40 of cosine. 20 is worse where there are many
examples, 60 where there are few."""

MOST_COMPARED = 128
"""Examples of one intent a text is compared with; of more, evenly spread ones. It bounds the time of a reading."""

DOUBT = 20.0
"""How many examples held back weigh as much as the shipped weights beside what they say themselves."""

NEARNESS = 0.05
"""The weight of nearness, as a share of the regression's, where nothing was held back."""


@dataclass(frozen=True, slots=True)
class Weights:
    """How much the regression and the nearness of examples count."""

    scale: float
    nearness: float


class Blocks:
    """The examples of each intent in one piece, and their numbers."""

    def __init__(self, rows: Matrix, owners: Labels, classes: int) -> None:
        self.numbers = [spread(np.flatnonzero(owners == n), MOST_COMPARED) for n in range(classes)]
        self.rows = [np.ascontiguousarray(rows[numbers]) for numbers in self.numbers]


def spread(numbers: Labels, most: int) -> Labels:
    """The numbers, or `most` of them evenly spread."""
    return numbers if len(numbers) <= most else numbers[np.linspace(0, len(numbers) - 1, most).astype(np.intp)]


def density(near: Vector) -> float:
    """The logarithm of the mean weight of the examples at these cosines."""
    high = near.item(near.argmax())
    return SHARPNESS * (high - 1) + math.log(float(np.add.reduce(np.exp(SHARPNESS * (near - high))) / len(near)))


def weigh(outputs: Matrix, blocks: Blocks, rows: Matrix, owners: Labels, shipped: Weights) -> Weights:
    """The weights under which the examples held back are likeliest, not far from the shipped ones.

    `outputs` are the regression's for the rows, shape (n, intents); `owners` the right intents.
    """
    z = outputs.astype(np.float64)
    finalists = np.argsort(-z, axis=1)[:, :FINALISTS]
    densities = np.zeros(finalists.shape)
    for n, block in enumerate(blocks.rows):
        at, place = np.nonzero(finalists == n)
        if len(at):
            near = SHARPNESS * (rows[at] @ block.T - 1)
            densities[at, place] = np.log(np.exp(near).mean(axis=1) + 1e-30)
    right = finalists == owners[:, None]
    own = z[np.arange(len(z)), owners]
    some = np.take_along_axis(z, finalists, axis=1)
    best, least = shipped, math.inf
    for scale in shipped.scale * np.exp(np.linspace(-1.5, 1.5, 13)):
        whole = _log_sum(scale * z)
        mass = _log_sum(scale * some) - whole
        for share in (0.0, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.6, 0.8):
            votes = scale * some + scale * share * densities
            among = (votes * right).sum(axis=1) - _log_sum(votes)
            loss = -np.where(right.any(axis=1), mass + among, scale * own - whole).sum()
            loss += DOUBT * (math.log(scale / shipped.scale) ** 2 + (share - NEARNESS) ** 2)
            if loss < least:
                best, least = Weights(float(scale), float(scale * share)), float(loss)
    return best


def _log_sum(values: Floats) -> Floats:
    high = values.max(axis=1)
    summed: Floats = high + np.log(np.exp(values - high[:, None]).sum(axis=1))
    return summed
