"""Guardrail: words, phrases and topics that must never stand in an answer (`never:`).

A sentence is held from the first word of a listed phrase until it ends, so none is shown. How a brand sounds is in
`voice`, which topics there are in `scope`.
"""

from __future__ import annotations

from collections.abc import Iterable

from core.answering.checks._phrases import listed
from core.answering.screen import Check, Watch


def build(never: Iterable[str]) -> Check:
    """The check. `never`: words and phrases in any language; `*` ends a word of which only the beginning is given."""
    phrases = listed(never)

    def judge(text: str) -> str:
        found = phrases.found(text)
        return f"never to be said: {found!r}" if found else ""

    watch = Watch(sentence=judge, whole=judge, free=phrases.free) if phrases.pattern else None
    return Check("forbidden", False, lambda _prompt, _request: watch)
