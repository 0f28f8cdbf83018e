"""rephrase: the same asked again, by meaning and by words."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from core.articles import Article
from core.conversation import Conversation, Message
from core.encoder import onnx
from core.errors import SettingsError
from core.meaning import Meanings
from core.rules import Signal
from core.signals import rephrase
from core.signals._rephrase import compare, read
from core.signals._rephrase_known import Known, together
from core.signals.rephrase import Comparing
from core.study import Study, understood

Talk = Callable[..., Conversation]
ROOT = Path(__file__).parents[3]
UNIT = np.array([1, 0], np.float32)
TOLD = ("Orders are on the parcel page.",)


def alike(conversation: Conversation, *cosines: float) -> Conversation:
    """The conversation understood so that each earlier burst, the last first, has this cosine with the newest."""
    texts = [message.text for message in reversed(conversation.turns) if isinstance(message, Message)]
    vectors = {texts[0]: np.array([1, 0], np.float32)}
    for text, cosine in zip(texts[1:], cosines, strict=True):
        vectors[text] = np.array([cosine, math.sqrt(1 - cosine * cosine)], np.float32)
    return replace(conversation, meanings=Meanings("minilm-test", vectors))


@pytest.fixture(scope="module")
def encoder() -> onnx.Onnx:
    return onnx.build()


@pytest.fixture
def signal() -> Signal:
    return rephrase.build()


def test_the_same_meaning_in_other_words_is_a_repeat_and_another_meaning_is_none(talk: Talk, signal: Signal) -> None:
    asked = talk("where is my parcel?", TOLD, "has the thing I bought gone missing?")
    assert signal(alike(asked, 0.9)).value == 1
    assert signal(alike(asked, 0.4)).value == 0
    assert signal(asked).value == 0


def test_the_same_words_with_another_meaning_are_no_repeat(talk: Talk, signal: Signal) -> None:
    asked = talk("can I return a parcel?", TOLD, "can I return to the parcel shop?")
    assert signal(asked).value == 1
    assert signal(alike(asked, 0.3)).value == 0


def test_an_earlier_question_asked_again_after_another_one_counts(talk: Talk, signal: Signal) -> None:
    asked = talk("where is my parcel?", TOLD, "do you sell lamps?", ("Yes.",), "has my thing gone missing?")
    assert signal(alike(asked, 0.1, 0.95)).value == 1
    assert signal(alike(asked, 0.1, 0.2)).value == 0


def test_a_third_time_is_counted_as_two(talk: Talk, signal: Signal) -> None:
    asked = talk("where is my parcel?", TOLD, "has it gone missing?", TOLD, "did somebody lose it?")
    reading = signal(alike(asked, 0.95, 0.9))
    assert reading.value == 2
    assert reading.note.startswith("asks again (2x, 0.9")
    assert reading.number == 2


def test_an_answer_to_our_question_is_no_repeat_by_meaning_either(talk: Talk, signal: Signal) -> None:
    answer = "my parcel is the one with the lamp"
    first = "where is my parcel with the lamp?"
    assert signal(alike(talk(first, ("Which parcel is yours?",), answer), 0.85)).value == 0
    assert signal(alike(talk(first, ("It is on its way.",), answer), 0.85)).value == 1


@pytest.mark.parametrize("text", ["thanks", "hello", "ok great, thank you!", "yes", "👍", ""])
def test_thanks_and_greetings_ask_nothing_again_however_alike(talk: Talk, signal: Signal, text: str) -> None:
    assert signal(alike(talk("thanks, where is my parcel?", TOLD, text), 0.99)).value == 0


def test_thanks_after_a_request_do_not_hide_it() -> None:
    assert read("Please can I have the address. Thanks.") is not None
    assert read("Thanks for the address.") is None


def test_in_a_burst_of_several_sentences_what_is_asked_decides() -> None:
    meanings = (UNIT, np.array([0.7, math.sqrt(0.51)], np.float32))
    first = read("I waited all day. What a mess. When will my sofa be delivered?")
    again = read("Nobody came again. When will the sofa be delivered?")
    other = read("Nobody came again. How do I complain about it?")
    assert first
    assert again
    assert other
    repeated, new = (compare(newer, first, "Sorry.", meanings).probability() for newer in (again, other))
    assert repeated > 0.6 > 0.4 > new


def test_the_probability_rises_with_the_cosine_and_with_one_entry_for_both() -> None:
    newer, older = read("how do I pay?"), read("which cards do you take?")
    assert newer
    assert older
    likely = [compare(newer, older, "", (UNIT, np.array([c, 0], np.float32))).probability() for c in (0.2, 0.5, 0.8)]
    assert likely == sorted(likely)
    between = compare(newer, older, "", (UNIT, np.array([0.6, 0], np.float32)))
    assert between.probability(shared=1) > between.probability() > between.probability(parted=1)


def test_the_faq_tells_two_alike_questions_apart(talk: Talk, encoder: onnx.Onnx) -> None:
    one, two = "How do I download subtitles of a video?", "How do I add subtitles to a video?"
    study = Study()
    known = study.add(Known([Article("a", one, ""), Article("b", two, "")]))
    asked = understood(talk("can I save subtitles from a video?", TOLD, "can I put subtitles on a video?"), encoder)
    before = Comparing(known).repeats(asked)
    study.learn(encoder)
    after = Comparing(known).repeats(asked)
    assert before.probability is not None
    assert after.probability is not None
    assert after.probability < before.probability / 2


def test_shares_of_a_burst_add_up_and_what_is_unknown_says_nothing() -> None:
    known = Known([Article("a", "one", "", ("uno",)), Article("b", "two", "")])
    assert known.shares("x", UNIT) is None
    known.learn([UNIT, np.array([0, 1], np.float32), np.array([-1, 0], np.float32)])
    shares = known.shares("x", UNIT)
    assert shares is not None
    assert shares.sum() == pytest.approx(1)
    assert shares.argmax() == 0
    assert together(shares, None) == (0.0, 0.0)
    assert together(shares, shares)[0] > 0.99
    neither = known.shares("y", np.array([0, -1], np.float32))
    assert together(neither, neither) == pytest.approx((0, 0), abs=1e-3)
    assert Known([]).texts == ()


def test_the_shop_faq_can_be_named_and_a_wrong_file_stops_the_build(talk: Talk, encoder: onnx.Onnx) -> None:
    study = Study()
    signal = rephrase.build(faq="bots/shop/faq.yaml", root=ROOT, study=study)
    study.learn(encoder)
    again = understood(talk("where is my order?", TOLD, "my package hasn't come yet, where is it?"), encoder)
    new = understood(talk("can I return my order?", TOLD, "can I cancel my order?"), encoder)
    assert (signal(again).value, signal(new).value) == (1, 0)
    with pytest.raises(SettingsError):
        rephrase.build(faq="gone.yaml", root=ROOT)


@pytest.mark.parametrize("text", ["?" * 50_000, "a? " * 30_000, "\ud800 why", "\u202e?" * 999, "é" * 90_000])
def test_any_text_is_read(talk: Talk, signal: Signal, text: str) -> None:
    assert signal(talk(text, TOLD, f"{text} please")).value in (0, 1)
