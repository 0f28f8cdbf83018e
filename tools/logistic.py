"""Logistic regression in pure Python, small enough for the few inputs our signals weigh. Used by tools/fit_*.py."""

from __future__ import annotations

import math
from collections.abc import Sequence

Row = Sequence[float]


def fit(rows: Sequence[Row], truths: Sequence[bool], ridge: float) -> tuple[list[float], float]:
    """(weights, intercept) by Newton's method; `ridge` penalises weights per row, never the intercept."""
    inputs = [[*row, 1.0] for row in rows]
    size = len(inputs[0])
    weights = [0.0] * size
    for _ in range(50):
        slope, bend = [0.0] * size, [[0.0] * size for _ in range(size)]
        for row, truth in zip(inputs, truths, strict=True):
            guess = squash(sum(w * x for w, x in zip(weights, row, strict=True)))
            for i in range(size):
                slope[i] += (truth - guess) * row[i]
                for j in range(size):
                    bend[i][j] += guess * (1 - guess) * row[i] * row[j]
        for i in range(size - 1):
            slope[i] -= ridge * len(inputs) * weights[i]
            bend[i][i] += ridge * len(inputs)
        step = _solve(bend, slope)
        weights = [w + s for w, s in zip(weights, step, strict=True)]
        if max(map(abs, step)) < 1e-7:
            break
    return weights[:-1], weights[-1]


def squash(total: float) -> float:
    """The logistic function."""
    return 1 / (1 + math.exp(-max(-40.0, min(40.0, total))))


def _solve(matrix: list[list[float]], vector: list[float]) -> list[float]:
    """Gauss-Jordan elimination with row exchange."""
    size = len(vector)
    rows = [[*line, value] for line, value in zip(matrix, vector, strict=True)]
    for i in range(size):
        pivot = max(range(i, size), key=lambda r: abs(rows[r][i]))
        rows[i], rows[pivot] = rows[pivot], rows[i]
        for r in range(size):
            if r != i:
                factor = rows[r][i] / rows[i][i]
                rows[r] = [a - factor * b for a, b in zip(rows[r], rows[i], strict=True)]
    return [rows[i][size] / rows[i][i] for i in range(size)]
