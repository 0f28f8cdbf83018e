"""Text as words: folding, splitting and likeness, the same for every signal and for retrieval.

Only what holds for any language belongs here; word lists and their meaning live in core/signals/_data. Everything is
linear in the length of the text, and total: any string is accepted, hostile or empty.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence

LONGEST = 4_000
"""Characters of one burst that are read. A longer text is read at both ends, where questions and closings stand."""

_INVISIBLE = frozenset({0x034F, 0x115F, 0x1160, 0x3164, 0xFFA0, *range(0xFE00, 0xFE10)})
_APOSTROPHES = {0x2018: "'", 0x2019: "'", 0x02BC: "'", 0x0060: "'", 0x00B4: "'"}
_SENTENCE_ENDS = str.maketrans(dict.fromkeys(".!?;\u2026\u3002\uff01\uff1f\u061f\u06d4\u0964", "\n"))


class _Table(dict[int, "str | int | None"]):
    """A str.translate table that knows the common blocks beforehand and works out the rest, storing nothing."""

    def __init__(self, rule: str) -> None:
        blocks = (range(0x530), range(0x590, 0x700), range(0x2000, 0x2100), range(0xFE00, 0xFE10))
        self._rule = getattr(self, rule)
        super().__init__((code, self._rule(code)) for block in blocks for code in block)

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
        return " " if category in {"Cc", "Zl", "Zp", "Cs", "Cn", "Co"} and code not in {9, 10, 13} else code

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


def fold(text: str) -> str:
    """The text with case, compatibility forms and invisible characters taken away: what two equal-looking texts share.

    NFKC, casefold, curly apostrophes straightened, zero-width characters and soft hyphens dropped, controls to spaces.
    """
    if text.isascii():
        return text.translate(_VISIBLE).lower()
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text.translate(_VISIBLE)).casefold())


def words(text: str) -> list[str]:
    """The folded words in order: runs of letters, marks and digits, an apostrophe inside a word kept."""
    return split(fold(text))


def split(folded: str) -> list[str]:
    """The words of a text that is folded already."""
    parts = folded.translate(_LETTERED).split()
    if "'" not in folded:
        return parts
    return [word for word in (part.strip("'") for part in parts) if word]


def sentences(text: str) -> list[str]:
    """The folded sentences: what stands between full stops, question and exclamation marks and line ends."""
    return [part for part in (line.strip() for line in fold(text).translate(_SENTENCE_ENDS).splitlines()) if part]


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
    for at, word in enumerate(among):
        for phrase in index.get(word, ()):
            if tuple(among[at : at + len(phrase)]) == phrase:
                hits.append((at, phrase))
                break
    return hits
