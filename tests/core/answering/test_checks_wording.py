"""Refusals, not knowing, empty answers, languages: what each check finds and what it leaves alone."""

from __future__ import annotations

import pytest

from core.answering.checks import empty, language, not_knowing, refusal
from core.answering.checks.language import other_language
from core.answering.request import Request
from core.answering.screen import Check, Screen
from core.errors import Unfit
from core.tiers import Line, Prompt, Tier


def verdict(check: Check, text: str, question: str = "Where is my parcel?", code: str = "en") -> str:
    prompt = Prompt("", (Line("user", question),), code)
    screen = Screen([check], prompt, Request(prompt, Tier.QUICK))
    try:
        screen.feed(text)
        screen.close()
    except Unfit as found:
        return str(found)
    return ""


@pytest.mark.parametrize(
    "text",
    [
        "I can't help with that.",
        "I\u2019m sorry, but I cannot assist you with this request.",
        "I'm unable to answer that.",
        "I am not able to help with that, sorry.",
        "As an AI language model, I have no opinions.",
        "As an AI, I don't have access to feelings.",
        "I must respectfully decline.",
        "That is against my guidelines.",
        "I ca\u200bn't he\u00adlp with that.",
        "Det kan jeg desværre ikke hjælpe dig med.",
        "Beklager, jeg kan ikke svare på det.",
        "Som en AI-sprogmodel kan jeg ikke mene noget.",
        "Dabei kann ich Ihnen leider nicht helfen.",
        "Ich kann diese Anfrage leider nicht erfüllen.",
        "Als KI kann ich dazu nichts sagen, das geht nicht.",
    ],
)
def test_a_refusal_is_found(text: str) -> None:
    assert verdict(refusal.build(), text).startswith("it refuses")


@pytest.mark.parametrize(
    "text",
    [
        "We cannot ship to islands.",
        "I can help with that.",
        "Hi! I'm an AI assistant, not a person. You can ask for a person at any time.",
        "Hej! Jeg er en AI-assistent, ikke et menneske. Du kan altid bede om et menneske.",
        "Hallo! Ich bin ein KI-Assistent, kein Mensch.",
        "You can't help the weather, but you can buy a coat.",
        "I cannot change your order from here, but you can do it under My page.",
        "Det kan du ikke hjælpe med.",
    ],
)
def test_an_answer_is_no_refusal(text: str) -> None:
    assert verdict(refusal.build(), text) == ""


def test_a_refusal_deep_in_a_long_answer_is_left() -> None:
    long = "You can bring the bicycle back to the shop with its receipt. " * 6
    assert verdict(refusal.build(), long + "I can't help with that.") == ""
    assert verdict(refusal.build(), long[:122] + "I can't help with that.")


@pytest.mark.parametrize(
    "text",
    [
        "I don't know.",
        "Sorry, I really don't know that.",
        "I'm not sure about the price.",
        "I do not have any information about that.",
        "I have no idea.",
        "I couldn't find any information on this.",
        "There is no information on it.",
        "That is not mentioned in my sources.",
        "Det ved jeg desværre ikke.",
        "Jeg er ikke sikker på det.",
        "Jeg har ingen oplysninger om det.",
        "Das weiß ich leider nicht.",
        "Ich bin mir nicht sicher.",
        "Dazu habe ich leider keine Informationen.",
    ],
)
def test_not_knowing_is_found(text: str) -> None:
    assert verdict(not_knowing.build(), text).startswith("it does not know")


def test_a_long_answer_that_begins_with_not_knowing_is_found_at_its_opening() -> None:
    prompt = Prompt("", (), "en")
    screen = Screen([not_knowing.build()], prompt, Request(prompt, Tier.QUICK))
    with pytest.raises(Unfit, match="does not know"):
        screen.feed("I don't know that, I am afraid. " + "You can bring it back to the shop. " * 20)


@pytest.mark.parametrize(
    "text",
    [
        "I'm not sure what you mean. Which order is it?",
        "You don't know your order number? It is in our mail.",
        "I know that one: it opens at nine.",
        "You can find information about it on our pages.",
        "Jeg ved det: butikken åbner klokken ni.",
        "Sind Sie sicher?",
    ],
)
def test_knowing_is_not_taken_for_not_knowing(text: str) -> None:
    assert verdict(not_knowing.build(), text) == ""


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "nothing is said"),
        (" \n\t", "nothing is said"),
        ("... -- !", "nothing is said"),
        ("\u200b\u00ad", "nothing is said"),
        ("Where is my parcel?", "the question again"),
        ("Take it to the shop. " * 3, "the same sentence 3 times"),
        ("the shop " * 40, "80 words of which 2 differ"),
    ],
)
def test_an_answer_that_says_nothing_is_found(text: str, why: str) -> None:
    assert verdict(empty.build(), text) == why


@pytest.mark.parametrize(
    "text",
    [
        "One two three. Four five six. Seven eight nine. Ten eleven twelve.",
        "Yes.",
        "👍",
        "No. No. No. No.",
        "Where is my parcel? It is at the post office.",
        "42",
        "是的。",
    ],
)
def test_a_short_answer_is_not_empty(text: str) -> None:
    assert verdict(empty.build(), text) == ""


SAID = {
    "en": "You can bring the bicycle back to the shop and we will have a look at it for you.",
    "da": "Du kan bringe cyklen tilbage til butikken, og så ser vi på den for dig, når den er her.",
    "de": "Sie können das Rad zurück in den Laden bringen, und wir sehen es uns dann für Sie an.",
    "fr": "Vous pouvez rapporter le vélo dans la boutique et nous allons le regarder pour vous.",
}


@pytest.mark.parametrize("wanted", SAID)
@pytest.mark.parametrize("given", SAID)
def test_another_language_is_found_and_the_right_one_is_not(wanted: str, given: str) -> None:
    assert bool(verdict(language.build(), SAID[given], code=wanted)) == (wanted != given)


@pytest.mark.parametrize(
    ("text", "code", "other"),
    [
        ("Вы можете вернуть велосипед в магазин.", "en", True),
        ("您可以把自行车退回商店。", "da", True),
        ("Вы можете вернуть велосипед в магазин.", "ru", False),
        ("You can bring the bicycle back.", "ru", True),
        ("Ok, iPhone 12 Pro Max", "ru", False),
        ("Model X200, 45 kr.", "da", False),
        ("Ok.", "de", False),
        ("Hej, vi ses.", "en", False),
        (
            'The page says "kan jeg få den til at komme og være på det, når vi er der" and you can find it there.',
            "en",
            False,
        ),
        ("You can bring the bicycle back to the shop.", "xx", False),
        ("You can bring the bicycle back to the shop.", "", False),
        ('Choose "Zurück in den Laden und nicht mit der Post" in the menu, and then it is done for you.', "en", False),
    ],
)
def test_script_and_small_words_tell_a_language_only_when_they_surely_do(text: str, code: str, other: bool) -> None:
    assert bool(other_language(text, code)) == other
