"""faq, intent, turns, rephrase and frustration: what they make of a conversation."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from core.conversation import Address, Conversation, Message, MessageKind
from core.errors import SettingsError
from core.rules import LEVELS
from core.signals import faq, frustration, intent, rephrase, turns
from core.signals._reading import asked
from core.words import LONGEST

Talk = Callable[..., Conversation]
ROOT = Path(__file__).parents[3]


def test_a_question_the_faq_knows_names_its_entry_and_quotes_it(talk: Talk) -> None:
    reading = faq.build(file="bots/shop/faq.yaml", root=ROOT)(talk("How do I return an item?"))
    assert reading.value == "return-item"
    assert reading.note == 'matches "How do I return an item?" (0.99, by its words alone)'
    assert reading.score is not None
    assert reading.score >= 0.6


def test_a_question_it_does_not_know_names_none(talk: Talk) -> None:
    reading = faq.build(file="bots/shop/faq.yaml", root=ROOT)(talk("Do you sell concert tickets for tomorrow?"))
    assert reading.value is None
    assert reading.score is not None
    assert reading.score < 0.6


def test_the_probability_an_entry_needs_can_be_set(talk: Talk) -> None:
    strict = faq.build(file="bots/shop/faq.yaml", root=ROOT, at_least=1.0)
    assert strict(talk("How do I return an item?")).value is None


def test_a_faulty_file_stops_the_build_with_its_place(tmp_path: Path) -> None:
    (tmp_path / "faq.yaml").write_text("- question: Open?\n", encoding="utf-8")
    with pytest.raises(SettingsError, match=r"faq\.yaml:1:3 this entry has no 'answer'"):
        faq.build(file="faq.yaml", root=tmp_path)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("my parcel has not arrived yet", "track_order"),
        ("the mug was cracked when I opened the box", "damaged_or_wrong_item"),
        ("I want a refund now", "refund"),
        ("jeg vil gerne returnere en vare", "return_item"),
        ("welche Zahlungsarten gibt es", "payment_question"),
        ("write me a poem about the sea", None),
    ],
)
def test_the_intent_is_the_one_whose_examples_are_alike(talk: Talk, text: str, name: str | None) -> None:
    assert intent.build(file="bots/shop/intents.yaml", root=ROOT)(talk(text)).value == name


def test_a_signal_reads_no_more_of_a_burst_than_its_two_ends(talk: Talk) -> None:
    text = asked(talk("start", "x" * 100_000, "end"))
    assert len(text) <= LONGEST + 1
    assert text.startswith("start")
    assert text.endswith("end")


def test_turns_counts_what_the_customer_sent(talk: Talk) -> None:
    assert turns.build()(talk("a", ("b",), "c", "d")).value == 3


def test_a_reaction_is_no_turn() -> None:
    place, at = Address("memory", "1"), datetime(2026, 1, 1, tzinfo=UTC)
    noted = Message("2", place, "", at, kind=MessageKind.NOTED)
    assert turns.build()(Conversation(place, (Message("1", place, "hi", at), noted))).value == 1


def test_the_same_question_in_other_words_is_counted(talk: Talk) -> None:
    read = rephrase.build()
    first, reply = "where is my parcel?", ("You can follow it.",)
    assert read(talk(first)).value == 0
    assert read(talk(first, reply, "where is the parcel I ordered?")).value == 1
    assert read(talk(first, reply, "where is the parcel I ordered?", reply, "so where IS my parcel")).value == 2


def test_a_thank_you_between_does_not_break_the_chain_and_is_none_itself(talk: Talk) -> None:
    read, reply = rephrase.build(), ("You can follow it.",)
    assert read(talk("where is my parcel?", reply, "thanks")).value == 0
    assert read(talk("where is my parcel?", reply, "thank you for the quick answer")).value == 0
    assert read(talk("where is my parcel?", reply, "ok thanks", reply, "but where is my parcel")).value == 1


def test_a_new_question_ends_the_chain(talk: Talk) -> None:
    reply = ("Yes.",)
    read = rephrase.build()
    assert read(talk("where is my parcel?", reply, "where is my parcel", reply, "do you sell lamps?")).value == 0


def test_an_answer_to_our_question_is_no_rephrasing(talk: Talk) -> None:
    read = rephrase.build()
    question = ("Which order number does the parcel have?",)
    answer = "my parcel is the one with the lamp"
    assert read(talk("where is my parcel?", question, answer)).value == 0
    assert read(talk("where is my parcel?", ("On its way.",), answer)).value == 1


def test_saying_that_it_is_asked_again_needs_less_likeness(talk: Talk) -> None:
    read, reply = rephrase.build(), ("You can return it.",)
    plain = "does the broken parcel get replaced"
    assert read(talk("is my parcel insured against damage", reply, plain)).value == 0
    assert read(talk("is my parcel insured against damage", reply, f"that's not what I asked: {plain}")).value == 1


@pytest.mark.parametrize(
    "text",
    [
        "I want a refund!!",
        "Third time I am asking. Where is my parcel?",
        "This is ridiculous, I have been waiting for three weeks and nobody answers!",
        "Det er tredje gang jeg skriver, hvor er min pakke?!",
        "Das ist eine Frechheit, ich warte seit drei Wochen auf mein Geld",
        "this bot is useless!!!",
    ],
)
def test_fury_is_high_even_when_it_is_polite(talk: Talk, text: str) -> None:
    reading = frustration.build()(talk(text))
    assert reading.score is not None
    assert reading.score >= LEVELS["high"]
    assert reading.value == reading.score
    assert '"' in reading.note


@pytest.mark.parametrize(
    "text",
    [
        "where is my order?",
        "I want a refund",
        "What are your opening hours?",
        "Thanks, that worked!",
        "human please",
        "hvor er min pakke",
        "wie kann ich bezahlen?",
        "",
    ],
)
def test_an_ordinary_question_is_below_low(talk: Talk, text: str) -> None:
    reading = frustration.build()(talk(text))
    assert reading.score is not None
    assert reading.score < LEVELS["low"]


def test_what_was_said_before_counts_a_little(talk: Talk) -> None:
    read = frustration.build()
    calm = read(talk("I love your shop, thanks!", ("Welcome.",), "the lamp does not work"))
    cross = read(talk("Awful, terrible service.", ("Sorry.",), "the lamp does not work"))
    assert cross.number is not None
    assert calm.number is not None
    assert cross.number > calm.number
