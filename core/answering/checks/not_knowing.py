"""Whether a model says that it does not know ("I'm not sure", "I have no information on that"), in en, da and de.

Read in the opening, and in the whole of a short answer. A question back ("I'm not sure what you mean") is no lack of
knowledge. Right for a support bot whose knowledge holds nothing, so it may be shown once every better model has been
asked. Figures: docs/cascade.md.
"""

from __future__ import annotations

from core.answering.checks._stances import stance
from core.answering.screen import Check

_FACTS = r"(?:information|info|details?|data|knowledge|answers?)"
_OPLYSNINGER = r"(?:oplysning(?:er)?|information(?:er)?|viden|svar|detaljer)"
_ANGABEN = r"(?:informationen|angaben|auskunft|auskünfte|kenntnis|antwort|details|daten)"
_ENGLISH = (
    r"\bi (?:[^ ]+ )?(?:do not|don't|dont) (?:[^ ]+ )?know"
    r"(?: the answer| that| this| about|,? sorry| either|[.,!;]|$)",
    r"\bi(?: am|'m) (?:[^ ]+ )?(?:unsure|not (?:[^ ]+ )?(?:sure|certain))"
    r"(?: about| of| how| whether| if| that|[.,!;]|$)",
    rf"\bi (?:[^ ]+ )?(?:do not|don't|dont) (?:[^ ]+ )?have (?:[^ ]+ ){{0,3}}{_FACTS}\b",
    rf"\bi have no (?:[^ ]+ )?(?:{_FACTS}|idea)\b",
    r"\bi (?:[^ ]+ )?(?:couldn't|could not|can't|cannot|was unable to) find "
    rf"(?:[^ ]+ ){{0,3}}(?:{_FACTS}|anything)\b",
    rf"\b(?:there is|there's) no {_FACTS}\b",
    r"\b(?:isn't|is not|are not|aren't) (?:mentioned|covered|specified|stated|provided) in (?:the|my|our)\b",
)
_DANISH = (
    r"\b(?:jeg ved (?:det )?(?:[^ ]+ )?ikke|det(?:te)? ved jeg (?:[^ ]+ )?ikke)\b",
    r"\bjeg er (?:[^ ]+ )?(?:ikke (?:[^ ]+ )?sikker|usikker|i tvivl)(?: på| om|[.,!;]|$)",
    rf"\bjeg (?:har|kan) (?:[^ ]+ )?(?:ikke|ingen) (?:[^ ]+ ){{0,3}}{_OPLYSNINGER}\b",
    rf"\bder er (?:[^ ]+ )?(?:ikke|ingen) {_OPLYSNINGER}\b",
    r"\bdet fremgår (?:[^ ]+ )?ikke\b",
)
_GERMAN = (
    r"\b(?:ich weiss (?:es |das )?(?:[^ ]+ )?nicht|das weiss ich (?:[^ ]+ )?nicht)\b",
    r"\bich bin (?:mir )?(?:[^ ]+ )?(?:nicht sicher|unsicher)\b",
    rf"\bhabe ich (?:[^ ]+ ){{0,2}}keine (?:[^ ]+ )?{_ANGABEN}\b",
    rf"\bich (?:habe|kann) (?:[^ ]+ ){{0,3}}keine (?:[^ ]+ )?{_ANGABEN}\b",
    rf"\bliegen mir (?:[^ ]+ ){{0,2}}keine (?:[^ ]+ )?{_ANGABEN}\b",
    rf"\bmir liegen (?:[^ ]+ ){{0,2}}keine (?:[^ ]+ )?{_ANGABEN}\b",
)


def build() -> Check:
    """The check. An honest "I don't know" is shown where nothing better is left."""
    return stance("not_knowing", "it does not know", (*_ENGLISH, *_DANISH, *_GERMAN))
