"""Which of a bot's intents a text is about, learned from examples: "none of these" included.

Two answers are weighed: a logistic regression on sentence vectors, which knows what parts all intents, and among its
finalists the nearness of examples, which knows wordings. How much each counts is measured on examples held back while
learning; then everything is learned. An intent's name counts as one more example of it. How regression works is in
core.softmax, nearness in core.nearness; how a text was understood, and from which words, is not known here.

Measured with the encoder that ships (`firstline evaluate intent`), beside a plain logistic regression on the vectors:

    banking77/, 5 folds, n=10,003: right 0.924 [0.918, 0.929], plain 0.919; nearest example 0.907
      with 5 examples an intent:   right 0.796 [0.788, 0.804], plain 0.775; with 10: 0.844, plain 0.838
      calibration error 0.006 [0.004, 0.012], plain 0.077
    clinc150/ val, n=3,000:        right 0.958 [0.951, 0.965], plain 0.958; nearest example 0.883
      with 5 examples an intent:   right 0.885 [0.878, 0.893], plain 0.867; with 10: 0.914, plain 0.908
      calibration error 0.011 [0.008, 0.018], plain 0.083
      none of these (100 texts):   AUROC 0.983 [0.973, 0.991], plain 0.964; nearest example 0.966

Its name as one more example is worth 0.15 with one example an intent and 0.01 with five (both sets). Tried and worse or
no better: words and character n-grams beside the vector, whitened vectors, a discriminant with a shared covariance, a
kernel method on 1,024 of the examples, nearness alone. Better: a kernel method on all examples (ridge regression, 0.937
against 0.928 on the first fold, n=2,001), but it learns in the third power of their number and reads every one of them
for each text. The constants below are fitted by tools/fit_intent.py, which prints what they are worth on a set they
were not fitted on.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from operator import mul
from typing import TYPE_CHECKING

import numpy as np

from core.nearness import FINALISTS, NEARNESS, Blocks, Weights, density, spread, weigh
from core.softmax import regress

if TYPE_CHECKING:
    from core.meaning import Matrix, Vector
    from core.softmax import Labels

FIRST_STEPS, MORE_STEPS = 9, 6
"""Steps of the regression without the examples held back, and then with them."""

HELD_BACK, HELD_FROM, MOST_HELD = 8, 2, 1500
"""One example of so many is held back, of each intent with more than HELD_FROM; and how many at most."""

SCALE = (1.47, -0.15, -0.07)
"""The logarithm of the regression's weight where nothing was held back, and what a measured one is drawn to: its
constant, by ln(examples an intent), by ln(intents)."""

ANY_WEIGHTS = (2.75, 0.088, 1.607, -0.759, -1.261, -0.175)
ANY_INTERCEPT = 2.38
"""The logistic formula over `Evidence.inputs`: the probability of being about any intent, where one text in five is
about none, half of those near (other intents of the same business)."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What speaks for the likeliest intent of one text.

    `chosen` is the calibrated probability of that intent where the text is about any; `nearest` the cosine with the
    nearest example of the finalists, `density` the logarithm of their mean nearness, `strength` the regression's
    highest output, `energy` the logarithm of the summed exponentials of all; `size` the logarithms of the number of
    examples an intent and of intents.
    """

    intent: int
    example: int
    chosen: float
    nearest: float
    density: float
    strength: float
    energy: float
    size: tuple[float, float]

    @property
    def inputs(self) -> tuple[float, ...]:
        """What the formula for "any of these" weighs."""
        return (self.nearest, self.density, self.strength, self.energy, *self.size)


@dataclass(frozen=True, slots=True)
class Guess:
    """The likeliest intent. `probability` is calibrated: of being about any intent (`any`), and then about this one.

    `example` is the nearest of the intent's examples, `chosen` the second part alone.
    """

    name: str
    example: str
    any: float
    chosen: float

    @property
    def probability(self) -> float:
        """The probability that the text is about this intent."""
        return self.any * self.chosen


class Classifier:
    """Intents by name, each with its examples. Until `learn` it has no opinion."""

    def __init__(self, intents: Mapping[str, Sequence[str]]) -> None:
        self.names = tuple(intents)
        told = [(n, text) for n, (name, some) in enumerate(intents.items()) for text in (*some, _spoken(name))]
        self.texts: Sequence[str] = tuple(text for _, text in told)
        self._owners = np.array([n for n, _ in told], np.intp)
        self._learned: Learned | None = None

    def learn(self, vectors: Sequence[Vector]) -> None:
        """The vectors of `texts`, in their order: 0.5 s of one core for 77 intents of 130 examples."""
        if self.names:
            self._learned = Learned(np.stack(vectors).astype(np.float32), self._owners, len(self.names))

    def evidence(self, meaning: Vector) -> Evidence | None:
        """What speaks for the likeliest intent; None before anything is learned."""
        return self._learned.evidence(meaning) if self._learned is not None else None

    def guess(self, meaning: Vector) -> Guess | None:
        """The likeliest intent; None before anything is learned."""
        found = self.evidence(meaning)
        if found is None:
            return None
        total = ANY_INTERCEPT + sum(map(mul, ANY_WEIGHTS, found.inputs))
        any_of_these = 1 / (1 + math.exp(-max(-40.0, min(40.0, total))))
        return Guess(self.names[found.intent], self.texts[found.example], any_of_these, found.chosen)


class Learned:
    """What was learned from rows in the order of their intents, the name of each last."""

    def __init__(self, rows: Matrix, owners: Labels, classes: int) -> None:
        held = _held_back(owners, classes)
        kept = np.setdiff1d(np.arange(len(rows)), held)
        examples = len(rows) / classes - 1
        scale = math.exp(SCALE[0] + SCALE[1] * math.log(max(examples, 1)) + SCALE[2] * math.log(classes))
        weights = Weights(scale, NEARNESS * scale)
        matrix = regress(rows[kept], owners[kept], classes, FIRST_STEPS if len(held) else FIRST_STEPS + MORE_STEPS)
        if len(held):
            some = Blocks(rows[kept], owners[kept], classes)
            weights = weigh(_outputs(matrix, rows[held]), some, rows[held], owners[held], weights)
            matrix = regress(rows, owners, classes, MORE_STEPS, matrix)
        self.weights = weights
        self._matrix = np.ascontiguousarray(matrix[:-1].T)
        self._constant = matrix[-1]
        self.blocks = Blocks(rows, owners, classes)
        self._size = (math.log(max(examples, 1)), math.log(classes))

    def outputs(self, rows: Matrix) -> Matrix:
        """What the regression gives for each row and intent, shape (n, intents)."""
        outputs: Matrix = rows @ self._matrix.T + self._constant
        return outputs

    def evidence(self, meaning: Vector) -> Evidence:
        """What speaks for the likeliest intent of one text."""
        z = self._matrix.dot(meaning)
        z += self._constant
        high = z.item(z.argmax())
        z -= high
        outputs = z.tolist()
        finalists = sorted(range(len(outputs)), key=outputs.__getitem__, reverse=True)[:FINALISTS]
        energy = math.log(np.add.reduce(np.exp(z)))
        scale, nearness = self.weights.scale, self.weights.nearness
        whole = float(np.add.reduce(np.exp(z * scale)))
        heard = []
        for n in finalists:
            near = self.blocks.rows[n].dot(meaning)
            at = near.argmax()
            vote, dense = scale * outputs[n], density(near)
            heard.append((vote + nearness * dense, n, at, vote, near.item(at), dense))
        votes, intents, places, shares, cosines, densities = zip(*heard, strict=True)
        best = votes.index(max(votes))
        mass = sum(map(math.exp, shares)) / whole
        among = 1 / sum([math.exp(vote - votes[best]) for vote in votes])
        intent = intents[best]
        example = int(self.blocks.numbers[intent][places[best]])
        chosen = min(1.0, mass * among)
        return Evidence(intent, example, chosen, max(cosines), max(densities), high, high + energy, self._size)


def _spoken(name: str) -> str:
    """An intent's name as words."""
    return " ".join(name.replace("_", " ").replace("-", " ").split())


def _held_back(owners: Labels, classes: int) -> Labels:
    """Which examples are held back: the third of each intent, and every eighth after it; never a name."""
    held = []
    for n in range(classes):
        examples = np.flatnonzero(owners == n)[:-1]
        held.append(examples[HELD_FROM::HELD_BACK])
    return spread(np.concatenate(held), MOST_HELD)


def _outputs(matrix: Matrix, rows: Matrix) -> Matrix:
    outputs: Matrix = rows @ matrix[:-1] + matrix[-1]
    return outputs
