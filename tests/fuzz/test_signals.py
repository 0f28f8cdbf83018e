"""A short run of the fuzz target: whatever people send, every signal reads it, and reads it the same again."""

from __future__ import annotations

from itertools import islice

import pytest

from core.rules import Rulebook, decide
from tests.fuzz.signals import conversation, conversations, signals

FIRST, TEXTS = 500_000, 40


@pytest.mark.parametrize("part", range(5))
def test_no_signal_raises_on_any_text(part: int) -> None:
    book = Rulebook((), signals())
    for seed, talk in islice(conversations(FIRST + part * TEXTS), TEXTS):
        readings = decide(talk, book).readings
        assert not [(seed, name, reading.note) for name, reading in readings.items() if reading.failed]


def test_a_seed_makes_the_same_conversation_each_time() -> None:
    assert [conversation(seed) for seed in range(5)] == [conversation(seed) for seed in range(5)]
