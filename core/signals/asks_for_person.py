"""Whether the customer asks for a person.

A sentence asks when a verb of talking has a person as its object ("talk to someone", "mit einem Mitarbeiter
sprechen"), when it wishes for a word that can only mean a person ("I want a human"), when such a word stands alone
("human, please"), or when it is a command (/person). Asking *what* is answering ("are you a person?") does not
count, nor does a person who is only mentioned. The words, in eight languages, stand in _data/asks_for_person.txt.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from core.conversation import Conversation
from core.rules import Reading, Signal
from core.signals._reading import asked, joined, load, quote
from core.words import find, phrases, sentences, split, words

NEAR = 5
"""Words between a verb and the person it is about, at most: "speak to one of your really friendly agents"."""

Span = tuple[int, int]


class _Asking:
    """The word lists, compiled."""

    def __init__(self) -> None:
        groups = load("asks_for_person")
        self._index = {name: phrases(group) for name, group in groups.items()}
        self._index["people"] = phrases((*groups["human"], *groups["anyone"]))
        self._not_as = frozenset(groups["not_as"])
        self._around = frozenset(groups["around"])
        self._commands = frozenset(groups["commands"])

    def found(self, text: str) -> str:
        """The words that ask for a person, empty when none do."""
        if text.startswith("/") and self._commands.intersection(words(text)[:1]):
            return text.split(maxsplit=1)[0]
        return next((hit for sentence in sentences(text.replace("?", " \x1f ?")) if (hit := self._in(sentence))), "")

    def _in(self, sentence: str) -> str:
        tokens = split(sentence)
        question = sentence.endswith("\x1f")
        people = self._people("people", tokens)
        if not people or self._spans("asks_what_you_are", tokens):
            return joined(tokens[slice(*sure[0])]) if (sure := self._spans("sure", tokens)) and not question else ""
        humans = self._people("human", tokens)
        pairs = [
            *_before(self._spans("talk", tokens), people),
            *_before(people, self._spans("talk_after", tokens)),
            *_before(self._spans("wish", tokens), humans),
            *self._spans("sure", tokens),
        ]
        barred = [end for _, end in self._spans("not_asking", tokens)]
        asking = [(start, end) for start, end in pairs if not any(0 <= start - bar <= 1 for bar in barred)]
        if asking:
            return joined(tokens[slice(*asking[0])])
        alone = not question and len(tokens) <= NEAR and self._alone(tokens, people)
        return joined(tokens) if alone else ""

    def _alone(self, tokens: Sequence[str], people: Iterable[Span]) -> bool:
        covered = {i for start, end in people for i in range(start, end)}
        return all(i in covered or token in self._around for i, token in enumerate(tokens))

    def _people(self, group: str, tokens: Sequence[str]) -> list[Span]:
        return [
            (start, end)
            for start, end in self._spans(group, tokens)
            if not self._not_as.intersection(tokens[start - 1 : start])
        ]

    def _spans(self, group: str, tokens: Sequence[str]) -> list[Span]:
        return [(at, at + len(phrase)) for at, phrase in find(self._index[group], tokens)]


def build() -> Signal:
    """The signal; it has no options."""
    asking = _Asking()

    def read(conversation: Conversation) -> Reading:
        hit = asking.found(asked(conversation))
        return Reading(True, f"asks for a person: {quote(hit)}") if hit else Reading(False, "asks for no person")

    return read


def _before(first: Iterable[Span], then: Iterable[Span]) -> list[Span]:
    """Each pair of spans of which the second follows the first within NEAR words, as one span."""
    second = list(then)
    return [(start, stop) for start, end in first for begin, stop in second if 0 <= begin - end <= NEAR]
