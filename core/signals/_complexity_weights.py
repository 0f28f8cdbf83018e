"""The weights of the complexity signal: what they are, how they are read and written as text, and the sums they make.

Two formulas, both logistic: `plain` over the counts of a text alone, `meant` over counts, the text's vector and its
terms. `centres` say which texts the second was fitted on. Fitted by tools/fit_complexity.py.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from core.signals._complexity import INPUTS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from core.meaning import Vector

    Floats = NDArray[np.float64]

FOLDER = Path(__file__).parent / "_data" / "complexity"
THOUSANDTH = 1_000
"""Terms' weights and centres are written as whole thousandths."""


@dataclass(frozen=True, slots=True)
class Linear:
    """A weighted sum of INPUTS, each kept between the bounds it had among the texts of the fit, shape (52,) each."""

    intercept: float
    weights: Floats
    least: Floats
    most: Floats

    def total(self, values: Sequence[float]) -> float:
        """The sum, in units of log odds."""
        kept = np.minimum(np.maximum(np.asarray(values), self.least), self.most)
        return self.intercept + float(kept @ self.weights)


@dataclass(frozen=True, slots=True)
class Weights:
    """Everything that was fitted. `vector` has the encoder's length d; `centres` shape (k, d), each of length 1."""

    encoder: str
    near: float
    plain: Linear
    meant: Linear
    vector: Floats
    centres: Floats
    terms: Mapping[str, float] = field(repr=False)

    def by_words(self, values: Sequence[float]) -> float:
        """The log odds from the counts alone."""
        return self.plain.total(values)

    def by_meaning(self, values: Sequence[float], said: Sequence[str], meaning: Vector) -> float:
        """The log odds from counts, terms and vector."""
        known = sum([gain for gain in map(self.terms.get, said) if gain]) / math.sqrt(len(said) or 1)
        return self.meant.total(values) + known + float(meaning @ self.vector)

    def is_near(self, meaning: Vector) -> bool:
        """Whether a text is about the like of what the formula was fitted on."""
        return float(max(self.centres.dot(meaning).tolist())) >= self.near


def probability(total: float) -> float:
    """Log odds as a probability."""
    return 1 / (1 + math.exp(-max(-40.0, min(40.0, total))))


def load_weights(folder: Path = FOLDER) -> Weights:
    """The weights of a folder. OSError, ValueError and KeyError when a file of the package is missing or broken."""
    parts = _parts((folder / "weights.txt").read_text(encoding="utf-8").splitlines())
    about = dict(line.split(": ", 1) for line in parts["about"])
    known = {}
    for line in (folder / "terms.txt").read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("# "):
            gain, _, listed = line.partition(": ")
            known.update(dict.fromkeys(listed.split(", "), int(gain) / THOUSANDTH))
    return Weights(
        encoder=about["encoder"],
        near=float(about["near"]),
        plain=_linear(parts["plain"]),
        meant=_linear(parts["meant"]),
        vector=np.array([float(number) for line in parts["vector"] for number in line.split()]),
        centres=np.array([[int(number) / THOUSANDTH for number in line.split()] for line in parts["centres"]]),
        terms=known,
    )


def save_weights(weights: Weights, folder: Path, header: str) -> None:
    """Write weights.txt and terms.txt, `header` (lines that begin with `# `) above both."""
    numbers = [f"{number:.4f}" for number in weights.vector]
    lines = [
        *("[about]", f"encoder: {weights.encoder}", f"near: {weights.near:.4f}"),
        *("[plain]", *_written(weights.plain)),
        *("[meant]", *_written(weights.meant)),
        *("[vector]", *(" ".join(numbers[start : start + 12]) for start in range(0, len(numbers), 12))),
        *("[centres]", *(" ".join(str(round(n * THOUSANDTH)) for n in centre) for centre in weights.centres)),
    ]
    (folder / "weights.txt").write_text("\n".join([header, *lines, ""]), encoding="utf-8")
    levels: dict[int, list[str]] = {}
    for term, gain in weights.terms.items():
        levels.setdefault(round(gain * THOUSANDTH), []).append(term)
    listed = [f"{gain}: {', '.join(sorted(levels[gain]))}" for gain in sorted(levels, reverse=True) if gain]
    (folder / "terms.txt").write_text("\n".join([header, *listed, ""]), encoding="utf-8")


def _parts(lines: Iterable[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    part: list[str] = []
    for line in lines:
        if line.startswith("["):
            part = found.setdefault(line.strip("[]"), [])
        elif line and not line.startswith("#"):
            part.append(line)
    return found


def _linear(lines: Sequence[str]) -> Linear:
    """From `intercept: b` and lines `name: weight least most`, in the order of INPUTS."""
    rows = {name: [float(n) for n in numbers.split()] for name, _, numbers in (line.partition(": ") for line in lines)}
    table = np.array([rows[name] for name in INPUTS])
    return Linear(rows["intercept"][0], table[:, 0], table[:, 1], table[:, 2])


def _written(linear: Linear) -> list[str]:
    rows = zip(INPUTS, linear.weights, linear.least, linear.most, strict=True)
    return [
        f"intercept: {linear.intercept:.4f}",
        *(f"{name}: {weight:.4f} {least:.4f} {most:.4f}" for name, weight, least, most in rows),
    ]
