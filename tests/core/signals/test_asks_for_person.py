"""asks_for_person: what it takes and leaves, what it makes of hostile text, its figures on the labelled set."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.conversation import Conversation
from core.signals import _asking, asks_for_person

Talk = Callable[..., Conversation]

SET = Path(__file__).parents[3] / "benchmarks" / "data" / "asks_for_person.csv"
FEWEST_OF_A_LANGUAGE = 40
READ = asks_for_person.build()
FOUND = asks_for_person._Asking().found


@cache
def lines() -> tuple[dict[str, str], ...]:
    with SET.open(encoding="utf-8", newline="") as file:
        return tuple(csv.DictReader(file))


def figures(split: str) -> tuple[float, float]:
    """Precision and recall."""
    seen = Counter((bool(FOUND(row["text"])), row["asks"] == "1") for row in lines() if row["split"] == split)
    right = seen[True, True]
    return right / (right + seen[True, False]), right / (right + seen[False, True])


@pytest.mark.parametrize(
    "text",
    [
        *("may I speak with your manager", "I'd rather deal with a human being", "/agent", "/talk_to_human", "agent!"),
        *(
            "can one of your colleagues call me back?",
            "no more robots",
            "I do not want to talk to a bot",
            "get me a humna",
        ),
        *("må jeg tale med en medarbejder?", "kan en af jeres ansatte ringe til mig?", "ingen robotter, tak"),
        *("ich möchte mit einem Berater sprechen", "Kundendienst bitte", "kein Bot mehr"),
        *("quiero hablar con un asesor", "necesito un agente", "basta de robots"),
        *("je voudrais parler à un conseiller", "un agent svp", "pas de robot"),
        *("vorrei parlare con un operatore", "operatore per favore", "basta robot"),
        *("ik wil een medewerker spreken", "kan iemand mij bellen?", "geen robot meer"),
        *("quero falar com um atendente", "preciso de um humano", "chega de robô"),
        *("jag vill prata med en handläggare", "kan någon ringa mig?", "inga robotar"),
        *("chcę rozmawiać z konsultantem", "konsultant proszę", "dość robotów"),
        *("temsilciyle görüşmek istiyorum", "bir insan lütfen", "robot istemiyorum"),
        *("أريد التحدث مع موظف", "موظف من فضلك", "هل يمكن أن يتصل بي أحد؟"),
        *("मुझे एजेंट से बात करनी है", "kisi insaan se baat karao", "agent chahiye"),
        *("我要找人工客服", "請轉真人", "不要機器人"),
        *("オペレーターと話したいです", "担当者をお願いします", "人間に代わって"),
    ],
)
def test_a_person_is_asked_for_in_fifteen_languages(talk: Talk, text: str) -> None:
    assert READ(talk(text)).value is True


@pytest.mark.parametrize(
    "text",
    [
        *("are you human?", "your agent called me yesterday", "don't connect me to an agent", "my insurance agent"),
        *("do you hire agents?", "a table for one person", "the human resources department", "I spoke to a manager"),
        *("er du et menneske?", "jeg vil ikke tale med nogen", "min rådgiver sagde nej"),
        *("bist du ein Mensch?", "ich will nicht mit einem Mitarbeiter sprechen", "mein Berater war da"),
        *("¿eres humano?", "no quiero hablar con un agente", "mi agente de viajes"),
        *("es-tu un humain ?", "je ne veux pas parler à un conseiller", "personne ne répond"),
        *("sei un umano?", "non voglio parlare con un operatore", "il mio agente di viaggio"),
        *("ben je een mens?", "ik wil niet met een medewerker praten", "mijn adviseur"),
        *("você é humano?", "não quero falar com um atendente", "o meu agente de viagens"),
        *("är du en människa?", "jag vill inte prata med någon", "min handläggare"),
        *("czy jesteś człowiekiem?", "nie chcę rozmawiać z konsultantem", "mój doradca"),
        *("insan mısın?", "temsilciyle görüşmek istemiyorum", "insan kaynakları"),
        *("هل أنت إنسان؟", "لا أريد التحدث مع موظف", "كم راتب الموظف"),
        *("क्या तुम इंसान हो?", "मुझे एजेंट से बात नहीं करनी", "mera travel agent"),
        *("你是真人吗", "不用转人工", "人工智能课程"),
        *("人間ですか？", "オペレーターと話したくない", "人工知能とは"),
        *("don't put me through", "put me on the waiting list", "je veux être remboursé", "can I pay over the phone?"),
        *("I want to be refunded", "connect me to the wifi", "people who live over there"),
        *("verbinden Sie das Gerät mit dem WLAN", "ruft mich bitte nicht an", "koppla upp datorn"),
        *("pásame el código", "vorrei essere rimborsato", "me passa o código", "przekieruj paczkę", "帮我转账"),
        *("mens jeg venter på en agentur", "where is my order?", "", " ", "?", "/", "/start", "//"),
    ],
)
def test_a_person_who_is_only_mentioned_or_declined_is_not_asked_for(talk: Talk, text: str) -> None:
    assert READ(talk(text)).value is False


def test_the_words_that_ask_are_shown(talk: Talk) -> None:
    assert READ(talk("My parcel is lost. I want to talk to a person now")).note == (
        'asks for a person: "talk to a person"'
    )


def test_only_what_is_to_be_answered_is_read(talk: Talk) -> None:
    assert READ(talk("talk to a human", ("One moment.",), "thanks, and the hours?")).value is False


def test_words_of_two_languages_make_no_wish_together() -> None:
    assert FOUND("jeg vil tale med dem mens jeg venter") == ""


def test_whose_person_it_is_decides() -> None:
    assert (FOUND("I need his manager"), FOUND("I need a manager") != "") == ("", True)


@pytest.mark.parametrize(
    "text",
    [
        *("put me through", "I want to be transferred", "give us a bell when you can", "someone with a brain please"),
        *("can we sort this out over the phone?", "pass me on to them", "could somebody at your end look at my case"),
        *("stell mich mal durch", "ich will durchgestellt werden", "gib mir jemanden mit Hirn"),
        *("koppla mig vidare tack", "slå mig en signal", "någon som andas"),
        *("stil mig om", "giv mig et ring", "en af jer der tænker"),
        *("passez-moi quelqu'un qui réfléchit", "un coup de fil de votre part", "póngame con él", "denme un toque"),
        *("mi passi qualcuno", "fatemi uno squillo", "me dê um toque", "quero alguém com cérebro"),
        *("verbind me door", "geef me een belletje", "przełącz mnie dalej", "beni bağlayın", "帮我转接"),
        *("つないでください", "حولني", "mujhe transfer karo"),
    ],
)
def test_being_turned_over_or_called_is_asked_for_without_naming_anybody(talk: Talk, text: str) -> None:
    assert READ(talk(text)).value is True


def test_somebody_of_the_shop_is_asked_to_do_what_just_anybody_is_not() -> None:
    assert FOUND("any of you at your end review this")
    assert FOUND("może ktokolwiek z biura to sprawdzić")
    assert FOUND("any of you review this") == ""


def test_what_happened_is_told_not_asked() -> None:
    told = ("I contact your agent yesterday", "ich rede mit einem Berater gestern", "parler à un conseiller hier")
    assert [FOUND(text) for text in told] == ["", "", ""]
    assert FOUND("since yesterday I contact your agent")
    assert FOUND("that was yesterday, put me through")


def test_a_name_alone_stands_among_words_of_one_language() -> None:
    assert FOUND("please now an agent")
    assert FOUND("agent por favor")
    assert FOUND("agent thanks mig venligst") == ""


def test_a_no_before_a_comma_takes_nothing_back() -> None:
    assert FOUND("no I don't, connect me to an agent")
    assert not FOUND("no I don't connect me to an agent")


def test_a_verb_and_a_person_on_two_sides_of_a_comma_are_no_wish() -> None:
    assert FOUND("you I tried to contact, a manager was rude") == ""
    assert FOUND("you I tried to contact a manager")


def test_a_long_burst_is_read_at_its_two_ends() -> None:
    wish, rest = "Talk to a human.", "and so on. " * 300
    assert [bool(FOUND(text)) for text in (wish + rest, rest + wish, rest + wish + rest)] == [True, True, False]


def test_a_slip_of_one_letter_in_a_long_word_is_read_past() -> None:
    assert [bool(FOUND(text)) for text in ("speak to a superviser", "a represntative please", "my argent")] == [
        True,
        True,
        False,
    ]


@given(st.text(max_size=300))
@settings(max_examples=150, deadline=None)
def test_any_text_is_read_and_read_the_same_again(text: str) -> None:
    assert FOUND(text) == FOUND(text)


LISTED = sorted({word for phrases in _asking.Lists()._index.values() for parts, _, _ in phrases for word in parts})


@given(st.lists(st.sampled_from([*LISTED, ",", ".", "?", "\n", "\ud800", "\u202e"]), max_size=40))
@settings(max_examples=150, deadline=None)
def test_listed_words_in_any_order_are_read(words: list[str]) -> None:
    assert isinstance(FOUND(" ".join(words)), str)


@pytest.mark.parametrize(
    "piece", ["agent talk ", "my contact ", "不想找人工", "\U0001f600", "\ud800", "e\u0301\u0302", "a"]
)
def test_ten_megabytes_are_read(talk: Talk, piece: str) -> None:
    assert READ(talk(piece * (10_000_000 // len(piece)))).value in {True, False}


def test_every_group_of_a_list_is_known_and_every_language_can_ask() -> None:
    spans = {language: set() for language in _asking.LANGUAGES}  # type: dict[str, set[str]]
    for phrases in _asking.Lists()._index.values():
        for _, language, group in phrases:
            spans.setdefault(language, set()).add(group)
    assert all(
        {"human", "department", "sure", "other", "what", "job"} <= groups
        for groups in (spans[language] for language in _asking.LANGUAGES)
    )


def test_a_list_with_an_unknown_group_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_asking, "load", lambda name: {"humans": ("agent",)})
    with pytest.raises(ValueError, match="no group"):
        _asking.Lists()


def test_the_set_has_its_columns_and_values() -> None:
    assert list(lines()[0]) == ["text", "language", "asks", "kind", "split"]
    assert {row["asks"] for row in lines()} == {"0", "1"}
    assert {row["split"] for row in lines()} == {"dev", "test"}
    assert all(row["text"].strip() and row["kind"] for row in lines())


def test_the_set_holds_fifteen_languages_with_forty_lines_or_more_in_both_halves_and_labels() -> None:
    by_language = Counter(row["language"] for row in lines())
    assert set(by_language) == set(_asking.LANGUAGES)
    assert min(by_language.values()) >= FEWEST_OF_A_LANGUAGE
    parts = Counter((row["language"], row["asks"], row["split"]) for row in lines())
    assert len(parts) == len(_asking.LANGUAGES) * 4
    assert all(
        abs(parts[language, asks, "dev"] - parts[language, asks, "test"]) <= 1
        for language in _asking.LANGUAGES
        for asks in "01"
    )


def test_no_line_of_the_set_stands_there_twice() -> None:
    assert len({row["text"].casefold() for row in lines()}) == len(lines())


def test_precision_and_recall_on_the_half_that_may_be_read() -> None:
    precision, recall = figures("dev")
    assert precision >= 0.98
    assert recall >= 0.98


def test_precision_and_recall_on_the_half_that_is_held_back() -> None:
    precision, recall = figures("test")
    assert precision >= 0.97
    assert recall >= 0.95
