"""Which of several answers to one question most of the others agree with (vote of k). Pure.

Two answers disagree when their last numbers differ, or one says yes and the other no; else they agree as far as they
share words. Who is asked, and how often, is the caller's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import re2

from core.answering.quantities import NUMBER, value
from core.words import clip, fold, likeness, split

ALIKE = 0.3
"""Likeness from which on two answers without numbers or a yes or no say the same."""

_NUMBERS = re2.compile(rf"(?:{NUMBER})")
_STANCES = {
    **dict.fromkeys(("yes", "ja", "jo", "certainly", "sure", "absolutely"), "yes"),
    **dict.fromkeys(("no", "nej", "nein", "unfortunately", "desværre", "leider"), "no"),
}
_WITHIN = 3
"""A yes or no stands among so many first words."""


@dataclass(frozen=True, slots=True)
class Ballot:
    """The answer chosen, and the share of all answers that say the same, itself included."""

    text: str
    agreement: float


@dataclass(frozen=True, slots=True)
class Said:
    """What of an answer is compared: its last number, whether it says yes or no, its words. Empty: it has none."""

    number: str
    stance: str
    words: frozenset[str]


def vote(texts: Sequence[str]) -> Ballot:
    """The answer that agrees most with the others; of equals the first. ValueError when there are none."""
    if not texts:
        raise ValueError("a vote needs an answer")
    read = [said(text) for text in texts]
    rows = [[agreement(one, other) for other in read] for one in read]
    best = max(range(len(texts)), key=lambda place: (sum(rows[place]), -place))
    return Ballot(texts[best], sum(alike >= ALIKE for alike in rows[best]) / len(texts))


def said(text: str) -> Said:
    """What of an answer is compared."""
    folded = fold(clip(text))
    spoken = split(folded)
    numbers = _NUMBERS.findall(folded)
    stance = next((_STANCES[word] for word in spoken[:_WITHIN] if word in _STANCES), "")
    return Said(value(numbers[-1]) if numbers else "", stance, frozenset(spoken))


def agreement(one: Said, other: Said) -> float:
    """0 (they contradict each other) to 1 (the same words). A shared last number counts as much as all the words."""
    if one.number != other.number or (one.stance and other.stance and one.stance != other.stance):
        return 0.0
    if one is other or one == other:
        return 1.0
    shared = likeness(one.words, other.words)
    return (1 + shared) / 2 if one.number else shared
