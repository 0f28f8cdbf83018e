"""frustration: what it makes of a conversation, by words alone and where vectors are known."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import pytest

from core.conversation import Conversation
from core.encoder import onnx
from core.meaning import Meanings
from core.rules import LEVELS, Reading
from core.signals import frustration
from core.signals._frustration import INPUTS, RECENT, Gauge
from core.signals._frustration_formula import MEANT, TALK, Weighing, feelings, shipped
from core.study import understood

if TYPE_CHECKING:
    from core.meaning import Vector

Talk = Callable[..., Conversation]
ENCODER = onnx.build()
READ = frustration.build()
FURIOUS = [
    "I want a refund!!",
    "Third time I am asking. Where is my parcel?",
    "This is ridiculous, I have been waiting for three weeks and nobody answers!",
    "Det er tredje gang jeg skriver, hvor er min pakke?!",
    "Das ist eine Frechheit, ich warte seit drei Wochen auf mein Geld",
    "this bot is useless!!!",
]
ORDINARY = [
    "where is my order?",
    "What are your opening hours?",
    "Thanks, that worked!",
    "great job, thanks",
    "human please",
    "hvor er min pakke",
    "wie kann ich bezahlen?",
]


def score(reading: Reading) -> float:
    assert reading.score is not None
    assert reading.value == reading.score
    return reading.score


def by_meaning(conversation: Conversation) -> float:
    return score(READ(understood(conversation, ENCODER)))


@pytest.mark.parametrize("text", FURIOUS)
def test_fury_is_high_even_when_it_is_polite(talk: Talk, text: str) -> None:
    assert score(READ(talk(text))) >= LEVELS["high"]
    assert by_meaning(talk(text)) >= LEVELS["high"]
    assert '"' in READ(talk(text)).note


@pytest.mark.parametrize("text", ORDINARY)
def test_an_ordinary_question_is_below_low(talk: Talk, text: str) -> None:
    assert score(READ(talk(text))) < LEVELS["low"]
    assert by_meaning(talk(text)) < LEVELS["low"]


def test_a_demand_without_a_word_that_tells_is_below_medium(talk: Talk) -> None:
    assert score(READ(talk("I want a refund"))) < LEVELS["low"]
    assert by_meaning(talk("I want a refund")) < LEVELS["medium"]


def test_nothing_said_is_below_low(talk: Talk) -> None:
    assert score(READ(talk())) < LEVELS["low"]
    assert score(READ(talk(""))) < LEVELS["low"]


def test_what_was_said_before_counts(talk: Talk) -> None:
    calm = talk("I love your shop, thanks!", ("Welcome.",), "the lamp does not work")
    cross = talk("Awful, terrible service.", ("Sorry.",), "the lamp does not work")
    assert score(READ(cross)) > score(READ(calm)) + 0.1
    assert by_meaning(cross) > by_meaning(calm) + 0.1


def test_thanks_that_mean_the_opposite_are_no_politeness(talk: Talk) -> None:
    assert score(READ(talk("thanks for nothing"))) >= LEVELS["medium"]
    assert by_meaning(talk("thanks for nothing")) >= LEVELS["medium"]
    assert score(READ(talk("thanks for everything"))) < LEVELS["low"]


def test_anger_in_words_of_no_list_is_seen_by_its_meaning(talk: Talk) -> None:
    text = "you have treated me with utter contempt"
    assert by_meaning(talk(text)) > score(READ(talk(text))) + 0.1


def test_without_the_vector_of_the_newest_burst_words_decide_and_the_note_says_so(talk: Talk) -> None:
    conversation = talk("awful service", ("Sorry.",), "you have treated me with utter contempt")
    alone = READ(conversation)
    assert "by its words alone" in alone.note
    known = understood(conversation, ENCODER)
    assert "by its words alone" not in READ(known).note
    assert known.meanings is not None
    earlier_only = {"awful service": known.meanings.vectors["awful service"]}
    late = Conversation(conversation.address, conversation.turns, meanings=Meanings("x", earlier_only))
    assert READ(late) == alone


def test_another_language_than_the_encoders_is_read_by_its_words(talk: Talk) -> None:
    known = understood(talk("ich warte seit drei Wochen auf mein Geld"), ENCODER)
    assert "by its words alone" in READ(known).note


def test_a_vector_of_an_earlier_burst_counts_where_it_is_known(talk: Talk) -> None:
    conversation = talk("you treat me with contempt", ("Sorry.",), "the lamp is here")
    known = understood(conversation, ENCODER)
    assert known.meanings is not None
    newest: dict[str, Vector] = {"the lamp is here": known.meanings.vectors["the lamp is here"]}
    late = Conversation(conversation.address, conversation.turns, meanings=Meanings("x", newest))
    assert score(READ(late)) != score(READ(known))


def test_only_the_newest_four_bursts_count(talk: Talk) -> None:
    four = ("the lamp is here", ("Yes.",)) * 3
    assert READ(talk("awful, terrible, useless", ("Sorry.",), *four, "hm")) == READ(
        talk("thanks, great", ("Sorry.",), *four, "hm")
    )


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("WHERE IS my parcel", "capitals"),
        ("where!", "exclamations"),
        ("where?", "questions"),
        ("where??", "emphatic"),
        ("sooo slow", "stretched"),
        ("where 😡", "emoji_against"),
        ("where 😊", "emoji_for"),
        ("thanks but no", "thanks_first"),
        ("great service", "sarcasm"),
        ("no", "short"),
        ("yet again it is late", "repeat"),
    ],
)
def test_each_mark_has_a_number_of_its_own(text: str, name: str) -> None:
    values = dict(zip(INPUTS, Gauge().read(text).values, strict=True))
    plain = dict(zip(INPUTS, Gauge().read("where is the lamp we saw").values, strict=True))
    assert values[name] > 0 == plain[name]


def test_the_longest_of_overlapping_phrases_of_one_kind_is_told() -> None:
    assert Gauge().read("still waiting here").words == ("still waiting", "waiting")


def test_every_number_is_bounded_however_hostile_the_text() -> None:
    gauge = Gauge()
    for text in ("!" * 10_000, "😡" * 10_000, "awful " * 10_000, "\ud800?!" * 500, "A" * 10_000, "\x00\u202e"):
        values = gauge.read(text).values
        assert all(-1 <= value <= 1 for value in values)


def test_what_stands_after_a_thousand_characters_is_not_read() -> None:
    gauge = Gauge()
    assert gauge.read("lamp " * 190 + "awful").words == ("awful",)
    assert gauge.read("lamp " * 200 + "awful").words == ()


def test_a_text_is_read_once_and_not_for_ever() -> None:
    gauge = Gauge()
    for n in range(RECENT + 10):
        gauge.read(str(n))
    assert gauge.read(str(RECENT + 9)) is gauge.read(str(RECENT + 9))
    assert gauge.read.cache_info().currsize == RECENT


def test_the_tables_that_ship_fit_one_another_and_the_encoder() -> None:
    formula, (weights, offsets) = shipped(), feelings()
    size = ENCODER.embed(["where"]).shape[1]
    assert weights.shape == (size, 3)
    assert offsets.shape == (3,)
    assert formula.by_words.shape == (len(TALK) + 1,)
    assert formula.by_meaning.shape == (len(TALK) + len(MEANT) + size + 1,)
    assert np.isfinite(formula.by_meaning).all()


def test_evidence_is_in_the_order_in_which_it_is_weighed(talk: Talk) -> None:
    conversation = talk("awful", ("Sorry.",), "awful", ("Sorry.",), "sooo late!")
    evidence = Weighing().evidence(understood(conversation, ENCODER))
    said = dict(zip(TALK, evidence.talk, strict=True))
    assert said["newest stretched"] == 1
    assert said["earlier stretched"] == 0
    assert said["earlier anger"] == pytest.approx(1 / 3)
    assert said["newest anger"] == 0
    assert said["bursts"] == pytest.approx(2 / 3)
    assert said["not the first"] == 1
    assert evidence.meant is not None
    felt = dict(zip(MEANT, evidence.meant, strict=False))
    assert felt["earlier negative"] > felt["newest pleased"]
    assert np.linalg.norm(evidence.meant[len(MEANT) :]) == pytest.approx(1, abs=1e-3)
