"""National numbers: one row a kind, with the country, how long it is, how it is written, and whose check must hold.

The checks are python-stdnum's. How sure a check is decides what else is asked for: where fewer than one in forty
random numbers of that form would pass (`TELLING`; measured by tests/core/signals/test_personal_data.py), the form and
the check are enough; elsewhere one of the kind's words in _data/personal_data.txt must stand near. Numbers without
check digits are here only where their form is theirs alone (SSN and CPR with hyphens) or with such a word.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from stdnum.ar import cuit
from stdnum.at import vnr
from stdnum.au import tfn
from stdnum.be import nn
from stdnum.bg import egn
from stdnum.br import cpf
from stdnum.ca import sin
from stdnum.ch import ssn as ahv
from stdnum.cl import rut
from stdnum.cn import ric
from stdnum.cz import rc
from stdnum.de import idnr
from stdnum.dk import cpr
from stdnum.ee import ik
from stdnum.es import dni, nie
from stdnum.fi import hetu
from stdnum.fr import nir
from stdnum.gb import nhs
from stdnum.gr import amka
from stdnum.hr import oib
from stdnum.ie import pps
from stdnum.il import idnr as teudat
from stdnum.in_ import aadhaar
from stdnum.is_ import kennitala
from stdnum.it import codicefiscale
from stdnum.jp import in_ as my_number
from stdnum.kr import rrn
from stdnum.lt import asmens
from stdnum.mx import curp
from stdnum.nl import bsn
from stdnum.no import fodselsnummer
from stdnum.nz import ird
from stdnum.pl import pesel
from stdnum.pt import cc, nif
from stdnum.ro import cnp
from stdnum.se import personnummer
from stdnum.th import pin
from stdnum.tr import tckimlik
from stdnum.us import ssn
from stdnum.za import idnr as south_african

Check = Callable[[str], bool]

TELLING = 1 / 40
"""Share of random numbers of its form that may pass the check of a number believed without a word near it."""


@dataclass(frozen=True, slots=True)
class Number:
    """A number of digits only. `alone` are the ways of writing it that need no word near: group sizes, separators."""

    kind: str
    countries: str
    lengths: frozenset[int]
    check: Check
    alone: frozenset[str]


@dataclass(frozen=True, slots=True)
class Code:
    """A number with letters in it. `pattern` is for RE2, over folded text."""

    kind: str
    countries: str
    pattern: str
    check: Check
    alone: bool = True


def _number(kind: str, countries: str, lengths: tuple[int, ...], check: Check, *alone: str) -> Number:
    return Number(kind, countries, frozenset(lengths), check, frozenset(alone))


def _is_personnummer(digits: str) -> bool:
    cut = len(digits) - 4
    return personnummer.is_valid(f"{digits[:cut]}-{digits[cut:]}")


NUMBERS: tuple[Number, ...] = (
    _number("cpr", "DK", (10,), cpr.is_valid, "6-4"),
    _number("tax id", "DE", (11,), idnr.is_valid, "11", "2 3 3 3", "2-3-3-3", "2.3.3.3"),
    _number("ssn", "US", (9,), ssn.is_valid, "3-2-4"),
    _number("nhs number", "GB", (10,), nhs.is_valid),
    _number("sin", "CA", (9,), sin.is_valid),
    _number("tfn", "AU", (8, 9), tfn.is_valid),
    _number("ird", "NZ", (8, 9), ird.is_valid),
    _number("id number", "ZA", (13,), south_african.is_valid, "13", "6 4 3", "6 4 2 1"),
    _number("nir", "FR", (15,), nir.is_valid, "15", "1 2 2 2 3 3 2", "13 2", "1-2-2-2-3-3-2"),
    _number("bsn", "NL", (9,), bsn.is_valid),
    _number("fødselsnummer", "NO", (11,), fodselsnummer.is_valid, "11", "6 5", "6-5", "2 2 2 5", "2 2 2 3 2"),
    _number("pesel", "PL", (11,), pesel.is_valid, "11", "6 5", "6-5"),
    _number("personnummer", "SE", (10, 12), _is_personnummer, "6-4", "8-4", "10", "12", "6 4", "8 4"),
    _number("rijksregisternummer", "BE", (11,), nn.is_valid, "11", "2.2.2-3.2", "6-3-2", "6 3 2", "2 2 2 3 2"),
    _number("ahv", "CH LI", (13,), ahv.is_valid, "13", "3.4.4.2", "3 4 4 2", "3-4-4-2"),
    _number("sozialversicherungsnummer", "AT", (10,), vnr.is_valid),
    _number("nif", "PT", (9,), nif.is_valid),
    _number("cpf", "BR", (11,), cpf.is_valid, "11", "3.3.3-2", "3 3 3 2", "3.3.3.2", "3-3-3-2", "9-2"),
    _number("cuit", "AR", (11,), cuit.is_valid, "11", "2-8-1", "2 8 1"),
    _number("tc kimlik", "TR", (11,), tckimlik.is_valid, "11", "3 3 3 2", "3 2 2 2 2"),
    _number("rodné číslo", "CZ SK", (9, 10), rc.is_valid, "6/4"),
    _number("asmens kodas", "LT", (11,), asmens.is_valid, "11"),
    _number("isikukood", "EE", (11,), ik.is_valid, "11"),
    _number("cnp", "RO", (13,), cnp.is_valid, "13"),
    _number("egn", "BG", (10,), egn.is_valid, "10"),
    _number("oib", "HR", (11,), oib.is_valid),
    _number("amka", "GR", (11,), amka.is_valid, "11"),
    _number("kennitala", "IS", (10,), kennitala.is_valid, "10", "6-4", "6 4"),
    _number("teudat zehut", "IL", (9,), teudat.is_valid),
    _number("aadhaar", "IN", (12,), aadhaar.is_valid),
    _number("resident id", "CN", (18,), ric.is_valid, "18", "6 8 4", "6-8-4"),
    _number("my number", "JP", (12,), my_number.is_valid),
    _number("resident number", "KR", (13,), rrn.is_valid, "13", "6-7", "6 7"),
    _number("thai id", "TH", (13,), pin.is_valid, "1-4-5-2-1"),
)

_CURP = r"\b[a-z]{4} ?\d{6} ?[hmx][a-z]{5} ?[a-z0-9]\d\b"
_FISCALE = r"\b[a-z]{3}[ -]?[a-z]{3}[ -]?[0-9l-v]{2}[ -]?[a-z][ -]?[0-9l-v]{2}[ -]?[a-z][ -]?[0-9l-v]{3}[ -]?[a-z]\b"

CODES: tuple[Code, ...] = (
    Code("dni", "ES", r"\b\d{2}[ .]?\d{3}[ .]?\d{3}[ -]{0,2}[a-z]\b", dni.is_valid),
    Code("nie", "ES", r"\b[xyz][ .-]?\d[ .]?\d{3}[ .]?\d{3}[ -]?[a-z]\b", nie.is_valid),
    Code("hetu", "FI", r"\b\d{6} ?[-+a-fu-y] ?\d{3} ?[0-9a-z]\b", hetu.is_valid),
    Code("tax code", "IT", _FISCALE, codicefiscale.is_valid),
    Code("nir", "FR", r"\b[12] ?\d{2} ?\d{2} ?2[ab] ?\d{3} ?\d{3} ?\d{2}\b", nir.is_valid),
    Code("cartão de cidadão", "PT", r"\b\d{8} ?\d ?[a-z0-9]{2} ?\d\b", cc.is_valid),
    Code("pps", "IE", r"\b\d{7} ?[a-z]{1,2}\b", pps.is_valid),
    Code("curp", "MX", _CURP, curp.is_valid),
    Code("rut", "CL", r"\b\d{1,2}\.?\d{3}\.?\d{3}-[\dk]\b", rut.is_valid, alone=False),
    Code("resident id", "CN", r"\b\d{6}[ -]?\d{8}[ -]?\d{3}x\b", ric.is_valid),
    Code("personnummer", "SE", r"\b(?:\d{2})?\d{6}\+\d{4}\b", personnummer.is_valid),
)

COUNTRIES: dict[str, str] = {
    "en": "US GB CA AU IE NZ ZA IN",
    "da": "DK",
    "de": "DE AT CH",
    "es": "ES MX AR CL",
    "fr": "FR BE CH CA",
    "it": "IT CH",
    "nl": "NL BE",
    "pt": "PT BR",
    "sv": "SE FI",
    "fi": "FI",
    **dict.fromkeys(("no", "nb", "nn"), "NO"),
    "is": "IS",
    "pl": "PL",
    "tr": "TR",
    **dict.fromkeys(("cs", "sk"), "CZ"),
    "lt": "LT",
    "et": "EE",
    "ro": "RO",
    "bg": "BG",
    "hr": "HR",
    "el": "GR",
    "he": "IL",
    "hi": "IN",
    "zh": "CN",
    "ja": "JP",
    "ko": "KR",
    "th": "TH",
}
"""Whose numbers are looked for where a bot speaks a language. Arabic and Indonesian: no number with check digits."""


def of(countries: Sequence[str]) -> tuple[tuple[Number, ...], tuple[Code, ...]]:
    """The numbers of these countries (ISO 3166 codes), those of digits and those with letters."""
    wanted = set(countries)
    return (
        tuple(number for number in NUMBERS if wanted.intersection(number.countries.split())),
        tuple(code for code in CODES if wanted.intersection(code.countries.split())),
    )
