"""Text folded against dodging, with the way back: what a filter reads, and where that stands in what was written.

Harder than `core.words.fold`: accents, vowel points and stacked marks go as well, digits of every script become 0-9,
dashes become one dash, look-alike letters of another script inside a word become Latin, and letters or digits written
one by one are put together ("r e f u n d", "4-5-3-9"). What is folded so is good for finding listed words and numbers,
never for showing. What the words mean belongs to the signals.

Each character is folded by itself, so the work is linear in the length of the text, the result at most four times as
long, and the places are worked out only where something was found. Total: any string is accepted. The newest results
are remembered, since several signals read one message.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

import re2

from core.words import remembered, split

LONGEST_OF_ONE = 4
"""Characters one character may become; one that unfolds into more (a whole Arabic phrase) becomes a space."""

_RANGES_DROPPED = (
    *((0x034F, 0x034F), (0x115F, 0x1160), (0x180B, 0x180F), (0x3164, 0x3164), (0xFFA0, 0xFFA0)),  # fillers
    *((0xFE00, 0xFE0F), (0xE0100, 0xE01EF)),  # variation selectors
    *((0x0300, 0x036F), (0x0483, 0x0489), (0x1AB0, 0x1AFF), (0x1DC0, 0x1DFF), (0x20D0, 0x20FF), (0xFE20, 0xFE2F)),
    *((0x0591, 0x05BD), (0x05BF, 0x05C7), (0x0610, 0x061A), (0x0640, 0x0640), (0x064B, 0x065F), (0x0670, 0x0670)),
    *((0x06D6, 0x06DC), (0x06DF, 0x06E8), (0x06EA, 0x06ED), (0x093C, 0x093C)),
)
_DROPPED = frozenset(code for first, last in _RANGES_DROPPED for code in range(first, last + 1))
_SAME = str.maketrans(
    {
        **dict.fromkeys("\u2018\u2019\u02bc\u0060\u00b4\u02b9\u05f3", "'"),
        **dict(zip("\u2212\u30a0\u2800\u2028\u2029\u2044\u2215\u2024", "-- \n\n//.", strict=True)),
        **dict(zip("łđðħŧøıȷƒɑɡɩ", "lddhtoijfagi", strict=True)),
        **dict(zip("ᴀʙᴄᴅᴇꜰɢʜɪᴊᴋʟᴍɴᴏᴘʀꜱᴛᴜᴠᴡʏᴢ", "abcdefghijklmnoprstuvwyz", strict=True)),
        **dict(zip("æœþ", ("ae", "oe", "th"), strict=True)),
        **dict(zip("\u0649\u06cc\u06a9\u0629", "\u064a\u064a\u0643\u0647", strict=True)),  # one letter, two keys
    }
)
"""What no normalization makes equal, though a reader or a typist does."""

_LOOK = {
    **dict(zip("авгекмнопрстухиіјѕһԁԛԝӏь", "abrekmhonpctyxuijshdqwlb", strict=True)),
    **dict(zip("αβεηικμνορτυχζωγσ", "abenikmvoptuxzwyo", strict=True)),
    **dict(zip("օոսհցյ", "onuhgj", strict=True)),
}
_LOOK_ALIKE = str.maketrans(_LOOK)
_FOREIGN = "\u0370-\u03ff\u0400-\u052f\u0531-\u0587"
_HAS_FOREIGN = re.compile(f"[{_FOREIGN}]")
_FOREIGN_WORD = re.compile(rf"[^\W\d_]*[{_FOREIGN}][^\W\d_]*")
_LATIN = re.compile("[a-z]")

_SIGNS = "\u0900-\u0903\u093a-\u094f\u0955-\u0957\u0962\u0963\u3099\u309a"
_LETTER = rf"(?:ae|oe|th|ss|[^\W\d_]|[{_SIGNS}])[{_SIGNS}]*"  # two letters where one was written
_BETWEEN = rf"(?:[^\w\n{_SIGNS}]|_){{1,3}}"
_NOT_BEFORE, _NOT_AFTER = rf"(?<![^\W_])(?<![{_SIGNS}])", rf"(?![^\W_]|[{_SIGNS}])"
_ONE_BY_ONE = re.compile(
    rf"{_NOT_BEFORE}(?:{_LETTER}(?:{_BETWEEN}{_LETTER}){{4,}}{_NOT_AFTER}|\d(?:{_BETWEEN}\d){{5,}}{_NOT_AFTER})"
)
_MAYBE_ONE_BY_ONE = re2.compile(r"(?:(?:ae|oe|th|ss|[a-z0-9])[^a-z0-9\n]{1,3}){4}[a-z0-9]")
"""In a text of plain letters this holds wherever `_ONE_BY_ONE` does; it takes a fifth of the time to say no."""
_AS_THEY_ARE = frozenset({"Lo", "So", "Sm", "Po"})
"""Kinds of characters without small and capital forms: most stay what they are, which is told quickly."""
_IDEOGRAPHS = range(0x3400, 0xA000)
"""Characters that stand for themselves; there are too many to know each beforehand."""

_GAP = re.compile(_BETWEEN)


@dataclass(frozen=True, slots=True)
class Folded:
    """A text and what it folds to. `runs` are the places in `text` of what was written letter by letter.

    `kept` are the places, before that was put together, of what is left; None where nothing was.
    """

    original: str
    text: str
    runs: tuple[tuple[int, int], ...] = ()
    kept: tuple[int, ...] | None = None

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Where characters `start` to `end` of `text` stand in `original`, with the marks that follow the last."""
        if end <= start:
            raise ValueError(f"an empty place: {start} to {end}")
        first, last = (start, end - 1) if self.kept is None else (self.kept[start], self.kept[end - 1])
        if self.original.isascii():
            return first, last + 1
        places = [at for at, character in enumerate(self.original) for _ in _folded(ord(character))]
        stop = places[last] + 1
        while stop < len(self.original) and not _folded(ord(self.original[stop])):
            stop += 1
        return places[first], stop

    def piece(self, start: int, end: int) -> str:
        """What was written there."""
        first, last = self.span(start, end)
        return self.original[first:last]


@remembered
def folded(text: str) -> Folded:
    """The text with everything taken away that hides a word or a number from a list."""
    plain = text.translate(_TABLE)
    if not plain.isascii() and _HAS_FOREIGN.search(plain):
        plain = _with_latin_letters(plain)
    is_whole = plain.isascii() and not _MAYBE_ONE_BY_ONE.search(plain)
    spaced = [] if is_whole else list(_ONE_BY_ONE.finditer(plain))
    return _put_together(text, plain, spaced) if spaced else Folded(text, plain)


def forms(listed: str) -> set[str]:
    """What a listed phrase may have become in a folded text.

    Its script is kept, or, where all its letters look Latin ("cop" in a Russian list), it may have become Latin.
    """
    plain = listed.translate(_TABLE)
    return {plain, plain.translate(_LOOK_ALIKE)} if all(c in _LOOK for c in plain if c.isalpha()) else {plain}


def index(known: Iterable[str]) -> dict[str, tuple[tuple[str, ...], ...]]:
    """As `core.words.phrases`, for words of a folded text: first word to the phrases it opens, longest first."""
    found: dict[str, set[tuple[str, ...]]] = {}
    for parts in (tuple(split(form)) for listed in known for form in forms(listed)):
        if parts:
            found.setdefault(parts[0], set()).add(parts)
    return {first: tuple(sorted(group, key=lambda p: (-len(p), p))) for first, group in found.items()}


def place(text: str, among: list[str], at: int, count: int) -> tuple[int, int]:
    """Where the words `at` to `at + count` of `among`, which is the split text, stand in it."""
    start = end = 0
    for number, word in enumerate(among[: at + count]):
        begins = text.index(word, end)
        end = begins + len(word)
        if number == at:
            start = begins
    return start, end


def _with_latin_letters(plain: str) -> str:
    """Look-alikes made Latin in words that mix scripts, and everywhere when no word is plainly of the other script."""
    words = _FOREIGN_WORD.findall(plain)
    whole = [word for word in words if not _LATIN.search(word)]
    genuine = any(c not in _LOOK for word in whole for c in word)

    def latin(match: re.Match[str]) -> str:
        word = match.group()
        return word.translate(_LOOK_ALIKE) if not genuine or _LATIN.search(word) else word

    return _FOREIGN_WORD.sub(latin, plain)


def _put_together(text: str, plain: str, spaced: list[re.Match[str]]) -> Folded:
    """The folded text without what stands between letters or digits that were written one by one.

    Of a gap that is longer than the shortest of its run one character is left, as a space: a word ends there.
    """
    pieces: list[str] = []
    kept: list[int] = []
    runs: list[tuple[int, int]] = []
    at = 0
    for match in spaced:
        kept.extend(range(at, match.start()))
        pieces.append(plain[at : match.start()])
        start = len(kept)
        gaps = [(gap.start(), gap.end()) for gap in _GAP.finditer(plain, match.start(), match.end())]
        shortest = min(end - begin for begin, end in gaps)
        place = match.start()
        for begin, end in (*gaps, (match.end(), match.end())):
            kept.extend(range(place, begin))
            pieces.append(plain[place:begin])
            if end - begin > shortest:
                kept.append(begin)
                pieces.append(" ")
            place = end
        runs.append((start, len(kept)))
        at = match.end()
    kept.extend(range(at, len(plain)))
    pieces.append(plain[at:])
    return Folded(text, "".join(pieces), tuple(runs), tuple(kept))


@lru_cache(maxsize=16_384)
def _folded(code: int) -> str:
    """What one character becomes: nothing, or up to LONGEST_OF_ONE characters."""
    character = chr(code)
    category = unicodedata.category(character)
    if code in _DROPPED or category == "Cf":
        return ""
    if category in {"Cc", "Cs", "Cn", "Co"}:
        return character if code in {9, 10, 13} else " "
    if category in _AS_THEY_ARE and code not in _SAME and unicodedata.is_normalized("NFKD", character):
        return character
    if category == "Nd":
        return str(unicodedata.decimal(character))
    if category == "Pd":
        return "-"
    plain = character.translate(_SAME)
    for _ in range(2):
        plain = unicodedata.normalize("NFKD", plain).casefold()
    found = "".join(c for c in plain.translate(_SAME) if ord(c) not in _DROPPED)
    return found if len(found) <= LONGEST_OF_ONE else " "


class _Table(dict[int, str]):
    """What str.translate asks: the common blocks are known beforehand, the rest is worked out."""

    def __init__(self) -> None:
        blocks = ((0, 0x700), (0x900, 0x980), (0x2000, 0x2100), (0x3000, 0x3100), (0xFF00, 0xFFF0))
        super().__init__((code, _folded(code)) for first, end in blocks for code in range(first, end))

    def __missing__(self, code: int) -> str:
        return chr(code) if code in _IDEOGRAPHS else _folded(code)


_TABLE = _Table()
