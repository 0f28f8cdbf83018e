"""What checks and a confidence are worth on real answers: accuracy against the share sent to the strong model.

    python -m tools.cascade ../shared/data

Reads routing/gsm8k_responses.csv (a weak and a strong model's full answers to GSM8K, truth known), tweetsumm/ and
frustration/ (what real agents wrote). A cascade shows the weak answer unless a signal says to ask the strong model,
which costs that call on top. Every curve stands beside as many sent at random and by hindsight; APGR and CPT as in
core/evaluation/complexity.py, with bootstrap 95 % intervals. The confidence is fitted in five folds and read out of
fold; the weights it prints are those of all rows. The last line is JSON.
"""

# ruff: noqa: T201 - a script prints

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from core.answering.confidence import FEATURES
from core.evaluation._measures import Figure, auc, ece, share
from core.evaluation.complexity import ranked, recovered
from tools.cascade_answers import DEFAULT, RIDGE, Answered, agents, answered, doubts, inputs, locked, signals, verdict
from tools.logistic import fit

if TYPE_CHECKING:
    from core.evaluation._measures import Floats

__all__ = ["Answered", "answered", "doubts", "main"]

SHARES = (0.1, 0.2, 0.3, 0.5, 0.7, 0.9)
THRESHOLDS = (0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
BINS = 20
SHOWN = 12


def at_rate(sent: Floats, rows: Sequence[Answered]) -> Mapping[str, Figure]:
    """What is right when just these go to the strong model, beside as many at random and by hindsight."""
    weak, strong = np.array([row.right for row in rows], float).T
    n, many = len(rows), int(sent.sum())
    best = np.sort(strong - weak)[::-1][:many].sum() + weak.sum()
    chance = weak.sum() + (strong - weak).sum() * many / n
    return {
        "sent": share(many, n),
        "right": share(int(np.where(sent > 0, strong, weak).sum()), n),
        "random": share(round(float(chance)), n),
        "oracle": share(int(best), n),
        "weak wrong among sent": share(int((sent * (1 - weak)).sum()), many),
    }


def curve(scores: Floats, rows: Sequence[Answered]) -> list[float]:
    """What is right at each of SHARES."""
    weak, strong = np.array([row.right for row in rows], float).T
    gap, base = float((strong - weak).mean()), float(weak.mean())
    whole = recovered(scores, strong - weak)
    return [base + gap * float(whole[round(part * len(rows))]) for part in SHARES]


def worth(rows: Sequence[Answered]) -> dict[str, Any]:
    """Every signal's figures, printed and as values."""
    weak, strong = np.array([row.right for row in rows], float).T
    gain = strong - weak
    both = [text(share(int(right.sum()), len(rows))) for right in (weak, strong)]
    print(f"n {len(rows)}: weak right {both[0]}, strong {both[1]}")
    found: dict[str, Any] = {}
    read = dict(signals(rows))
    for name, scores in (*read.items(), ("random", np.zeros(len(rows))), ("oracle", gain)):
        figures = {key: figure_of(value) for key, value in ranked(scores, gain).items()}
        found[name] = {**figures, "curve": dict(zip(map(str, SHARES), curve(scores, rows), strict=True))}
        middle = "  ".join(f"{right:.3f}" for right in curve(scores, rows))
        print(
            f"{name:38} {middle}   " + "  ".join(f"{key} {text(value)}" for key, value in ranked(scores, gain).items())
        )
    for name in ("cheap checks", "sums that do not hold"):
        row = at_rate((read[name] > 0).astype(float), rows)
        found[name]["flagged"] = {key: figure_of(value) for key, value in row.items()}
        print(f"{name}: " + "; ".join(f"{key} {text(value)}" for key, value in row.items()))
    sure = 1 - read["confidence (out of fold)"]
    found["confidence"] = band(sure, rows)
    return found


def band(sure: Floats, rows: Sequence[Answered]) -> dict[str, Any]:
    """The thresholds: below each, the strong model is asked; and where the confidences lie."""
    rated = [row.right[0] for row in rows]
    print(f"confidence: AUC {text(auc(list(sure), rated))}, calibration error {text(ece(list(sure), rated))}")
    swept = {}
    for threshold in THRESHOLDS:
        row = at_rate((sure < threshold).astype(float), rows)
        swept[str(threshold)] = {key: figure_of(value) for key, value in row.items()}
        print(f"  below {threshold}: " + "; ".join(f"{key} {text(value)}" for key, value in row.items()))
    counts, _ = np.histogram(sure, BINS, (0.0, 1.0))
    print("  histogram of 20 bins:", *counts)
    weights, intercept = fit(inputs(rows), rated, RIDGE)
    print(
        "  weights of all rows:", {n: round(w, 4) for n, w in zip(FEATURES, weights, strict=True)}, round(intercept, 4)
    )
    return {"thresholds": swept, "histogram": [int(count) for count in counts]}


def alarms(rows: Sequence[Answered], folder: Path) -> dict[str, Any]:
    """How often each check speaks on real texts; what it hits is printed to be looked at."""
    texts: dict[str, list[tuple[Sequence[str], str]]] = {
        "gsm8k answers": [((row.question,), text) for row in rows for text in row.texts],
        "agents' turns": list(agents(folder)),
    }
    found: dict[str, Any] = {}
    for name, cases in texts.items():
        hits = [(*verdict(DEFAULT, lines, text), text) for lines, text in cases]
        lock = [(*locked(lines, text), text) for lines, text in cases]
        counts = Counter(check for check, _, _ in (*hits, *lock) if check)
        found[name] = {check: figure_of(share(count, len(cases))) for check, count in counts.items()}
        print(f"{name}, n {len(cases)}: " + ", ".join(f"{c} {count}" for c, count in counts.most_common()))
        for check in counts:
            shown = [(why, " ".join(text.split())[:160]) for c, why, text in (*hits, *lock) if c == check]
            for why, text in shown[:: max(1, len(shown) // SHOWN)][:SHOWN]:
                print(f"    {check}: {why} | {text}")
    return found


def text(figure: Figure) -> str:
    """A figure with its interval."""
    return f"{figure.value:.3f} ({figure.low:.3f}-{figure.high:.3f})"


def figure_of(figure: Figure) -> dict[str, float]:
    """A figure as JSON."""
    return {"value": figure.value, "n": figure.n, "low": figure.low, "high": figure.high}


def main(folder: Path) -> None:
    """Print the table, then the same as JSON."""
    rows = answered(folder / "routing" / "gsm8k_responses.csv")
    print("right at a share of", *SHARES)
    print(json.dumps({"n": len(rows), "signals": worth(rows), "alarms": alarms(rows, folder)}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
