"""Where personal data stands in a folded text: e-mail, IBAN, cards, addresses on the internet, national numbers.

Deterministic: a pattern, and the checksum or structure that must hold. What no structure tells (names, postal
addresses) is not looked for. Telephone numbers need the numbering plans and stand in personal_data.py.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice

import re2
from stdnum import iban, numdb

from core.signals import _national
from core.signals._digits import CARD_LENGTHS, begins_as_card, is_card, is_grouped_as_card, windows
from core.signals._folding import forms

NEAR_BEFORE, NEAR_AFTER = 80, 40
"""Folded characters before and after a number within which a word says what it is."""

MOST_CHECKS, MOST_OF_ONE = 150, 50
"""Numbers whose check digits are worked out in one text, and places where each pattern is looked at."""

_COUNTRIES_OF_IBAN = numdb.get("iban")
_ENOUGH = re2.compile(r"(?s)\d.*\d.*\d.*\d")
"""Four digits, as many as the shortest thing with digits has, an address on the internet."""

_COUNT = re2.compile(r"\d+")
_OF_IBAN = frozenset("abcdefghijklmnopqrstuvwxyz0123456789 .-\n")

_NO_GAPS = str.maketrans("", "", " .")

_AT = "arroba|arobase|chiocciola|snabel-?a|apenstaartje|malpa|klammeraffe|alfakroll"
_DOTS = "dot|punkt|punktum|prikk|punto|point|ponto|punt|kropka|nokta"
_DOT = rf"(?: ?[\[({{<] ?(?:{_DOTS}|\.) ?[\])}}>] ?| (?:{_DOTS}|\.) |\.)"
_LOCAL, _DOMAIN = r"[a-z0-9_.+%-]+", rf"[a-z0-9-]+(?:{_DOT}[a-z0-9-]+)*{_DOT}[a-z]{{2,24}}"


@dataclass(frozen=True, slots=True)
class Found:
    """One piece of personal data and its place in the folded text."""

    kind: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Detector:
    """One kind, found by a pattern. `end` says where it ends, given the text and the match; where it began: no match.

    With `near`, a word for it must stand near as well. Without `sign` in a text there is nothing to look for.
    """

    kind: str
    pattern: re2._Regexp
    end: Callable[[str, int, int], int]
    near: re2._Regexp | None = None
    sign: str = ""


@dataclass(frozen=True, slots=True)
class Detectors:
    """All that is looked for: what is written out, what has digits in it. `near` holds the words of each kind."""

    written: tuple[Detector, ...]
    numbered: tuple[Detector, ...]
    numbers: Mapping[int, tuple[_national.Number, ...]]
    near: Mapping[str, re2._Regexp]

    def search(self, text: str) -> list[Found]:
        """What stands in a folded text, surest kinds first; nothing is found twice."""
        taken = bytearray(len(text))
        found: list[Found] = []
        counted = bool(_ENOUGH.search(text))
        for detector in (*self.written, *(self.numbered if counted else ())):
            for match in islice(detector.pattern.finditer(text), MOST_OF_ONE) if detector.sign in text else ():
                start = match.start()
                end = detector.end(text, start, match.end())
                told = detector.near is None or is_near(detector.near, text, start, end)
                if end > start and told and not any(taken[start:end]):
                    _take(taken, found, Found(detector.kind, start, end))
        if counted:
            self._numbers(text, taken, found)
        return found

    def _numbers(self, text: str, taken: bytearray, found: list[Found]) -> None:
        """Cards and national numbers; once MOST_CHECKS checks were made, the rest is left alone."""
        told: dict[str, bool] = {}

        def is_told(kind: str) -> bool:
            if kind not in told:
                told[kind] = kind in self.near and bool(self.near[kind].search(text))
            return told[kind]

        left = MOST_CHECKS
        for start, end, digits, sizes, form in windows(text):
            card = len(digits) in CARD_LENGTHS and begins_as_card(digits) and is_grouped_as_card(sizes)
            rows = [r for r in self.numbers.get(len(digits), ()) if form in r.alone or is_told(r.kind)]
            if not (card or rows) or any(taken[start:end]):
                continue
            left -= card + len(rows)
            if left < 0:
                return
            if card and is_card(digits):
                _take(taken, found, Found("card", start, end))
                continue
            for row in rows:
                if _holds(row.check, digits) and (form in row.alone or self._near(row.kind, text, start, end)):
                    _take(taken, found, Found(row.kind, start, end))
                    break

    def _near(self, kind: str, text: str, start: int, end: int) -> bool:
        return is_near(self.near[kind], text, start, end)


def detectors(countries: Sequence[str], words: Mapping[str, Iterable[str]]) -> Detectors:
    """What is looked for everywhere, and the numbers of these countries; `words` are those that name each kind."""
    numbers, codes = _national.of(countries)
    near = {kind: _any_word(listed) for kind, listed in words.items()}
    lengths = {size for number in numbers for size in number.lengths}
    return Detectors(
        written=(
            Detector("email", re2.compile(r"[^\s@<>()\[\],;:\"]+@[^\s@<>()\[\],;:\"/]+\.\pL\pL+"), _all, sign="@"),
            Detector(
                "email",
                re2.compile(rf"{_LOCAL}(?: ?[\[({{<] ?(?:at|@|{_AT}) ?[\])}}>] ?| ?(?:{_AT}) ?){_DOMAIN}"),
                _all,
            ),
            Detector("email", re2.compile(rf"{_LOCAL} (?:at|et|@|kukac) {_DOMAIN}"), _all, near["email"]),
        ),
        numbered=(
            Detector("iban", re2.compile(r"\b[a-z][ .-]?[a-z](?:[ .\n-]?\d){2}[ .\n-]?[a-z0-9]"), _end_of_iban),
            *(_code(code, near) for code in codes),
            Detector("ip", re2.compile(r"\b\d{1,3}(?:(?: \. |\[\.\]|\(\.\)|\.)\d{1,3}){3}\b"), _end_of_ip, sign="."),
            Detector("ip", re2.compile(r"\b[0-9a-f]{1,4}(?::[0-9a-f]{0,4}){2,7}"), _end_of_ip, sign=":"),
        ),
        numbers={size: tuple(number for number in numbers if size in number.lengths) for size in lengths},
        near=near,
    )


def mask(kind: str, found: str) -> str:
    """The kind and as little of the value as tells two apart: never enough to use it."""
    if kind == "email":
        return f"email ***@{found.rpartition('@')[2].strip()[:1]}***" if "@" in found else "email ***"
    if kind == "ip":
        return "ip ***"
    plain = "".join(c for c in found if c.isalnum())
    shown = {"card": 4, "iban": 4, "phone": 2}.get(kind, 0)
    return f"{kind} ****{plain[-shown:].upper() if shown else ''}"


def is_near(words: re2._Regexp, text: str, start: int, end: int) -> bool:
    """Whether one of the words stands shortly before or after a place."""
    around = f"{text[max(0, start - NEAR_BEFORE) : start]} \n {text[end : end + NEAR_AFTER]}"
    return bool(words.search(around))


def _end_of_iban(text: str, start: int, _: int) -> int:
    """Where an IBAN ends: as many letters and digits as its country's has, in groups or not, and mod 97 holds."""
    left = _length_of_iban("".join(c for c in text[start : start + 3] if c.isalpha()).upper())
    plain, at = "", start
    while len(plain) < left and at < len(text) and text[at] in _OF_IBAN:
        plain += text[at] if text[at].isalnum() else ""
        at += 1
    ends = at == len(text) or not text[at].isalnum()
    return at if left and ends and iban.is_valid(plain.upper(), check_country=False) else start


@lru_cache
def _length_of_iban(country: str) -> int:
    """Letters and digits of a country's IBAN; 0 for a country that has none."""
    info: dict[str, str] = dict(_COUNTRIES_OF_IBAN.info(country)[0][1])
    size = sum(int(part.group()) for part in _COUNT.finditer(info.get("bban", "")))
    return size + 4 if size else 0


def _any_word(listed: Iterable[str]) -> re2._Regexp:
    """A pattern for any of the words, whole; those of scripts without spaces anywhere."""
    terms = sorted({form for word in listed for form in forms(word)}, key=lambda term: (-len(term), term))
    whole = "|".join(re2.escape(term) for term in terms if not _spaceless(term)) or "$^"
    inside = "|".join(re2.escape(term) for term in terms if _spaceless(term)) or "$^"
    return re2.compile(rf"(?:^|[^\pL])(?:{whole})(?:$|[^\pL])|{inside}")


def _spaceless(term: str) -> bool:
    return any(ord(character) >= 0x0E00 for character in term)


def _code(code: _national.Code, near: Mapping[str, re2._Regexp]) -> Detector:
    def end(text: str, start: int, end: int) -> int:
        return end if _holds(code.check, text[start:end].translate(_NO_GAPS).upper()) else start

    return Detector(code.kind, re2.compile(code.pattern), end, None if code.alone else near[code.kind])


def _holds(check: Callable[[str], bool], text: str) -> bool:
    try:
        return check(text)
    except (LookupError, ValueError):  # some checks look a part of the number up in a table
        return False


def _take(taken: bytearray, found: list[Found], one: Found) -> None:
    taken[one.start : one.end] = b"\1" * (one.end - one.start)
    found.append(one)


def _end_of_ip(text: str, start: int, end: int) -> int:
    return end if _holds(_is_ip, text[start:end]) else start


def _is_ip(text: str) -> bool:
    """An address of a machine other than one's own; of version 6 with more than two bare groups."""
    plain = "".join(c for c in text if c.isalnum() or c in ".:").strip(".")
    address = ipaddress.ip_address(plain)
    if plain.count(":") and len([group for group in plain.split(":") if group]) < 3 and "::" in plain:
        return any(len(group) > 2 for group in plain.split(":")) and any(c.isdigit() for c in plain)
    return not (address.is_unspecified or address.is_loopback)


def _all(_: str, __: int, end: int) -> int:
    return end
