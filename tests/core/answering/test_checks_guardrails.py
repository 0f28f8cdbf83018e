"""Guardrails and JSON: forbidden phrases, lines that must be there, the brand's voice, scope, a schema."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.answering.checks import compliance, confidence, forbidden, leak, schema, scope, voice
from core.answering.checks.schema import broken
from core.answering.request import Request
from core.answering.screen import Check, Screen
from core.errors import Unfit
from core.tiers import Line, Prompt, Tier


def shown(check: Check, text: str, code: str = "en", question: str = "Hello?") -> tuple[str, str]:
    prompt = Prompt("", (Line("user", question),), code)
    screen, out = Screen([check], prompt, Request(prompt, Tier.QUICK)), list[str]()
    try:
        for character in text:
            out.append(screen.feed(character))
        out.append(screen.close())
    except Unfit as found:
        return "".join(out), str(found)
    return "".join(out), ""


NEVER = forbidden.build(["lawsuit*", "legal advice", "Über uns", "冷凍", "c++"])


@pytest.mark.parametrize(
    "text",
    [
        "File a lawsuit.",
        "Many LAWSUITS.",
        "It is legal  advice.",
        "legal-advice",
        "law\u00adsuit",
        "\uff2caw\u200bsuit",
        "Mehr über uns.",
        "这是冷凍食品",
        "Learn C++!",
    ],
)
def test_what_must_never_be_said_is_not_shown(text: str) -> None:
    seen, why = shown(NEVER, "Well, " + text)
    assert why.startswith("never to be said")
    assert seen in {
        "Well, ",
        "Well, 这是",
        "Well, File a ",
        "Well, Many ",
        "Well, It is ",
        "Well, Mehr ",
        "Well, Learn ",
        "",
    }


@pytest.mark.parametrize("text", ["A flawsuit.", "legally advised", "Go über unser Haus.", "law suits you", "c"])
def test_what_only_looks_like_it_is_shown(text: str) -> None:
    assert shown(NEVER, text) == (text, "")


def test_letters_that_fold_into_two_do_not_move_what_is_held() -> None:
    assert shown(NEVER, "Große, süße, weiße lawsuits.") == ("", "never to be said: 'lawsuits'")


def test_an_empty_list_forbids_nothing() -> None:
    assert forbidden.build([" ", ""]).watch(Prompt("", ()), Request(Prompt("", ()), Tier.QUICK)) is None


@given(st.text(max_size=60), st.text(min_size=1, max_size=12))
def test_any_list_can_be_looked_for_in_any_text(text: str, phrase: str) -> None:
    shown(forbidden.build([phrase]), text)


ALWAYS = compliance.build(
    [
        {"about": ["loan*", "credit"], "say": {"": "Borrowing costs money.", "da": "Lån koster penge."}},
        {"about": ["tax"], "say": {"de": "Kein Rat."}},
    ]
)


def test_a_line_that_must_be_there_is_added_where_it_is_missing() -> None:
    assert shown(ALWAYS, "We have loans.") == ("We have loans.\n\nBorrowing costs money.", "")
    assert shown(ALWAYS, "A loan.", "da") == ("A loan.\n\nLån koster penge.", "")


@pytest.mark.parametrize("text", ["We have bikes.", "Loans: borrowing costs\nmoney!", "A tax."])
def test_a_line_is_not_added_where_it_stands_or_is_not_due(text: str) -> None:
    assert shown(ALWAYS, text) == (text, "")


def test_a_voice_has_words_it_does_not_use() -> None:
    assert shown(voice.build(words=["mate"]), "Fine. Hello mate. Bye.") == ("Fine. ", "not our word: 'mate'")
    assert shown(voice.build(words=["mate"]), "Fine, teammates.") == ("Fine, teammates.", "")


def test_a_voice_may_know_no_exclamation_and_no_emoji() -> None:
    plain = voice.build(exclamations=False, emoji=False)
    assert shown(plain, "Fine. Great!") == ("Fine. ", "an exclamation mark")
    assert shown(plain, "Fine. \U0001f600") == ("Fine. ", "an emoji")
    assert shown(voice.build(), "Great! \U0001f600") == ("Great! \U0001f600", "")


@pytest.mark.parametrize("text", ["Kannst du das?", "Hier ist dein Rad.", "Mit eurem Rad."])
def test_a_formal_voice_says_sie_in_german(text: str) -> None:
    assert shown(voice.build(formal=True), text, "de")[1].startswith("not formal")
    assert shown(voice.build(formal=True), text, "da")[1] == ""
    assert shown(voice.build(formal=True), "Können Sie das? Hier ist Ihr Rad.", "de")[1] == ""


def test_only_where_it_is_asked_for_a_wrong_tone_may_be_shown_at_the_last_resort() -> None:
    assert not voice.build().last_resort
    assert voice.build(last_resort=True).last_resort


OUTSIDE = "The capital of that country is a large city with many parks and two rivers in it."


def test_an_answer_about_none_of_the_topics_is_out_of_scope() -> None:
    check = scope.build(["bicycle*", "order"])
    assert shown(check, OUTSIDE) == ("", "about none of the bot's topics")
    assert shown(check, OUTSIDE + " Bicycles too.") == (OUTSIDE + " Bicycles too.", "")
    assert shown(check, "You're welcome.") == ("You're welcome.", "")
    assert shown(check, OUTSIDE, question="Where is my order?") == (OUTSIDE, "")


KEYS = {"answer": "text", "sure": "number", "tags": "list"}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('{"answer": "a", "sure": 0.5, "tags": [], "more": null}', ""),
        ('{"answer": "a", "sure": 1}', "'tags' is missing"),
        ('{"answer": "a", "sure": true, "tags": []}', "'sure' is no number"),
        ('{"answer": 1, "sure": 1, "tags": []}', "'answer' is no text"),
        ("[1]", "no JSON object"),
        ('{"answer": "a', "no JSON: "),
        ('{"answer": "a", "sure": NaN, "tags": []}', "no JSON: NaN"),
        ("[" * 100_000, "no JSON: "),
        ('{"sure": ' + "9" * 5000 + "}", "no JSON: "),
        ("", "no JSON: "),
    ],
)
def test_json_has_the_keys_it_was_asked_for(text: str, why: str) -> None:
    assert broken(text, KEYS).startswith(why)
    assert bool(broken(text, KEYS)) == bool(why)


def test_words_before_the_json_are_seen_at_the_opening() -> None:
    prompt = Prompt("", ())
    screen = Screen([schema.build(KEYS)], prompt, Request(prompt, Tier.QUICK))
    with pytest.raises(Unfit, match="does not begin"):
        screen.feed("Sure, here is the JSON that you have asked for. ")


def test_a_kind_there_is_not_is_named() -> None:
    with pytest.raises(ValueError, match="no such kind: string"):
        schema.build({"a": "string"})


def test_an_answer_whose_sums_do_not_hold_lies_below_the_band_and_nothing_of_it_is_shown() -> None:
    sure, question = confidence.build(), "A box holds 12 eggs. How many eggs are in 4 boxes?"
    right = "Each box holds 12 eggs, so 4 boxes hold 4 * 12 = 48 eggs.\n#### 48"
    wrong = "Each box holds 12 eggs, so perhaps 4 * 12 = 50 and 50 / 7 = 7.3, about"
    assert shown(sure, right, question=question) == (right, "")
    assert shown(sure, wrong, question=question)[0] == ""
    assert "confidence" in shown(sure, wrong, question=question)[1]
    with pytest.raises(ValueError, match="between 0 and 1"):
        confidence.build(2.0)


@pytest.mark.parametrize(
    ("build", "options"),
    [
        (forbidden.build, {"never": "lawsuit"}),
        (forbidden.build, {"never": [4471]}),
        (scope.build, {"topics": "order"}),
        (voice.build, {"words": "mate"}),
        (voice.build, {"emoji": "no"}),
        (leak.build, {"words": 0}),
    ],
)
def test_an_option_of_another_shape_is_refused_and_not_taken_for_something_else(
    build: Callable[..., Check], options: dict[str, Any]
) -> None:
    with pytest.raises(ValueError, match=r"list of texts|true or false|in a row"):
        build(**options)
