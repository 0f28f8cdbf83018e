"""Two bursts of a customer side by side: what speaks for the newer one asking again what the older one asked.

Reading one burst and weighing two belongs here; which bursts are compared, and what is said about it, is in `rephrase`.
A burst is cut into sentences, for a customer complains, thanks and asks in one breath: in a burst of several the
meaning of the whole tells less, and the words of what is asked tell more.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from operator import mul
from typing import TYPE_CHECKING, NamedTuple

from core.function_words import STOP_WORDS
from core.retrieval import STEM
from core.signals._reading import load, plain
from core.words import clip, fold, likeness, split, trigrams, words

if TYPE_CHECKING:
    from core.meaning import Vector

FEW = 3
"""Words beside a thank-you that still ask nothing: "thank you for your quick response"."""

SENTENCES = 8
"""Sentences of a burst that are compared: its last ones, so that a long burst costs no more."""

REMEMBERED = 512
"""Bursts whose reading is remembered."""

WORDS, LONGEST_WORD = 2_048, 24
"""Words whose trigrams are remembered, for the same ones come again and again, and how long such a word may be."""

ALIKE = 0.4
"""By words alone: the likeness from which a burst asks the same as the one before."""

ALIKE_AFTER_OUR_QUESTION = 0.55
ALIKE_WHEN_SAID = 0.2
"""The same after a question of ours, and where the customer says that it is asked again."""

WEIGHTS = (10.01, -3.86, 0.47, 1.21, 2.68, 1.97, -1.96, -2.26)
INTERCEPT = -6.98
"""The logistic formula over `Likeness.inputs`; fitted by tools/fit_rephrase.py."""

SHARED, PARTED = 2.2, -5.45
"""Beside it, what the bot's FAQ says: the probability that both bursts ask for one entry, and for two; same tool."""

_ENDS = re.compile(r"(?<=[.!?])\s+|\n")
_UNMIXED = (0.0,) * 6
_SAY_NOTHING = frozenset({"thanks", "nothing_asked"})


def _listed(groups: Mapping[str, Iterable[str]]) -> dict[str, dict[tuple[str, ...], frozenset[str]]]:
    """By its first word each phrase with the groups it is in."""
    found: dict[str, dict[tuple[str, ...], frozenset[str]]] = {}
    for group, phrases in groups.items():
        for parts in (tuple(words(phrase)) for phrase in phrases):
            same_start = found.setdefault(parts[0], {})
            same_start[parts] = same_start.get(parts, frozenset()) | {group}
    return found


_PHRASES = _listed(load("rephrase"))
_LENGTHS = {first: sorted({len(phrase) for phrase in phrases}) for first, phrases in _PHRASES.items()}


class Burst(NamedTuple):
    """What a burst says, ready to be compared: its telling words' stems and trigrams, the stems of each sentence that
    asks (of each at all where none does), whether it is more than one sentence, has a question mark, asks, and says
    that it asks again.
    """

    stems: frozenset[str]
    trigrams: frozenset[str]
    asked: tuple[frozenset[str], ...]
    mixed: bool
    question: bool
    asks: bool
    again: bool


@lru_cache(maxsize=REMEMBERED)
def read(text: str) -> Burst | None:
    """The burst as something asked; None when it asks nothing: a thank-you, a greeting, a yes."""
    lines = _lines(clip(text))
    shown = "\n".join(lines)
    sentences = [split(line) for line in fold(shown).split("\n")]
    tokens = [token for sentence in sentences for token in sentence]
    said: set[str] = set()
    empty: set[int] = set()
    asking: list[tuple[int, int]] = []
    for start, end, groups in _phrases(tokens):
        said |= groups
        if not groups.isdisjoint(_SAY_NOTHING):
            empty.update(range(start, end))
        if "asking" in groups:
            asking.append((start, end))
    carrying = [token for at, token in enumerate(tokens) if at not in empty and token not in STOP_WORDS]
    question = "?" in shown
    asks = question or bool(asking)
    if not carrying or ("thanks" in said and not asks and len(carrying) <= FEW):
        return None
    stems = frozenset([token[:STEM] for token in carrying])
    asked, mixed = _asked(lines, sentences, asking)
    return Burst(stems, _trigrams(carrying), asked, mixed, question, asks, "again" in said)


def _lines(text: str) -> list[str]:
    """The sentences as they were written, without addresses; some may be empty, and none holds a line end."""
    lines = _ENDS.split(text)
    return [plain(line) for line in lines] if "@" in text or "/" in text else lines


def _phrases(tokens: Sequence[str]) -> list[tuple[int, int, frozenset[str]]]:
    """Every listed phrase among the words: where it starts and ends, and the groups it is in."""
    found = []
    for start in [start for start, token in enumerate(tokens) if token in _PHRASES]:
        phrases = _PHRASES[tokens[start]]
        for length in _LENGTHS[tokens[start]]:
            groups = phrases.get(tuple(tokens[start : start + length]))
            if groups is not None:
                found.append((start, start + length, groups))
    return found


def _asked(
    lines: Sequence[str], sentences: Sequence[Sequence[str]], asking: Sequence[tuple[int, int]]
) -> tuple[tuple[frozenset[str], ...], bool]:
    """The stems of each of the last sentences that ask (of all the last when none does), and whether there are more
    than one at all that say something. `asking` are the places of the phrases that ask.
    """
    those: list[frozenset[str]] = []
    others: list[frozenset[str]] = []
    read_from = max(len(lines) - 3 * SENTENCES, 0)
    start = sum(map(len, sentences[:read_from]))
    for line, tokens in zip(lines[read_from:], sentences[read_from:], strict=True):
        end = start + len(tokens)
        stems = frozenset([token[:STEM] for token in tokens if token not in STOP_WORDS])
        if stems:
            asks = "?" in line or any(start <= first and last <= end for first, last in asking)
            (those if asks else others).append(stems)
        start = end
    return tuple((those or others)[-SENTENCES:]), len(those) + len(others) > 1


def _trigrams(tokens: Sequence[str]) -> frozenset[str]:
    """The trigrams of the words, each word's remembered."""
    return frozenset[str]().union(*[_of_word(t) if len(t) <= LONGEST_WORD else trigrams(t) for t in tokens])


@lru_cache(maxsize=WORDS)
def _of_word(word: str) -> frozenset[str]:
    padded = f"  {word}  "
    return frozenset([padded[i : i + 3] for i in range(len(padded) - 2)])


class Likeness(NamedTuple):
    """What speaks for a repeat where both meanings are known: their cosine, the likeness in words of the bursts and of
    the two most alike sentences that ask, and yes or no as 1 or 0: the newer one has no question after one of ours; it
    says that it asks again; it asks; one of the two is mixed. In a burst not mixed only the cosine and the first
    of these count, and likeness in words is left at 0.
    """

    meaning: float
    words: float
    asked: float
    answering: float
    again: float
    asks: float
    mixed: float

    @property
    def inputs(self) -> tuple[float, ...]:
        """What the formula weighs."""
        if not self.mixed:
            return (self.meaning, self.answering, *_UNMIXED)
        return (self.meaning, self.answering, self.again, self.asks, self.words, self.asked, 1.0, self.meaning)

    def probability(self, shared: float = 0.0, parted: float = 0.0) -> float:
        """The probability that the newer burst asks again what the older asked. `shared` and `parted`: the probability
        that they ask for one entry of the bot's FAQ, and for two.
        """
        total = INTERCEPT + SHARED * shared + PARTED * parted
        total += sum(map(mul, WEIGHTS, self.inputs))
        return 1 / (1 + math.exp(-total))


def compare(newer: Burst, older: Burst, reply: str, meanings: tuple[Vector, Vector]) -> Likeness:
    """The newer burst beside an older one; `reply` is ours right before the newer one, `meanings` are theirs."""
    one, other = meanings
    mixed = newer.mixed or older.mixed
    return Likeness(
        meaning=float(one.dot(other)),
        words=alike(newer, older) if mixed else 0.0,
        asked=_most_alike(newer.asked, older.asked) if mixed else 0.0,
        answering=float("?" in reply and not newer.asks),
        again=float(newer.again),
        asks=float(newer.asks),
        mixed=float(mixed),
    )


def _most_alike(some: Iterable[frozenset[str]], others: Sequence[frozenset[str]]) -> float:
    """The likeness of the two sentences that are most alike."""
    return max([likeness(one, other) for one in some for other in others], default=0.0)


def alike(newer: Burst, older: Burst) -> float:
    """Likeness in words, half by stems and half by character trigrams."""
    return (likeness(newer.stems, older.stems) + likeness(newer.trigrams, older.trigrams)) / 2


def same_words(newer: Burst, older: Burst, reply: str) -> bool:
    """Whether the newer burst asks what the one before it asked, by words alone."""
    if newer.again:
        return alike(newer, older) >= ALIKE_WHEN_SAID
    answering = reply.rstrip().endswith("?") and not newer.question
    return alike(newer, older) >= (ALIKE_AFTER_OUR_QUESTION if answering else ALIKE)
