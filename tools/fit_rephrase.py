"""Fits the formula of core/signals/_rephrase.py and prints how far it tells a repeat from a new question.

    python tools/fit_rephrase.py ../shared/data benchmarks/data

Two kinds of pairs: rephrasings of one public FAQ entry against the nearest question of another entry and against any
other, and turns of real dialogues against up to three earlier ones of the same customer (rephrase_train_turns.csv; of
several pairs of a turn the likeliest counts). Figures on FAQ pairs are cross-fitted by entry, five folds; figures on
turns come from rephrase_turns.csv, on which nothing is fitted.
"""

# ruff: noqa: T201 - a script prints

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from core.articles import Article
from core.encoder.onnx import build
from core.evaluation._measures import area
from core.signals._rephrase import compare, read
from core.signals._rephrase_known import Known, together
from core.signals.rephrase import EARLIER

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from core.meaning import Encoder, Matrix, Vector

    Floats = NDArray[np.float64]

RIDGE = 0.005
FAQ_WEIGHT = 2.0
"""What all FAQ pairs weigh beside all turns: with 0.5 the AUC on FAQ pairs is 0.003 lower, on turns no higher."""

UNREAD = 2.0
"""What a turn taken as new without being read weighs beside a read one: they stand for many more."""

PRIOR = {"same": 0.25, "hard": 0.5, "any": 0.25}
FOLDS, DRAWS = 5, 6


@dataclass(frozen=True, slots=True)
class Pairs:
    """FAQ pairs: what the formula weighs, what the FAQ says, whether of one entry, kind, fold."""

    inputs: Floats
    entries: Sequence[Floats]
    same: NDArray[np.bool_]
    kind: NDArray[np.str_]
    fold: NDArray[np.intp]

    @property
    def weights(self) -> Floats:
        """Each kind weighs what PRIOR says, however many there are."""
        return np.array([PRIOR[kind] / (self.kind == kind).sum() for kind in self.kind])


@dataclass(frozen=True, slots=True)
class Turn:
    """A customer's burst: whether it repeats, its weight, the inputs beside each earlier burst."""

    repeats: bool
    weight: float
    inputs: Floats


def rows(path: Path) -> list[dict[str, str]]:
    """A CSV file's rows."""
    with path.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def logistic(inputs: Floats, truths: Floats, weights: Floats, offset: Floats | float = 0.0) -> Floats:
    """Weights and, last, the intercept by Newton's method; a penalty on weights of inputs of variance 1."""
    middle, spread = inputs.mean(0), inputs.std(0) + 1e-9
    scaled = np.c_[(inputs - middle) / spread, np.ones(len(inputs))]
    penalty = np.diag([*np.full(inputs.shape[1], RIDGE), 0.0])
    share, found = weights / weights.sum(), np.zeros(scaled.shape[1])
    for _ in range(30):
        guess = 1 / (1 + np.exp(-(scaled @ found + offset)))
        slope = scaled.T @ (share * (truths - guess)) - penalty @ found
        bend = (scaled * (share * guess * (1 - guess))[:, None]).T @ scaled + penalty
        found += np.linalg.solve(bend, slope)
    plain = found[:-1] / spread
    return np.append(plain, found[-1] - plain @ middle)


def total(inputs: Floats, formula: Floats) -> Floats:
    """The formula before it is made a probability."""
    product: Floats = inputs @ formula[:-1] + formula[-1]
    return product


def faq_pairs(data: Path, encoder: Encoder) -> Pairs:
    """All pairs of one entry's rephrasings, each one's nearest of another entry, and as many drawn ones."""
    asked = rows(data / "faq" / "queries.csv")
    texts, owners = [r["query"] for r in asked], np.array([r["faq_id"] for r in asked])
    meanings = encoder.embed(texts)
    same = owners[:, None] == owners[None]
    one, other = np.nonzero(np.triu(same, 1))
    every, chance = np.arange(len(texts)), np.random.default_rng(5)
    nearest = np.where(same, -9, meanings @ meanings.T).argmax(1)
    drawn = np.array([chance.choice(np.flatnonzero(owners != owner)) for owner in owners])
    left, right = np.concatenate([one, every, every]), np.concatenate([other, nearest, drawn])
    kind = np.repeat(["same", "hard", "any"], [len(one), len(texts), len(texts)])
    ids = list(dict.fromkeys(owners))
    fold = dict(zip(np.random.default_rng(0).permutation(ids), np.arange(len(ids)) % FOLDS, strict=True))
    known = [_known(data, share, seed, encoder) for share, seed in [(1.0, 0), *((0.5, s) for s in range(DRAWS))]]
    entries = [
        np.array([together(*_shares(k, texts, meanings, p)) for p in zip(left, right, strict=True)]) for k in known
    ]
    inputs = np.array(
        [_inputs(texts[a], texts[b], "", (meanings[a], meanings[b])) for a, b in zip(left, right, strict=True)]
    )
    return Pairs(inputs, entries, kind == "same", kind, np.array([fold[owners[a]] for a in left]))


def _known(data: Path, share: float, seed: int, encoder: Encoder) -> Known:
    entries = [Article(r["faq_id"], r["question"], "") for r in rows(data / "faq" / "faq.csv")]
    order = np.random.default_rng(seed).permutation(len(entries))[: int(share * len(entries))]
    known = Known([entries[n] for n in order])
    known.learn(list(encoder.embed(known.texts)))
    return known


def _shares(known: Known, texts: Sequence[str], meanings: Matrix, pair: Sequence[int]) -> list[Vector | None]:
    return [known.shares(texts[n], meanings[n]) for n in pair]


def _inputs(newer: str, older: str, reply: str, meanings: tuple[Vector, Vector]) -> tuple[float, ...]:
    one, other = read(newer), read(older)
    return compare(one, other, reply, meanings).inputs if one and other else ()


def turns(data: Path, labels: Path, encoder: Encoder) -> list[Turn]:
    """Labelled turns of dialogues, beside the bursts before them."""
    dialogues = {d["id"]: _bursts(d["turns"]) for d in map(json.loads, _lines(data / "tweetsumm" / "dialogues.jsonl"))}
    found = []
    for row in rows(labels):
        bursts, at = dialogues[row["dialogue"]], int(row["burst"])
        earlier = bursts[at - 2 :: -2][:EARLIER] if at > 1 else []
        meanings = encoder.embed([bursts[at], *earlier])
        inputs = [
            _inputs(bursts[at], text, bursts[at - 1], (meanings[0], meanings[n])) for n, text in enumerate(earlier, 1)
        ]
        weight = UNREAD if row["sample"] == "unread" else 1.0
        found.append(Turn(row["rephrase"] == "1", weight, np.array([i for i in inputs if i])))
    return found


def _lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").splitlines()


def _bursts(given: Sequence[dict[str, str]]) -> list[str]:
    """The texts of one speaker after another, joined."""
    found: list[tuple[str, list[str]]] = []
    for turn in given:
        if not found or found[-1][0] != turn["speaker"]:
            found.append((turn["speaker"], []))
        found[-1][1].append(turn["text"])
    return ["\n".join(texts) for _, texts in found]


def learn(pairs: Pairs, chosen: NDArray[np.bool_], given: Sequence[Turn]) -> Floats:
    """The formula over `Likeness.inputs`, its intercept last."""
    given = [turn for turn in given if len(turn.inputs)]
    formula = np.append(np.eye(1, pairs.inputs.shape[1])[0], 0.0)
    mass = sum(turn.weight for turn in given)
    truths = np.concatenate([[turn.repeats for turn in given], pairs.same[chosen]]).astype(float)
    weights = np.concatenate([[turn.weight / mass for turn in given], FAQ_WEIGHT * pairs.weights[chosen]])
    for _ in range(4):  # which earlier burst is the likeliest depends on the formula
        likeliest = np.array([turn.inputs[total(turn.inputs, formula).argmax()] for turn in given])
        formula = logistic(np.concatenate([likeliest, pairs.inputs[chosen]]), truths, weights)
    return formula


def learn_known(pairs: Pairs, chosen: NDArray[np.bool_], formula: Floats) -> Floats:
    """What the FAQ adds, as (shared, parted), over a FAQ that is whole as often as it lacks half of the entries."""
    parts = [pairs.entries[0]] * DRAWS + list(pairs.entries[1:])
    inputs = np.concatenate([part[chosen] for part in parts])
    truths = np.tile(pairs.same[chosen].astype(float), len(parts))
    base = np.tile(total(pairs.inputs[chosen], formula), len(parts))
    return logistic(inputs, truths, np.tile(pairs.weights[chosen], len(parts)), base)


def report(data: Path, labels: Path) -> None:
    """Print the figures and the constants."""
    encoder = build()
    pairs = faq_pairs(data, encoder)
    given = turns(data, labels / "rephrase_train_turns.csv", encoder)
    scores = np.zeros((len(pairs.entries) + 1, len(pairs.same)))
    for fold in range(FOLDS):
        held = pairs.fold == fold
        formula = learn(pairs, ~held, given)
        scores[0, held] = total(pairs.inputs[held], formula)
        more = learn_known(pairs, ~held, formula)
        for n, entries in enumerate(pairs.entries, 1):
            scores[n, held] = scores[0, held] + total(entries[held], more)
    names = ["texts alone", "the whole FAQ known", *["half of it known"] * DRAWS]
    for name, score in zip(["cosine alone", *names], [pairs.inputs[:, 0], *scores], strict=True):
        for kind in ("hard", "any"):
            chosen = pairs.same | (pairs.kind == kind)
            print(f"FAQ pairs, {name}, {kind}: AUC {area(score[chosen], pairs.same[chosen]):.4f} (n={chosen.sum()})")
    everything = np.ones(len(pairs.same), np.bool_)
    formula = learn(pairs, everything, given)
    measured = turns(data, labels / "rephrase_turns.csv", encoder)
    score = np.array([total(t.inputs, formula).max() if len(t.inputs) else -99.0 for t in measured])
    print(f"turns: AUC {area(score, np.array([t.repeats for t in measured])):.3f} (n={len(measured)})")
    print("WEIGHTS =", tuple(float(w.round(2)) for w in formula[:-1]))
    print("INTERCEPT =", formula[-1].round(2))
    print("SHARED, PARTED =", learn_known(pairs, everything, formula).round(2))


if __name__ == "__main__":
    report(Path(sys.argv[1]), Path(sys.argv[2]))
