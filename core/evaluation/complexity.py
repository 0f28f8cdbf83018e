"""How well the complexity signal ranks questions by whether a strong model is needed, as RouteLLM measures routers.

A table has a question a row (`prompt`) and whether the weak and the strong model solved it (`weak`, `strong`, 0 or 1).
Questions are sent to the strong model from the hardest down. The performance gap recovered at a share of calls is how
far the accuracy so reached lies between the weak model's (0) and the strong one's (1); `apgr` is its average over all
shares, `cpt50` and `cpt80` the smallest share that recovers 50 % and 80 % (arXiv 2406.18665). Questions that score the
same count as sent in random order; unknown ones stand at 0.5, where the text says nothing.

Without other data to train on, the weights that ship are measured; they were fitted on routellm_mmlu.csv and
routellm_gsm8k.csv, so on these `apgr` is in-sample and `apgr_cv` is the figure: five folds of this file alone,
near-duplicates together. With it, both formulas are fitted on that file first, and `apgr_cv` is left out.

`rate` is the share at `medium` or above, `accuracy` what is solved when just these go to the strong model,
`random_at_rate` and `oracle_at_rate` the same with as many chosen by chance or by hindsight; `random` and `oracle` are
their APGR. The baseline `length` ranks by the number of characters.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from core.conversation import Address, Conversation, Message
from core.evaluation._complexity import Sample, fit, out_of_fold
from core.evaluation._measures import Evaluation, Figure, Task, resampled, share
from core.evaluation._rows import fault, table
from core.meaning import Meanings
from core.rules import LEVELS, Signal
from core.signals import complexity
from core.signals._complexity import Counter, terms
from core.words import clip

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from core.evaluation._measures import Floats
    from core.meaning import Vector

AT = datetime(2026, 1, 1, tzinfo=UTC)
PLACE = Address("memory", "1")
NEUTRAL = 0.5
"""Where an unknown question is ranked."""

FEWEST = 20
"""Questions of the smallest table that is measured."""


@dataclass(frozen=True, slots=True)
class Table:
    """Questions in order, and for each whether the weak and the strong model solved it."""

    texts: Sequence[str]
    weak: Floats
    strong: Floats


def evaluate(task: Task) -> Evaluation:
    """The figures of the signal on a table. SettingsError when it cannot be read or no model is the stronger."""
    tested = table_of(task.data)
    vectors = task.encoder.embed(tested.texts)
    if task.train:
        other = table_of(task.train)
        weights = fit(sampled(other, task.encoder.embed(other.texts)), task.encoder.version)
        signal = complexity.reader(weights)
    else:
        signal = complexity.build()
    scores, known = _scores(signal, tested, vectors, task.encoder.version)
    gain = tested.strong - tested.weak
    metrics = {**ranked(scores, gain), "known": share(known, len(gain))}
    metrics |= _at_rate(scores >= LEVELS["medium"], tested)
    if not task.train:
        metrics["apgr_cv"] = _area(out_of_fold(sampled(tested, vectors)), gain)
    lengths = np.array([float(len(text)) for text in tested.texts])
    baseline = {"length": _area(lengths, gain), "random": _area(np.zeros(len(gain)), gain), "oracle": _area(gain, gain)}
    return Evaluation("complexity", len(gain), metrics, baseline)


def table_of(path: Path) -> Table:
    """The questions of a file."""
    rows = table(path, "prompt", "weak", "strong")
    for number, row in enumerate(rows, 1):
        if {row["weak"], row["strong"]} - {"0", "1"} or not row["prompt"].strip():
            what = f"row {number} has no prompt, or something else than 0 and 1 for weak and strong"
            raise fault(path, what, "1 where the model solved the question, else 0")
    weak, strong = (np.array([float(row[name]) for row in rows]) for name in ("weak", "strong"))
    if len(rows) < FEWEST or strong.sum() <= weak.sum():
        raise fault(path, "shows no stronger model", f"at least {FEWEST} rows, strong right more often than weak")
    return Table([row["prompt"] for row in rows], weak, strong)


def sampled(questions: Table, vectors: NDArray[np.float32]) -> Sample:
    """The questions as what is fitted on."""
    counter = Counter()
    counts = [counter.count(clip(text)) for text in questions.texts]
    said = [terms(seen.tokens) for seen in counts]
    inputs = np.array([seen.values for seen in counts])
    return Sample(inputs, vectors.astype(np.float64), said, questions.weak, questions.strong)


def asked(text: str, version: str, meaning: Vector) -> Conversation:
    """A conversation of this one message, understood."""
    return Conversation(PLACE, (Message("1", PLACE, text, AT),), meanings=Meanings(version, {text: meaning}))


def recovered(scores: Floats, gain: Floats) -> Floats:
    """The gap recovered after 0, 1, ... n questions went to the strong model, shape (n + 1,)."""
    _, place = np.unique(-scores, return_inverse=True)
    expected = np.bincount(place, gain) / np.bincount(place)
    total = np.concatenate([[0.0], np.cumsum(expected[np.sort(place)])])
    whole = float(total[-1])
    return total / whole if whole > 0 else np.full(len(total), np.nan)


def apgr(scores: Floats, gain: Floats) -> float:
    """The average gap recovered, over shares from 0 to 1, by trapezoids."""
    curve = recovered(scores, gain)
    return float((curve[1:] + curve[:-1]).mean() / 2)


def needed(scores: Floats, gain: Floats, least: float) -> float:
    """The smallest share of questions sent that recovers this much; nan where none does."""
    enough = recovered(scores, gain) >= least
    return float(enough.argmax() / len(gain)) if enough.any() else float("nan")


def ranked(scores: Floats, gain: Floats) -> Mapping[str, Figure]:
    """`apgr`, `cpt50` and `cpt80` with intervals."""
    cases = range(len(gain))
    return {
        "apgr": _area(scores, gain),
        "cpt50": resampled(lambda some: needed(scores[some], gain[some], 0.5), cases),
        "cpt80": resampled(lambda some: needed(scores[some], gain[some], 0.8), cases),
    }


def _area(scores: Floats, gain: Floats) -> Figure:
    return resampled(lambda some: apgr(scores[some], gain[some]), range(len(gain)))


def _scores(signal: Signal, tested: Table, vectors: NDArray[np.float32], version: str) -> tuple[Floats, int]:
    """Every question's score, and how many are known."""
    rows = zip(tested.texts, vectors, strict=True)
    found = [signal(asked(text, version, meaning)).score for text, meaning in rows]
    known = [score for score in found if score is not None]
    return np.array([NEUTRAL if score is None else score for score in found]), len(known)


def _at_rate(sent: NDArray[np.bool_], tested: Table) -> Mapping[str, Figure]:
    """The accuracy when `sent` go to the strong model, beside as many by chance and by hindsight."""
    weak, strong, n, many = tested.weak, tested.strong, len(sent), int(sent.sum())
    solved = np.where(sent, strong, weak)
    best = np.sort(strong - weak)[::-1][:many].sum() + weak.sum()
    chance = weak.sum() + (strong - weak).sum() * many / n
    return {
        "rate": share(many, n),
        "accuracy": share(int(solved.sum()), n),
        "random_at_rate": share(round(float(chance)), n),
        "oracle_at_rate": share(int(best), n),
    }
