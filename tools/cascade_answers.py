"""Real answers and what a cascade could tell of them: the rows of gsm8k_responses.csv, agents' turns, and signals.

Which signal is worth what is measured in cascade.py; a signal is a number for each answer, higher: rather ask further.
"""

from __future__ import annotations

import csv
import json
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

import numpy as np

from core.answering.arithmetic import sums
from core.answering.checks import empty, language, leak, not_knowing, policy, refusal
from core.answering.confidence import FEATURES, features
from core.answering.request import Request
from core.answering.screen import Check, Screen
from core.answering.vote import agreement, said
from core.errors import Unfit
from core.tiers import Line, Prompt, Tier
from tools.logistic import fit, squash

if TYPE_CHECKING:
    from core.evaluation._measures import Floats

FOLDS, RIDGE = 5, 0.0005
DEFAULT = (refusal.build(), not_knowing.build(), empty.build(), language.build(), leak.build())
"""The checks that are on unless they are turned off."""

_PLUMBING = re.compile(r"@\w+|https?://t\.co/\w+|\b\d/\d\b")
"""What Twitter adds to a text: names, short links, the number of a part."""

csv.field_size_limit(sys.maxsize)


@dataclass(frozen=True, slots=True)
class Answered:
    """One question, both models' whole answers, and whether each was right."""

    question: str
    texts: tuple[str, str]
    right: tuple[bool, bool]


def answered(path: Path) -> list[Answered]:
    """The rows of the file: prompt, two truths, two answers."""
    with path.open(encoding="utf-8", newline="") as lines:
        rows = list(csv.reader(lines))[1:]
    return [Answered(row[0], (row[3], row[4]), (row[1] == "True", row[2] == "True")) for row in rows]


def agents(folder: Path) -> Iterator[tuple[Sequence[str], str]]:
    """What real agents wrote without Twitter's plumbing, and the customer's turns before it."""
    with (folder / "tweetsumm" / "dialogues.jsonl").open(encoding="utf-8") as lines:
        talks = [[(t["speaker"] == "agent", t["text"]) for t in json.loads(line)["turns"]] for line in lines]
    with (folder / "frustration" / "dialogues_odd.csv").open(encoding="utf-8", newline="") as lines:
        rated: dict[str, list[tuple[bool, str]]] = {}
        for row in csv.DictReader(lines):
            rated.setdefault(row["dialogue"], []).append((row["speaker"] == "SUPP", row["text"]))
    for talk in (*talks, *rated.values()):
        said_before: list[str] = []
        for by_agent, text in talk:
            if by_agent:
                yield tuple(said_before), _PLUMBING.sub(" ", text)
            else:
                said_before.append(text)


def verdict(checks: Sequence[Check], lines: Sequence[str], text: str) -> tuple[str, str]:
    """Which check finds the text unfit, and why; two empty strings when none does."""
    prompt = Prompt("", tuple(Line("user", line) for line in lines), "en")
    screen = Screen(checks, prompt, Request(prompt, Tier.QUICK))
    try:
        screen.feed(text)
        screen.close()
    except Unfit as found:
        return found.check, str(found)
    return "", ""


def locked(lines: Sequence[str], text: str) -> tuple[str, str]:
    """The same for the policy lock alone, with no source at all."""
    return verdict((policy.build(),), lines, text)


def signals(rows: Sequence[Answered]) -> Mapping[str, Floats]:
    """Every signal of every row. What is fitted is read out of fold."""
    weak = [row.texts[0] for row in rows]
    read: Mapping[str, Callable[[int], float]] = {
        "cheap checks": lambda at: float(bool(verdict(DEFAULT, [rows[at].question], weak[at])[0])),
        "sums that do not hold": lambda at: float(any(not made.holds for made in sums(weak[at]))),
        "length of the answer": lambda at: float(len(weak[at])),
        "length of the question": lambda at: float(len(rows[at].question)),
        "strong model disagrees (upper bound)": lambda at: 1 - agreement(*(said(text) for text in rows[at].texts)),
    }
    found = {name: np.array([one(at) for at in range(len(rows))]) for name, one in read.items()}
    return {"confidence (out of fold)": doubts(rows), **found}


def inputs(rows: Sequence[Answered]) -> list[list[float]]:
    """What is read of each weak answer, in the order of FEATURES."""
    read = [features(row.texts[0], row.question) for row in rows]
    return [[values[name] for name in FEATURES] for values in read]


def doubts(rows: Sequence[Answered]) -> Floats:
    """1 less the confidence in each weak answer, by a formula fitted on the other four fifths."""
    given, truths = inputs(rows), [row.right[0] for row in rows]
    places = list(range(len(rows)))
    Random(0).shuffle(places)  # noqa: S311 - folds, not secrets
    found = np.zeros(len(rows))
    for fold in range(FOLDS):
        inside = [at for number, at in enumerate(places) if number % FOLDS != fold]
        weights, intercept = fit([given[at] for at in inside], [truths[at] for at in inside], RIDGE)
        for at in places[fold::FOLDS]:
            found[at] = 1 - squash(intercept + sum(w * x for w, x in zip(weights, given[at], strict=True)))
    return found
