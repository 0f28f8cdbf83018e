"""money: every word in every disguise, amounts of many countries, and what is no money in twelve scripts."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.conversation import Address, Conversation, Message
from core.signals import money, personal_data
from core.signals._folding import folded
from core.signals._reading import load
from core.words import LONGEST

AT = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
PLACE = Address("memory", "1")
SIGNAL = money.build()
PERSONAL = personal_data.build(languages=("en", "da", "de", "es", "fr", "pl", "tr", "ar", "hi", "zh", "ja"))
LISTS = load("money")
SPACELESS = ("zh", "ja")
ALPHABETS = ("en", "da", "de", "es", "fr", "it", "nl", "pt", "sv", "nb", "fi", "pl", "tr", "ar", "hi")
SHARED = Path("/work/shared/data")


def said(text: str) -> Conversation:
    return Conversation(PLACE, (Message("1", PLACE, text, AT),))


def is_money(text: str) -> bool:
    return SIGNAL(said(text)).value is True


CYRILLIC = str.maketrans(
    "aceopxyijshdkmtbn",
    "асеорхуіјѕһԁкмтвп",
)
GREEK = str.maketrans("aeiknoptuvxy", "\u03b1\u03b5\u03b9\u03ba\u03b7\u03bf\u03c1\u03c4\u03c5\u03bd\u03c7\u03b3")
WIDE = str.maketrans({chr(c): chr(c + 0xFEE0) for c in range(0x21, 0x7F)})


def between(text: str, mark: str) -> str:
    """The mark between all characters of each word."""
    return " ".join(mark.join(word) for word in text.split())


def spaced(text: str, gap: str = " ") -> str:
    """Words of five letters and more written letter by letter, two such words further apart."""
    return "   ".join(gap.join(word) if len(word) >= 5 else word for word in text.split())


DISGUISES: dict[str, Callable[[str], str]] = {
    "as listed": str,
    "capitals": str.upper,
    "title": str.title,
    "soft hyphens": lambda t: between(t, "\u00ad"),
    "zero width space": lambda t: between(t, "\u200b"),
    "zero width joiner": lambda t: between(t, "\u2060"),
    "tags": lambda t: between(t, "\U000e0061"),
    "variation selectors": lambda t: between(t, "\ufe0f"),
    "full width": lambda t: t.translate(WIDE),
    "Cyrillic look-alikes": lambda t: t.lower().translate(CYRILLIC),
    "Greek look-alikes": lambda t: t.lower().translate(GREEK),
    "acute accents": lambda t: between(t, "\u0301"),
    "strokes": lambda t: between(t, "\u0336\u0337"),
    "letter by letter": spaced,
    "dots between": lambda t: spaced(t, "."),
    "hyphens between": lambda t: spaced(t, "-"),
    "exclamation": lambda t: f"!!!{t}???",
    "brackets": lambda t: f'("{t}")...',
    "stars": lambda t: f"**{t}**",
    "underscores": lambda t: f"_{t}_",
    "emoji around": lambda t: f"\U0001f621{t}\U0001f621",
    "no-break spaces": lambda t: t.replace(" ", "\u00a0"),
    "line break": lambda t: t.replace(" ", "\n"),
}


@pytest.mark.parametrize("way", DISGUISES)
@pytest.mark.parametrize("language", ALPHABETS + SPACELESS)
def test_every_word_is_heard_in_every_disguise(language: str, way: str) -> None:
    missed = [word for word in LISTS[language] if not is_money(DISGUISES[way](word))]
    assert not missed


@pytest.mark.parametrize("language", ALPHABETS + SPACELESS)
def test_every_language_has_words_for_the_plainest_things(language: str) -> None:
    assert len(LISTS[language]) >= 25


@pytest.mark.parametrize(
    "text", ["بالفاتورة", "والفاتورة", "Rueckerstattung", "aaterbetalning", "ive paid", "i ve paid"]
)
def test_a_word_is_heard_as_its_language_and_its_keyboards_write_it(text: str) -> None:
    assert is_money(text)


@pytest.mark.parametrize("word", ["restituir", "zwrotka", "refunder", "pengeseddel", "moneyball"])
def test_a_longer_word_is_another_word(word: str) -> None:
    assert not is_money(word)


@pytest.mark.parametrize(
    "text",
    [
        "1.299,00 kr",
        "kr. 1299,-",
        "\u20ac 12",
        "12,50 \u20ac",
        "12,50 z\u0142",
        "\u20b9 4,500",
        "Rs. 4500",
        "USD 20",
        "20 usd",
        "20 dollars",
        "US$ 20",
        "$20k",
        "\u00a54000",
        "3000\u5186",
        "300\u5143",
        "\uff13\uff10\uff10\u5143\u3067\u3059",
        "R$ 50,00",
        "CHF 1'299.50",
        "1 299,00 kr",
        "50 TL",
        "\u20ba50",
        "500 \u0440\u0443\u0431",
        "300 \u0433\u0440\u043d",
        "50 \u0631\u064a\u0627\u0644",
        "\u0665\u0660 \u062f\u0631\u0647\u0645",
        "\u0967\u0966\u0966 \u0930\u0941\u092a\u092f\u0947",
        "3000\uc6d0",
        "NOK 300",
        "300 SEK",
        "299,-",
        "2\u200b0 d\u00adollars",
    ],
)
def test_an_amount_of_any_country_is_heard(text: str) -> None:
    assert is_money(text)
    assert is_money(f"I gave them {text}, and now?")


@pytest.mark.parametrize(
    "text",
    [
        "my charger is broken",
        "who is in charge of this",
        "credit to you",
        "I appreciate it",
        "my phone was charged overnight and died",
        "the battery has been charged twice already",
        "my headphones were charged for three hours",
        "how much does it cost",
        "what is the price",
        "can I pay by card",
        "is it free of charge",
        "det er nok 3 dager siden",
        "vent 30 sek",
        "try 2 times",
        "24 ore",
        "es para 5 personas",
        "fr. 20.11.",
        "\u591a\u5c11\u94b1",
        "\u3044\u304f\u3089\u3067\u3059\u304b",
        "\U0001f1f0\U0001f1f7 100",
        "11.1.2 on iOS",
        "it is 5 feet long",
        "5 pounds heavier",
        "Bill Withers plays",
    ],
)
def test_what_only_sounds_like_it_is_no_money(text: str) -> None:
    assert not is_money(text)


@pytest.mark.parametrize(
    "text", ["I was charged twice", "I have been charged again", "charged for a phone I never got"]
)
def test_charged_without_a_battery_is_money(text: str) -> None:
    assert is_money(text)


HARMLESS = {
    "Latin": [
        "Where is my parcel? It was to be here on Monday.",
        "Hvor længe har I åbent i dag?",
        "Die Tür klemmt, was kann ich tun?",
        "Merci beaucoup, ça marche très bien \U0001f44d\U0001f3fd",
    ],
    "Cyrillic": [
        "Где мой заказ?",
        "Посылка пришла сегодня утром.",
        "Спасибо, всё работает на iPhone 15!",
        "Сор на дворе",
    ],
    "Greek": [
        "Πού είναι το δέμα μου;",
        "Ευχαριστώ πολύ!",
        "Η πόρτα δεν κλείνει.",
    ],
    "Arabic": [
        "أين طلبي؟",
        "شكرا جزيلا لكم",
        "الباب لا يغلق جيدا",
        "أحب أفلام الرسوم المتحركة",
    ],
    "Persian": [
        "سفارش من کجاست؟",
        "می\u200cخواهم بدانم کی می\u200cرسد",
        "کتاب\u200cها را گرفتم، ممنون",
    ],
    "Hebrew": [
        "איפה החבילה שלי?",
        "תודה רבה",
        "הדלת לא נסגרת",
    ],
    "Devanagari": [
        "मेरा ऑर्डर कहाँ है?",
        "धन्यवाद, सब ठीक है",
        "दरवाज़ा बंद नहीं होता",
    ],
    "Han": [
        "我的包裹在哪里？",
        "这个多少钱？",
        "谢谢，已经收到了。",
    ],
    "Japanese": [
        "注文はどこですか？",
        "ありがとうございました。",
        "ドアが閉まりません。ﾊﾝﾄﾞﾙも",
    ],
    "Hangul": [
        "제 주문은 어디에 있나요?",
        "감사합니다",
        "문이 닫히지 않아요",
    ],
    "Thai": [
        "พัสดุของฉันอยู่ที่ไหน",
        "ขอบคุณมาก",
        "ประตูปิดไม่สนิท",
    ],
    "Tamil": [
        "என் பார்சல் எங்கே?",
        "மிக்க நன்றி",
        "கதவு மூடவில்லை",
    ],
    "Georgian and Armenian": [
        "სად არის ჩემი ამანათი?",
        "Որտեղ է իմ ծանրությունը՞",
        "Շնորհակալություն",
    ],
    "emoji": [
        "\U0001f468\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466 love it \u2764\ufe0f",
        "1\ufe0f\u20e3 2\ufe0f\u20e3 3\ufe0f\u20e3 go \U0001f44d\U000e0067\U000e007f",
        "\U0001f1e9\U0001f1f0\U0001f1ea\U0001f1fa \U0001f44d\U0001f3ff",
    ],
}


@pytest.mark.parametrize("script", HARMLESS)
def test_harmless_text_of_any_script_is_neither_money_nor_personal(script: str) -> None:
    assert len(HARMLESS[script]) >= 3
    for text in HARMLESS[script]:
        for shown in (text, text.upper(), f"{text} {text}"):
            assert SIGNAL(said(shown)).value is False, shown
            assert PERSONAL(said(shown)).value is None, shown


def test_the_note_quotes_what_was_written() -> None:
    assert SIGNAL(said("a RE\u00adFUND of 20,50 €.")).note == 'speaks of money: "RE\u00adFUND", "20,50 €"'
    assert SIGNAL(said("I want a r e f u n d")).note == 'speaks of money: "a r e f u n d"'


def test_a_bots_own_words_are_folded_alike() -> None:
    signal = money.build(words="own", lists={"own": ("счёт", "сор", "Gutschein\u00adkarte")})
    for text in (
        "\u043c\u043e\u0439 \u0421\u0427\u0415\u0422",
        "\u0441\u043e\u0440",
        "\u044d\u0442\u043e \u0441\u043e\u0440",
        "GUTSCHEINKARTE",
    ):
        assert signal(said(text)).value is True, text


HOSTILE = {
    "ten million letters": "a" * 10_000_000,
    "a million emoji": "\U0001f600" * 1_000_000,
    "lone surrogates": "\ud800\udfff refund" * 1_000,
    "right to left": "\u202e\u2066 kr 5" * 1_000,
    "zalgo": "r\u0301\u0316\u0334\u0345" * 1_000,
    "forty quotes": "\n".join(">" * n + " refund" for n in range(40)),
    "refunds": "refund " * 1_000,
    "letter by letter": "r e f u n x " * 500,
    "amounts": "1 kr 2 nok " * 500,
    "Han": "\u9000" * 10_000,
    "controls": "\x00\x1b[2J" * 1_000,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_text_is_read_at_its_ends_only(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    looked_at: list[int] = []

    def counting(text: str) -> object:
        looked_at.append(len(text))
        return folded(text)

    monkeypatch.setattr(money, "folded", counting)
    reading = money.build()(said(HOSTILE[name]))
    assert looked_at
    assert sum(looked_at) <= LONGEST + 1
    assert len(reading.note) < 400


@settings(deadline=None)
@given(st.text(alphabet=st.characters(), max_size=300))
def test_any_text_is_read(text: str) -> None:
    SIGNAL(said(text))


@settings(deadline=None)
@given(st.text(alphabet="refundkr5 .,-$\u20ac\u200b\u0435\u9000\u6b3e\ud800", max_size=200))
def test_any_text_near_money_is_read(text: str) -> None:
    SIGNAL(said(text))


def rows(path: str) -> Iterator[dict[str, str]]:
    if not (SHARED / path).exists():
        pytest.skip("the shared data is not on this machine")
    with (SHARED / path).open(encoding="utf-8") as file:
        yield from csv.DictReader(file)


def test_alarms_weather_and_music_in_many_languages_are_no_money() -> None:
    texts = [row["text"] for row in rows("lang/requests.csv")]
    assert sum(map(is_money, texts)) <= len(texts) / 1_000


def test_refunds_invoices_and_failed_payments_are_money_and_orders_are_not() -> None:
    found = [(row["intent"], is_money(row["utterance"])) for row in rows("bitext/train.csv")]
    wanted = [hit for name, hit in found if name in {"get_refund", "track_refund", "payment_issue", "check_invoice"}]
    other = [hit for name, hit in found if name in {"track_order", "edit_account", "delivery_period", "complaint"}]
    assert sum(wanted) >= 0.9 * len(wanted)
    assert sum(other) <= 0.01 * len(other)
