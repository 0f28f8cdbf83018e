"""intent: by words until meanings are known, then from its examples; none of them when it is like none."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from core.conversation import Conversation
from core.encoder import onnx
from core.errors import SettingsError
from core.rules import Reading, Signal
from core.signals import intent
from core.study import Study, understood

Talk = Callable[..., Conversation]
SHOP = Path(__file__).parents[3] / "bots" / "shop"


class Bot:
    """The shop's intents, learned."""

    def __init__(self) -> None:
        self.encoder = onnx.build()
        study = Study()
        self.signal = intent.build(file="intents.yaml", root=SHOP, study=study)
        study.learn(self.encoder)

    def read(self, conversation: Conversation) -> Reading:
        return self.signal(understood(conversation, self.encoder))


@pytest.fixture(scope="module")
def bot() -> Bot:
    return Bot()


@pytest.fixture
def untaught() -> Signal:
    return intent.build(file="intents.yaml", root=SHOP)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("I am still waiting for my parcel", "track_order"),
        ("I would like to cancel what I bought", "change_or_cancel_order"),
        ("how many days until you deliver", "delivery_question"),
        ("hvor er min pakke", "track_order"),
    ],
)
def test_a_sentence_in_other_words_is_its_intent(bot: Bot, talk: Talk, text: str, name: str) -> None:
    reading = bot.read(talk(text))
    assert reading.value == name
    assert reading.score is not None
    assert reading.score >= intent.AT_LEAST


@pytest.mark.parametrize("text", ["who won the world cup in 1998", "write me a poem about spring", "xqzt"])
def test_what_is_about_none_of_them_is_none(bot: Bot, talk: Talk, text: str) -> None:
    reading = bot.read(talk(text))
    assert reading.value is None
    assert "too unlike" in reading.note


def test_the_note_names_the_example_it_is_nearest_to(bot: Bot, talk: Talk) -> None:
    reading = bot.read(talk("can you check the status of my orders"))
    assert reading.note == f'track_order ({reading.score:.2f}), nearest to "can you check the status of my order"'


def test_only_what_is_to_be_answered_is_read(bot: Bot, talk: Talk) -> None:
    assert bot.read(talk("cancel my order")).value == "change_or_cancel_order"
    assert bot.read(talk("cancel my order", ("Done.",), "how long does delivery take")).value == "delivery_question"


def test_without_a_meaning_it_is_found_by_its_words_and_says_so(bot: Bot, talk: Talk) -> None:
    reading = bot.signal(talk("can you check the status of my order"))
    assert reading.value == "track_order"
    assert "by its words alone" in reading.note


def test_before_anything_is_learned_it_is_found_by_its_words(bot: Bot, untaught: Signal, talk: Talk) -> None:
    reading = untaught(understood(talk("can you check the status of my order"), bot.encoder))
    assert reading.value == "track_order"
    assert "by its words alone" in reading.note


@pytest.mark.parametrize("text", ["", "xqzt", "the weather"])
def test_by_words_too_what_is_like_none_is_none(untaught: Signal, talk: Talk, text: str) -> None:
    reading = untaught(talk(text))
    assert reading.value is None
    assert "by its words alone" in reading.note


def test_at_least_is_the_probability_an_intent_needs(bot: Bot, talk: Talk) -> None:
    study = Study()
    strict = intent.build(file="intents.yaml", root=SHOP, study=study, at_least=1.0)
    lenient = intent.build(file="intents.yaml", root=SHOP, study=study, at_least=0.0)
    study.learn(bot.encoder)
    conversation = understood(talk("where is my order"), bot.encoder)
    assert strict(conversation).value is None
    assert lenient(conversation).value == "track_order"
    assert lenient(understood(talk("xqzt"), bot.encoder)).value is not None
    assert strict(talk("where is my order")).value is None


def test_a_file_without_intents_is_a_settings_error(tmp_path: Path) -> None:
    with pytest.raises(SettingsError):
        intent.build(file="gone.yaml", root=tmp_path)
