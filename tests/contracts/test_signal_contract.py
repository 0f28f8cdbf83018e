"""What every signal keeps to, whichever file it is in: the folder is the list."""

from __future__ import annotations

import builtins
import random
import socket
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from core import plugins
from core.conversation import Address, Attachment, Conversation, Customer, HandBack, Message, MessageKind, Reply
from core.rules import Reading, Signal
from core.words import fold

PACKAGE = "core.signals"
PROJECT = Path(__file__).parents[2]
OPTIONS: dict[str, dict[str, Any]] = {
    "faq": {"file": "bots/shop/faq.yaml"},
    "intent": {"file": "bots/shop/intents.yaml"},
    "money": {"words": "money"},
}
SURROUNDINGS: dict[str, Any] = {"root": PROJECT, "lists": {"money": ("voucher",)}, "languages": ("en", "da", "de")}
PLACE = Address("memory", "1")
AT = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)

HOSTILE = {
    "empty": "",
    "blank": " \n\t ",
    "long": "where is my order? " * 5_500,
    "long word": "a" * 100_000,
    "long digits": "4" * 100_000,
    "long mail": "a" * 50_000 + "@" + "b." * 25_000,
    "long dashes": "1-" * 50_000,
    "exclamations": "!" * 100_000,
    "emoji": "\U0001f621\U0001f468\u200d\U0001f469\u200d\U0001f467 \U0001f44d\U0001f3fd" * 50,
    "zero width": "I\u200b want\u200d a\u2060 re\u00adfund\ufeff",
    "right to left": "\u202eאיפה ההזמנה שלי\u202c أين طلبي؟",
    "nul": "where\x00is\x00my\x00order\x00",
    "surrogate": "order \ud800 lost",
    "combining": "z" + "\u0301" * 5_000,
    "unassigned": "\U000e0fff\ufffe\uffff",
    "markup": "<script>alert(1)</script> ${TOKEN} {{x}} %s \\ ' \"",
    "numbers": "\u0663\u0664\u0665 \u2460 \u00bd \uff11\uff12\uff13",
    "yaml": "- a: b\n? [",
}
ORDINARY = (
    "Where is my order? I have been waiting for three weeks, this is ridiculous!!",
    "I want my money back, you charged me 49.95 EUR twice",
    "can I talk to a human please",
    "mail me at kim@example.com or call +45 20 12 34 56, card 4111 1111 1111 1111",
    "hvor er min pakke?",
)


def _built(name: str) -> Signal:
    signal: Signal = plugins.build(PACKAGE, name, OPTIONS.get(name, {}), SURROUNDINGS)
    return signal


@pytest.fixture(scope="module", params=plugins.names(PACKAGE))
def signal(request: pytest.FixtureRequest) -> Signal:
    return _built(request.param)


def _said(*texts: str) -> Conversation:
    turns: list[Message | Reply] = []
    for n, text in enumerate(texts):
        turns += [Message(str(n), PLACE, text, AT), Reply("Can you tell me the order number?", AT)]
    return Conversation(PLACE, tuple(turns[:-1]))


def _quoted(note: str) -> list[str]:
    return note.split('"')[1::2]


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_text_gives_a_reading(signal: Signal, text: str) -> None:
    for conversation in (_said(text), _said("where is my order?", text, text)):
        reading = signal(conversation)
        assert isinstance(reading, Reading)
        assert not reading.failed
        assert reading.score is None or 0 <= reading.score <= 1


def test_a_conversation_without_text_gives_a_reading(signal: Signal) -> None:
    photo = Message("1", PLACE, "", AT, Customer("7"), attachments=(Attachment("photo"),))
    noted = Message("2", PLACE, "\U0001f44d", AT, kind=MessageKind.NOTED)
    for turns in ((photo,), (noted,), (Reply("hello", AT), HandBack(AT), photo)):
        assert isinstance(signal(Conversation(PLACE, turns)), Reading)


@pytest.mark.parametrize("text", ORDINARY)
def test_the_same_conversation_reads_the_same_from_a_signal_built_again(
    request: Any, signal: Signal, text: str
) -> None:
    again = _built(request.node.callspec.params["signal"])
    conversation = _said("hello", text)
    assert signal(conversation) == signal(conversation) == again(conversation)


@pytest.mark.parametrize("text", ORDINARY)
def test_a_note_quotes_the_conversation_or_the_bots_own_files(signal: Signal, text: str, request: Any) -> None:
    note = signal(_said("where is my order, where is it?", text)).note
    assert note
    if request.node.callspec.params["signal"] == "faq":
        return  # it quotes the entry that matches
    heard = fold(f"where is my order, where is it? {text}")
    for quoted in _quoted(note):
        assert all(word.strip("\u2026.,?!") in heard for word in fold(quoted).split())


@pytest.mark.parametrize("text", ORDINARY)
def test_a_reading_needs_no_file_no_network_no_clock_and_no_chance(
    signal: Signal, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def forbidden(*_: object, **__: object) -> Any:
        raise AssertionError("a signal reads nothing but the conversation")

    monkeypatch.setattr(builtins, "open", forbidden)
    monkeypatch.setattr(Path, "read_text", forbidden)
    monkeypatch.setattr(socket, "socket", forbidden)
    monkeypatch.setattr(time, "time", forbidden)
    monkeypatch.setattr(random, "random", forbidden)
    assert isinstance(signal(_said("hi", text)), Reading)


def test_the_conversation_is_left_as_it_was(signal: Signal) -> None:
    conversation = _said(*ORDINARY)
    before = repr(conversation)
    signal(conversation)
    assert repr(conversation) == before


def test_only_the_text_counts_not_who_wrote_it_or_where(signal: Signal) -> None:
    here = Conversation(PLACE, (Message("1", PLACE, ORDINARY[0], AT, Customer("1", "A")),))
    place = Address("telegram", "9")
    there = Conversation(place, (Message("x", place, ORDINARY[0], AT, Customer("2", "B")),))
    assert signal(here) == signal(there)
