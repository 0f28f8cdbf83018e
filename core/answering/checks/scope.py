"""Guardrail: an answer must be about one of the topics the bot is for.

Told by words alone: none of the listed ones in the whole answer, nor in the question, means outside. Nothing is shown
before all of it is there, which costs the customer the stream: list many words, or leave this to the prompt.
"""

from __future__ import annotations

from collections.abc import Iterable

from core.answering.checks._phrases import listed
from core.answering.request import Request
from core.answering.screen import Check, Watch
from core.tiers import Prompt
from core.words import words

SHORT = 12
"""An answer of fewer words ("You're welcome!") has no topic."""


def build(topics: Iterable[str]) -> Check:
    """The check. `topics`: words and phrases one of which an answer on the bot's business holds."""
    known = listed(topics)

    def watch(prompt: Prompt, _: Request) -> Watch | None:
        if known.pattern is None or known.found(prompt.question):
            return None
        return Watch(whole=whole, complete=True)

    def whole(text: str) -> str:
        return "" if known.found(text) or len(words(text)) < SHORT else "about none of the bot's topics"

    return Check("scope", False, watch)
