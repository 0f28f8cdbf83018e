"""The facts in a text that a customer could hold a business to: amounts, dates, spans, numbers, links, addresses.

Each fact has forms, which are equal where two texts say the same in other words; a bare number of one digit (a step,
a few) is no fact. Written for English, Danish and German; the sense of a fact (a price or a fine) is not read. Patterns
run on RE2: linear in the length of the text.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import re2

from core.answering.quantities import (
    CURRENCIES,
    DURATIONS,
    MONTHS,
    NUMBER,
    NUMBER_WORDS,
    PERCENT,
    PLAIN_MONTHS,
    WORKING,
    duration,
    value,
)
from core.words import fold, split

FEWEST_DIGITS, MOST_DIGITS = 7, 20
"""Digits of a telephone number, or of an order's number written in groups."""


@dataclass(frozen=True, slots=True)
class Fact:
    """What was written, what kind of fact it is, and the forms under which it may stand elsewhere."""

    written: str
    kind: str
    forms: frozenset[str]


def _any(words: Iterable[str]) -> str:
    return "|".join(re2.escape(word) for word in sorted(words, key=len, reverse=True))


_TLD = "com|net|org|info|biz|io|ai|app|dev|shop|eu|dk|de|uk|at|ch|se|no|nl|fr|es|it|pl|us|ca|au|in|co|me|link|online"
_HOST = r"(?:[\pL\pN-]+\.)+"
_EMAIL = re2.compile(r"[\pL\pN._%+-]+@[\pL\pN-]+(?:\.[\pL\pN-]+)+")
_LINK = re2.compile(
    rf"(?:https?://|www\.)[^\s<>\"()\[\]]+|\b{_HOST}(?:{_TLD})\b(?:/[^\s<>\"()\[\]]*)?|\b{_HOST}[a-z]{{2,24}}/[^\s<>\"()\[\]]+"
)
_NUM = rf"(?:{NUMBER}|\b(?:{_any(NUMBER_WORDS)})\b)"
_TO = r" ?(?:-|to|or|and|bis|oder|und|til|eller|og) ?"
_AFTER = rf"(?:({_NUM}){_TO})?({_NUM})(?:,-)?"
_SIGNS = _any(word for word in CURRENCIES if not word[0].isalpha())
_NAMES = _any(word for word in CURRENCIES if word[0].isalpha())
_MONEY_AFTER = re2.compile(rf"{_AFTER} ?({_SIGNS}|(?:{_NAMES}))(?:$|[^\pL])")
_MONEY_BEFORE = re2.compile(rf"({_SIGNS}|\b(?:{_NAMES})) ?({NUMBER})(?:{_TO}({NUMBER}))?")
_PERCENT = re2.compile(rf"{_AFTER}(?: |-)?({_any(PERCENT)})")
_DURATION = re2.compile(rf"{_AFTER}(?: |-)?((?:{_any(WORKING)})[ -])?({_any(DURATIONS)})(?:$|[^\pL])")
_WITHIN = re2.compile(
    rf"\b(?:within|inden for|indenfor|innerhalb|binnen) (?:an?|en|et|eine[rsmn]?)( (?:{_any(WORKING)}))? "
    rf"({_any(DURATIONS)})(?:$|[^\pL])"
)
_MONTH = _any(MONTHS)
_YEAR = r"(?:,? ?(\d{4}))?"
_DAY_MONTH = re2.compile(rf"\b(\d{{1,2}})(?:st|nd|rd|th|\.)?(?: of)? ({_MONTH})\b\.?{_YEAR}")
_MONTH_DAY = re2.compile(rf"\b({_MONTH})\.? (\d{{1,2}})(?:st|nd|rd|th)?\b{_YEAR}")
_MONTH_ALONE = re2.compile(rf"(?:^|[^\pL])({_any(PLAIN_MONTHS)})\b(?: (\d{{4}}))?")
_ISO = re2.compile(r"\b(\d{4})-(\d{2})-(\d{2})\b")
_NUMERIC = re2.compile(r"\b(\d{1,2})[./-] ?(\d{1,2})[./-] ?(\d{4}|\d{2})\b|\b(\d{1,2})\. ?(\d{1,2})\.")
_TIME = re2.compile(
    r"\b(\d{1,2}):(\d{2}) ?(am|pm|a\.m|p\.m)?|\b(\d{1,2}) ?(am|pm|a\.m|p\.m|uhr)\b|"
    r"\b(?:kl|klokken)\.? ?(\d{1,2})(?:[.:](\d{2}))?"
)
_PHONE = re2.compile(r"\+?\(?\d[\d ()./-]{5,30}\d")
_BARE = re2.compile(NUMBER)
_DASHES = str.maketrans(dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2212", "-"))


def plain(text: str) -> str:
    """The text as facts are read in it: folded, dashes alike, digits of every script 0 to 9."""
    folded = fold(text)
    if folded.isascii():
        return folded
    return "".join(str(unicodedata.decimal(c)) if c.isdecimal() else c for c in folded.translate(_DASHES))


def facts(text: str) -> list[Fact]:
    """The facts of a text; nothing is read twice."""
    return [Fact(written, found.kind, forms) for written, found in _read(plain(text)) for forms in found.facts]


@lru_cache(maxsize=1_024)
def grounds(text: str) -> frozenset[str]:
    """Every form a source vouches for: its facts, and what they imply.

    A number in a fact vouches for the number alone; a bare number for an amount in each currency the text names, and
    for a full hour; a date with its year for the day and the month; a telephone number for its last digits.
    """
    folded = plain(text)
    named = {CURRENCIES[word] for word in CURRENCIES.keys() & {*split(folded), *folded}}
    forms: set[str] = set()
    for _, found in _read(folded):
        forms.update(*found.facts)
        forms.update(f"number {number}" for number in found.numbers)
        if found.kind == "date":
            forms.update(form for dates in found.facts for date in dates for form in _less(date))
        elif found.kind in {"number", "phone", ""}:
            forms.update(form for number in found.numbers for form in _implied(number, named))
    return frozenset(forms)


def _less(date: str) -> tuple[str, str]:
    """The day without its year, and the month."""
    day = " ".join(date.split()[:2])
    return day, f"month {day.removeprefix('date ').partition('-')[0]}"


def _implied(number: str, currencies: Iterable[str]) -> Iterator[str]:
    yield from (f"money {number} {currency}" for currency in currencies)
    if len(number) <= 2 and number.isdecimal():
        yield f"time {int(number):02}:00"
    if FEWEST_DIGITS <= len(number) <= MOST_DIGITS and number.isdecimal():
        yield from (f"phone {number[cut:]}" for cut in range(len(number) - FEWEST_DIGITS + 1))


@dataclass(frozen=True, slots=True)
class Found:
    """What one place in a text says: a kind, facts with the forms of each, and the numbers in it."""

    kind: str
    facts: tuple[frozenset[str], ...] = ()
    numbers: tuple[str, ...] = ()


def _read(text: str) -> Iterator[tuple[str, Found]]:
    """What each place says, kind after kind; what was read is blanked out for the next kind."""
    for pattern, reader in _READERS:
        at, kept = 0, list[str]()
        for match in pattern.finditer(text):
            found = reader(match)
            if found is not None:
                start, end = match.span()
                kept += [text[at:start], "\x00" * (end - start)]
                at = end
                yield text[start:end].strip(" .,;:!?\n"), found
        if kept:
            text = "".join((*kept, text[at:]))


def _of(kind: str, *forms: str, numbers: tuple[str, ...] = ()) -> Found:
    return Found(kind, tuple(frozenset({form}) for form in forms), numbers)


def _email(match: Any) -> Found:
    return _of("address", f"email {match.group(0).rstrip('.')}")


def _link(match: Any) -> Found:
    before, scheme, after = match.group(0).rstrip(".,;:!?'*_").partition("://")
    return _of("link", f"link {(after if scheme else before).removeprefix('www.').rstrip('/')}")


def _values(match: Any, *places: int) -> tuple[str, ...]:
    return tuple(value(match.group(place)) for place in places if match.group(place))


def _money(match: Any, unit: int, *places: int) -> Found:
    currency, numbers = CURRENCIES[match.group(unit)], _values(match, *places)
    return _of("amount", *(f"money {number} {currency}" for number in numbers), numbers=numbers)


def _percent(match: Any) -> Found:
    numbers = _values(match, 1, 2)
    return _of("percentage", *(f"percent {number}" for number in numbers), numbers=numbers)


def _unit(word: str, working: str | None) -> str:
    unit = DURATIONS[word]
    return "workday" if working and unit == "day" else unit


def _span(match: Any) -> Found:
    unit, numbers = _unit(match.group(4), match.group(3)), _values(match, 1, 2)
    return _of("duration", *(duration(number, unit) for number in numbers), numbers=numbers)


def _within(match: Any) -> Found:
    return _of("duration", duration("1", _unit(match.group(2), match.group(1))))


def _dated(year: str | None, *days: tuple[int, int]) -> Found | None:
    real = [(month, day) for month, day in days if 1 <= month <= 12 and 1 <= day <= 31]
    some = f" {year[-2:]}" if year else ""
    return Found("date", (frozenset(f"date {month}-{day}{some}" for month, day in real),)) if real else None


def _numeric(match: Any) -> Found | None:
    one, other = int(match.group(1) or match.group(4)), int(match.group(2) or match.group(5))
    return _dated(match.group(3), (other, one), (one, other))


def _clock(match: Any) -> Found | None:
    hour = int(match.group(1) or match.group(4) or match.group(6))
    half = (match.group(3) or match.group(5) or "")[:1]
    hour = hour + 12 if half == "p" and hour < 12 else 0 if half == "a" and hour == 12 else hour
    return _of("time", f"time {hour:02}:{match.group(2) or match.group(7) or '00'}") if hour <= 24 else None


def _phone(match: Any) -> Found | None:
    written = match.group(0).replace("(0)", "")
    digits = "".join(filter(str.isdigit, written)).removeprefix("00")
    if written.isdigit() or not FEWEST_DIGITS <= len(digits) <= MOST_DIGITS:
        return None
    return _of("phone", f"phone {digits}", numbers=(digits,))


def _number(match: Any) -> Found:
    number = value(match.group(0))
    if len(number) == 1:
        return Found("", numbers=(number,))
    forms = {f"number {number}", f"phone {number}"} if len(number) >= FEWEST_DIGITS else {f"number {number}"}
    return Found("number", (frozenset(forms),), (number,))


_READERS: tuple[tuple[Any, Callable[[Any], Found | None]], ...] = (
    (_EMAIL, _email),
    (_LINK, _link),
    (_MONEY_BEFORE, lambda m: _money(m, 1, 2, 3)),
    (_MONEY_AFTER, lambda m: _money(m, 3, 1, 2)),
    (_PERCENT, _percent),
    (_ISO, lambda m: _dated(m.group(1), (int(m.group(2)), int(m.group(3))))),
    (_DAY_MONTH, lambda m: _dated(m.group(3), (MONTHS[m.group(2)], int(m.group(1))))),
    (_MONTH_DAY, lambda m: _dated(m.group(3), (MONTHS[m.group(1)], int(m.group(2))))),
    (_MONTH_ALONE, lambda m: _of("date", f"month {MONTHS[m.group(1)]}")),
    (_DURATION, _span),
    (_WITHIN, _within),
    (_NUMERIC, _numeric),
    (_TIME, _clock),
    (_PHONE, _phone),
    (_BARE, _number),
)
"""Patterns and what each place they find says, surest kinds first."""
