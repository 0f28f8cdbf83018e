"""What the frustration signal looks at: a conversation in, the numbers its formula weighs out.

Apart from the formula, so that the script that fits it (tools/fit_frustration.py) counts exactly what the signal
counts. VADER reads English; the word lists read English, Danish and German.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

from core.conversation import Conversation
from core.signals._reading import bursts, joined, load, plain
from core.words import find, fold, phrases, split

KINDS = ("anger", "outright", "repeat", "waiting", "failing", "blaming", "polite", "negation")
COUNTED = ("anger", "repeat", "waiting", "failing", "blaming", "polite", "negation")
TELLING = ("outright", "anger", "waiting", "repeat", "failing")
"""The kinds whose words a note quotes, most telling first."""

INPUTS = ("sentiment", "before", "strong", *COUNTED, "capitals", "exclamations", "length")
"""The names of the fitted inputs, in order."""

MOST = 3
"""Hits of one kind, or exclamation marks, beyond which more say nothing more."""

LONGEST = 1_000
"""Characters of a burst that are read: VADER's time grows with them."""

RECENT = 1_000
"""Texts whose sentiment is remembered: each burst is read again as the one before the next."""

EMPHATIC = ("!!", "?!", "!?", "???")


@dataclass(frozen=True, slots=True)
class Gauged:
    """The fitted inputs in the order of INPUTS, whether frustration is said outright, and the words that tell."""

    values: tuple[float, ...]
    outright: bool
    words: tuple[str, ...]


class Gauge:
    """The word lists and VADER, compiled at build time; `gauge` is pure."""

    def __init__(self) -> None:
        groups = load("frustration")
        self._kinds = {kind: phrases(groups[kind]) for kind in KINDS}
        self._demand = phrases(groups["demand"])
        scores = SentimentIntensityAnalyzer().polarity_scores
        self._sentiment = lru_cache(maxsize=RECENT)(
            lambda text: float(scores(text)["compound"]) if text.strip() else 0.0
        )

    def gauge(self, conversation: Conversation) -> Gauged:
        """The inputs for the newest burst; all 0 when there is none."""
        text, earlier = [*(plain(burst)[:LONGEST] for burst, _ in bursts(conversation, 2)), "", ""][:2]
        tokens = split(fold(text))
        hits = {kind: [joined(phrase) for _, phrase in find(index, tokens)] for kind, index in self._kinds.items()}
        demands = [joined(phrase) for _, phrase in find(self._demand, tokens)] if _emphatic(text) else []
        hits["outright"] += demands
        values = {kind: min(len(hits[kind]), MOST) / MOST for kind in COUNTED}
        values["sentiment"] = -self._sentiment(text)
        values["before"] = -self._sentiment(earlier)
        values["strong"] = float(bool(hits["anger"] or hits["outright"]))
        values["capitals"] = _capitals(text)
        values["exclamations"] = min(text.count("!"), MOST) / MOST
        values["length"] = min(len(tokens), 40) / 40
        words = tuple(dict.fromkeys(word for kind in TELLING for word in hits[kind]))
        return Gauged(tuple(values[name] for name in INPUTS), bool(hits["outright"]), words)


def _emphatic(text: str) -> bool:
    return any(mark in text for mark in EMPHATIC)


def _capitals(text: str) -> float:
    """How many words are shouted, up to 4, as a share of 4; one word alone is no shouting."""
    spoken = [word for word in text.split() if len(word) > 2 and word.isalpha()]
    return min(sum(word.isupper() for word in spoken), 4) / 4 if len(spoken) > 1 else 0.0
