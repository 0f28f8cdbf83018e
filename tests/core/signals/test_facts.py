"""wait, burst, attachment and repeat_contact: plain facts of a conversation."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import ModuleType

import pytest

from core.conversation import Address, Attachment, Conversation, HandBack, Message, MessageKind, Reply, Turn
from core.rules import Between, Is, Reading
from core.signals import attachment, burst, repeat_contact, wait
from core.signals._facts import duration

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
PLACE = Address("memory", "1")
SIGNALS = (wait, burst, attachment, repeat_contact)


def says(
    minute: float, text: str = "hello", *attached: Attachment, kind: MessageKind = MessageKind.TEXT, edits: str = ""
) -> Message:
    at = NOON + timedelta(minutes=minute)
    return Message(f"m{minute}", PLACE, text, at, kind=kind, attachments=attached, edits=edits)


def replied(minute: float) -> Reply:
    return Reply("One moment.", NOON + timedelta(minutes=minute))


def read(signal: ModuleType, *turns: Turn) -> Reading:
    reading: Reading = signal.build()(Conversation(PLACE, turns))
    return reading


def test_somebody_who_wrote_once_has_not_waited_yet() -> None:
    assert read(wait, says(0)) == Reading(0.0, "0 seconds over 1 message")


def test_a_wait_runs_from_the_first_unanswered_message_to_the_newest() -> None:
    reading = read(wait, says(0), replied(1), says(10), says(12), says(15.5))
    assert reading == Reading(330.0, "5 minutes 30 seconds over 3 messages")
    assert Between(low=330).holds(reading)
    assert not Between(low=331).holds(reading)


def test_a_wait_goes_by_times_not_by_places_in_the_line() -> None:
    talk = Conversation(PLACE, (says(0), says(4))).heard(says(9, "corrected", edits="m0", kind=MessageKind.EDIT))
    assert wait.build()(talk).value == 300.0


@pytest.mark.parametrize("signal", [wait, burst, attachment])
def test_a_reaction_is_nothing_to_answer(signal: ModuleType) -> None:
    photo = Attachment("photo")
    before = read(signal, replied(0), says(5))
    after = read(signal, replied(0), says(1, "+1", photo, kind=MessageKind.NOTED), says(5))
    assert after == before


def test_a_burst_counts_what_came_since_the_last_reply() -> None:
    assert read(burst, says(0)) == Reading(1, "1 message to answer")
    assert read(burst, says(0), says(1), replied(2), says(3), says(4), says(5)) == Reading(3, "3 messages to answer")


def test_presses_and_commands_belong_to_the_burst() -> None:
    assert read(burst, says(0, kind=MessageKind.PRESS), says(1, "/start", kind=MessageKind.COMMAND)).value == 2


def test_a_hand_back_ends_neither_burst_nor_wait() -> None:
    turns = (says(0), HandBack(NOON + timedelta(minutes=1)), says(2))
    assert read(burst, *turns).value == 2
    assert read(wait, *turns).value == 120.0


def test_the_newest_attachment_of_the_burst_names_its_kind() -> None:
    photo, voice = Attachment("photo", name="cup.jpg"), Attachment("voice")
    assert read(attachment, says(0, "", photo)) == Reading("photo", 'photo "cup.jpg"')
    assert read(attachment, says(0, "", voice), says(1, "look", photo)) == Reading(
        "photo", 'photo "cup.jpg", newest of 2 attachments'
    )
    assert read(attachment, says(0, "", photo, voice)).value == "voice"


def test_an_attachment_that_was_answered_is_not_read_again() -> None:
    reading = read(attachment, says(0, "", Attachment("photo")), replied(1), says(2))
    assert reading == Reading(None, "nothing attached")
    assert Is(None).holds(reading)


def test_a_place_or_a_sticker_is_told_in_its_own_words() -> None:
    assert read(attachment, says(0, "", Attachment("location", note="55.68, 12.57"))).note == 'location "55.68, 12.57"'


def test_coming_back_takes_more_than_an_hour_after_our_reply() -> None:
    assert read(repeat_contact, says(0), replied(1), says(61)) == Reading(0, "never back after more than 1 hour")
    back = read(repeat_contact, says(0), replied(1), says(62))
    assert back == Reading(1, "back 1 time, the last time after 1 hour 1 minute")


def test_every_return_counts_once_however_many_messages_it_brings() -> None:
    turns = (says(0), replied(1), says(100), says(101), says(300), replied(301), says(310), replied(311), says(1000))
    assert read(repeat_contact, *turns) == Reading(2, "back 2 times, the last time after 11 hours 29 minutes")


def test_who_still_waits_for_an_answer_has_not_come_back() -> None:
    assert read(repeat_contact, says(0), says(500)).value == 0
    assert read(repeat_contact, says(0), replied(1), says(10), says(500)).value == 0


def test_a_reaction_to_our_reply_is_no_return_and_does_not_hide_one() -> None:
    reaction = says(90, "+1", kind=MessageKind.NOTED)
    assert read(repeat_contact, says(0), replied(1), reaction).value == 0
    assert read(repeat_contact, says(0), replied(1), reaction, says(95)).value == 1


@pytest.mark.parametrize("signal", SIGNALS)
def test_an_empty_conversation_has_its_facts_too(signal: ModuleType) -> None:
    reading = read(signal)
    assert not reading.value
    assert not reading.failed
    assert reading.score is None


@pytest.mark.parametrize("signal", SIGNALS)
def test_a_fact_is_the_same_read_twice_and_leaves_the_conversation_alone(signal: ModuleType) -> None:
    talk = Conversation(PLACE, (says(0), replied(1), says(100, "", Attachment("voice")), says(101)))
    sense = signal.build()
    assert sense(talk) == sense(talk)
    assert sense(talk).note


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 seconds"),
        (0.9, "0 seconds"),
        (1, "1 second"),
        (60, "1 minute"),
        (3_600, "1 hour"),
        (3_605, "1 hour"),
        (93_784, "1 day 2 hours"),
        (172_800, "2 days"),
    ],
)
def test_a_span_of_time_is_told_in_its_two_largest_units(seconds: float, words: str) -> None:
    assert duration(timedelta(seconds=seconds)) == words
