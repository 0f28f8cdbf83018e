"""complexity: what it calls hard, what it leaves open, and what does not move it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from core.conversation import Address, Conversation, Message, Reply
from core.encoder import onnx
from core.meaning import Encoder
from core.rules import LEVELS, Between, Condition, Is, Reading, Signal
from core.signals import complexity
from core.signals._complexity import INPUTS, Counter, terms
from core.signals._complexity_weights import load_weights, save_weights
from core.study import understood

AT = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
PLACE = Address("memory", "1")
WORK = (
    "What is the difference between the plans, and if I upgrade in the middle of the month, do I pay twice? Which one?"
)
SUM = (
    "A shop sells pens at $2 each and notebooks at $5 each. Ann buys 5 pens and half as many notebooks as Ben, who "
    "buys 8. She pays with a $50 bill. How much change does she get?"
)
PLAIN = ("where is my order?", "I want to change my delivery address please", "how do I reset my password?", "hi")
PADDING = (
    " Think step by step.",
    " think step by step" * 20,
    " This is a very complex question, it needs deep reasoning and proof.",
    " 1 2 3 % $ + = if compare why how many ``` each per" * 10,
)


def said(*turns: str | tuple[str]) -> Conversation:
    return Conversation(
        PLACE,
        tuple(
            Reply(turn[0], AT) if isinstance(turn, tuple) else Message(str(n), PLACE, turn, AT)
            for n, turn in enumerate(turns)
        ),
    )


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    return onnx.build()


@pytest.fixture(scope="module")
def signal() -> Signal:
    return complexity.build()


@pytest.mark.parametrize("text", PLAIN)
def test_no_evidence_is_unknown_and_not_simple(signal: Signal, encoder: Encoder, text: str) -> None:
    for talk in (said(text), understood(said(text), encoder)):
        reading = signal(talk)
        assert (reading.value, reading.score) == (None, None)
        assert not Condition("complexity", Between(low=LEVELS["low"])).holds({"complexity": reading})
        assert Condition("complexity", Is(None)).holds({"complexity": reading})


@pytest.mark.parametrize(
    ("text", "causes"),
    [
        (WORK, ("several questions", 'a condition "if"', 'a comparison "difference"')),
        (
            "If I return 2 of the 5 shirts at 20 % off, how much do I get back?",
            ('arithmetic "2 5 20"', 'condition "if"'),
        ),
        ("Why does `client.send_message(x)` fail when x == None?", ('code "', 'reasons "why"')),
        ("Hvad er forskellen på de to gebyrer, hvis jeg opsiger nu?", ('"forskellen"', '"hvis"')),
        ("Was ist der Unterschied, wenn ich jetzt kündige?", ('"unterschied"', '"wenn"')),
    ],
)
def test_work_is_read_and_named(signal: Signal, text: str, causes: tuple[str, ...]) -> None:
    reading = signal(said(text))
    assert reading.value in LEVELS
    assert reading.score is not None
    assert all(cause in reading.note for cause in causes), reading.note


def test_one_mark_alone_is_too_little_evidence_and_is_named(signal: Signal) -> None:
    reading = signal(said("if it does not come today I will be sad"))
    assert reading.value is None
    assert '"if"' in reading.note


def test_a_reckoning_is_read_by_its_meaning_where_that_is_known(signal: Signal, encoder: Encoder) -> None:
    bare, known = signal(said(SUM)), signal(understood(said(SUM), encoder))
    assert known.score is not None
    assert known.score != bare.score


def test_vectors_of_another_encoder_are_left_alone(signal: Signal, encoder: Encoder) -> None:
    talk = understood(said(SUM), encoder)
    assert talk.meanings is not None
    other = replace(talk, meanings=replace(talk.meanings, version="another"))
    assert signal(other) == signal(said(SUM))


@pytest.mark.parametrize(
    ("odds", "level"),
    [(-3.0, "low"), (-0.01, "low"), (0.01, "medium"), (0.84, "medium"), (0.86, "high"), (3.0, "high")],
)
def test_a_level_is_what_rules_take_it_for(odds: float, level: str) -> None:
    shipped = load_weights()
    flat = replace(shipped.plain, intercept=odds, weights=shipped.plain.weights * 0)
    reading = complexity.reader(replace(shipped, plain=flat))(said(WORK))
    assert reading.value == level
    assert reading.score is not None
    assert Between(low=LEVELS["high"]).holds(reading) == (level == "high")
    assert Between(low=LEVELS["medium"]).holds(reading) == (level != "low")


@pytest.mark.parametrize("padding", PADDING)
def test_padding_moves_a_score_little(signal: Signal, encoder: Encoder, padding: str) -> None:
    for talk in (said, lambda text: understood(said(text), encoder)):
        before, after = signal(talk(SUM + " If not, why?")), signal(talk(SUM + " If not, why?" + padding))
        assert before.score is not None
        assert after.score is not None
        assert abs(after.score - before.score) < 0.2


@pytest.mark.parametrize("padding", PADDING)
@pytest.mark.parametrize("text", PLAIN)
def test_padding_makes_no_plain_question_hard(signal: Signal, encoder: Encoder, text: str, padding: str) -> None:
    assert signal(understood(said(text + padding), encoder)).value != "high"


def test_a_short_follow_up_goes_on_with_what_was_asked(signal: Signal) -> None:
    first, then = signal(said(WORK)), signal(said(WORK, ("Shall I compare them?",), "yes, do it"))
    assert (then.value, then.score) == (first.value, first.score)
    assert "goes on with" in then.note


@pytest.mark.parametrize("text", ["thanks!", "no", "where is my order from last week?"])
def test_what_asks_nothing_or_something_else_does_not_go_on(signal: Signal, text: str) -> None:
    assert signal(said(WORK, ("They differ in price.",), text)).value is None


@pytest.mark.parametrize("text", ["", " ", "\ud800", "?" * 9_000, "A. \n" * 3_000, "\U0001f600" * 5_000, "1" * 9_000])
def test_any_text_is_read(signal: Signal, text: str) -> None:
    assert isinstance(signal(said(text)), Reading)


def test_a_conversation_without_words_is_unknown(signal: Signal) -> None:
    assert signal(said()).value is None


def test_a_text_that_lists_choices_is_weighed_apart() -> None:
    count = Counter().count
    place = INPUTS.index("words (choices)")
    listed = count("Which planet is largest?\nA. Mars\nB. Jupiter\nC. Venus")
    assert listed.values[place] == listed.values[0] > 0
    assert count("Which planet is largest?\nA. Mars").values[place] == 0
    assert len(listed.values) == len(INPUTS)


def test_what_is_said_again_adds_nothing() -> None:
    count = Counter().count
    once, often = count("If 3 shirts cost more than 5"), count("If 3 shirts cost more than 5 " * 4)
    assert often.values == pytest.approx(once.values)


def test_a_name_on_a_network_is_no_code() -> None:
    assert "code" not in Counter().count("@shop_help where is it").found
    assert "code" in Counter().count("where is my_variable").found


def test_numbers_are_one_term_and_each_term_counts_once() -> None:
    assert terms(["buy", "3", "or", "4", "buy", "7"]) == ["buy", "#", "or", "buy #", "# or", "or #", "# buy"]


def test_an_input_counts_no_more_than_it_did_among_the_fitted_questions() -> None:
    plain = load_weights().plain
    assert plain.total([1e6] * len(INPUTS)) == pytest.approx(plain.total(plain.most.tolist()))


def test_weights_come_back_as_they_were_written(tmp_path: Path) -> None:
    shipped = load_weights()
    save_weights(shipped, tmp_path, "# Ours.")
    again = load_weights(tmp_path)
    assert (again.encoder, again.near) == (shipped.encoder, shipped.near)
    assert again.terms == shipped.terms
    assert again.vector.tolist() == shipped.vector.tolist()
    assert again.centres.tolist() == shipped.centres.tolist()
    assert again.meant.most.tolist() == shipped.meant.most.tolist()


def test_the_shipped_weights_are_for_the_encoder_that_ships(encoder: Encoder) -> None:
    assert load_weights().encoder == encoder.version
