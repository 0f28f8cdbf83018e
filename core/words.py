"""Text as words: folding, splitting and likeness, the same for every signal and for retrieval.

Only what holds for any language belongs here; word lists and their meaning live in core/signals/_data. Everything is
linear in the length of the text, and total: any string is accepted, hostile or empty. What a text folds to depends on
the text alone, so the newest results are remembered: several signals read one message, and it is folded once.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache, wraps
from typing import TypeVar

import re2

LONGEST = 4_000
"""Characters of one burst that are read. A longer text is read at both ends, where questions and closings stand."""

REMEMBERED, LONGEST_REMEMBERED = 512, 1_000
"""Texts whose results are kept, and how long such a text may be: a few megabytes at most for each function."""

MOST_MARKS = 8
"""Combining marks kept on one letter. Putting a run of n marks in order takes n * n steps; no language needs nine."""

LONGEST_OF_ONE = 4
"""Characters one may unfold into, as a squared word does; one that unfolds into a whole phrase becomes a space."""

_RULES_REMEMBERED = 16_384

_INVISIBLE = frozenset({0x034F, 0x115F, 0x1160, 0x3164, 0xFFA0, *range(0xFE00, 0xFE10)})
_APOSTROPHES = {0x2018: "'", 0x2019: "'", 0x02BC: "'", 0x0060: "'", 0x00B4: "'"}
_STACKED = re2.compile(rf"[\pM\x{{ff9e}}\x{{ff9f}}]{{{MOST_MARKS + 1}}}")
_HALFWIDTH_MARKS = frozenset("\uff9e\uff9f")
"""Letters to Unicode, but they unfold into combining marks."""
_SENTENCE_ENDS = str.maketrans(dict.fromkeys(".!?;\u2026\u3002\uff01\uff1f\u061f\u06d4\u0964", "\n"))


T = TypeVar("T")


def remembered(read: Callable[[str], T]) -> Callable[[str], T]:
    """The same function of a text, its newest results kept. It must be pure, and what it returns never changed."""
    known = lru_cache(maxsize=REMEMBERED)(read)

    @wraps(read)
    def reading(text: str) -> T:
        return known(text) if len(text) <= LONGEST_REMEMBERED else read(text)

    return reading


class _Table(dict[int, "str | int | None"]):
    """A str.translate table that knows the common blocks beforehand and works out the rest, storing little."""

    def __init__(self, rule: str) -> None:
        blocks = (range(0x530), range(0x590, 0x700), range(0x2000, 0x2100), range(0xFE00, 0xFE10))
        self._rule = lru_cache(maxsize=_RULES_REMEMBERED)(getattr(self, rule))
        super().__init__((code, getattr(self, rule)(code)) for block in blocks for code in block)

    def __missing__(self, code: int) -> str | int | None:
        replaced: str | int | None = self._rule(code)
        return replaced

    @staticmethod
    def visible(code: int) -> str | int | None:
        if code in _APOSTROPHES:
            return _APOSTROPHES[code]
        category = unicodedata.category(chr(code))
        if code in _INVISIBLE or category == "Cf":
            return None
        if category in {"Cc", "Zl", "Zp", "Cs", "Cn", "Co"} and code not in {9, 10, 13}:
            return " "
        return code if len(unicodedata.normalize("NFKC", chr(code))) <= LONGEST_OF_ONE else " "

    @staticmethod
    def lettered(code: int) -> str | int | None:
        return code if unicodedata.category(chr(code))[0] in "LNM" or code == 0x27 else " "


_VISIBLE = _Table("visible")
_LETTERED = _Table("lettered")


def clip(text: str, longest: int = LONGEST) -> str:
    """The text, or its two ends when it is longer than `longest` characters."""
    if len(text) <= longest:
        return text
    half = longest // 2
    return f"{text[:half]} {text[-half:]}"


@remembered
def fold(text: str) -> str:
    """The text with case, compatibility forms and invisible characters taken away: what two equal-looking texts share.

    NFKC, casefold, curly apostrophes straightened, zero-width characters and soft hyphens dropped, controls to spaces.
    Of marks stacked on a letter the first MOST_MARKS stay.
    """
    if text.isascii():
        return text.translate(_VISIBLE).lower()
    plain = _unstacked(text.translate(_VISIBLE))
    return _unstacked(unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", plain).casefold()))


def _unstacked(text: str) -> str:
    if not _STACKED.search(text):
        return text
    kept, marks = [], 0
    for character in text:
        is_mark = unicodedata.category(character)[0] == "M" or character in _HALFWIDTH_MARKS
        marks = marks + 1 if is_mark else 0
        if marks <= MOST_MARKS:
            kept.append(character)
    return "".join(kept)


def words(text: str) -> list[str]:
    """The folded words in order: runs of letters, marks and digits, an apostrophe inside a word kept."""
    return split(fold(text))


def split(folded: str) -> list[str]:
    """The words of a text that is folded already."""
    return list(_split(folded))


@remembered
def _split(folded: str) -> tuple[str, ...]:
    parts = folded.translate(_LETTERED).split()
    if "'" not in folded:
        return tuple(parts)
    return tuple(word for word in (part.strip("'") for part in parts) if word)


def sentences(text: str) -> list[str]:
    """The folded sentences: what stands between full stops, question and exclamation marks and line ends."""
    return [part for part in (line.strip() for line in fold(text).translate(_SENTENCE_ENDS).splitlines()) if part]


@remembered
def trigrams(folded: str) -> frozenset[str]:
    """The character trigrams of each word with its two borders, as a set."""
    padded = f"  {'  '.join(split(folded))}  "
    return frozenset(padded[i : i + 3] for i in range(len(padded) - 2))


def likeness(one: frozenset[str], other: frozenset[str]) -> float:
    """Dice's coefficient of two sets, 0 (nothing shared) to 1 (the same); 0 when both are empty."""
    total = len(one) + len(other)
    return 2 * len(one & other) / total if total else 0.0


def phrases(known: Iterable[str]) -> dict[str, tuple[tuple[str, ...], ...]]:
    """An index for `find`: the first word of each phrase to all phrases that start with it, longest first."""
    index: dict[str, set[tuple[str, ...]]] = {}
    for phrase in known:
        parts = tuple(words(phrase))
        if parts:
            index.setdefault(parts[0], set()).add(parts)
    return {first: tuple(sorted(group, key=lambda p: (-len(p), p))) for first, group in index.items()}


def find(index: dict[str, tuple[tuple[str, ...], ...]], among: Sequence[str]) -> list[tuple[int, tuple[str, ...]]]:
    """Every known phrase that stands among the words, as (position, phrase); the longest one at each position."""
    hits: list[tuple[int, tuple[str, ...]]] = []
    for at, group in enumerate(map(index.get, among)):
        for phrase in group or ():
            if len(phrase) == 1 or tuple(among[at : at + len(phrase)]) == phrase:
                hits.append((at, phrase))
                break
    return hits
