"""Whether the customer sent personal data: card, IBAN, e-mail, IP address, national number or telephone number.

The value is the kinds found, joined by commas, or None; the note shows masked values only. Read on text folded against
dodging (_folding): digits of other scripts, spaced out or with something invisible between them, "name (at) example
dot com". Names, postal addresses, dates and driving licences have no structure to check and are not found.

Measured (Wilson 95 %): 1,480 generated numbers of 42 kinds (400 cards, 270 IBANs of 18 countries, 510 national numbers
of digits, 300 codes with letters): all found [0.997, 1], and with one digit changed none is found as that kind, but for
the few whose check holds all the same (tests/core/signals/test_personal_data.py). On pii/generated_small.json (100
English sentences; languages en, da, de), labelled pieces found: card 10 of 10
[0.72, 1], SSN 3 of 3 [0.44, 1], IP 2 of 2 [0.34, 1], e-mail 2 of 2
[0.34, 1], telephone 9 of 10 [0.60, 0.98]; precision 26 of 26 [0.87, 1]. Of 2,588 bursts of tweetsumm/ 29 are flagged
(1.1 % [0.8, 1.6]); read one by one all 29 are telephone numbers or addresses of networks [0.88, 1], 4 of them a
company's. Of 8,548 requests in lang/ none is flagged. All of this was looked at while writing; before that, telephone
numbers were found in 2 of the 6 sentences with some.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

import phonenumbers
import re2

from core.conversation import Conversation
from core.rules import Reading, Signal
from core.signals._detectors import Detectors, Found, detectors, mask
from core.signals._folding import folded, forms
from core.signals._national import COUNTRIES
from core.signals._reading import asked, load
from core.words import remembered, split

REGIONS: dict[str, tuple[str, ...]] = {
    "en": ("GB", "US"),
    "da": ("DK",),
    "de": ("DE", "AT"),
    "sv": ("SE",),
    **dict.fromkeys(("no", "nb", "nn"), ("NO",)),
    "nl": ("NL", "BE"),
    "fr": ("FR",),
    "es": ("ES", "MX"),
    "it": ("IT",),
    "pt": ("PT", "BR"),
    "pl": ("PL",),
    "fi": ("FI",),
    "tr": ("TR",),
    "cs": ("CZ",),
    "lt": ("LT",),
    "id": ("ID",),
    "ar": ("SA", "AE", "EG"),
    "hi": ("IN",),
    "zh": ("CN",),
    "ja": ("JP",),
}
"""Numbering plans tried for a number without a country code, by the bot's languages."""

FEWEST_DIGITS, FEWEST_BARE = 8, 10
"""Digits of a telephone number that is recognised by its form alone: in groups; with nothing between, but a zero first.

Others need a word such as "call".
"""

DIALLED = range(7, 16)
"""Digits of a number of no known plan, right after a word such as "call"."""

MOST_LOOKUPS = 20
"""Questions put to numbering plans in one text, a plan and a place each; three places are looked at in any case."""

LONGEST_PHONE = 40
"""Characters of such a place."""

AFTER_PHONE = 4
"""Characters after such a place that tell a time (":30") from a number."""

_LOOKS_LIKE_PHONE = re2.compile(r"[+(]?\d[\d\s().\-/]{5,}\d")
_DATE = re2.compile(r"\b(?:\d{1,2}[./-]\d{1,2}[./-]\d{2,4}|\d{4}[./-]\d{1,2}[./-]\d{1,2})\b")
_AT = r"\b(?:at|et|kukac|arroba|arobase|chiocciola|snabel-?a|apenstaartje|malpa|klammeraffe|alfakroll)\b"
_MAYBE = re2.compile(rf"(?s)@|{_AT}|\d.*\d.*\d.*\d")
"""An at sign, a word for it, or four digits: without one of these there is no personal data."""

Finder = Callable[[str], list[Found]]


def build(*, languages: Sequence[str] = (), regions: Sequence[str] = ()) -> Signal:
    """The signal; `regions` (ISO 3166 codes) replaces the countries the bot's languages stand for.

    A language's national numbers are looked for in any case, those of `regions` besides.
    """
    find = finder(languages, regions)

    @remembered
    def told(burst: str) -> Reading:
        text = folded(burst).text
        found = find(text)
        if not found:
            return Reading(None, "no personal data")
        kinds = ", ".join(dict.fromkeys(one.kind for one in found))
        shown = (mask(one.kind, text[one.start : one.end]) for one in found[:5])
        return Reading(kinds, "contains " + ", ".join(shown))

    def read(conversation: Conversation) -> Reading:
        return told(asked(conversation))

    return read


def finder(languages: Sequence[str] = (), regions: Sequence[str] = ()) -> Finder:
    """What finds the pieces in a folded text; options as those of `build`."""
    spoken = tuple(code.partition("-")[0].lower() for code in languages) or ("en",)
    near = load("personal_data")
    plans = tuple(regions) or tuple(region for code in spoken for region in REGIONS.get(code, ()))
    countries = {country for code in spoken for country in COUNTRIES.get(code, "").split()}
    table = detectors((*countries, *regions), {name: words for name, words in near.items() if words})
    phones, version = _phones(plans, near), frozenset(near["version"])

    def find(text: str) -> list[Found]:
        return _search(text, table, phones, version)

    return find


def _search(text: str, table: Detectors, phones: Finder, version: frozenset[str]) -> list[Found]:
    """What stands in a folded text; most texts hold nothing that could be any of it and cost no search."""
    if not _MAYBE.search(text):
        return []
    found = [one for one in table.search(text) if one.kind != "ip" or not version & _before(text, one.start, 1)]
    rest = list(text)
    for one in found:
        rest[one.start : one.end] = "x" * (one.end - one.start)
    return [*found, *phones("".join(rest))]


def _before(text: str, start: int, count: int) -> frozenset[str]:
    """The last words before a place."""
    return frozenset(split(text[max(0, start - 32) : start])[-count:])


def _phones(regions: Iterable[str], near: Mapping[str, Sequence[str]]) -> Finder:
    """Telephone numbers: with a country code always; without one when grouped as one, or where the text says so."""
    calling, numbered, dialled = (_folded_words(near[name]) for name in ("calling", "numbered", "dialled"))
    plans = tuple(dict.fromkeys(regions)) or (None,)
    places = range(max(3, MOST_LOOKUPS // len(plans)))
    phonenumbers.PhoneMetadata.load_all()

    def search(text: str) -> list[Found]:
        found: list[Found] = []
        spoken_of: bool | None = None
        for _, place in zip(places, _LOOKS_LIKE_PHONE.finditer(text), strict=False):
            start, end = place.span()
            if spoken_of is None:
                spoken_of = bool(calling.intersection(split(text)))
            other = text[:start].endswith(("#", "@")) or bool(numbered & _before(text, start, 3))
            for at, raw in _of_a_plan(text, start, end, plans[:1] if text[start] == "+" else plans):
                if _is_dialled(raw) or (not other and (spoken_of or _is_grouped(raw))):
                    found.append(Found("phone", at, at + len(raw)))
            told = not other and dialled & _before(text, start, 4) and not _DATE.search(place.group())
            if told and not (found and found[-1].start >= start) and _count(place.group()) in DIALLED:
                found.append(Found("phone", start, end))
        return found

    return search


def _of_a_plan(text: str, start: int, end: int, plans: Iterable[str | None]) -> list[tuple[int, str]]:
    """Where the numbering plans know a number around there, and how it is written."""
    first, last = max(0, start - 1), min(len(text), start + LONGEST_PHONE, end + AFTER_PHONE)
    known: dict[int, str] = {}
    for plan in plans:
        for match in phonenumbers.PhoneNumberMatcher(text[first:last], plan, max_tries=2):
            known.setdefault(first + match.start, match.raw_string)
    return list(known.items())


def _is_dialled(raw: str) -> bool:
    """Whether it is written with its country code."""
    return raw.startswith(("+", "00"))


def _is_grouped(raw: str) -> bool:
    if raw.isdigit():
        return raw.startswith("0") and _count(raw) >= FEWEST_BARE
    return _count(raw) >= FEWEST_DIGITS


def _count(raw: str) -> int:
    """How many digits."""
    return sum(character.isdigit() for character in raw)


def _folded_words(listed: Sequence[str]) -> frozenset[str]:
    return frozenset(word for entry in listed for form in forms(entry) for word in split(form))
