"""Fits the constants of core/classifier.py and prints what they are worth on a set they have not seen.

    python tools/fit_intent.py ../shared/data

Bots are made of three public sets (a bank, a shop, an assistant) with 1 to 100 examples an intent and half of the
intents: a fifth of each intent's sentences is only read. Out of scope are sentences of the other intents (near) and
the assistant's sentences about no intent (far, 100 of them); weighed so that one text in five is out of scope, half of
it near. Constants for a figure are fitted on the other two sets; the printed ones on all three. Takes three minutes.
SCALE and NEARNESS are drawn a little to what is shipped: run it again with the new ones until they stay.
"""

# ruff: noqa: T201 - a script prints

from __future__ import annotations

import csv
import json
import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from core.classifier import Classifier, Evidence, Learned
from core.encoder.onnx import build
from core.evaluation._measures import area, calibration_error
from core.nearness import Weights, weigh

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from core.meaning import Encoder, Matrix

    Floats = NDArray[np.float64]

EXAMPLES = (1, 3, 5, 10, 30, 100)
DRAWS = 2
MOST_READ = 1000
OUT_OF_SCOPE = 0.2
RIDGE = 1e-4


@dataclass(frozen=True, slots=True)
class Set:
    """Sentences of one source with their intents and vectors; `outside` the vectors of what is about no intent."""

    name: str
    texts: tuple[str, ...]
    labels: NDArray[np.str_]
    vectors: Matrix
    outside: Matrix


@dataclass(slots=True)
class Case:
    """One bot: what was read by it, whether it is in scope and rightly told, and the best weights in hindsight."""

    source: str
    examples: int
    intents: int
    best: Weights
    found: list[Evidence] = field(default_factory=list)
    right: list[bool] = field(default_factory=list)
    kind: list[str] = field(default_factory=list)


def sets(data: Path, encoder: Encoder) -> list[Set]:
    """The three sets, read."""
    found = []
    for name, text, label in (("banking77", "text", "category"), ("bitext", "utterance", "intent")):
        with (data / name / "train.csv").open(encoding="utf-8", newline="") as lines:
            rows = [(row[text], row[label]) for row in csv.DictReader(lines)]
        found.append(_set(name, rows, [], encoder))
    tree = json.loads((data / "clinc150" / "train_val.json").read_text(encoding="utf-8"))
    outside = [text for text, _ in tree["oos_train"]]
    return [*found, _set("clinc150", [(text, label) for text, label in tree["train"]], outside, encoder)]


def _set(name: str, rows: Sequence[tuple[str, str]], outside: Sequence[str], encoder: Encoder) -> Set:
    texts = tuple(text for text, _ in rows)
    beyond = encoder.embed(outside) if outside else np.zeros((0, 384), np.float32)
    return Set(name, texts, np.array([label for _, label in rows]), encoder.embed(texts), beyond)


def bots(some: Set, far: Matrix, encoder: Encoder) -> list[Case]:
    """Bots of one set: every number of examples, some draws."""
    return [_bot(some, far, n, draw, encoder) for n in EXAMPLES for draw in range(DRAWS)]


def _bot(some: Set, far: Matrix, examples: int, draw: int, encoder: Encoder) -> Case:
    chance = np.random.default_rng(draw)
    every = sorted(set(some.labels))
    names = sorted(chance.permutation(every)[: len(every) // 2])
    rows, owners = [], []
    read: list[tuple[int, int]] = []
    spoken = encoder.embed(Classifier(dict.fromkeys(names, ())).texts)
    for n, name in enumerate(names):
        own = chance.permutation(np.flatnonzero(some.labels == name))
        read.extend((int(at), n) for at in own[: len(own) // 5])
        taught = some.vectors[own[len(own) // 5 :][:examples]]
        rows += [taught, spoken[n : n + 1]]
        owners += [n] * (len(taught) + 1)
    learned = Learned(np.concatenate(rows), np.array(owners, np.intp), len(names))
    read = [read[n] for n in chance.permutation(len(read))[:MOST_READ]]
    near = chance.permutation(np.flatnonzero(~np.isin(some.labels, names)))[: MOST_READ // 2]
    case = Case(some.name, examples, len(names), _best(learned, some.vectors, read))
    _read(case, learned, some.vectors[[at for at, _ in read]], "in", [n for _, n in read])
    _read(case, learned, some.vectors[near], "near", None)
    _read(case, learned, chance.permutation(far)[: MOST_READ // 2], "far", None)
    return case


def _best(learned: Learned, vectors: Matrix, read: Sequence[tuple[int, int]]) -> Weights:
    rows, owners = vectors[[at for at, _ in read]], np.array([n for _, n in read], np.intp)
    return weigh(learned.outputs(rows), learned.blocks, rows, owners, learned.weights)


def _read(case: Case, learned: Learned, rows: Matrix, kind: str, owners: Sequence[int] | None) -> None:
    for at, row in enumerate(rows):
        found = learned.evidence(row)
        case.found.append(found)
        case.right.append(owners is not None and found.intent == owners[at])
        case.kind.append(kind)


def balance(case: Case) -> Floats:
    """The weight of each text of one bot: one in five out of scope, half of it near."""
    kinds = np.array(case.kind)
    share = {"in": 1 - OUT_OF_SCOPE, "near": OUT_OF_SCOPE / 2, "far": OUT_OF_SCOPE / 2}
    return sum(
        ((kinds == kind) * part / max((kinds == kind).sum(), 1) for kind, part in share.items()), np.zeros(len(kinds))
    )


def inputs(cases: Sequence[Case]) -> Floats:
    """What the formula weighs, a row a text, and a column of ones."""
    rows = [each.inputs for case in cases for each in case.found]
    return np.concatenate([np.array(rows, np.float64), np.ones((len(rows), 1))], axis=1)


def any_formula(cases: Sequence[Case]) -> Floats:
    """The weights of "about any of these", the intercept last: logistic regression by Newton's method."""
    rows, weights = inputs(cases), np.concatenate([balance(case) for case in cases]) / len(cases)
    truth = np.array([kind == "in" for case in cases for kind in case.kind], np.float64)
    found = np.zeros(rows.shape[1])
    for _ in range(40):
        chance = 1 / (1 + np.exp(-np.clip(rows @ found, -40, 40)))
        bend = (rows * (weights * chance * (1 - chance))[:, None]).T @ rows + RIDGE * np.eye(len(found))
        found = found + np.linalg.solve(bend, rows.T @ (weights * (truth - chance)) - RIDGE * found)
    return found


def scale_formula(cases: Sequence[Case]) -> Floats:
    """The logarithm of the regression's best weight: constant, by ln(examples), by ln(intents); nearness's mean."""
    rows = np.array([[1, math.log(case.examples), math.log(case.intents)] for case in cases])
    target = np.log([case.best.scale for case in cases])
    found: Floats = np.linalg.lstsq(rows, target, rcond=None)[0]
    return found


def show(cases: Sequence[Case], formula: Floats) -> None:
    """What a formula is worth on these bots, by number of examples."""
    for examples in EXAMPLES:
        some = [case for case in cases if case.examples == examples]
        for_any = 1 / (1 + np.exp(-np.clip(inputs(some) @ formula, -40, 40)))
        kinds = np.array([kind for case in some for kind in case.kind])
        right = np.array([each for case in some for each in case.right])
        chosen = np.array([each.chosen for case in some for each in case.found])
        weights = np.concatenate([balance(case) for case in some]) / len(some)
        drawn = np.random.default_rng(0).choice(len(kinds), 20_000, p=weights / weights.sum())
        inside = kinds == "in"
        print(
            f"  {examples:3d} examples, n={len(kinds)}: right {right[inside].mean():.3f}",
            f"auroc near {area(for_any[kinds != 'far'], inside[kinds != 'far']):.3f}",
            f"far {area(for_any[kinds != 'near'], inside[kinds != 'near']):.3f}",
            f"calibration error: chosen {calibration_error(chosen[inside], right[inside]):.3f}",
            f"any {calibration_error(for_any[drawn], inside[drawn]):.3f}",
            f"both {calibration_error((for_any * chosen)[drawn], right[drawn]):.3f}",
        )


def main() -> None:
    """Fit, measure, print."""
    encoder = build()
    known = sets(Path(sys.argv[1]), encoder)
    cases = [case for some in known for case in bots(some, known[-1].outside, encoder)]
    for some in known:
        print(f"{some.name}, constants of the others:")
        others = [case for case in cases if case.source != some.name]
        show([case for case in cases if case.source == some.name], any_formula(others))
    *weights, intercept = any_formula(cases)
    share = np.mean([case.best.nearness / case.best.scale for case in cases])
    print("SCALE =", tuple(round(float(x), 2) for x in scale_formula(cases)), "NEARNESS =", round(float(share), 2))
    print("ANY_WEIGHTS =", tuple(round(float(w), 3) for w in weights), "ANY_INTERCEPT =", round(float(intercept), 3))


if __name__ == "__main__":
    main()
