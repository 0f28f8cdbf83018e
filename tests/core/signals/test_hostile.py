"""Every signal of core/signals on hostile text: none raises, readings are well formed, and the work is bounded.

Work is counted in calls, not in time, so the tests say the same on any machine.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FrameType

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core import plugins
from core.conversation import Address, Conversation, Message, Reply
from core.rules import Rulebook, decide
from core.signals import _digits, _folding, _reading
from core.words import LONGEST, MOST_MARKS, clip, fold
from tests.fuzz.signals import AT, HOSTILE, PLACE, signals

NAMES = plugins.names("core.signals")

TEXTS = {
    "ten million letters": "a" * 10_000_000,
    "ten million digits": "4" * 10_000_000,
    "a million emoji": "\U0001f600" * 1_000_000,
    "joined emoji": "\U0001f468\u200d\U0001f469\u200d" * 250_000,
    "lone surrogates": "\ud800\udfff1@" * 1_000,
    "right to left": "\u202e\u2066\u200f4539 refund" * 1_000,
    "zalgo": "h\u0301\u0316\u0334\u0345u\u0327m" * 1_000,
    "marks on one letter": "a" + "\u0301\u0327" * 2_000,
    "forty quotes": "\n".join(">" * n + " card 4111 1111 1111 1112" for n in range(40)),
    "a hundred thousand at signs": "@" * 100_000,
    "brackets": "(" * 100_000,
    "groups of digits": "4111 " * 1_000,
    "a phrase in one character": "\ufdfa" * 4_000,
    "words in one character": "\u3316" * 4_000,
    "letter by letter": "r e f u n d " * 400,
    "people": "talk to someone human, " * 200,
    "controls": "\x00\x1b[2J4" * 1_000,
    "line ends": "\n" * 10_000,
    "nothing": "",
    "blanks": " \t\u3000" * 1_000,
}

TYPES: dict[str, tuple[type, ...]] = {
    "asks_for_person": (bool,),
    "attachment": (str, type(None)),
    "burst": (int,),
    "language": (str, type(None)),
    "money": (bool,),
    "personal_data": (str, type(None)),
    "repeat_contact": (int,),
    "turns": (int,),
    "wait": (float,),
}
"""What a signal's value may be; of one that is not listed, any value a rule can test."""

ANY = (bool, int, float, str, type(None))


def said(*texts: str) -> Conversation:
    """One burst after an answer to the first text."""
    first, *rest = (Message(str(n), PLACE, text, AT) for n, text in enumerate(texts))
    return Conversation(PLACE, (first, Reply("Did that help?", AT), *(rest or [first])))


def calls(read: Callable[[], object]) -> int:
    """How many functions, Python's own included, are called meanwhile."""
    counted = 0

    def count(_: FrameType, event: str, __: object) -> None:
        nonlocal counted
        counted += event in {"call", "c_call"}

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        read()
    finally:
        sys.setprofile(before)
    return counted


def well_formed(talk: Conversation) -> list[str]:
    """What is wrong with the readings."""
    built = signals()
    decision = decide(talk, Rulebook((), built))
    assert decision.readings == decide(talk, Rulebook((), built)).readings
    return [
        f"{name}: {type(reading.value).__name__}, {reading.note[:80]}"
        for name, reading in decision.readings.items()
        if reading.failed
        or type(reading.value) not in TYPES.get(name, ANY)
        or not isinstance(reading.note, str)
        or not (reading.score is None or 0 <= reading.score <= 1)
    ]


def test_every_signal_of_the_folder_is_tried() -> None:
    assert sorted(signals()) == NAMES
    assert TYPES.keys() <= signals().keys()


@pytest.mark.parametrize("name", TEXTS)
def test_a_hostile_text_is_read_by_every_signal(name: str) -> None:
    assert well_formed(said(TEXTS[name])) == []
    assert well_formed(said("where is my parcel?", TEXTS[name], "hello?")) == []


@settings(deadline=None, max_examples=60)
@given(st.lists(st.one_of(st.text(st.characters(), max_size=80), st.sampled_from(HOSTILE)), min_size=1, max_size=4))
def test_any_texts_are_read_by_every_signal(texts: list[str]) -> None:
    assert well_formed(said(*texts)) == []


@pytest.mark.parametrize("signal", NAMES)
def test_a_note_stays_short_whatever_was_sent(signal: str) -> None:
    longest = max(len(signals()[signal](said(text)).note) for text in TEXTS.values())
    assert longest <= 600


@pytest.mark.parametrize("signal", NAMES)
@pytest.mark.parametrize("piece", ["refund 4111 ", "a@b.co ", "\U0001f600", "\u0301\u0327", "talk to someone, ", "? "])
def test_ten_megabytes_cost_no_more_calls_than_what_is_kept_of_them(signal: str, piece: str) -> None:
    long = said(piece * (10_000_000 // len(piece)))
    kept = said(clip(long.asked))
    read = signals()[signal]
    read(long), read(kept)
    assert calls(lambda: read(long)) <= calls(lambda: read(kept)) + 50


@pytest.mark.parametrize("signal", NAMES)
@pytest.mark.parametrize("text", TEXTS)
def test_the_work_on_one_message_is_bounded(signal: str, text: str) -> None:
    read, talk = signals()[signal], said(TEXTS[text])
    assert calls(lambda: read(talk)) <= MOST_CALLS


MOST_CALLS = 60_000
"""Fifteen for each of the characters that are read; the costliest text here takes two thirds of it."""


def test_megabytes_are_cut_before_they_are_put_together(monkeypatch: pytest.MonkeyPatch) -> None:
    lengths: list[int] = []

    def counting(text: str) -> str:
        lengths.append(len(text))
        return clip(text)

    talk = said("hello", *["x" * 1_000_000] * 10, *["y\n"] * 10_000)
    wanted = clip(talk.asked)
    monkeypatch.setattr(_reading, "clip", counting)
    assert _reading.asked(talk) == wanted
    assert max(lengths) <= LONGEST + 2


@settings(deadline=None)
@given(
    st.lists(st.sampled_from(["", "a", "b" * 1_999, "c" * 2_000, "d" * 2_001, "e" * 4_000, "f" * 9_000]), min_size=1)
)
def test_a_burst_is_cut_as_if_it_had_been_put_together(texts: list[str]) -> None:
    talk = Conversation(Address("memory", "1"), tuple(Message(str(n), PLACE, t, AT) for n, t in enumerate(texts)))
    assert _reading.asked(talk) == clip(talk.asked)


@pytest.mark.parametrize("text", TEXTS)
def test_folding_keeps_a_text_short_and_marks_few(text: str) -> None:
    folded = fold(clip(TEXTS[text]))
    assert len(folded) <= 4 * (LONGEST + 1)
    assert "\u0301" * (MOST_MARKS + 1) not in folded


@settings(deadline=None, max_examples=300)
@given(st.text("ab4th aes. -_\n'", min_size=5, max_size=40))
def test_what_is_written_letter_by_letter_is_never_taken_for_whole(text: str) -> None:
    spaced = _folding._ONE_BY_ONE.search(text)
    assert not spaced or _folding._MAYBE_ONE_BY_ONE.search(text)


@pytest.mark.parametrize("text", ["41 " * 2_000, "4111 1111 1111 1111, " * 190, "1-2 " * 1_000])
def test_the_groups_of_digits_that_are_tried_are_counted(text: str) -> None:
    assert 0 < len(list(_digits.windows(text))) <= _digits.MOST_WINDOWS
