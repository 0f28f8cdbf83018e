"""language: what it names, what it leaves open, whom it prefers, and how good it is on data."""

from __future__ import annotations

import csv
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.conversation import Address, Conversation, Message
from core.signals import language
from core.signals._language import CODES, WEIGHTS, bare, frequent_words, read, tongues
from core.words import fold

Talk = Callable[..., Conversation]
ROOT = Path(__file__).parents[3]
BUILT = language.build(languages=("en", "da", "de"))
REQUESTS = ROOT.parent / "shared" / "data" / "lang" / "requests.csv"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("Hvornår kommer min regning, jeg har ventet i to uger", "da"),
        ("Wann kommt meine Rechnung endlich an?", "de"),
        ("when will my invoice finally arrive", "en"),
        ("¿Cuándo llega por fin mi factura?", "es"),
        ("quand est-ce que ma facture arrive enfin", "fr"),
        ("quando arriva finalmente la mia fattura", "it"),
        ("wanneer komt mijn factuur nu eindelijk", "nl"),
        ("quando é que a minha fatura chega finalmente", "pt"),
        ("när kommer min faktura äntligen fram", "sv"),
        ("kiedy wreszcie przyjdzie moja faktura", "pl"),
        ("faturam ne zaman gelecek acaba", "tr"),
        ("når kommer endelig regningen min fram, dere", "no"),
        ("milloin laskuni vihdoin saapuu", "fi"),
        ("kdy konečně přijde moje faktura", "cs"),
        ("când ajunge în sfârșit factura mea", "ro"),
        ("kapan faktur saya akhirnya datang", "id"),
        ("mikor jön meg végre a számlám", "hu"),
        ("kada konačno stiže moj račun", "hr"),
        ("когда наконец придёт мой счёт", "ru"),
        ("коли нарешті прийде мій рахунок", "uk"),
        ("как да върна поръчката, моля помощ", "bg"),
        ("متى تصل فاتورتي أخيرا", "ar"),
        ("مجھے رقم واپس چاہیے، بڑے بھائی", "ur"),
        ("मेरा बिल आखिर कब आएगा", "hi"),
        ("我的发票到底什么时候到", "zh"),
        ("請求書はいつ届きますか", "ja"),
        ("請求書発行希望です", "ja"),
        ("청구서가 언제 도착하나요", "ko"),
        ("ใบแจ้งหนี้ของฉันจะมาถึงเมื่อไร", "th"),
        ("πότε θα έρθει ο λογαριασμός μου", "el"),
        ("מתי תגיע החשבונית שלי", "he"),
    ],
)
def test_a_message_of_three_words_or_more_names_its_language(talk: Talk, text: str, code: str) -> None:
    for languages in ((), ("en", "da", "de")):
        reading = language.build(languages=languages)(talk(text))
        assert reading.value == code
        assert reading.score is not None
        assert 0.5 <= reading.score <= 1
        assert reading.note.startswith(f'{code}, by "')


@pytest.mark.parametrize(
    "text",
    [
        "mujhe paisa wapas chahiye bhai",
        "mera order abhi tak nahi aaya",
        "ana ayez floos dah mish mumkin",
        "gde moy zakaz pochemu tak dolgo",
        "thelo ta lefta mou parakalo",
    ],
)
def test_a_language_in_letters_that_are_not_its_own_is_left_open(talk: Talk, text: str) -> None:
    assert language.build()(talk(text)).value is None


@pytest.mark.parametrize(
    "text", ["", "ok", "ok ok ok", "12345", "KK-123456", "👍👍👍", "?!", "@someone https://x.example/hej", "'''"]
)
def test_what_has_no_words_of_a_language_is_left_open(talk: Talk, text: str) -> None:
    reading = language.build(languages=("en", "da"))(talk(text))
    assert reading.value is None
    assert reading.score == 0.0
    assert reading.note == "too short or too mixed to tell"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("Afspil The Sound of Silence af Simon and Garfunkel for mig", "da"),
        ("spiel mir The Wall von Pink Floyd auf Spotify", "de"),
        ("quiero ver Lord of the Rings en la tele", "es"),
        ("播放 Yellow Submarine by The Beatles", "zh"),
        ("شغّل لي Bohemian Rhapsody من فضلك", "ar"),
    ],
)
def test_an_english_title_does_not_make_a_request_english(talk: Talk, text: str, code: str) -> None:
    assert language.build()(talk(text)).value == code


def test_a_language_of_the_bot_wins_where_the_words_are_shared(talk: Talk) -> None:
    text = "hvor er min pakke"
    read_by = {own: language.build(languages=(own,))(talk(text)) for own in ("da", "no")}
    assert {own: reading.value for own, reading in read_by.items()} == {"da": "da", "no": "no"}
    unsure = language.build()(talk(text)).score
    assert unsure is not None
    assert unsure < (read_by["da"].score or 0.0) - 0.1


def test_a_preference_does_not_outweigh_what_the_customer_writes(talk: Talk) -> None:
    assert language.build(languages=("da",))(talk("jag vill prata med kundtjänst om min faktura")).value == "sv"


@pytest.mark.parametrize(
    ("languages", "text", "code"),
    [
        (("nb",), "hvor er pakken min, jeg har ikke fått noe", "nb"),
        (("sr",), "gde je moja porudžbina", "sr"),
        ((), "gde je moja porudžbina", "hr"),
        (("pt-BR",), "onde está o meu pedido", "pt"),
        (("sk",), "kde je moja objednávka, ešte neprišla", "sk"),
        ((), "kje je moje naročilo, še ga nisem prejel", None),
        (("sl",), "kje je moje naročilo, še ga nisem prejel", "sl"),
    ],
)
def test_a_language_is_called_what_the_bot_calls_it(
    talk: Talk, languages: tuple[str, ...], text: str, code: str | None
) -> None:
    assert language.build(languages=languages)(talk(text)).value == code


def test_a_short_burst_is_read_with_the_bursts_before_it(talk: Talk) -> None:
    sense = language.build()
    assert sense(talk("ok")).value is None
    assert sense(talk("wanneer komt mijn pakket", ("Morgen.",), "ok", ("Graag gedaan.",), "ok")).value == "nl"


def test_two_bursts_that_tell_nothing_alone_may_tell_it_together(talk: Talk) -> None:
    sense = language.build()
    assert [sense(talk(text)).value for text in ("god dag", "min pakke")] == [None, None]
    assert sense(talk("god dag", ("Goddag.",), "min pakke")).value == "da"


@pytest.mark.parametrize(("text", "code"), [("yes please", "en"), ("thank you", "en"), ("İADE İSTİYORUM", "tr")])
def test_two_words_do_where_they_are_plain(talk: Talk, text: str, code: str) -> None:
    assert language.build()(talk(text)).value == code


def test_the_note_quotes_words_of_the_message_only(talk: Talk) -> None:
    text = "wanneer komt mijn factuur nu eindelijk"
    quoted = language.build()(talk(text)).note.partition('"')[2].rstrip('"').split()
    assert quoted
    assert set(quoted) <= set(text.split())


def test_accents_may_be_left_out(talk: Talk) -> None:
    sense = language.build()
    assert sense(talk("donde esta mi pedido, todavia no llego")).value == "es"
    assert sense(talk("siparisim nerede kaldi, hala gelmedi")).value == "tr"


@pytest.mark.parametrize(
    "text",
    [
        "a" * 1_000_000,
        "\U0001f600" * 100_000,
        "\ud800" * 5_000,
        "\u202e" * 5_000 + "hvor er min pakke",
        "z\u0300\u0301" * 5_000,
        "> " * 5_000,
        "'" * 5_000,
        "漢" * 5_000,
        "ß" * 5_000,
    ],
)
def test_hostile_text_is_read_without_an_exception(talk: Talk, text: str) -> None:
    assert not language.build()(talk(text)).failed


@given(st.text(max_size=500))
def test_any_text_has_a_reading_that_is_the_same_read_twice(text: str) -> None:
    place, at = Address("memory", "1"), datetime(2026, 11, 20, tzinfo=UTC)
    sense, talk = BUILT, Conversation(place, (Message("1", place, text, at),))
    reading = sense(talk)
    assert reading == sense(talk)
    assert reading.score is not None
    assert 0 <= reading.score <= 1
    assert (reading.value is None) == (reading.score == 0)


def test_the_weights_are_whole() -> None:
    weights = read(WEIGHTS.read_text(encoding="utf-8"))
    assert tuple(weights) == CODES
    assert all(len(trigram) == 3 and 0 < gain < 70 for gains in weights.values() for trigram, gain in gains.items())
    assert WEIGHTS.stat().st_size < 300_000


def test_a_word_gains_most_where_its_letters_or_the_word_itself_are_common() -> None:
    tables = tongues()
    for word, code in (("szczęście", "pl"), ("kirjoittaminen", "fi"), ("warum", "de"), ("hvordan", "da")):
        row = tables.gains(word)
        assert max(row) == row[CODES.index(code)]


def test_frequent_words_are_folded_and_known_without_their_marks() -> None:
    words = frequent_words()
    assert all(word == fold(word) for listed in words.values() for word in listed)
    assert {"está", "esta"} <= words["es"]
    assert bare("łódź œuvre café") == "lodz œuvre cafe"


@pytest.mark.skipif(not REQUESTS.exists(), reason="the shared data is not here")
@pytest.mark.parametrize("languages", [(), ("en", "da", "de")])
def test_requests_in_twelve_languages_are_told(talk: Talk, languages: tuple[str, ...]) -> None:
    sense = language.build(languages=languages)
    right: dict[str, list[bool]] = {}
    with REQUESTS.open(encoding="utf-8", newline="") as lines:
        for line in csv.DictReader(lines):
            if len(line["text"].split()) >= 3:
                right.setdefault(line["language"], []).append(sense(talk(line["text"])).value == line["language"])
    codes = ["ar", "da", "de", "en", "id", "it", "ja", "kk", "lt", "nl", "tr", "zh"]
    shares = {code: sum(right[code]) / len(right[code]) for code in codes}
    assert {code: share for code, share in shares.items() if share < 0.92} == {}
    assert sum(shares.values()) / len(shares) >= 0.97
