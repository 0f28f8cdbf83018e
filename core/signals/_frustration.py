"""What the frustration signal sees in one burst: a text in, numbers and the words that tell out.

How numbers of several bursts are put together and weighed is in `_frustration_formula`. VADER reads English; the word
lists read English and, where a list has them, Danish and German. Each text is read once and remembered.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from functools import lru_cache

from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

from core.function_words import FUNCTION_WORDS
from core.signals._reading import joined, load, plain
from core.words import fold, split, words

COUNTED = (
    "anger", "repeat", "waiting", "failing", "blaming", "polite", "negation", "leaving", "sarcasm", "demanding", "done",
    "asking", "trouble", "time",
)  # fmt: skip
TELLING = ("outright", "anger", "leaving", "waiting", "repeat", "sarcasm", "failing", "trouble")
"""The kinds whose words a note quotes, most telling first."""

INPUTS = (
    "sentiment", "strong", *COUNTED, "emoji_against", "emoji_for", "capitals", "exclamations", "questions", "emphatic",
    "stretched", "thanks_first", "length", "short",
)  # fmt: skip
"""The names of one burst's numbers, in order; all are 0 to 1, but `sentiment` is -1 (glad) to 1."""

MOST = 3
"""Hits of one kind, or exclamation marks, beyond which more say nothing more."""

SHORT = 4
"""Words up to which a burst says little about a mood."""

LONGEST = 1_000
"""Characters of a burst that are read: VADER's time grows with them."""

RECENT = 1_000
"""Texts that are remembered: each burst is looked at again as an earlier one of the next."""

EMPHATIC = ("!!", "?!", "!?", "???")
DOUBTING = ("??", "?!", "!?")
AGAINST = frozenset("😡😠🤬😤😒🙄😑😐😩😫😭😢😞😔😟😕🙁☹😣😖👎💔🤦😾😬😪🖕🤨😳")
FOR = frozenset("😊😀😁😄😃🙂😍❤👍🙏😉🎉💕☺🥰🙌😘♥💙😎✌")
STRETCHED = re.compile(r"([a-vxyz])\1{2,}", re.IGNORECASE)
"""A letter three times in a row ("sooo"), but not www."""

ENGLISH = FUNCTION_WORDS["en"]
SMALL = frozenset[str]().union(*FUNCTION_WORDS.values())
"""The small words of every language, English among them."""

Index = dict[str, dict[str, list[tuple[list[str], str, str]]]]


@dataclass(frozen=True, slots=True)
class Burst:
    """One burst's numbers in the order of INPUTS, whether frustration is said outright, and the words that tell.

    `english` unless more of its small words are of other languages only: the encoder that ships reads English.
    """

    values: tuple[float, ...]
    outright: bool
    words: tuple[str, ...]
    english: bool


class Gauge:
    """The word lists and VADER, compiled at build time; `read` is pure, and remembers the newest texts."""

    def __init__(self) -> None:
        self._index = _index(load("frustration/words"))
        self._scores = SentimentIntensityAnalyzer().polarity_scores
        self.read = lru_cache(maxsize=RECENT)(self._read)

    def _read(self, text: str) -> Burst:
        """The numbers of one burst's text."""
        text = plain(text)[:LONGEST]
        tokens = split(fold(text))
        hits = _hits(self._index, tokens)
        if ("!" in text or "?" in text) and any(mark in text for mark in EMPHATIC):
            hits["outright"] += hits["demand"]
        mocking = bool(hits["mocking"])
        if mocking:
            hits["outright"] += hits["mocking"]
            hits["polite"], hits["thanks"] = [], []
        outright = bool(hits["outright"])
        values = {kind: min(len(hits[kind]), MOST) / MOST for kind in COUNTED}
        values["sentiment"] = -float(self._scores(text)["compound"]) if text else 0.0
        if mocking:
            values["sentiment"] = abs(values["sentiment"])
        values["strong"] = float(outright or bool(hits["anger"]))
        values["thanks_first"] = float(any(at == 0 for at, _ in hits["thanks"]))
        values["length"] = min(len(tokens), 40) / 40
        values["short"] = float(len(tokens) <= SHORT)
        values |= _marks(text)
        told = dict.fromkeys(phrase for kind in TELLING for _, phrase in hits[kind])
        small = SMALL.intersection(tokens)
        english = 2 * len(small & ENGLISH) >= len(small)
        return Burst(tuple(values[name] for name in INPUTS), outright, tuple(told), english)


def _index(groups: dict[str, tuple[str, ...]]) -> Index:
    """Each phrase with its kind by its first word and its second, which is empty for a single word; longest first."""
    found: Index = {}
    for kind, listed in groups.items():
        for parts in dict.fromkeys(tuple(words(phrase)) for phrase in listed):
            if parts:
                by_second = found.setdefault(parts[0], {})
                by_second.setdefault("".join(parts[1:2]), []).append((list(parts), joined(parts), kind))
    for by_second in found.values():
        for entries in by_second.values():
            entries.sort(key=lambda entry: -len(entry[0]))
    return found


def _hits(index: Index, tokens: list[str]) -> defaultdict[str, list[tuple[int, str]]]:
    """By kind every listed phrase with its place; of one kind the longest at each place."""
    hits: defaultdict[str, list[tuple[int, str]]] = defaultdict(list)
    for at in [at for at, word in enumerate(tokens) if word in index]:
        by_second, second = index[tokens[at]], "".join(tokens[at + 1 : at + 2])
        taken: list[str] = []
        for parts, phrase, kind in by_second.get(second, ()) if second else ():
            if kind not in taken and tokens[at : at + len(parts)] == parts:
                hits[kind].append((at, phrase))
                taken.append(kind)
        for _, phrase, kind in by_second.get("", ()):
            if kind not in taken:
                hits[kind].append((at, phrase))
    return hits


def _marks(text: str) -> dict[str, float]:
    """What is not words: emoji, shouting, punctuation, stretched words."""
    seen = frozenset[str]() if text.isascii() else frozenset(text)
    return {
        "emoji_against": min(sum(text.count(mark) for mark in AGAINST & seen), 2) / 2,
        "emoji_for": min(sum(text.count(mark) for mark in FOR & seen), 2) / 2,
        "capitals": _capitals(text),
        "exclamations": min(text.count("!"), MOST) / MOST,
        "questions": min(text.count("?"), MOST) / MOST,
        "emphatic": float("?" in text and any(mark in text for mark in DOUBTING)),
        "stretched": float(STRETCHED.search(text) is not None),
    }


def _capitals(text: str) -> float:
    """How many words are shouted, up to 4, as a share of 4; one word alone is no shouting."""
    shouted = sum(len(word) > 2 and word.isalpha() for word in text.split() if word.isupper())
    if not shouted:
        return 0.0
    spoken = sum(len(word) > 2 and word.isalpha() for word in text.split())
    return min(shouted, 4) / 4 if spoken > 1 else 0.0
