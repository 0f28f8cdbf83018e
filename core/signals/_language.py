"""Telling languages in Latin letters apart: the trigrams of each word, and whose frequent words they are.

Every word gives each language a gain: how much likelier that language makes it than chance does. Gains are added up and
turned into shares that sum to 1. An English word costs no language much, since titles and product names are English in
every language. Weights: _data/language_trigrams.txt, made by tools/fit_language.py; words: core/function_words.py and
_data/language.txt. What a reading says and which script tells at once lives in `language`.

Units: gains and costs are tenths of a nat (natural logarithm of a ratio of probabilities).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, reduce
from math import exp
from operator import add, and_
from pathlib import Path
from struct import Struct
from typing import NamedTuple
from unicodedata import combining, normalize

from core.function_words import FUNCTION_WORDS
from core.signals._reading import load
from core.words import fold, split

MAIN = ("da", "de", "en", "es", "fr", "it", "nl", "pl", "pt", "sv", "tr")
OTHERS = ("cs", "fi", "hr", "hu", "id", "lt", "no", "ro")
RIVALS = ("ca", "et", "lv", "sk", "sl", "romanised")
"""Languages that are known so that their neighbours are not named in their place; named only where configured."""

CODES = (*MAIN, *OTHERS, *RIVALS)
HANDICAP: Mapping[str, int] = {
    **dict.fromkeys(MAIN, 0),
    **dict.fromkeys(OTHERS, 8),
    **dict.fromkeys(RIVALS, 80),
    "no": 16,
    "en": -10,
    "romanised": 10,
}
"""What a language starts behind, for being rare in support chats. English starts ahead, since its words count less."""

OWN = 20
"""What a language of the bot starts ahead: customers mostly write the languages it was made for."""

FLOOR, FIRST_FLOOR = 45, 65
"""The cost of a trigram nobody knows, inside a word and at its start: what a gain is measured from."""

WORD = 62
"""The cost of a frequent word: some 200 of them make up two fifths of a text."""

STRANGE = 40
"""What it speaks for a language beyond its letters that a word is frequent there."""

BORROWED = 25
"""The most an English word can speak for English."""

ALL_BORROWED = 60
"""What it costs a language when no word of the message is likelier in it than in English."""

SHARPNESS = 0.055
"""Turns a lead in gains into odds; less than a tenth, since the words of one message are not independent."""

LONGEST_WORD = 40
"""Letters of a word that are read."""

KEPT = 4_096
"""Words of which it is kept what they say: most words of a conversation come again. About 2 MB when full."""

WEIGHTS = Path(__file__).parent / "_data" / "language_trigrams.txt"

_ENGLISH = CODES.index("en")
_LANES = Struct(f"<{len(CODES)}I")
_PLAIN = str.maketrans("\u0131\u0142\u00f8\u0111", "ilod")
"""Letters whose stroke or missing dot is no mark of its own."""


@dataclass(frozen=True, slots=True)
class Told:
    """The likeliest language, its share of the probability, and the words that spoke for it, in their order."""

    code: str
    share: float
    because: tuple[str, ...]


class _Word(NamedTuple):
    """What one word says, a place in CODES each: what it speaks for a language, no less than English allows (`_LANES`);
    whether it is likelier in English than there; whether it speaks for that language more than for most.
    """

    speaks: int
    english: int
    above: int


class _Said(dict[str, _Word]):
    """What words say, found out once. When full it begins anew: cheaper than to know which word is the oldest."""

    def __init__(self, read: Callable[[str], _Word]) -> None:
        super().__init__()
        self._read = read

    def __missing__(self, word: str) -> _Word:
        if len(self) >= KEPT:
            self.clear()
        said = self[word] = self._read(word)
        return said


class Tongues:
    """The tables: trigram -> gains of all CODES in one number (`_LANES`), word -> places in CODES of those that use it.

    Packed, one addition adds a trigram, or a whole word, for every language at once.
    """

    def __init__(self, trigrams: Mapping[str, int], words: Mapping[str, tuple[int, ...]]) -> None:
        self._trigrams = trigrams
        self._words = words
        self._said = _Said(self._word)

    def gains(self, word: str) -> list[int]:
        """The gain of one folded word for each of CODES."""
        padded = f" {word[:LONGEST_WORD]} "
        packed = sum([self._trigrams.get(padded[start : start + 3], 0) for start in range(len(padded) - 2)])
        row = list(_unpacked(packed))
        users = self._words.get(word, ())
        frequent = FIRST_FLOOR + FLOOR * (len(word) - 1) - WORD
        for place in users:
            row[place] = max(row[place], frequent) + STRANGE
        return row

    def parts(self, words: Iterable[str]) -> list[str]:
        """The words as they are looked up: parted at an apostrophe where the whole is not a frequent word."""
        found: list[str] = []
        for word in words:
            if "'" not in word or word in self._words:
                found.append(word)
            else:
                found.extend(filter(None, word.split("'")))
        return found

    def tell(self, words: Sequence[str], own: frozenset[str]) -> Told | None:
        """Which language the folded words are in, `own` preferred; None without words."""
        parts = self.parts(words)
        if not parts:
            return None
        speaks, english, above = zip(*map(self._said.__getitem__, parts), strict=True)
        totals = list(map(add, _unpacked(sum(speaks)), _ahead(own, reduce(and_, english))))
        most = max(totals)
        best = totals.index(most)
        share = 1 / sum([exp(SHARPNESS * (total - most)) for total in totals])
        because = [word for word, languages in zip(parts, above, strict=True) if languages >> best & 1]
        return Told(CODES[best], share, tuple(because))

    def _word(self, word: str) -> _Word:
        row = self.gains(word)
        english, least, usual = row[_ENGLISH], max(0, row[_ENGLISH] - BORROWED), sum(row) / len(row)
        speaks = _LANES.pack(*[gain if gain > least else least for gain in row])
        return _Word(
            int.from_bytes(speaks, "little"),
            sum([1 << place for place, gain in enumerate(row) if gain < english]),
            sum([1 << place for place, gain in enumerate(row) if gain > usual]),
        )


def _unpacked(lanes: int) -> tuple[int, ...]:
    return _LANES.unpack(lanes.to_bytes(_LANES.size, "little"))


@lru_cache(maxsize=1_024)
def _ahead(own: frozenset[str], borrowing: int) -> tuple[int, ...]:
    """What each of CODES starts with; `borrowing` are those in which no word is likelier than in English."""
    starts = [OWN if code in own else -HANDICAP[code] for code in CODES]
    return tuple([start - ALL_BORROWED * (borrowing >> place & 1) for place, start in enumerate(starts)])


def tongues() -> Tongues:
    """The shipped tables. OSError and ValueError when a file of the package is missing or broken."""
    places = {code: place for place, code in enumerate(CODES)}
    packed: dict[str, int] = {}
    for code, gains in read(WEIGHTS.read_text(encoding="utf-8")).items():
        lane = {gain: gain << 32 * places[code] for gain in set(gains.values())}
        for trigram, gain in gains.items():
            packed[trigram] = packed.get(trigram, 0) + lane[gain]
    users: dict[str, list[int]] = {}
    for code, frequent in frequent_words().items():
        for word in frequent:
            users.setdefault(word, []).append(places[code])
    return Tongues(packed, {word: tuple(using) for word, using in users.items()})


def frequent_words() -> dict[str, frozenset[str]]:
    """The frequent words of each of CODES, folded, and as they are typed without marks where no language has that."""
    more = load("language")
    listed = {code: {*FUNCTION_WORDS.get(code, ()), *split(fold(" ".join(more.get(code, ()))))} for code in CODES}
    taken = frozenset().union(*listed.values())
    return {code: frozenset(words | ({bare(word) for word in words} - taken)) for code, words in listed.items()}


def bare(text: str) -> str:
    """The text without accents and other marks on its letters, as it is typed in a hurry."""
    if text.isascii():
        return text
    return "".join(c for c in normalize("NFD", text.translate(_PLAIN)) if not combining(c))


def read(weights: str) -> dict[str, dict[str, int]]:
    """The weights by language: `[code]` opens one, then lines `gain: trigram trigram ...`, a border written as `_`."""
    found: dict[str, dict[str, int]] = {}
    gains: dict[str, int] = {}
    for line in weights.splitlines():
        if line.startswith("["):
            gains = found.setdefault(line.strip("[]"), {})
        elif line and not line.startswith("#"):
            gain, _, trigrams = line.partition(":")
            gains.update((trigram.replace("_", " "), int(gain)) for trigram in trigrams.split())
    return found
