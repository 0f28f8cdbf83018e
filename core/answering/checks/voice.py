"""Guardrail: how a brand sounds: words it does not use, exclamation marks, emoji, and "Sie" in German."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import re2

from core.answering.checks._phrases import listed
from core.answering.request import Request
from core.answering.screen import Check, Watch
from core.tiers import Prompt
from core.words import fold

_INFORMAL = listed(("du", "dich", "dir", "dein*", "euch", "euer*", "eure*"))
_EXCLAMATION = re2.compile("([!\u00a1])")
_EMOJI = re2.compile("([\u2600-\u27bf\U0001f000-\U0001faff])")

_Fault = Callable[[str], str]


def build(
    words: Iterable[str] = (),
    exclamations: bool = True,
    emoji: bool = True,
    formal: bool = False,
    last_resort: bool = False,
) -> Check:
    """The check. `words` are not used; False: no exclamation marks, no emoji; `formal`: German customers are "Sie".

    `last_resort`: an answer in the wrong tone may be shown where nothing better is left. ValueError for a switch that
    is neither true nor false: a text such as "no" would count as true.
    """
    if not all(isinstance(said, bool) for said in (exclamations, emoji, formal, last_resort)):
        raise ValueError("exclamations, emoji, formal and last_resort are true or false")
    phrases = listed(words)
    faults: list[_Fault] = []
    if phrases.pattern:
        faults.append(lambda text: _why("not our word", phrases.found(text)))
    if not exclamations:
        faults.append(lambda text: "an exclamation mark" if _EXCLAMATION.search(fold(text)) else "")
    if not emoji:
        faults.append(lambda text: "an emoji" if _EMOJI.search(fold(text)) else "")

    def watch(prompt: Prompt, _: Request) -> Watch | None:
        found = [*faults, _informal] if formal and prompt.language == "de" else faults
        if not found:
            return None
        # A tone is heard in any word, so every sentence is held until it ends.
        return Watch(sentence=lambda text: next((why for fault in found if (why := fault(text))), ""), free=lambda _: 0)

    return Check("voice", last_resort, watch)


def _informal(text: str) -> str:
    return _why("not formal", _INFORMAL.found(text))


def _why(what: str, word: str) -> str:
    return f"{what}: {word!r}" if word else ""
