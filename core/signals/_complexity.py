"""What the complexity signal counts in a text, and the formula that weighs it, with or without the text's meaning.

Apart from the signal, so that what fits and what measures the formula (core/evaluation/complexity.py) counts exactly
what the signal counts. A word or a number counts once however often it is said, and counts are taken as logarithms: the
tenth number says less than the second, and stuffing a text moves little. Nothing here knows what a level is or when a
reading is withheld.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from string import ascii_uppercase

from core.signals._reading import load
from core.words import find, fold, phrases, split

KINDS = ("condition", "comparison", "rate", "amount", "order", "reasoning", "exception")
"""The groups of _data/complexity/words.txt."""

COUNTED = (
    "words", "letters a word", "long words", "numbers", "questions", "sentences", "commas", "percent", "currency",
    "operators", "code", "brackets", "capitals", "single letters", "quotes", "names", *KINDS,
)  # fmt: skip
"""What is counted, in order."""

INPUTS = (*COUNTED, "choices", "words a choice", *(f"{name} (choices)" for name in COUNTED))
"""The inputs of the formula. A text that lists choices is another kind of text: it is weighed apart, by the rest."""

LONG_WORD = 9
"""Letters of a long word."""

FEWEST_CHOICES = 3
"""Lines that begin as items of a list ("A.", "2)", "-") which make a text one that lists choices."""

# Patterns that begin with one set of characters are searched for several times as fast.
_NUMBER = re.compile(r"\d\d*(?:[.,]\d+)*")
_CHOICE = re.compile(r"^[ \t]*(?:[A-Za-z]|\d{1,2})[.)][ \t](.*)$|^[ \t]*[-*\u2022][ \t](.*)$", re.MULTILINE)
_END = re.compile(r"[.!?\u3002\uff1f\n](?:(?<=\n)\n*|(?<!\n)(?=\s|$))")
_OPERATOR = re.compile(
    r"[-/\u2212+*=^<>\u00d7\u00f7\u2211\u221a\u2208\u2192\u2264\u2265]"
    r"(?:(?<![-/\u2212])|(?<=[\d)\s][-/\u2212])(?=[\d(\s]))"
)
_CODE = re.compile(r"```|==|!=|->|::|\w\(\)|\w\.\w+\(|[{};][ \t]*$|(?<!@)\b\w+_\w|</?\w+>", re.MULTILINE)
_MAYBE_CODE = re.compile(r"[`=>:({};_]")
"""What stands in everything that is code."""

_CURRENCIES = "$\u20ac\u00a3\u00a5\u20b9"
_NO_CAPITALS = str.maketrans("", "", ascii_uppercase)
_NAME = re.compile(r"[A-Z](?<=[a-z,] [A-Z])[a-z]+")


@dataclass(frozen=True, slots=True)
class Counts:
    """What stands in a text: its words, and pieces that tell, by what they tell. The inputs are counted when asked for,
    since most messages show too little to be weighed.
    """

    text: str
    tokens: Sequence[str]
    found: Mapping[str, tuple[str, ...]]

    @property
    def questions(self) -> int:
        """How many questions are asked, by their marks."""
        return self.text.count("?") + self.text.count("\uff1f") + self.text.count("\u061f")

    @property
    def values(self) -> tuple[float, ...]:
        """The inputs, in the order of INPUTS."""
        values = tuple(map(math.log1p, _counted(self)))
        choices = _choices(self.text)
        if not choices:
            return (*values, *_NO_CHOICES)
        each = sum([len(choice.split()) for choice in choices]) / len(choices)
        return (*values, math.log1p(len(choices)), math.log1p(each), *values)


_NO_CHOICES = (0.0,) * (len(INPUTS) - len(COUNTED))


class Counter:
    """The word lists, compiled at build time; `count` is pure."""

    def __init__(self) -> None:
        groups = load("complexity/words")
        kinds: dict[tuple[str, ...], list[str]] = {}
        for kind in KINDS:
            for phrase in {tuple(split(fold(listed))) for listed in groups[kind]}:
                kinds.setdefault(phrase, []).append(kind)
        self._kinds = kinds
        self._index = phrases(map(" ".join, kinds))
        self._closing = phrases(groups["closing"])

    def count(self, text: str) -> Counts:
        """What stands in a text, in time linear in its length."""
        tokens = split(fold(text))
        told: dict[str, dict[str, None]] = {}
        for _, phrase in find(self._index, tokens):
            for kind in self._kinds[phrase]:
                told.setdefault(kind, {})[" ".join(phrase)] = None
        found = {kind: tuple(pieces) for kind, pieces in told.items()}
        if numbers := _NUMBER.findall(text):
            found["numbers"] = tuple(dict.fromkeys(numbers))
        if operators := _OPERATOR.findall(text):
            found["operators"] = tuple(dict.fromkeys(operators))
        if _MAYBE_CODE.search(text) and (code := _CODE.findall(text)):
            found["code"] = tuple(dict.fromkeys(code))
        return Counts(text, tokens, found)

    def closes(self, tokens: Sequence[str]) -> bool:
        """Whether one of the words with which nothing is asked stands there."""
        return bool(find(self._closing, tokens))


def terms(tokens: Sequence[str]) -> list[str]:
    """The different words and pairs of neighbours, in their order; a number is `#`, whichever it is."""
    plain = ["#" if token.isdigit() else token for token in tokens]
    return list(dict.fromkeys((*plain, *map(" ".join, pairwise(plain)))))


def _choices(text: str) -> list[str]:
    """The choices a text lists; none where there are too few to be a list."""
    if text.count("\n") < FEWEST_CHOICES - 1:
        return []
    choices = [first or second for first, second in _CHOICE.findall(text)]
    return choices if len(choices) >= FEWEST_CHOICES else []


def _capitals(text: str) -> int:
    """How many capital letters."""
    return len(text) - len(text.translate(_NO_CAPITALS)) if text.isascii() else sum(map(str.isupper, text))


def _counted(seen: Counts) -> tuple[float, ...]:
    """How much of each of COUNTED stands in the text: different words, numbers and names, so that saying them
    again adds nothing.
    """
    text, found, tokens = seen.text, seen.found, seen.tokens
    different = set(tokens)
    lengths = list(map(len, different))
    return (
        len(different),
        sum(lengths) / (len(different) or 1),
        sum([length >= LONG_WORD for length in lengths]),
        len(found.get("numbers", ())),
        seen.questions,
        len(_END.findall(text)),
        sum(map(text.count, ",;:")),
        text.count("%"),
        sum(map(text.count, _CURRENCIES)),
        len(found.get("operators", ())),
        len(found.get("code", ())),
        sum(map(text.count, "([{")),
        _capitals(text) / (len(tokens) or 1),
        sum([token.isalpha() for token in different if len(token) == 1]),
        sum(map(text.count, '"\u201c')),
        len(set(_NAME.findall(text))),
        *[len(found.get(kind, ())) for kind in KINDS],
    )
