"""personal_data: numbers with check digits in many countries' ways of writing, hidden ones, and what is none."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stdnum import iban, luhn
from stdnum.cn import ric
from stdnum.es import dni
from stdnum.it import codicefiscale
from stdnum.mx import curp

from core.conversation import Address, Conversation, Message
from core.rules import Reading, Signal
from core.signals import _national, personal_data
from core.signals._detectors import MOST_CHECKS, NEAR_BEFORE, detectors
from core.signals._digits import CARD_PREFIXES, MOST_WINDOWS, is_card
from core.signals._folding import folded
from core.signals._reading import load
from core.words import LONGEST

AT = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
PLACE = Address("memory", "1")
WORDS = {name: words for name, words in load("personal_data").items() if words}
LANGUAGE = {"US": "en", "GB": "en", "CA": "en", "AU": "en", "NZ": "en", "ZA": "en", "IE": "en", "IN": "hi", "AT": "de"}
LANGUAGE |= {"CH": "de", "MX": "es", "AR": "es", "CL": "es", "BE": "nl", "BR": "pt", "SE": "sv", "DK": "da", "NO": "nb"}
LANGUAGE |= {"CZ": "cs", "EE": "et", "GR": "el", "IL": "he", "CN": "zh", "JP": "ja", "KR": "ko", "TH": "th"}
NO_CHECK_DIGIT = {"cpr", "ssn"}
IBANS = {
    "DE": "d" * 18,
    "DK": "d" * 14,
    "NO": "d" * 11,
    "ES": "d" * 20,
    "SE": "d" * 20,
    "PL": "d" * 24,
    "AT": "d" * 16,
    "PT": "d" * 21,
    "FI": "d" * 14,
    "LT": "d" * 16,
    "GB": "aaaa" + "d" * 14,
    "NL": "aaaa" + "d" * 10,
    "FR": "d" * 10 + "c" * 11 + "dd",
    "IT": "a" + "d" * 10 + "c" * 12,
    "CH": "ddddd" + "c" * 12,
    "TR": "ddddd0" + "c" * 16,
    "SA": "dd" + "c" * 18,
    "MT": "aaaaddddd" + "c" * 18,
}
"""What stands after country and check digits: digits, letters, either, a zero."""


def read(text: str, *languages: str) -> Reading:
    return SIGNALS.setdefault(languages, personal_data.build(languages=languages))(said(text))


def said(text: str) -> Conversation:
    return Conversation(PLACE, (Message("1", PLACE, text, AT),))


SIGNALS: dict[tuple[str, ...], Signal] = {}


def kinds(reading: Reading) -> set[str]:
    return set(str(reading.value).split(", ")) if reading.value else set()


def grouped(number: str, sizes: tuple[int, ...], between: str) -> str:
    pieces, at = [], 0
    for size in sizes:
        pieces.append(number[at : at + size])
        at += size
    return between.join(piece for piece in [*pieces, number[at:]] if piece)


def cards(dice: random.Random, count: int) -> Iterator[tuple[str, str]]:
    """(the number, the number as people group it)"""
    for n in range(count):
        prefix, lengths = CARD_PREFIXES[n % len(CARD_PREFIXES)]
        size = sorted(lengths)[n // len(CARD_PREFIXES) % len(lengths)]
        body = prefix + "".join(dice.choices("0123456789", k=size - 1 - len(prefix)))
        number = body + luhn.calc_check_digit(body)
        sizes = (4, 6, 5) if size in {14, 15} else (4, 4, 4, 4)
        yield number, dice.choice([number, grouped(number, sizes, " "), grouped(number, sizes, "-")])


def ibans(dice: random.Random, each: int) -> Iterator[tuple[str, str]]:
    """(the number, the number as people group it)"""
    choices = {
        "d": "0123456789",
        "a": "ABCDEFGHIJKLMNOPQRSTUVWXYZ",
        "c": "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ",
        "0": "0",
    }
    for country, structure in IBANS.items():
        for _ in range(each):
            body = "".join(dice.choice(choices[c]) for c in structure)
            number = f"{country}{iban.calc_check_digits(f'{country}00{body}')}{body}"
            assert iban.is_valid(number, check_country=False), number
            four = grouped(number, (4,) * 8, " ")
            yield number, dice.choice([number, four, four.lower(), four.replace(" ", "-")])


def numbers(dice: random.Random, each: int) -> Iterator[tuple[_national.Number, str]]:
    """Numbers of digits only that python-stdnum takes for valid, found by throwing dice."""
    for row in _national.NUMBERS:
        made = 0
        while made < each:
            number = _thrown(row, dice)
            try:
                valid = row.check(number)
            except LookupError:
                continue
            if valid:
                made += 1
                yield row, number


def _thrown(row: _national.Number, dice: random.Random) -> str:
    size = dice.choice(sorted(row.lengths))
    if row.kind == "resident id":
        body = f"11010119{dice.randint(50, 99)}0{dice.randint(1, 9)}{dice.randint(10, 28)}{dice.randint(100, 999)}"
        return body + ric.calc_check_digit(body)
    if row.kind == "ahv":
        return "756" + "".join(dice.choices("0123456789", k=10))
    year, month, day = f"{dice.randint(30, 99)}", f"{dice.randint(1, 12):02}", f"{dice.randint(1, 28):02}"
    start = ""
    if row.kind in {"cpr", "fødselsnummer", "kennitala", "amka"}:
        start = day + month + year
    elif row.kind == "personnummer":
        start = ("19" if size == 12 else "") + year + month + day
    elif row.kind in {"pesel", "rijksregisternummer", "egn", "resident number", "id number", "rodné číslo"}:
        start = year + month + day
    elif row.kind in {"asmens kodas", "isikukood", "cnp"}:
        start = dice.choice("34") + year + month + day
    elif row.kind == "nir":
        start = dice.choice("12") + year + month
    return start + "".join(dice.choices("0123456789", k=size - len(start)))


def way(row: _national.Number, number: str, dice: random.Random) -> tuple[str, str]:
    """(the word in front, where one is needed, the groups it is written in)"""
    forms = [form for form in sorted(row.alone) if sum(map(int, re.findall(r"\d+", form))) == len(number)]
    if forms:
        return "", dice.choice(forms)
    return f"{dice.choice(WORDS[row.kind])} ", dice.choice([str(len(number)), "3 3 3 9", "4-4-4-9", "2.2.9", "1 4 9"])


def written(number: str, form: str) -> str:
    """The number in groups of these sizes, parted as the form says."""
    text, at = "", 0
    for part in re.findall(r"\d+|\D", form):
        if at < len(number):
            text += number[at : at + int(part)] if part.isdigit() else part
            at += int(part) if part.isdigit() else 0
    return text


def changed(number: str, dice: random.Random) -> str:
    """The number with one digit changed."""
    at = dice.choice([n for n, c in enumerate(number) if c.isdigit()])
    return number[:at] + dice.choice("0123456789".replace(number[at], "")) + number[at + 1 :]


def language_of(row: _national.Number | _national.Code) -> str:
    country = row.countries.split()[0]
    return LANGUAGE.get(country, country.lower())


def test_every_card_is_found_and_none_with_a_changed_digit() -> None:
    dice = random.Random(5)
    shorter = 0
    for number, text in cards(dice, 400):
        reading = read(f"it is {text} thanks")
        assert "card" in kinds(reading), text
        assert number[-4:] in reading.note
        other = changed(text, dice)
        if " " in text and len(number) > 16 and is_card("".join(c for c in other if c.isdigit())[:16]):
            shorter += 1  # sixteen digits and three more: a card and its security code
            continue
        assert "card" not in kinds(read(f"it is {other} thanks")), other
    assert shorter <= 10


def test_every_iban_is_found_and_none_with_a_changed_digit() -> None:
    dice = random.Random(6)
    for _, text in ibans(dice, 15):
        assert kinds(read(f"my account: {text}, please")) == {"iban"}, text
        assert "iban" not in kinds(read(f"my account: {changed(text, dice)}, please")), text


def test_every_national_number_is_found_and_none_with_a_changed_digit() -> None:
    dice = random.Random(7)
    still_valid = 0
    cases = list(numbers(dice, 15))
    for row, number in cases:
        word, form = way(row, number, dice)
        language = language_of(row)
        text = word + written(number, form)
        assert row.kind in kinds(read(f"{text}.", language)), (row.kind, text)
        if row.kind in NO_CHECK_DIGIT:
            continue
        other = changed(number, dice)
        if _holds(row, other):  # a check that takes two remainders for one digit
            still_valid += 1
            continue
        assert row.kind not in kinds(read(word + written(other, form), language)), (row.kind, text, other)
    assert len(cases) >= 500
    assert still_valid <= len(cases) / 20


def _holds(row: _national.Number, number: str) -> bool:
    try:
        return row.check(number)
    except LookupError:
        return False


def lettered(dice: random.Random) -> Iterator[tuple[str, str, str]]:
    """(kind, language, the code as people write it)"""
    digits = "".join(dice.choices("0123456789", k=8))
    plain = digits + dni.calc_check_digit(digits)
    yield (
        "dni",
        "es",
        dice.choice([plain, f"{digits}-{plain[8:]}", f"{digits[:2]}.{digits[2:5]}.{digits[5:]}-{plain[8]}"]),
    )
    first = dice.choice("XYZ")
    letter = dni.calc_check_digit(str("XYZ".index(first)) + digits[:7])
    yield "nie", "es", dice.choice([f"{first}{digits[:7]}{letter}", f"{first}-{digits[:7]}-{letter}"])
    day, month, year = f"{dice.randint(1, 28):02}", f"{dice.randint(1, 12):02}", f"{dice.randint(30, 99)}"
    serial = f"{dice.randint(2, 899):03}"
    mark = "0123456789ABCDEFHJKLMNPRSTUVWXY"[int(day + month + year + serial) % 31]
    yield "hetu", "fi", f"{day}{month}{year}-{serial}{mark}"
    person = "RSSMRA" + year + dice.choice("ABCDEHLMPRST") + day + "H501"
    code = person + codicefiscale.calc_check_digit(person)
    yield "tax code", "it", dice.choice([code, code.lower(), f"{code[:3]} {code[3:6]} {code[6:11]} {code[11:]}"])
    mexican = f"BOXW{year}{month}{day}{dice.choice('HM')}VZNLR0"
    yield "curp", "es", mexican + curp.calc_check_digit(mexican)
    seven = digits[:7]
    total = sum(int(c) * weight for c, weight in zip(seven, range(8, 1, -1), strict=True)) % 23
    yield "pps", "en", seven + "WABCDEFGHIJKLMNOPQRSTUV"[total]


def test_every_code_with_letters_is_found_and_none_with_a_changed_digit() -> None:
    dice = random.Random(8)
    for _ in range(50):
        for kind, language, text in lettered(dice):
            assert kind in kinds(read(f"es {text}", language)), (kind, text)
            other = changed(text, dice)
            if kind != "curp" or not curp.is_valid(other):  # its check takes some pairs of digits for one another
                assert kind not in kinds(read(f"es {other}", language)), (kind, other)


@pytest.mark.parametrize("row", _national.NUMBERS, ids=lambda row: row.kind)
def test_a_number_believed_without_a_word_is_seldom_thrown(row: _national.Number) -> None:
    if not any("-" not in form and "/" not in form and "." not in form for form in row.alone):
        assert row.alone or row.kind in WORDS
        return
    dice = random.Random(9)
    size = max(row.lengths)
    passed = sum(_holds(row, "".join(dice.choices("0123456789", k=size))) for _ in range(4_000))
    assert passed / 4_000 <= _national.TELLING


def test_every_kind_that_needs_a_word_has_one() -> None:
    table = detectors(sorted({c for row in _national.NUMBERS for c in row.countries.split()}), WORDS)
    assert {row.kind for row in _national.NUMBERS} <= set(table.near)


CARD, IBAN = "4539148803436467", "DE89370400440532013000"
WIDE = str.maketrans({chr(c): chr(c + 0xFEE0) for c in range(0x21, 0x7F)})
ARABIC = str.maketrans("0123456789", "\u0660\u0661\u0662\u0663\u0664\u0665\u0666\u0667\u0668\u0669")
PERSIAN = str.maketrans("0123456789", "\u06f0\u06f1\u06f2\u06f3\u06f4\u06f5\u06f6\u06f7\u06f8\u06f9")
HINDI = str.maketrans("0123456789", "\u0966\u0967\u0968\u0969\u096a\u096b\u096c\u096d\u096e\u096f")
HIDDEN: dict[str, Callable[[str], str]] = {
    "spaces": " ".join,
    "two spaces": "  ".join,
    "dots": ".".join,
    "stars": "*".join,
    "dashes": " - ".join,
    "zero width": "\u200b".join,
    "word joiners": "\u2060".join,
    "soft hyphens": "\u00ad".join,
    "tags": "\U000e0041".join,
    "variation selectors": "\ufe0f".join,
    "more variation selectors": "\U000e0101".join,
    "strokes": "\u0336".join,
    "keycaps": lambda t: "".join(c + "\ufe0f\u20e3" for c in t),
    "full width": lambda t: t.translate(WIDE),
    "Arabic digits": lambda t: t.translate(ARABIC),
    "Persian digits": lambda t: t.translate(PERSIAN),
    "Devanagari digits": lambda t: t.translate(HINDI),
    "bold": lambda t: "".join(chr(0x1D7CE + int(c)) if c.isdigit() else c for c in t),
    "no-break spaces": lambda t: grouped(t, (4,) * 5, "\u00a0"),
    "long dashes": lambda t: grouped(t, (4,) * 5, "\u2013"),
    "lines": lambda t: grouped(t, (4,) * 5, "\n"),
    "right to left": lambda t: f"\u202e{t}\u202c",
}


@pytest.mark.parametrize("way", HIDDEN)
def test_a_hidden_card_is_found_where_it_stands(way: str) -> None:
    hidden = HIDDEN[way](CARD)
    text = f"here: {hidden} ok"
    assert kinds(read(text)) == {"card"}
    view = folded(text)
    found = detectors([], WORDS).search(view.text)
    start, end = view.span(found[0].start, found[0].end)
    shown = text[start:end]
    assert shown.strip("\u202e\u202c") in hidden
    assert folded(shown).text.replace(" ", "").replace("-", "").replace("\n", "") == CARD


@pytest.mark.parametrize("way", sorted(set(HIDDEN) - {"stars", "dashes", "two spaces"}))
def test_a_hidden_iban_is_found(way: str) -> None:
    assert kinds(read(f"to {HIDDEN[way](IBAN)} ok")) == {"iban"}


@pytest.mark.parametrize(
    "text",
    [
        "kim (at) example dot com",
        "kim [at] example [dot] com",
        "KIM(AT)EXAMPLE(DOT)COM",
        "kim@example.com",
        "k\u0456m@ex\u0430mple.com",
        "\uff4b\uff49\uff4d\uff20example\uff0ecom",
        "k\u00adim@exam\u200bple.com",
        "my email is kim at example dot com",
        "mail me: kim.lee @ example . co . uk",
        "kim arroba example punto com",
        "kim snabel-a example punktum dk",
        "kim+shop@mail.example.org,",
    ],
)
def test_an_email_address_is_found_however_it_is_spelt(text: str) -> None:
    assert kinds(read(text)) == {"email"}


@pytest.mark.parametrize(
    "text",
    [
        "I saw it at amazon dot com",
        "look at this. com on",
        "thanks @AppleSupport. Yes it works",
        "meet me @ home. then we talk",
        "version 8.4.24.1 is out",
        "iOS 11.1.2.3 broke it",
        "1. 2. 3. 4. are the steps",
        "std::vector and Foo::Bar",
        "it is 10:30, no, 11:45:30",
        "order 2341 2341 2346",
        "111222333",
        "5 of 10 at 12/11/2026 12:30",
        "0000 0000 0000 0000",
        "KK4539148803436467",
        "my order number is 20123456",
        "serial number 20 12 34 56 78",
        "1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16",
        "sizes 36 37 38 39 40 41 42 43 44 45",
        "\U0001f468\u200d\U0001f469\u200d\U0001f467 4 us",
    ],
)
def test_what_only_looks_like_it_is_no_personal_data(text: str) -> None:
    assert read(text, "en", "da", "de", "nl").value is None


def test_a_card_is_found_between_other_numbers() -> None:
    assert kinds(read("4539 1488 0343 6467 12/26 123")) == {"card"}
    assert kinds(read("2 cards 4539 1488 0343 6467 4111 1111 1111 1111")) == {"card"}
    assert read("4539148803436467\n4111111111111111").note.count("card") == 2


def test_a_weak_check_needs_its_word_near_by() -> None:
    assert read("my BSN is 111222333", "nl").value == "bsn"
    assert read("111222333 (BSN)", "nl").value == "bsn"
    assert read(f"BSN {'x' * NEAR_BEFORE} 111222333", "nl").value is None


def test_a_national_number_is_not_shown() -> None:
    reading = read("my BSN is 111222333, my mail kim@example.com", "nl")
    assert reading.note == "contains email ***@e***, bsn ****"


def test_regions_add_their_numbers_and_replace_the_plans() -> None:
    signal = personal_data.build(languages=("en",), regions=("BR",))
    assert signal(said("529.982.247-25")).value == "cpf"
    assert signal(said("(11) 96123-4567")).value == "phone"
    assert signal(said("my ssn is 531-21-7351")).value == "ssn"


HOSTILE = {
    "ten million letters": "a" * 10_000_000,
    "ten million digits": "4" * 10_000_000,
    "a million emoji": "\U0001f600" * 1_000_000,
    "joined emoji": "\U0001f468\u200d\U0001f469\u200d" * 250_000,
    "lone surrogates": "\ud800\udfff1@" * 1_000,
    "right to left": "\u202e\u2066\u200f4539" * 1_000,
    "zalgo": "4\u0301\u0316\u0334\u0345" * 1_000,
    "forty quotes": "\n".join(">" * n + " card 4111 1111 1111 1112" for n in range(40)),
    "pairs": "41 " * 2_000,
    "fours": "4111 " * 1_000,
    "ibans": "de89 " * 1_000,
    "colons": "1:" * 2_000,
    "ats": "a at " * 1_000,
    "dots": "1." * 2_000,
    "phones": "+45 20 12 34 5 " * 300,
    "controls": "\x00\x1b[2J4" * 1_000,
    "phrases in one character": "\ufdfa" * 4_000,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_text_is_read_at_its_ends_only(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    looked_at: list[int] = []

    def counting(text: str) -> object:
        looked_at.append(len(text))
        return folded(text)

    monkeypatch.setattr(personal_data, "folded", counting)
    personal_data.build(languages=("en", "da", "de", "pt"))(said(HOSTILE[name]))
    assert sum(looked_at) <= LONGEST + 1


def test_the_groups_tried_in_one_text_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def counting(digits: str) -> bool:
        asked.append(digits)
        return False

    monkeypatch.setattr("core.signals._detectors.is_card", counting)
    read("4111 " * 800)
    assert 0 < len(asked) <= MOST_WINDOWS
    asked.clear()
    read("4111111111112, " * 260)
    assert 0 < len(asked) <= MOST_CHECKS < 260


@settings(deadline=None)
@given(st.text(alphabet=st.characters(), max_size=300))
def test_any_text_is_read(text: str) -> None:
    read(text, "en", "da", "pt", "zh")


@settings(deadline=None)
@given(st.text(alphabet="0123456789 .-/:@+()abcdefxdhkat\n\u200b\u0661\ud800", max_size=200))
def test_any_text_of_digits_and_marks_is_read(text: str) -> None:
    read(text, "en", "da", "pt", "zh", "es", "it", "fi")
