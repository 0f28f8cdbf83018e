"""Whether an answer says nothing: marks and blanks alone, the question again, or the same thing over and over.

Whether it says something true, or in the right language, is for other checks.
"""

from __future__ import annotations

import unicodedata

from core.answering.request import Request
from core.answering.screen import Check, Watch
from core.tiers import Prompt
from core.words import words

ECHO, SENTENCE = 3, 3
"""Words a question, or a sentence, must have for its repetition to count; "yes, yes" is an answer."""

TIMES = 3
"""So many of the same sentence in a row are too many."""

STUCK, DISTINCT = 24, 0.25
"""A sentence of at least STUCK words of which no more than this share differ goes round in circles."""

_NOTHING = frozenset("CPZ")
"""Kinds of characters that say nothing: controls, punctuation, blanks. An emoji does say something."""


def build() -> Check:
    """The check. What it finds is never shown."""
    return Check("empty", False, _watch)


def _watch(prompt: Prompt, _: Request) -> Watch:
    reading = _Reading(prompt)
    return Watch(opening=_nothing, sentence=reading.sentence, whole=reading.whole)


class _Reading:
    """One answer, sentence by sentence."""

    __slots__ = ("_last", "_prompt", "_times")

    def __init__(self, prompt: Prompt) -> None:
        self._prompt = prompt
        self._last: list[str] = []
        self._times = 0

    def sentence(self, text: str) -> str:
        said = words(text)
        if len(said) >= STUCK and len(set(said)) <= DISTINCT * len(said):
            return f"{len(said)} words of which {len(set(said))} differ"
        if not said:
            return ""
        self._times = self._times + 1 if said == self._last else 1
        self._last = said
        return f"the same sentence {TIMES} times" if self._times >= TIMES and len(said) >= SENTENCE else ""

    def whole(self, text: str) -> str:
        if all(unicodedata.category(character)[0] in _NOTHING for character in text):
            return "nothing is said"
        question = self._prompt.question
        if not len(question) / 2 <= len(text) <= 2 * len(question):
            return ""
        asked = words(question)
        return "the question again" if len(asked) >= ECHO and words(text) == asked else ""


def _nothing(_text: str) -> str:
    """The opening is only held: whether it says anything is told by its sentence."""
    return ""
