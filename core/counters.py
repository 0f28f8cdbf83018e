"""What the desk counts for operators since the process started: plain numbers by name and labels, and what each means.

A label is a channel's name, an outcome or a kind of thing, never a customer's name, id or words. How operators get to
see the numbers is not known here. One event loop counts, so there is no lock.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections import Counter
from collections.abc import Mapping, Sequence

Labels = tuple[tuple[str, str], ...]

MEANINGS: Mapping[str, str] = {
    "messages_accepted": "Arrivals committed, by channel.",
    "messages_duplicate": "Arrivals that were here before and changed nothing, by channel.",
    "messages_parked": "Arrivals that could not be read, or not any more, and wait for a person, by channel.",
    "messages_poisoned": "Messages parked because whoever answered them died of it, by channel.",
    "bursts_settled": "Answers and other ends of what customers wrote, by channel and outcome.",
    "acknowledgements_failed": "Messages whose typing sign or the like could not be shown within a second, by channel.",
    "chats_claimed": "Chats this process began to answer.",
    "chats_taken_over": "Chats claimed whose process had stopped giving signs of life.",
    "chats_resumed": "Chats with work left by an earlier life, taken up at the start.",
    "leases_lost": "Chats another process took while this one still answered.",
    "writes_fenced": "Writes refused because another process answers the chat by now.",
    "hints_sent": "Hints given to other processes, by rumour.",
    "hints_received": "Hints heard from other processes, by rumour.",
    "store_errors": "Times the store could not be asked for work or told that this process lives, by what.",
    "answers_unconfirmed": "Answers nobody could confirm for minutes; tried again later, by channel.",
    "cards_failed": "Cards the operators' chat did not take.",
    "model_calls": "Calls of models in settled answers, by provider, model, tier, purpose and outcome.",
    "model_tokens": "Tokens of those calls as vendors counted them, by kind.",
    "model_texts_unfit": "Texts of models that were not shown, by the check that found so.",
    "model_cost_pico": "What those calls cost, in 1e-12 of a currency unit.",
    "model_cost_unknown": "Calls whose cost nobody knows.",
}
"""Every name the desk counts under, with its meaning; docs/operators.md says what to do about each."""

TIMES: Mapping[str, str] = {"model_first_text_seconds": "Seconds to a model's first text, by provider, model and tier."}
"""Every name times are kept under."""

BUCKETS = (0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, math.inf)
"""Upper bounds of the times that are told apart, in seconds."""


class Counters:
    """Numbers that only grow. Every name of MEANINGS is there from the start, so that a first one is seen as a rise."""

    def __init__(self) -> None:
        self._counts: Counter[tuple[str, Labels]] = Counter()
        self._times: dict[tuple[str, Labels], list[float]] = {}

    def count(self, name: str, n: int = 1, **labels: str) -> None:
        """`n` more of this. Never raises: counting must not cost an answer."""
        self._counts[name, tuple(sorted(labels.items()))] += n

    def observe(self, name: str, seconds: float, **labels: str) -> None:
        """Something took so many seconds. Never raises."""
        times = self._times.setdefault((name, tuple(sorted(labels.items()))), [0.0, *[0] * len(BUCKETS)])
        times[0] += seconds
        times[1 + bisect_left(BUCKETS, seconds)] += 1

    def times(self) -> Mapping[str, Mapping[Labels, tuple[float, Sequence[float]]]]:
        """By name and labels the sum of all times, and how many fell into each of BUCKETS."""
        found: dict[str, dict[Labels, tuple[float, Sequence[float]]]] = {name: {} for name in TIMES}
        for (name, labels), (total, *buckets) in self._times.items():
            found.setdefault(name, {})[labels] = (total, buckets)
        return found

    def snapshot(self) -> Mapping[str, Mapping[Labels, int]]:
        """All numbers by name, then by labels; a name that was never counted is 0 without labels."""
        found: dict[str, dict[Labels, int]] = {name: {} for name in MEANINGS}
        for (name, labels), number in self._counts.items():
            found.setdefault(name, {})[labels] = number
        return {name: counts or {(): 0} for name, counts in found.items()}

    def total(self, name: str) -> int:
        """All of one name, whatever its labels."""
        return sum(number for (counted, _), number in self._counts.items() if counted == name)
