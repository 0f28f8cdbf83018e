"""Answers from the bot's own FAQ and knowledge, without a model and without pretending to be one.

The articles' words are given as they stand; what is not in them is said not to be known. No network, no key, no cost.
"""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Mapping

from core.library import Found, Library
from core.tiers import Chunk, Delta, ModelCard, Prompt, Usage

_NOTHING: Mapping[str, str] = {
    "en": "I don't have an answer to that in my notes. You can ask for a person at any time.",
    "da": "Det har jeg ikke noget svar på i mine noter. Du kan altid bede om et menneske.",
    "de": "Darauf habe ich in meinen Unterlagen keine Antwort. Sie können jederzeit nach einem Menschen fragen.",
}
_UNSURE: Mapping[str, str] = {
    "en": "I'm not sure I have an answer to that. Did you mean one of these?",
    "da": "Jeg er ikke sikker på, at jeg har et svar på det. Mente du et af disse spørgsmål?",
    "de": "Ich bin nicht sicher, ob ich darauf eine Antwort habe. Meinten Sie eine dieser Fragen?",
}
_PERSON: Mapping[str, str] = {
    "en": "Otherwise ask for a person at any time.",
    "da": "Ellers kan du altid bede om et menneske.",
    "de": "Sonst können Sie jederzeit nach einem Menschen fragen.",
}
_OFFERED = 2
_PIECE = re.compile(r"(?:\s*\S+){1,5}")


def build(*, knowledge: Library, sure: float = 0.5, related: float = 0.2) -> Offline:
    """Answers with an article at least `sure` likely to fit, offers questions at least `related` likely (0 to 1)."""
    return Offline(knowledge, sure, related)


class Offline:
    """Retrieval only: the same question always gets the same answer."""

    __slots__ = ("_knowledge", "_related", "_sure")

    def __init__(self, knowledge: Library, sure: float, related: float) -> None:
        self._knowledge = knowledge
        self._sure = sure
        self._related = related

    async def stream(self, prompt: Prompt, card: ModelCard) -> AsyncGenerator[Chunk, None]:
        """The answer a few words at a time, then a Usage of no tokens: none were used."""
        found = self._knowledge.search(prompt.question, meaning=prompt.meaning)
        for piece in _PIECE.findall(self._answer(found, prompt.language)):
            yield Delta(piece)
        yield Usage(0, 0)

    async def ready(self) -> str:
        """Always: it needs nothing."""
        return ""

    async def aclose(self) -> None:
        """There is nothing to give back."""

    def _answer(self, found: list[Found], language: str) -> str:
        best = max(found, key=lambda f: f.score, default=None)
        if best is not None and best.score >= self._sure:
            return best.article.answer
        close = sorted((f for f in found if f.score >= self._related), key=lambda f: -f.score)
        questions = list(dict.fromkeys(f.article.question for f in close if f.article.question))[:_OFFERED]
        if not questions:
            return _in(_NOTHING, language)
        return "\n".join([_in(_UNSURE, language), *(f"- {q}" for q in questions), _in(_PERSON, language)])


def _in(texts: Mapping[str, str], language: str) -> str:
    return texts.get(language.partition("-")[0].lower(), texts["en"])
