"""Whether a model turns the customer away ("I can't help with that", "As an AI language model ..."), in en, da and de.

Read in the opening, and in the whole of a short answer. Only refusals to help at all: "we cannot ship to islands" is an
answer, and so is "I cannot change your order here", since the assistant can only explain. Figures: docs/cascade.md.
"""

from __future__ import annotations

import re2

from core.answering.request import Request
from core.answering.screen import Check, Watch
from core.tiers import Prompt
from core.words import fold

BRIEF = 300
"""Characters of an answer that is read as a whole; what a longer one says beside a refusal is worth showing."""

_CANNOT = (
    r"(?:can't|cannot|can not|cant|won't|will not|(?:am|'m) (?:unable|not able|not allowed|not permitted|not going) to)"
)
_THAT = r"(?:that|this|it|those|these|such|your request|your question)"
_ENGLISH = (
    rf"\bi(?:'m| am)? ?{_CANNOT} (?:[^ ]+ )?(?:help|assist)(?: you)? (?:with|in|on) {_THAT}\b",
    rf"\bi(?:'m| am)? ?{_CANNOT} (?:help|assist)(?: you)? ?(?:[.,!;]|$)",
    rf"\bi(?:'m| am)? ?{_CANNOT} (?:comply|fulfill?|answer|discuss|engage|respond|provide|talk about|do) "
    rf"(?:with |to |in )?{_THAT}\b",
    r"\bas an? (?:large )?(?:ai )?language model\b",
    r"\bas an ai\b[^.!?]{0,80}\b(?:can't|cannot|can not|don't|do not|unable|not able)\b",
    r"\bi (?:must|have to|will have to) (?:[^ ]+ )?(?:decline|refuse)\b",
    r"\bagainst my (?:[^ ]+ )?(?:guidelines|programming|polic(?:y|ies))\b",
    r"\bi(?:'m| am) not comfortable (?:with|answering|discussing|helping|providing)\b",
)
_DANISH = (
    r"\bdet(?:te)? (?:kan|må) jeg (?:[^ ]+ )?ikke (?:hjælpe|bistå|svare|besvare|udtale)\b",
    r"\bjeg (?:kan|må) (?:[^ ]+ )?ikke (?:hjælpe|bistå)(?: dig| jer)? med (?:det|dette|den slags)\b",
    r"\bjeg (?:kan|må) (?:[^ ]+ )?ikke (?:besvare|svare på|udføre|diskutere) (?:det|dette|den slags)\b",
    r"\bsom (?:en )?(?:ai|kunstig intelligens|(?:ai-?|stor )?sprogmodel)\b[^.!?]{0,80}\bikke\b",
    r"\bjeg (?:må|er nødt til at) (?:[^ ]+ )?(?:afslå|afvise)\b",
)
_GERMAN = (
    r"\b(?:dabei|damit|hierbei|das) (?:kann|darf) ich (?:ihnen |dir |euch )?(?:[^ ]+ )?nicht (?:[^ ]+ )?"
    r"(?:helfen|weiterhelfen|beantworten|unterstützen|dienen)\b",
    r"\bich (?:kann|darf) (?:ihnen |dir |euch )?(?:[^ ]+ )?(?:dabei|damit|hierbei|das|dies|diese [^ ]+) "
    r"(?:[^ ]+ )?nicht "
    r"(?:helfen|weiterhelfen|beantworten|unterstützen|erfüllen|tun)\b",
    r"\bals (?:eine? )?(?:ki|künstliche intelligenz|(?:ki-?|großes |grosses )?sprachmodell)\b[^.!?]{0,80}\bnicht\b",
    r"\bich muss (?:[^ ]+ ){0,3}ablehnen\b",
)
_REFUSING = re2.compile("|".join((*_ENGLISH, *_DANISH, *_GERMAN)))


def refuses(text: str) -> str:
    """The words by which the text refuses; empty when it does not."""
    found = _REFUSING.search(" ".join(fold(text).split()))
    return found.group(0) if found else ""


def build() -> Check:
    """The check. An honest refusal may be shown where nothing better is left."""
    return Check("refusal", True, _watch)


def _watch(_: Prompt, __: Request) -> Watch:
    return _WATCH


def _opening(text: str) -> str:
    words = refuses(text)
    return f"it refuses: {words!r}" if words else ""


def _whole(text: str) -> str:
    return _opening(text) if len(text) <= BRIEF else ""


_WATCH = Watch(opening=_opening, whole=_whole)
