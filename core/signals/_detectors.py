"""What personal data looks like: one row per kind, a pattern and the checksum or structure that must hold.

Deterministic and checked by python-stdnum where a number has check digits. What no structure tells (names,
addresses) is not looked for. Telephone numbers need the numbering plans and stand in personal_data.py.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import re2
from stdnum import iban, luhn
from stdnum.de import idnr
from stdnum.dk import cpr
from stdnum.es import dni, nie
from stdnum.fi import hetu
from stdnum.fr import nir
from stdnum.it import codicefiscale
from stdnum.nl import bsn
from stdnum.no import fodselsnummer
from stdnum.pl import pesel
from stdnum.se import personnummer
from stdnum.us import ssn

Check = Callable[[str], bool]

CARD_PREFIXES: tuple[tuple[str, frozenset[int]], ...] = (
    ("4", frozenset({13, 16, 19})),
    ("5", frozenset({16})),
    ("2", frozenset({16})),
    ("6", frozenset({16, 17, 18, 19})),
    ("34", frozenset({15})),
    ("37", frozenset({15})),
    ("30", frozenset({14})),
    ("36", frozenset({14})),
    ("38", frozenset({14})),
)
"""First digits of payment cards and how long such a number is (ISO/IEC 7812 ranges in use)."""


@dataclass(frozen=True, slots=True)
class Detector:
    """One kind of personal data. With `near`, one of these folded words must stand in the text as well."""

    kind: str
    pattern: re2._Regexp
    check: Check
    near: frozenset[str] = frozenset()


def digits(text: str) -> str:
    """Only its ASCII digits."""
    return "".join(c for c in text if c in "0123456789")


def mask(kind: str, found: str) -> str:
    """The kind and as little of the value as tells two apart: never enough to use it."""
    if kind == "email":
        return f"email ***@{found.rpartition('@')[2][:1]}***"
    if kind == "ip":
        return "ip ***"
    plain = "".join(c for c in found if c.isalnum())
    shown = {"card": 4, "iban": 4, "phone": 2}.get(kind, 0)
    return f"{kind} ****{plain[-shown:] if shown else ''}"


def _is_card(text: str) -> bool:
    number = digits(text)
    fits = any(number.startswith(prefix) and len(number) in lengths for prefix, lengths in CARD_PREFIXES)
    return fits and len(set(number)) > 1 and luhn.is_valid(number)


def _is_iban(text: str) -> bool:
    plain = "".join(text.split()).upper()
    return any(iban.is_valid(plain[:size], check_country=False) for size in range(len(plain), 14, -1))


def _is_ip(text: str) -> bool:
    try:
        address = ipaddress.ip_address(text.strip("."))
    except ValueError:
        return False
    return not (address.is_unspecified or address.is_loopback)


def _yes(_: str) -> bool:
    return True


_EVERYWHERE: tuple[Detector, ...] = (
    Detector("email", re2.compile(r"[^\s@<>()\[\],;:\"]+@[^\s@<>()\[\],;:\"/]+\.\pL\pL+"), _yes),
    Detector("iban", re2.compile(r"\b[A-Za-z]{2}\d{2}(?: ?[A-Za-z0-9]{4}){2,7}(?: ?[A-Za-z0-9]{1,3})?\b"), _is_iban),
    Detector("card", re2.compile(r"\b\d(?:[ -]?\d){12,18}\b"), _is_card),
    Detector("ip", re2.compile(r"\b\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}\b"), _is_ip),
    Detector("ip", re2.compile(r"\b[0-9A-Fa-f]{1,4}(?::[0-9A-Fa-f]{0,4}){2,7}"), _is_ip),
)

_BY_LANGUAGE: dict[str, tuple[Detector, ...]] = {
    "da": (
        Detector("cpr", re2.compile(r"\b\d{6}-\d{4}\b"), cpr.is_valid),
        Detector("cpr", re2.compile(r"\b\d{6} ?\d{4}\b"), cpr.is_valid, frozenset({"cpr", "cprnr", "personnummer"})),
    ),
    "de": (
        Detector(
            "tax id",
            re2.compile(r"\b\d{2} ?\d{3} ?\d{3} ?\d{3}\b"),
            idnr.is_valid,
            frozenset({"steuer", "steuernummer", "steuerid", "idnr", "tin", "identifikationsnummer"}),
        ),
    ),
    "en": (Detector("ssn", re2.compile(r"\b\d{3}-\d{2}-\d{4}\b"), ssn.is_valid),),
    "es": (
        Detector("dni", re2.compile(r"\b\d{8}-?[A-Za-z]\b"), dni.is_valid),
        Detector("nie", re2.compile(r"\b[XYZxyz]-?\d{7}-?[A-Za-z]\b"), nie.is_valid),
    ),
    "fi": (Detector("hetu", re2.compile(r"\b\d{6}[-+A-Fa-f]\d{3}[0-9A-Za-z]\b"), hetu.is_valid),),
    "fr": (Detector("nir", re2.compile(r"\b[12] ?\d{2} ?\d{2} ?\d[\dABab] ?\d{3} ?\d{3} ?\d{2}\b"), nir.is_valid),),
    "it": (
        Detector(
            "tax code", re2.compile(r"\b[A-Za-z]{6}\d{2}[A-Za-z]\d{2}[A-Za-z]\d{3}[A-Za-z]\b"), codicefiscale.is_valid
        ),
    ),
    "nl": (
        Detector(
            "bsn", re2.compile(r"\b\d{9}\b"), bsn.is_valid, frozenset({"bsn", "sofinummer", "burgerservicenummer"})
        ),
    ),
    "no": (Detector("fødselsnummer", re2.compile(r"\b\d{6} ?\d{5}\b"), fodselsnummer.is_valid),),
    "pl": (Detector("pesel", re2.compile(r"\b\d{11}\b"), pesel.is_valid),),
    "sv": (Detector("personnummer", re2.compile(r"\b(?:\d{2})?\d{6}[-+]\d{4}\b"), personnummer.is_valid),),
}


def detectors(languages: Sequence[str]) -> tuple[Detector, ...]:
    """What is looked for everywhere, and the national numbers of these languages' countries; first match wins."""
    return (*_EVERYWHERE, *(detector for language in languages for detector in _BY_LANGUAGE.get(language, ())))
