"""Labelled sentences in rounds: what an intent classifier learns, and what it reads then.

Only files into rounds; which shapes are read stands in intent.py.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import numpy as np

from core.evaluation._measures import Task
from core.evaluation._rows import fault, table, tree

FOLDS = 5
DRAWS = 5
COLUMNS = (("text", "category"), ("utterance", "intent"))
NONE = "oos"


@dataclass(frozen=True, slots=True)
class Sentence:
    """One labelled text; the label NONE is about no intent. `row` is its place in the file."""

    row: int
    text: str
    label: str


@dataclass(frozen=True, slots=True)
class Round:
    """What is learned, and what is read then."""

    taught: Sequence[Sentence]
    read: Sequence[Sentence]


def rounds(task: Task) -> list[Round]:
    """What is learned and read. SettingsError for a file that is malformed, or has nothing to learn or read."""
    parts = _parts(task.data)
    other = _parts(task.train) if task.train is not None else None
    learned = other if other is not None else parts
    if other is None and "train" not in parts:
        found = _folds(parts)
    else:
        taught = learned["train"] if "train" in learned else [s for part in learned.values() for s in part]
        read = [s for name, part in parts.items() if name not in {"train", f"{NONE}_train"} for s in part]
        read = read or list(parts.get("train", ()))
        found = [Round([s for s in taught if s.label != NONE], read)]
    _check(task, found)
    return found


def _check(task: Task, rounds: Sequence[Round]) -> None:
    """SettingsError when nothing can be learned or read."""
    if any(len({s.label for s in each.taught}) < 2 for each in rounds):
        raise fault(task.train or task.data, "has fewer than two intents to learn", "sentences of at least two intents")
    if not any(s.label != NONE for each in rounds for s in each.read):
        raise fault(task.data, "has nothing to read that is about an intent", "sentences with the intents' names")
    known = {s.label for each in rounds for s in each.taught} | {NONE}
    unknown = sorted({s.label for each in rounds for s in each.read} - known)
    if unknown:
        raise fault(task.data, f"has an intent that is not learned: {unknown[0]!r}", f"{NONE} for what is no intent")


def _folds(parts: Mapping[str, Sequence[Sentence]]) -> list[Round]:
    every = [sentence for part in parts.values() for sentence in part]
    fold = np.random.default_rng(0).permutation(len(every)) % FOLDS
    return [
        Round(
            [s for s, own in zip(every, fold, strict=True) if own != n and s.label != NONE],
            [s for s, own in zip(every, fold, strict=True) if own == n],
        )
        for n in range(FOLDS)
    ]


def fewer(every: Sequence[Round], examples: int) -> list[Round]:
    """The same with so many examples an intent, drawn; nothing where an intent has not more than that."""
    found = []
    for draw in range(DRAWS):
        each = every[draw % len(every)]
        by: dict[str, list[Sentence]] = {}
        for sentence in each.taught:
            by.setdefault(sentence.label, []).append(sentence)
        if min(map(len, by.values())) <= examples:
            return []
        chance = np.random.default_rng(draw)
        taught = [some[n] for some in by.values() for n in chance.permutation(len(some))[:examples]]
        found.append(Round(taught, [s for s in each.read if s.label != NONE]))
    return found


def _parts(path: Path) -> dict[str, list[Sentence]]:
    """The sentences of a file by part; a table is one part without a name."""
    return _json(path) if path.suffix.lower() == ".json" else {"": _csv(path)}


def _csv(path: Path) -> list[Sentence]:
    rows = table(path)
    text, label = next((pair for pair in COLUMNS if set(pair) <= set(rows[0])), COLUMNS[0])
    found = [Sentence(n, row[text], row[label]) for n, row in enumerate(table(path, text, label))]
    if not all(each.label for each in found):
        raise fault(path, "has a row without a category", f"{NONE} for what is no intent")
    return found


def _json(path: Path) -> dict[str, list[Sentence]]:
    value = tree(path)
    if not isinstance(value, dict) or not value:
        raise fault(path, "is no object with parts", '{"train": [["a text", "its intent"], ...], ...}')
    numbers = count()
    found = {}
    for name, pairs in value.items():
        sound = isinstance(pairs, list) and all(
            isinstance(pair, list) and len(pair) == 2 and all(isinstance(each, str) and each for each in pair)
            for pair in pairs
        )
        if not sound:
            raise fault(path, f"has a part {name!r} that is no list of pairs", '[["a text", "its intent"], ...]')
        outside = name.startswith(NONE)
        found[name] = [Sentence(next(numbers), text, NONE if outside else label) for text, label in pairs]
    return found
