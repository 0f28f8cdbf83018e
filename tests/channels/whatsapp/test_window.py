"""The 24 hours after a customer's last message."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from channels.whatsapp import window
from core.conversation import Address, Conversation, Message, Reply

CHAT = Address("whatsapp", "+4512345678")
NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
DAY = timedelta(hours=24)


def heard(*ages: timedelta) -> Conversation:
    turns = tuple(Message(str(n), CHAT, "hello", NOW - age) for n, age in enumerate(ages))
    return Conversation(CHAT, (*turns, Reply("Hello.", NOW)))


@pytest.mark.parametrize(("age", "closed"), [(timedelta(0), False), (DAY - timedelta(seconds=1), False), (DAY, True)])
def test_it_closes_24_hours_after_the_newest_message(age: timedelta, closed: bool) -> None:
    assert window.is_closed(heard(3 * DAY, age), NOW) is closed


def test_a_reply_of_ours_does_not_open_it_again() -> None:
    assert window.is_closed(heard(2 * DAY), NOW)


def test_of_a_chat_nothing_is_known_of_nothing_is_said() -> None:
    nothing = Conversation(CHAT)
    assert not window.is_closed(nothing, NOW)
    assert window.words(nothing, NOW, template=False) == ""


def test_the_words_name_the_time_and_what_happens_then() -> None:
    said = window.words(heard(timedelta(hours=2)), NOW, template=False)
    assert "until 2026-03-02 10:00 UTC" in said
    assert "nothing can be sent until the customer writes again" in said
    assert "only the template" in window.words(heard(timedelta(hours=2)), NOW, template=True)


def test_a_closed_window_says_when_it_closed() -> None:
    assert "closed this chat to free text at 2026-02-28 12:00 UTC" in window.words(heard(2 * DAY), NOW, template=False)
