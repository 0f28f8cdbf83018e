"""Numbers as English, Danish and German write them, and the units that make facts of them: 49 EUR, 30 days, 20 %.

One written form for one value: "1.234,50" and "1,234.50" are 1234.5, "thirty" is 30, two weeks are 14 days. Three
digits after a single dot or comma are read as thousands. Values and tables only; where facts stand is in `facts`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal

NUMBER = r"\d+(?:[.,' ]\d{3})+(?:[.,]\d{1,2})?|\d+(?:[.,]\d+)?"
"""Digits with what may stand between them."""

LONGEST = 15
"""Digits of a number that is reckoned with; a longer one is only compared."""

CURRENCIES: Mapping[str, str] = {
    word: code
    for code, listed in {
        "eur": "€ eur euro euros",
        "usd": "$ usd dollar dollars",
        "gbp": "£ gbp pound pounds",
        "kr": "kr kr. dkk sek nok krone kroner kronor kronen",
        "chf": "chf franken francs",
        "yen": "¥ jpy yen",
        "inr": "₹ inr rupees",
        "pln": "pln zł zloty",
    }.items()
    for word in listed.split()
}
"""Written form -> currency. The kroner of three countries count as one: texts leave out which is meant."""

PERCENT = ("%", "percent", "per cent", "pct", "procent", "prozent")

_MINUTES = {"minute": 1, "hour": 60, "day": 1440, "week": 10080}
_UNITS = {
    "minute": "minute minutes min mins minut minutter minuten",
    "hour": "hour hours hrs timer timers stunde stunden",
    "day": "day days dag dage dages tag tage tagen calendar kalenderdage kalendertage kalendertagen",
    "workday": "workday workdays hverdag hverdage arbejdsdag arbejdsdage bankdag bankdage werktag werktage "
    "werktagen arbeitstag arbeitstage arbeitstagen",
    "week": "week weeks uge uger ugers woche wochen",
    "month": "month months måned måneder måneders monat monate monaten",
    "year": "year years år års jahr jahre jahren",
}
DURATIONS: Mapping[str, str] = {word: unit for unit, listed in _UNITS.items() for word in listed.split()}
"""Written form -> unit. Business days are not days."""

WORKING = ("business", "working", "work", "banking")
"""Words before "days" that make business days of them."""

MONTHS: Mapping[str, int] = {
    word: number
    for number, listed in enumerate(
        (
            "january januar jan jänner",
            "february februar feb",
            "march marts märz mar",
            "april apr",
            "may maj mai",
            "june juni jun",
            "july juli jul",
            "august aug",
            "september sept sep",
            "october oktober oct okt",
            "november nov",
            "december dezember dec dez",
        ),
        1,
    )
    for word in listed.split()
}
PLAIN_MONTHS = frozenset(word for word in MONTHS if len(word) > 4) - {"march", "marts"}
"""Months whose names are no other word, so that they mean a month without a day beside them."""

_ENGLISH = "two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
_ENGLISH += "eighteen nineteen"
_DANISH = "to tre fire fem seks syv otte ni ti elleve tolv tretten fjorten femten seksten sytten atten nitten"
_GERMAN = "zwei drei vier fünf sechs sieben acht neun zehn elf zwölf dreizehn vierzehn fünfzehn sechzehn siebzehn "
_GERMAN += "achtzehn neunzehn"
_TENS = (
    "twenty thirty forty fifty sixty seventy eighty ninety",
    "tyve tredive fyrre halvtreds tres halvfjerds firs halvfems",
    "zwanzig dreissig vierzig fünfzig sechzig siebzig achtzig neunzig",
)


def _number_words() -> Iterator[tuple[str, int]]:
    yield from {"one": 1, "hundred": 100, "hundrede": 100, "hundert": 100}.items()
    for listed in (_ENGLISH, _DANISH, _GERMAN):
        yield from ((word, number) for number, word in enumerate(listed.split(), 2))
    for place, tens in enumerate(_TENS):
        for number, ten in enumerate(tens.split(), 2):
            yield ten, 10 * number
            for one, digit in zip((_ENGLISH, _DANISH, _GERMAN)[place].split()[:8], range(2, 10), strict=True):
                yield (f"{ten}-{one}", f"{one}og{ten}", f"{one}und{ten}")[place], 10 * number + digit
            yield (f"{ten}-one", f"enog{ten}", f"einund{ten}")[place], 10 * number + 1


NUMBER_WORDS: Mapping[str, int] = dict(_number_words())
"""Number words of the three languages, folded. "a" and "en" are no numbers: "have a nice day"."""


def value(written: str) -> str:
    """A number's one form: digits, with a dot before decimals that are not zero."""
    if written in NUMBER_WORDS:
        return str(NUMBER_WORDS[written])
    plain = written.replace(" ", "").replace("'", "")
    whole, decimals = plain, ""
    last = max(plain.rfind("."), plain.rfind(","))
    if last >= 0:
        is_only = plain.count(".") + plain.count(",") == 1
        is_mixed = "." in plain and "," in plain
        after = len(plain) - last - 1
        if is_mixed or (is_only and (after != 3 or last > 3 or plain[:last].strip("0") == "")):
            whole, decimals = plain[:last], plain[last + 1 :].rstrip("0")
    whole = whole.replace(".", "").replace(",", "").lstrip("0") or "0"
    return f"{whole}.{decimals}" if decimals else whole


def duration(number: str, unit: str) -> str:
    """A span's one form: minutes up to a week, months beyond; business days as they are."""
    if len(number) > LONGEST:
        return f"duration {number} {unit}"
    if unit == "year":
        return f"duration {plain(Decimal(number) * 12)} month"
    if unit in _MINUTES:
        return f"duration {plain(Decimal(number) * _MINUTES[unit])} minute"
    return f"duration {number} {unit}"


def plain(number: Decimal) -> str:
    """A decimal without an exponent or zeros at its end."""
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
