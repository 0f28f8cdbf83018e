"""Fits the weights of the frustration signal and prints how good they are beside VADER on the same folds.

    python tools/fit_frustration.py ../shared/data

Rows: frustration/dialogues_odd.csv, each rated customer turn with the dialogue before it; frustrated means that the
median of three raters is at least 3 (the weights) or 2 (also printed). Five folds grouped by dialogue, three
shuffles.
"""

# ruff: noqa: T201, S311 - a script prints, and shuffles repeatably

from __future__ import annotations

import csv
import random
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from logistic import auc, calibration_error, fit, squash

from core.conversation import Address, Conversation, Message, Reply
from core.signals._frustration import INPUTS, Gauge, Gauged
from core.signals.frustration import OUTRIGHT

RIDGE = 0.005
FOLDS = 5
SHUFFLES = 3
AT = datetime(2026, 1, 1, tzinfo=UTC)
PLACE = Address("memory", "1")


@dataclass(frozen=True, slots=True)
class Row:
    """One rated turn."""

    dialogue: str
    gauged: Gauged
    median: float


def rated(folder: Path) -> list[Row]:
    """Every rated customer turn, gauged in its dialogue."""
    gauge, rows = Gauge(), list[Row]()
    talk, name = Conversation(PLACE), ""
    with (folder / "frustration" / "dialogues_odd.csv").open(encoding="utf-8", newline="") as lines:
        for line in csv.DictReader(lines):
            if line["dialogue"] != name:
                talk, name = Conversation(PLACE), line["dialogue"]
            if line["speaker"] == "USER":
                talk = talk.heard(Message(line["turn"], PLACE, line["text"], AT))
                if line["median"]:
                    rows.append(Row(name, gauge.gauge(talk), float(line["median"])))
            else:
                talk = talk.answered(Reply(line["text"], AT))
    return rows


def total(weights: Sequence[float], intercept: float, row: Row) -> float:
    """The formula before it is squashed."""
    return (
        intercept + OUTRIGHT * row.gauged.outright + sum(w * x for w, x in zip(weights, row.gauged.values, strict=True))
    )


def out_of_fold(rows: Sequence[Row], least: float, shuffle: int) -> list[tuple[float, Row]]:
    """Each row's probability from weights fitted on other dialogues."""
    dialogues = sorted({row.dialogue for row in rows})
    random.Random(shuffle).shuffle(dialogues)
    fold = {name: i % FOLDS for i, name in enumerate(dialogues)}
    scored = []
    for k in range(FOLDS):
        train = [row for row in rows if fold[row.dialogue] != k]
        weights, intercept = fit([r.gauged.values for r in train], [r.median >= least for r in train], RIDGE)
        scored += [(squash(total(weights, intercept, r)), r) for r in rows if fold[r.dialogue] == k]
    return scored


def area(scored: Sequence[tuple[float, Row]], least: float) -> float:
    """AUC of scored rows for medians of at least this."""
    return auc([s for s, r in scored if r.median >= least], [s for s, r in scored if r.median < least])


def main(folder: Path) -> None:
    """Print the figures and the weights."""
    rows = rated(folder)
    print(f"{len(rows)} rated turns of {len({r.dialogue for r in rows})} dialogues")
    vader = [(r.gauged.values[0], r) for r in rows]
    for least in (2, 3):
        print(f"median >= {least}: {sum(r.median >= least for r in rows)} positive, VADER {area(vader, least):.3f}")
    runs = [out_of_fold(rows, 3, shuffle) for shuffle in range(SHUFFLES)]
    for least in (2, 3):
        print(f"fitted on >= 3, out of fold: AUC (>= {least}) {sum(area(run, least) for run in runs) / SHUFFLES:.3f}")
    errors = [calibration_error([(s, r.median >= 3) for s, r in run]) for run in runs]
    print(f"calibration error {sum(errors) / SHUFFLES:.3f}")
    for level in (0.3, 0.5, 0.7):
        picked = [r for run in runs for s, r in run if s >= level]
        right = sum(r.median >= 3 for r in picked)
        every = sum(r.median >= 3 for r in rows) * SHUFFLES
        print(f"from {level}: precision {right / len(picked):.3f}, recall {right / every:.3f}")
    weights, intercept = fit([r.gauged.values for r in rows], [r.median >= 3 for r in rows], RIDGE)
    print("WEIGHTS =", tuple(round(w, 2) for w in weights), " # ", ", ".join(INPUTS))
    print("INTERCEPT =", round(intercept, 2))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
