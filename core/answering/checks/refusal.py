"""Whether a model turns the customer away ("I can't help with that", "As an AI language model ..."), in en, da and de.

Read in the opening, and in the whole of a short answer. Only refusals to help at all: "we cannot ship to islands" is an
answer, and so is "I cannot change your order here", since the assistant can only explain. Figures: docs/cascade.md.
"""

from __future__ import annotations

from core.answering.checks._stances import stance
from core.answering.screen import Check

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


def build() -> Check:
    """The check. An honest refusal may be shown where nothing better is left."""
    return stance("refusal", "it refuses", (*_ENGLISH, *_DANISH, *_GERMAN))
