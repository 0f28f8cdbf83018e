"""Two bursts of a customer side by side: what speaks for the newer one asking again what the older one asked.

Reading one burst and weighing two belongs here; which bursts are compared, and what is said about it, is in `rephrase`.
A burst is cut into sentences, for a customer complains, thanks and asks in one breath: in a burst of several the
meaning of the whole tells less, and the words of what is asked tell more.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from core.function_words import STOP_WORDS
from core.retrieval import STEM
from core.signals._reading import load, plain
from core.words import clip, find, fold, likeness, phrases, split, trigrams

if TYPE_CHECKING:
    from core.meaning import Vector

FEW = 3
"""Words beside a thank-you that still ask nothing: "thank you for your quick response"."""

SENTENCES = 8
"""Sentences of a burst that are compared: its last ones, so that a long burst costs no more."""

REMEMBERED = 512
"""Bursts whose reading is remembered."""

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
_GROUPS = load("rephrase")
_AGAIN, _THANKS, _NOTHING, _ASKING = (phrases(_GROUPS[name]) for name in ("again", "thanks", "nothing_asked", "asking"))


@dataclass(frozen=True, slots=True)
class Burst:
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
    text = clip(text)
    shown = plain(text)
    tokens = split(fold(shown))
    thanked = find(_THANKS, tokens)
    said = (*thanked, *find(_NOTHING, tokens))
    covered = {at + i for at, phrase in said for i in range(len(phrase))}
    carrying = [token for i, token in enumerate(tokens) if i not in covered and token not in STOP_WORDS]
    asks = "?" in shown or bool(find(_ASKING, tokens))
    if not carrying or (thanked and not asks and len(carrying) <= FEW):
        return None
    asked, mixed = _sentences(text)
    stems = frozenset(token[:STEM] for token in carrying)
    again = bool(find(_AGAIN, tokens))
    return Burst(stems, trigrams(" ".join(carrying)), asked, mixed, "?" in shown, asks, again)


def _sentences(text: str) -> tuple[tuple[frozenset[str], ...], bool]:
    """The stems of each of the last sentences that ask (of all the last when none does), and whether there are more
    than one at all that say something.
    """
    asking: list[frozenset[str]] = []
    others: list[frozenset[str]] = []
    for raw in _ENDS.split(text)[-3 * SENTENCES :]:
        sentence = plain(raw)
        tokens = split(fold(sentence))
        stems = frozenset(token[:STEM] for token in tokens if token not in STOP_WORDS)
        if stems:
            (asking if "?" in sentence or find(_ASKING, tokens) else others).append(stems)
    return tuple((asking or others)[-SENTENCES:]), len(asking) + len(others) > 1


@dataclass(frozen=True, slots=True)
class Likeness:
    """What speaks for a repeat where both meanings are known: their cosine, the likeness in words of the bursts and of
    the two most alike sentences that ask, and yes or no as 1 or 0: the newer one has no question after one of ours; it
    says that it asks again; it asks; one of the two is mixed. In a burst not mixed only the cosine and the first
    of these count.
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
        mixed = self.mixed
        more = (self.again, self.asks, self.words, self.asked, 1.0, self.meaning)
        return (self.meaning, self.answering, *(mixed * each for each in more))

    def probability(self, shared: float = 0.0, parted: float = 0.0) -> float:
        """The probability that the newer burst asks again what the older asked. `shared` and `parted`: the probability
        that they ask for one entry of the bot's FAQ, and for two.
        """
        total = INTERCEPT + SHARED * shared + PARTED * parted
        total += sum(w * x for w, x in zip(WEIGHTS, self.inputs, strict=True))
        return 1 / (1 + math.exp(-total))


def compare(newer: Burst, older: Burst, reply: str, meanings: tuple[Vector, Vector]) -> Likeness:
    """The newer burst beside an older one; `reply` is ours right before the newer one, `meanings` are theirs."""
    one, other = meanings
    return Likeness(
        meaning=float(one @ other),
        words=alike(newer, older),
        asked=max((likeness(a, b) for a in newer.asked for b in older.asked), default=0.0),
        answering=float("?" in reply and not newer.asks),
        again=float(newer.again),
        asks=float(newer.asks),
        mixed=float(newer.mixed or older.mixed),
    )


def alike(newer: Burst, older: Burst) -> float:
    """Likeness in words, half by stems and half by character trigrams."""
    return (likeness(newer.stems, older.stems) + likeness(newer.trigrams, older.trigrams)) / 2


def same_words(newer: Burst, older: Burst, reply: str) -> bool:
    """Whether the newer burst asks what the one before it asked, by words alone."""
    if newer.again:
        return alike(newer, older) >= ALIKE_WHEN_SAID
    answering = reply.rstrip().endswith("?") and not newer.question
    return alike(newer, older) >= (ALIKE_AFTER_OUR_QUESTION if answering else ALIKE)
