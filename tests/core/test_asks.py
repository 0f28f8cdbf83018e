"""Bursts: what the customer asked between our replies, and which of it an encoder is asked for."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np

from core.asks import UNDERSTOOD, Ask, asks, to_understand
from core.conversation import Address, Conversation, Message, MessageKind, Reply
from core.meaning import Meanings, native, vector

PLACE, AT = Address("memory", "1"), datetime(2026, 11, 20, 12, tzinfo=UTC)


def said(text: str, kind: MessageKind = MessageKind.TEXT) -> Message:
    return Message(text, PLACE, text, AT, kind=kind)


def talk(*turns: Message | Reply) -> Conversation:
    return Conversation(PLACE, turns)


def test_bursts_come_newest_first_each_with_the_reply_before_it() -> None:
    chat = talk(said("hi"), said("where is it"), Reply("Which order?", AT), said("48213"))
    assert asks(chat, 9) == [Ask("48213", "Which order?"), Ask("hi\nwhere is it")]
    assert asks(chat, 1) == [Ask("48213", "Which order?")]


def test_the_newest_burst_is_what_is_asked() -> None:
    chat = talk(
        said("a"), Reply("b", AT), said("c"), said("", MessageKind.TEXT), said("👍", MessageKind.NOTED), said("d")
    )
    assert asks(chat, 1)[0].text == chat.asked == "c\nd"


def test_a_reaction_is_no_burst() -> None:
    chat = talk(said("a"), Reply("b", AT), said("👍", MessageKind.NOTED), Reply("c", AT), said("d"))
    assert [ask.text for ask in asks(chat, 9)] == ["d", "a"]


def test_nothing_said_is_nothing_asked() -> None:
    assert asks(talk(), 3) == []
    assert asks(talk(Reply("Hello", AT)), 3) == []
    assert to_understand(talk()) == []


def test_the_newest_few_bursts_are_understood_each_once() -> None:
    turns = [turn for n in range(9) for turn in (said(f"q{n // 2}"), Reply("a", AT))]
    assert to_understand(talk(*turns, said("q4"))) == ["q4", "q3"]
    assert len(to_understand(talk(*(t for n in range(9) for t in (said(f"q{n}"), Reply("a", AT)))))) == UNDERSTOOD


def test_weights_that_ship_get_vectors_of_the_encoder_that_ships_only() -> None:
    known = {"a": np.ones(2, np.float32)}
    assert native(Meanings("minilm-1", known), "a") is known["a"]
    assert native(Meanings("static-1", known), "a") is None
    assert vector(Meanings("static-1", known), "a") is known["a"]
    assert native(None, "a") is native(Meanings("minilm-1", known), "b") is None
