"""How well `frustration` tells which customer turns people call frustrated, beside VADER on the same turns.

A CSV file of dialogues, `dialogue,speaker,text,median`, a turn a line in order; the speaker is USER or SUPP, and a USER
turn with a median (0 to 5, of its raters) is a case. " /// " parts messages sent together. The weights that ship were
fitted on data/frustration/dialogues_odd.csv: on that file the figures are in-sample and flatter; what the signal is
worth on dialogues it has not seen is printed by tools/fit_frustration.py. With other data to train on (the same shape
and `mean`) both formulas are fitted anew on that first.

auc_2, auc_3: the reading against a median of at least 2, of at least 3. ece, precision_high, recall_high: against at
least 3. The figures *_words are without vectors. Intervals resample dialogues.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

from core.asks import to_understand
from core.conversation import Address, Conversation, Message, Reply
from core.errors import SettingsError
from core.evaluation._frustration import FRUSTRATED, Rated, refit
from core.evaluation._measures import Evaluation, Figure, Task, auc, ece, share
from core.evaluation._rows import fault, table
from core.meaning import Encoder, Meanings
from core.rules import LEVELS, Signal
from core.signals._frustration_formula import Weighing
from core.signals.frustration import build, weighed_by

AT, PLACE = datetime(2026, 1, 1, tzinfo=UTC), Address("memory", "1")
TOGETHER = " /// "


@dataclass(frozen=True, slots=True)
class Case:
    """One rated turn: the conversation up to it and what its raters said. `mean` is the median where none is given."""

    dialogue: str
    talk: Conversation
    median: float
    mean: float


def evaluate(task: Task) -> Evaluation:
    """The signal on one file. SettingsError when the file is none of that shape."""
    data = cases(task.data, task.encoder)
    signal = build()
    if task.train is not None:
        signal = weighed_by(refit(rated(cases(task.train, task.encoder))))
    scores = readings(signal, [case.talk for case in data])
    by_words = readings(signal, [replace(case.talk, meanings=None) for case in data])
    groups = [case.dialogue for case in data]
    frustrated = [case.median >= FRUSTRATED for case in data]
    high = [truth for score, truth in zip(scores, frustrated, strict=True) if score >= LEVELS["high"]]
    metrics = _areas(scores, data) | {
        "ece": ece(scores, frustrated, groups),
        "precision_high": share(sum(high), len(high)),
        "recall_high": share(sum(high), sum(frustrated)),
    }
    metrics |= {f"{name}_words": figure for name, figure in _areas(by_words, data).items()}
    return Evaluation("frustration", len(data), metrics, _areas(vader([case.talk for case in data]), data))


def cases(path: Path, encoder: Encoder) -> list[Case]:
    """Every rated turn of a file, understood. SettingsError when there is none, or a rating is not a number."""
    found: list[Case] = []
    talk, name = Conversation(PLACE), ""
    for number, row in enumerate(table(path, "dialogue", "speaker", "text", "median"), 2):
        if row["dialogue"] != name:
            talk, name = Conversation(PLACE), row["dialogue"]
        text = "\n".join(part.strip() for part in row["text"].split(TOGETHER))
        if row["speaker"] != "USER":
            talk = talk.answered(Reply(text, AT))
            continue
        talk = talk.heard(Message(str(number), PLACE, text, AT))
        if row["median"].strip():
            median = _rating(path, number, row["median"])
            mean = _rating(path, number, row.get("mean") or row["median"])
            found.append(Case(name, talk, median, mean))
    if not found:
        raise fault(path, "holds no rated turn", "lines whose speaker is USER and whose median is 0 to 5")
    return understood(found, encoder)


def understood(found: Sequence[Case], encoder: Encoder) -> list[Case]:
    """The same cases with every text's vector, each encoded once."""
    texts = list(dict.fromkeys(text for case in found for text in to_understand(case.talk)))
    meanings = Meanings(encoder.version, dict(zip(texts, encoder.embed(texts), strict=True)))
    return [replace(case, talk=replace(case.talk, meanings=meanings)) for case in found]


def rated(found: Sequence[Case]) -> list[Rated]:
    """What the formulas are fitted on."""
    weighing = Weighing()
    return [Rated(case.dialogue, weighing.evidence(case.talk), case.median, case.mean) for case in found]


def readings(signal: Signal, talks: Sequence[Conversation]) -> list[float]:
    """The signal's score of each conversation."""
    return [signal(talk).score or 0.0 for talk in talks]


def vader(talks: Sequence[Conversation]) -> list[float]:
    """VADER alone on the newest burst: its compound, negated."""
    scores = SentimentIntensityAnalyzer().polarity_scores
    return [-float(scores(talk.asked)["compound"]) for talk in talks]


def _areas(scores: Sequence[float], data: Sequence[Case]) -> dict[str, Figure]:
    groups = [case.dialogue for case in data]
    return {f"auc_{least}": auc(scores, [case.median >= least for case in data], groups) for least in (2, 3)}


def _rating(path: Path, number: int, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value <= 5:
        raise _no_rating(path, number, text)
    return value


def _no_rating(path: Path, number: int, text: str) -> SettingsError:
    return fault(path, f"has the rating {text!r} in row {number}", "a number from 0 to 5, or nothing")
