"""money, asks_for_person, personal_data and language: what they take and what they leave."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from core.conversation import Conversation
from core.errors import SettingsError
from core.signals import asks_for_person, language, money, personal_data

Talk = Callable[..., Conversation]


@pytest.mark.parametrize(
    "text",
    [
        "I want my money back",
        "I want a refund!!",
        "you charged me twice",
        "it cost me \u20ac49.95",
        "where are my 100 kr",
        "DKK 1.200,50 is gone",
        "jeg vil have pengene tilbage",
        "Wann kommt die R\u00fcckerstattung?",
        "re\u00adfund",
        "is there a VOUCHER for me",
    ],
)
def test_money_is_heard(talk: Talk, text: str) -> None:
    reading = money.build(words="own", lists={"own": ("voucher",)})(talk(text))
    assert reading.value is True
    assert reading.note.count('"') >= 2


@pytest.mark.parametrize(
    "text",
    [
        "my charger is broken",
        "how much does it cost",
        "version 8.4.24",
        "order 1200",
        "the battery won't charge",
        "krabbe",
    ],
)
def test_what_only_looks_like_money_is_not_money(talk: Talk, text: str) -> None:
    assert money.build()(talk(text)).value is False


def test_a_list_that_is_not_there_is_named() -> None:
    with pytest.raises(SettingsError, match="no list 'gold'"):
        money.build(words="gold", lists={"money": ()})


def test_money_looks_at_what_is_to_be_answered_only(talk: Talk) -> None:
    assert money.build()(talk("I want a refund", ("Done.",), "thanks, and the hours?")).value is False


@pytest.mark.parametrize(
    "text",
    [
        "can I talk to someone",
        "human please",
        "menneske, tak",
        "HUMAN!!!",
        "/person",
        "/human now",
        "agent",
        "I want to speak to a manager",
        "I need a human",
        "is there someone I can talk to?",
        "why can't I talk to a human",
        "This bot does not get it. Put me through to customer service.",
        "jeg vil gerne tale med et menneske",
        "kan jeg snakke med nogen?",
        "ich m\u00f6chte mit einem Mitarbeiter sprechen",
        "Verbinden Sie mich bitte mit einem Mitarbeiter",
        "quiero hablar con una persona",
        "je veux parler \u00e0 un conseiller",
        "jag vill prata med en m\u00e4nniska",
        "ik wil een medewerker spreken",
        "kan jeg f\u00e5 snakke med et menneske",
    ],
)
def test_asking_for_a_person_is_heard_in_eight_languages(talk: Talk, text: str) -> None:
    assert asks_for_person.build()(talk(text)).value is True


@pytest.mark.parametrize(
    "text",
    [
        "are you a person?",
        "is this a human?",
        "am I talking to a bot or a person?",
        "er du et menneske?",
        "bist du ein Mensch?",
        "my travel agent booked it",
        "the agent was rude",
        "a person signed for my parcel",
        "can I get a card in person?",
        "I talked to someone yesterday",
        "I was told to talk to someone else",
        "I don't want to talk to anyone",
        "my contact lenses",
        "customer service was great, thanks",
        "a tent for 10 persons",
        "",
    ],
)
def test_a_person_who_is_only_mentioned_is_not_asked_for(talk: Talk, text: str) -> None:
    assert asks_for_person.build()(talk(text)).value is False


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("my card is 4111 1111 1111 1111", "card"),
        ("card 4111111111111111, mail kim@example.com", "email, card"),
        ("DK50 0040 0440 1162 43 is my iban", "iban"),
        ("mit cpr er 010188-1234", "cpr"),
        ("cpr 0101881234", "cpr"),
        ("ring p\u00e5 20 12 34 56", "phone"),
        ("call me: 20123456", "phone"),
        ("+45 20 12 34 56", "phone"),
        ("my ip is 192.0.2.44", "ip"),
        ("2001:db8::1 is blocked", "ip"),
        ("my ssn is 531-21-7351", "ssn"),
    ],
)
def test_personal_data_is_found_by_kind_and_never_shown(talk: Talk, text: str, kinds: str) -> None:
    reading = personal_data.build(languages=("en", "da", "de"))(talk(text))
    assert reading.value == kinds
    shown = "".join(c for c in reading.note if c.isdigit())
    assert len(shown) <= 4
    assert "kim@" not in reading.note


@pytest.mark.parametrize(
    "text",
    [
        "order 4111111111111112",
        "order 0101881234",
        "my order number is 20123456",
        "tracking 00370123456789012345",
        "it is 12:30:45 now",
        "2026-11-20 09:30",
        "3 plates for 20,50 on 12.11.2026",
        "invoice 2026-000123",
        "@kogle_krus hello",
        "no digits at all",
    ],
)
def test_other_numbers_are_no_personal_data(talk: Talk, text: str) -> None:
    assert personal_data.build(languages=("en", "da", "de"))(talk(text)).value is None


def test_a_card_number_shows_its_last_four_digits(talk: Talk) -> None:
    assert personal_data.build()(talk("4111 1111 1111 1111")).note == "contains card ****1111"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("where is my order", "en"),
        ("hvor er min pakke?", "da"),
        ("menneske, tak", "da"),
        ("Kan jeg f\u00e5 pengene tilbage?", "da"),
        ("Wo ist mein Paket?", "de"),
        ("var \u00e4r mitt paket", "sv"),
        ("\u00bfD\u00f3nde est\u00e1 mi pedido?", "es"),
        ("je n'ai pas re\u00e7u ma commande", "fr"),
        ("waar is mijn bestelling", "nl"),
        ("\u0433\u0434\u0435 \u043c\u043e\u0439 \u0437\u0430\u043a\u0430\u0437", "ru"),
        ("\u0434\u0435 \u043c\u043e\u0454 \u0437\u0430\u043c\u043e\u0432\u043b\u0435\u043d\u043d\u044f", "uk"),
        ("\u6211\u7684\u8ba2\u5355\u5728\u54ea\u91cc", "zh"),
        ("\u6ce8\u6587\u306f\u3069\u3053\u3067\u3059\u304b", "ja"),
        ("\u0623\u064a\u0646 \u0637\u0644\u0628\u064a", "ar"),
        ("ok", None),
        ("KK-123456", None),
    ],
)
def test_the_language_is_told_or_left_open(talk: Talk, text: str, code: str | None) -> None:
    assert language.build(languages=("en", "da", "de"))(talk(text)).value == code


def test_a_short_burst_is_read_with_what_came_before(talk: Talk) -> None:
    assert (
        language.build(languages=("en", "da"))(talk("hvor er min pakke", ("Den er p\u00e5 vej",), "ok")).value == "da"
    )


def test_a_language_of_the_bot_is_preferred_where_two_fit(talk: Talk) -> None:
    text = "hvor er min pakke"
    assert language.build(languages=("no",))(talk(text)).value == "no"
    assert language.build(languages=("da",))(talk(text)).value == "da"
