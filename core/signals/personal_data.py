"""Whether the customer sent personal data: card, IBAN, e-mail, IP address, national number or telephone number.

The value is the kinds found, joined by commas, or None; the note shows masked values only. Names and postal
addresses have no structure to check and are not found.

On data/pii (100 English sentences), kinds found in a sentence: 21 right, 2 missed (telephone numbers of no plan), 0
wrong.
"""

from __future__ import annotations

from collections.abc import Sequence

import phonenumbers
import re2

from core.conversation import Conversation
from core.rules import Reading, Signal
from core.signals._detectors import Detector, detectors, digits, mask
from core.signals._reading import asked, load
from core.words import fold, split

REGIONS: dict[str, tuple[str, ...]] = {
    "en": ("GB", "US"),
    "da": ("DK",),
    "de": ("DE",),
    "sv": ("SE",),
    "no": ("NO",),
    "nl": ("NL",),
    "fr": ("FR",),
    "es": ("ES",),
    "it": ("IT",),
    "pt": ("PT",),
    "pl": ("PL",),
    "fi": ("FI",),
    "tr": ("TR",),
    "cs": ("CZ",),
    "lt": ("LT",),
    "id": ("ID",),
}
"""Numbering plans tried for a number without a country code, by the bot's languages."""

FEWEST_OF_ALL = 4
"""Digits of the shortest thing looked for, an IP address."""

FEWEST_DIGITS = 8
"""Digits of a telephone number that is recognised by its form alone; shorter ones need a word such as "call"."""

_LOOKS_LIKE_PHONE = re2.compile(r"[+(]?\d[\d\s().\-/]{5,}\d")


def build(*, languages: Sequence[str] = (), regions: Sequence[str] = ()) -> Signal:
    """The signal; `regions` (ISO 3166 codes) replaces the countries the bot's languages stand for."""
    spoken = tuple(code.partition("-")[0].lower() for code in languages) or ("en",)
    wanted = tuple(regions) or tuple(region for code in spoken for region in REGIONS.get(code, ()))
    table, near = detectors(spoken), load("personal_data")
    calling, numbered = frozenset(near["calling"]), frozenset(near["numbered"])
    phonenumbers.PhoneMetadata.load_all()

    def read(conversation: Conversation) -> Reading:
        text = asked(conversation)
        if "@" not in text and len(digits(text)) < FEWEST_OF_ALL:
            return Reading(None, "no personal data")
        rest, found = _structured(text, table)
        if _LOOKS_LIKE_PHONE.search(rest):
            found += [("phone", raw) for raw in _phones(rest, wanted, calling, numbered)]
        if not found:
            return Reading(None, "no personal data")
        kinds = ", ".join(dict.fromkeys(kind for kind, _ in found))
        return Reading(kinds, "contains " + ", ".join(mask(kind, raw) for kind, raw in found[:5]))

    return read


def _structured(text: str, table: Sequence[Detector]) -> tuple[str, list[tuple[str, str]]]:
    """What the detectors find, and the text with it blanked out so that nothing is found twice."""
    found: list[tuple[str, str]] = []
    near: frozenset[str] | None = None
    for detector in table:
        for match in detector.pattern.finditer(text):
            if detector.near:
                near = frozenset(split(fold(text))) if near is None else near
            if detector.check(match.group()) and (not detector.near or detector.near & (near or frozenset())):
                found.append((detector.kind, match.group()))
                text = f"{text[: match.start()]}{'x' * len(match.group())}{text[match.end() :]}"
    return text, found


def _phones(text: str, regions: Sequence[str], calling: frozenset[str], numbered: frozenset[str]) -> list[str]:
    """Telephone numbers: with a country code always; without one when grouped as one, or where the text says so."""
    spoken_of = bool(calling.intersection(split(fold(text))))
    found: dict[int, str] = {}
    for region in regions or (None,):
        for match in phonenumbers.PhoneNumberMatcher(text, region, max_tries=20):
            raw = match.raw_string
            international = raw.startswith(("+", "00"))
            before = split(fold(text[max(0, match.start - 32) : match.start]))[-3:]
            other = text[: match.start].endswith("#") or bool(numbered.intersection(before))
            grouped = len(digits(raw)) >= FEWEST_DIGITS and (raw.startswith("0") or not raw.isdigit())
            if international or (not other and (spoken_of or grouped)):
                found.setdefault(match.start, raw)
    return list(found.values())
