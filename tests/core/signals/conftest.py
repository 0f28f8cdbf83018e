"""Conversations in one line, for the tests of signals."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from core.conversation import Address, Conversation, Message, Reply

AT = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
PLACE = Address("memory", "1")
Talk = Callable[..., Conversation]


@pytest.fixture
def talk() -> Talk:
    """`talk("where is it?", ("here",), "where?")`: the customer's texts, and in brackets our replies."""

    def make(*turns: str | tuple[str]) -> Conversation:
        return Conversation(
            PLACE,
            tuple(
                Reply(turn[0], AT) if isinstance(turn, tuple) else Message(str(n), PLACE, turn, AT)
                for n, turn in enumerate(turns)
            ),
        )

    return make
