"""Fits the weights of the frustration signal, writes them, and prints how good they are beside VADER on the same rows.

    python tools/fit_frustration.py ../shared/data [FOLDER]

Vectors are kept in FOLDER and read from there the next time; making them takes some minutes. Two steps:

1. Feelings: ridge regression on the vectors of data/goemotions, three groups of emotions.
2. Two formulas on data/frustration/dialogues_odd.csv (core/evaluation/_frustration.py), measured in five folds
   grouped by dialogue, three shuffles. In each fold the ridge is picked among RIDGES by folds inside the rest, and
   the logistic curve is fitted on the rest too, so nothing of the measured dialogues is in what measures them.
   Frustrated means a median rating of at least 3. Chosen with all of these dialogues in view, so not nested: which
   inputs there are, their scales, some of the words.

Then data/tweetsumm, which has no ratings: does the reading rise before the agent asks to go on in private?
"""

# ruff: noqa: T201 - a script prints

from __future__ import annotations

import csv
import hashlib
import json
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from core.conversation import Conversation, Message, Reply
from core.encoder.onnx import build as encoder
from core.evaluation._frustration import FOLDS, FRUSTRATED, RIDGE, Rated, folds, refit
from core.evaluation._measures import Figure, area, auc, calibration_error, ece, share
from core.evaluation.frustration import AT, PLACE, Case, cases, rated, readings, understood, vader
from core.rules import LEVELS
from core.signals import _frustration_formula as formulas
from core.signals._frustration_formula import FEELINGS, FOLDER, MEANT, TALK, Formula
from core.signals.frustration import build

if TYPE_CHECKING:
    from numpy.typing import NDArray

RIDGES = (0.005, 0.01, 0.02)
FEELING_RIDGE = 0.002
SHUFFLES = 3
GROUPS = {
    "negative": {"anger", "annoyance", "disappointment", "disapproval", "disgust"},
    "angry": {"anger", "annoyance"},
    "pleased": {"gratitude", "joy", "love", "admiration", "approval", "relief", "excitement", "optimism"},
}
PRIVATE = re.compile(
    r"\b(dm|direct messag\w*|privat\w*|e-?mail|call us|give us a call|phone|chat with)\b", re.IGNORECASE
)
"""An agent's turn with one of these asks to go on elsewhere, with a person."""


class Kept:
    """The encoder, its vectors kept in a folder."""

    def __init__(self, folder: Path | None) -> None:
        self._made = encoder()
        self._folder = folder
        self.version = self._made.version

    def embed(self, texts: Sequence[str]) -> Any:
        """The vectors of these texts."""
        if self._folder is None or len(texts) < 100:
            return self._made.embed(texts)
        name = hashlib.sha256("\0".join([self.version, *texts]).encode()).hexdigest()[:16]
        path = self._folder / f"frustration_{name}.npy"
        if not path.exists():
            np.save(path, self._made.embed(texts))
        return np.load(path)


def learn_feelings(data: Path, kept: Kept) -> NDArray[np.float64]:
    """Offsets and weights by feeling, shape (1 + 384, 3); outputs in standard deviations over the comments."""
    with (data / "goemotions" / "train.csv").open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    texts = list(dict.fromkeys(row["text"] for row in rows))
    place = {text: n for n, text in enumerate(texts)}
    vectors = kept.embed(texts)[[place[row["text"]] for row in rows]].astype(np.float64)
    labels = [set(row["labels"].split("|")) for row in rows]
    truths = np.array([[bool(GROUPS[name] & some) for name in FEELINGS] for some in labels], np.float64)
    middle = vectors.mean(0)
    centred = vectors - middle
    alike = centred.T @ centred + FEELING_RIDGE * len(rows) * np.eye(centred.shape[1])
    weights = np.linalg.solve(alike, centred.T @ (truths - truths.mean(0)))
    weights /= (centred @ weights).std(0)
    return np.vstack([-middle @ weights, weights])


def write(name: str, header: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """One table of weights."""
    with (FOLDER / name).open("w", encoding="utf-8", newline="") as file:
        lines = csv.writer(file, lineterminator="\n")
        lines.writerows([header, *rows])


def write_formula(formula: Formula) -> None:
    """Both formulas: named inputs in one table, the newest burst's vector in another."""
    named = len(TALK) + len(MEANT)
    words = [f"{w:.3f}" for w in formula.by_words[:-1]] + [""] * len(MEANT) + [f"{formula.by_words[-1]:.3f}"]
    meant = [f"{w:.3f}" for w in (*formula.by_meaning[:named], formula.by_meaning[-1])]
    rows = list(zip((*TALK, *MEANT, "intercept"), words, meant, strict=True))
    write("weights.csv", ("input", "by words", "by meaning"), rows)
    write("vector.csv", ("weight",), [(f"{w:.4f}",) for w in formula.by_meaning[named:-1]])


def without(row: Rated) -> Rated:
    """The row as it is while no vector is known."""
    return replace(row, evidence=replace(row.evidence, meant=None))


def scored(formula: Formula, rows: Sequence[Rated]) -> list[float]:
    """Each row's probability."""
    return [formula.probability(row.evidence) for row in rows]


def out_of_fold(rows: Sequence[Rated], ridge: float, shuffle: int) -> NDArray[np.float64]:
    """Each row's probability from weights fitted on other dialogues."""
    fold, found = folds(rows, shuffle), np.zeros(len(rows))
    for k in range(FOLDS):
        formula = refit([row for row, f in zip(rows, fold, strict=True) if f != k], ridge)
        found[fold == k] = scored(formula, [row for row, f in zip(rows, fold, strict=True) if f == k])
    return found


def areas(scores: Sequence[float] | NDArray[np.float64], rows: Sequence[Rated]) -> tuple[float, float]:
    """AUC for a median of at least 2 and of at least 3."""
    low, high = (area(np.asarray(scores), [row.median >= least for row in rows]) for least in (2, 3))
    return low, high


def picked(rows: Sequence[Rated]) -> float:
    """The ridge with the best two AUCs on folds inside these rows."""
    return max(RIDGES, key=lambda ridge: sum(areas(out_of_fold(rows, ridge, 7), rows)))


def nested(rows: Sequence[Rated], shuffle: int) -> NDArray[np.float64]:
    """As `out_of_fold`, the ridge picked inside each fold's rest."""
    fold, found = folds(rows, shuffle), np.zeros(len(rows))
    for k in range(FOLDS):
        rest = [row for row, f in zip(rows, fold, strict=True) if f != k]
        found[fold == k] = scored(refit(rest, picked(rest)), [r for r, f in zip(rows, fold, strict=True) if f == k])
    return found


def told(name: str, figure: Figure) -> str:
    """A figure in one line."""
    return f"{name} {figure.value:.3f} [{figure.low:.3f}, {figure.high:.3f}] n={figure.n}"


def measure(name: str, rows: Sequence[Rated]) -> None:
    """Print one formula's figures on dialogues it has not seen; intervals are of the first shuffle."""
    runs = [nested(rows, shuffle) for shuffle in range(SHUFFLES)]
    truths, groups = [row.median >= FRUSTRATED for row in rows], [row.dialogue for row in rows]
    means = np.mean([areas(run, rows) for run in runs], 0)
    error = np.mean([calibration_error(run, truths) for run in runs])
    print(f"{name}: AUC (>= 2) {means[0]:.3f}, AUC (>= 3) {means[1]:.3f}, calibration error {error:.3f}")
    for least in (2, 3):
        print("  ", told(f"AUC (>= {least})", auc(runs[0].tolist(), [r.median >= least for r in rows], groups)))
    print("  ", told("calibration error", ece(runs[0].tolist(), truths, groups)))
    for level, at in LEVELS.items():
        taken = [truth for score, truth in zip(runs[0], truths, strict=True) if score >= at]
        right = sum(taken)
        print("  ", level, told("precision", share(right, len(taken))), told("recall", share(right, sum(truths))))


def turns(path: Path) -> Iterator[tuple[Case, bool, bool]]:
    """Every customer burst up to the first answer that goes private: (case, its answer does, it is the first)."""
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines()):
        talk, open_, first, gone = Conversation(PLACE), False, True, False
        for n, turn in enumerate(json.loads(line)["turns"]):
            if turn["speaker"] == "customer":
                talk, open_ = talk.heard(Message(str(n), PLACE, turn["text"], AT)), True
                continue
            if open_ and not gone:
                gone = PRIVATE.search(turn["text"]) is not None
                yield Case(str(number), talk, 0.0, 0.0), gone, first
                first = False
            talk, open_ = talk.answered(Reply(turn["text"], AT)), False


def handovers(data: Path, kept: Kept) -> None:
    """Print whether readings are higher before an agent asks to go on in private than before other answers."""
    found = list(turns(data / "tweetsumm" / "dialogues.jsonl"))
    talks = [case.talk for case in understood([case for case, _, _ in found], kept)]
    for name, scores in (("reading", readings(build(), talks)), ("VADER", vader(talks))):
        for which, keep in (("all", (True, False)), ("later than the first", (False,))):
            some = [n for n, (_, _, first) in enumerate(found) if first in keep]
            p, g = [found[n][1] for n in some], [found[n][0].dialogue for n in some]
            s = [scores[n] for n in some]
            print(f"tweetsumm, bursts: {which}, {sum(p)} before it goes private:", told(name, auc(s, p, g)))


def main(data: Path, folder: Path | None) -> None:
    """Fit, write, print."""
    kept = Kept(folder)
    write("feelings.csv", FEELINGS, [[f"{w:.4f}" for w in row] for row in learn_feelings(data, kept)])
    found = cases(data / "frustration" / "dialogues_odd.csv", kept)
    rows, talks = rated(found), [case.talk for case in found]
    print(f"{len(rows)} rated turns of {len({row.dialogue for row in rows})} dialogues")
    for least in (2, 3):
        truths, groups = [row.median >= least for row in rows], [row.dialogue for row in rows]
        print(told(f"VADER (>= {least}), {sum(truths)} positive:", auc(vader(talks), truths, groups)))
    for ridge in RIDGES:
        runs = [areas(out_of_fold(rows, ridge, shuffle), rows) for shuffle in range(SHUFFLES)]
        print(f"ridge {ridge}: AUC (>= 2), (>= 3)", np.mean(runs, 0).round(3))
    measure("by meaning", rows)
    measure("by words", [without(row) for row in rows])
    write_formula(refit(rows, RIDGE))
    print("in the sample:", areas(scored(formulas.shipped(), rows), rows))
    handovers(data, kept)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]) if len(sys.argv) > 2 else None)
