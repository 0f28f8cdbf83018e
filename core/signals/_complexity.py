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

_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
_CHOICE = re.compile(r"^[ \t]*(?:[A-Za-z]|\d{1,2})[.)][ \t](.*)$|^[ \t]*[-*\u2022][ \t](.*)$", re.MULTILINE)
_END = re.compile(r"[.!?\u3002\uff1f](?=\s|$)|\n+")
_OPERATOR = re.compile(r"[+*=^<>\u00d7\u00f7\u2211\u221a\u2208\u2192\u2264\u2265]|(?<=[\d)\s])[-/\u2212](?=[\d(\s])")
_CODE = re.compile(r"```|==|!=|->|::|\w\(\)|\w\.\w+\(|[{};][ \t]*$|(?<!@)\b\w+_\w|</?\w+>", re.MULTILINE)
_CURRENCY = re.compile(r"[$\u20ac\u00a3\u00a5\u20b9]")
_NAME = re.compile(r"(?<=[a-z,] )[A-Z][a-z]+")


@dataclass(frozen=True, slots=True)
class Counts:
    """What stands in a text: the inputs in the order of INPUTS, its words, and pieces that tell, by what they tell."""

    values: tuple[float, ...]
    tokens: tuple[str, ...]
    found: Mapping[str, tuple[str, ...]]

    @property
    def questions(self) -> int:
        """How many questions are asked, by their marks."""
        return round(math.expm1(self.values[COUNTED.index("questions")]))


class Counter:
    """The word lists, compiled at build time; `count` is pure."""

    def __init__(self) -> None:
        groups = load("complexity/words")
        kinds: dict[str, set[str]] = {}
        for kind in KINDS:
            for listed in groups[kind]:
                kinds.setdefault(" ".join(split(fold(listed))), set()).add(kind)
        self._kinds = kinds
        self._index = phrases(kinds)
        self._closing = phrases(groups["closing"])

    def count(self, text: str) -> Counts:
        """The counts of a text, linear in its length; all 0 for one without words."""
        tokens = split(fold(text))
        found: dict[str, list[str]] = {kind: [] for kind in KINDS}
        for _, phrase in find(self._index, tokens):
            for kind in self._kinds[" ".join(phrase)]:
                found[kind].append(" ".join(phrase))
        found["numbers"] = _NUMBER.findall(text)
        found["operators"], found["code"] = _OPERATOR.findall(text), _CODE.findall(text)
        choices = [first or second for first, second in _CHOICE.findall(text)]
        counts = _counted(text, tokens, found)
        values = [math.log1p(count) for count in counts]
        listing = len(choices) >= FEWEST_CHOICES
        each = sum(len(choice.split()) for choice in choices) / len(choices) if listing else 0.0
        apart = values if listing else [0.0] * len(values)
        told = {kind: tuple(dict.fromkeys(pieces)) for kind, pieces in found.items() if pieces}
        inputs = (*values, math.log1p(len(choices) * listing), math.log1p(each), *apart)
        return Counts(inputs, tuple(tokens), told)

    def closes(self, tokens: Sequence[str]) -> bool:
        """Whether one of the words with which nothing is asked stands there."""
        return bool(find(self._closing, tokens))


def terms(tokens: Sequence[str]) -> list[str]:
    """The different words and pairs of neighbours, in their order; a number is `#`, whichever it is."""
    plain = ["#" if token.isdigit() else token for token in tokens]
    return list(dict.fromkeys((*plain, *map(" ".join, pairwise(plain)))))


def _counted(text: str, tokens: list[str], found: Mapping[str, list[str]]) -> tuple[float, ...]:
    """How much of each of COUNTED stands in the text: different words, numbers and names, so that saying them
    again adds nothing.
    """
    different = set(tokens)
    many, all_letters = len(different) or 1, sum(map(len, different))
    return (
        len(different),
        all_letters / many,
        sum(len(token) >= LONG_WORD for token in different),
        len(set(found["numbers"])),
        text.count("?") + text.count("\uff1f") + text.count("\u061f"),
        len(_END.findall(text)),
        text.count(",") + text.count(";") + text.count(":"),
        text.count("%"),
        len(_CURRENCY.findall(text)),
        len(set(found["operators"])),
        len(set(found["code"])),
        text.count("(") + text.count("[") + text.count("{"),
        sum(character.isupper() for character in text) / (len(tokens) or 1),
        sum(len(token) == 1 and token.isalpha() for token in different),
        text.count('"') + text.count("\u201c"),
        len(set(_NAME.findall(text))),
        *(len(set(found[kind])) for kind in KINDS),
    )
