"""Updates as JSON -> arrivals: the samples under tests/payloads/telegram, made by hand from the published types."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels.telegram.client import Me
from channels.telegram.updates import Ear, Heard, Stop, read
from core.conversation import Address, Attachment, Customer, Message, MessageKind

PAYLOADS = Path(__file__).parents[2] / "payloads" / "telegram"
NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
SENT = datetime.fromtimestamp(1790000000, UTC)
EAR = Ear(Me(99, "shop_bot"), NOW)
PRIVATE = Address("telegram", "42")


def payload(name: str) -> Any:
    return json.loads((PAYLOADS / f"{name}.json").read_text(encoding="utf-8"))


def hear(name: str, ear: Ear = EAR) -> Heard:
    return read(payload(name), ear)


def heard(name: str, ear: Ear = EAR) -> Message:
    message = hear(name, ear).arrival.message
    assert message is not None, f"{name} was not heard"
    return message


def test_every_sample_becomes_one_arrival_that_keeps_the_update_whole() -> None:
    for path in PAYLOADS.glob("*.json"):
        update = payload(path.stem)
        arrival = read(update, EAR).arrival
        assert arrival.key == f"tg:99:{update['update_id']}"
        assert json.loads(arrival.raw) == update
        assert (arrival.problem != "") == (path.stem == "malformed"), path.stem


def test_a_text_says_who_wrote_what_where_and_when() -> None:
    assert heard("text") == Message(
        id="7",
        address=PRIVATE,
        text="Where is my order?",
        at=SENT,
        customer=Customer("42", "Customer One", "da"),
    )


def test_a_reply_names_the_message_it_answers() -> None:
    assert heard("text_reply").reply_to == "5"


def test_an_edit_names_the_message_it_corrects_and_its_own_time() -> None:
    edit = heard("edit")
    assert (edit.kind, edit.id, edit.edits) == (MessageKind.EDIT, "7:edit:1790000030", "7")
    assert edit.at == datetime.fromtimestamp(1790000030, UTC)


def test_a_command_loses_the_name_of_the_bot() -> None:
    command = heard("command")
    assert (command.kind, command.text) == (MessageKind.COMMAND, "/start hello")


@pytest.mark.parametrize(
    ("name", "attachment"),
    [
        ("photo", Attachment("photo", size=200000, handle="large")),
        ("voice", Attachment("voice", mime="audio/ogg", size=9000, handle="vo")),
        ("audio", Attachment("audio", "noise.mp3", "audio/mpeg", 70000, "au", "Noise it makes")),
        ("video", Attachment("video", mime="video/mp4", size=300000, handle="vi")),
        ("video_note", Attachment("video", handle="vn")),
        ("animation", Attachment("video", mime="video/mp4", handle="an")),
        ("sticker", Attachment("sticker", handle="st", note="😡")),
        ("location", Attachment("location", note="55.6761, 12.5683")),
        ("venue", Attachment("location", note="Central station, Bernstorffsgade 16 (55.6761, 12.5683)")),
        ("contact", Attachment("contact", note="Customer Two, +4500000000")),
        ("poll", Attachment("other", note="poll: Refund or repair?")),
        ("unknown_content", Attachment("other", note="hologram")),
    ],
)
def test_what_comes_with_a_message_is_an_attachment(name: str, attachment: Attachment) -> None:
    assert heard(name).attachments == (attachment,)


def test_a_caption_is_the_text_of_a_photo() -> None:
    assert heard("photo").text == "it arrived broken"


def test_trap_12_every_photo_of_an_album_carries_the_albums_id() -> None:
    assert heard("album_photo").album == "13377331"


def test_trap_20_a_file_name_is_a_label_and_never_a_path() -> None:
    (document,) = heard("document").attachments
    assert document == Attachment("document", "invoice.pdf", "application/pdf", 5120, "doc")


@pytest.mark.parametrize(
    "name",
    [
        "service",
        "from_a_bot",
        "as_a_channel",
        "automatic_forward",
        "group_talk",
        "group_similar_name",
        "topic_talk",
        "command_for_another",
        "press_inline",
        "reaction_anonymous",
        "blocked",
        "business",
        "unknown_kind",
    ],
)
def test_what_is_not_for_the_bot_is_noted_without_a_problem(name: str) -> None:
    arrival = hear(name).arrival
    assert (arrival.message, arrival.problem) == (None, "")


def test_a_malformed_update_says_so_in_words() -> None:
    arrival = hear("malformed").arrival
    assert arrival.message is None
    assert arrival.problem.startswith("this update could not be read: ")


def test_a_group_is_answered_when_the_bot_is_mentioned_and_the_mention_is_left_out() -> None:
    assert heard("group_mention").text == "where is my order?"


def test_a_group_where_everybody_is_answered_needs_no_mention() -> None:
    assert heard("group_talk", Ear(EAR.me, NOW, everybody=True)).text == "anyone been there?"


def test_trap_10_a_reply_and_a_mention_in_a_plain_group_share_one_conversation() -> None:
    assert heard("group_reply").address == heard("group_mention").address == Address("telegram", "-100200300")


def test_a_topic_is_a_conversation_of_its_own() -> None:
    assert heard("topic_mention").address == Address("telegram", "-100200300:31")


def test_the_message_that_opened_a_topic_is_not_what_everybody_there_answers() -> None:
    assert heard("topic_mention").reply_to == ""


def test_trap_11_general_is_the_chat_itself_and_no_topic() -> None:
    assert heard("general_mention").address == Address("telegram", "-100200300")


def test_a_press_is_a_message_and_is_to_be_answered() -> None:
    press = heard("press")
    assert (press.kind, press.text, press.reply_to, press.at) == (MessageKind.PRESS, "take:42", "8", NOW)
    assert hear("press").press == "4382bfdwdsb323b2d9"
    assert hear("press_inline").press == "4382bfdwdsb323b2db"


def test_a_press_on_a_message_too_old_to_read_is_heard_as_well() -> None:
    assert heard("press_on_old_message").address == PRIVATE


def test_a_reaction_is_noted_with_the_message_it_is_about() -> None:
    reaction = heard("reaction")
    assert (reaction.kind, reaction.text, reaction.reply_to) == (MessageKind.NOTED, "👎", "8")


def test_stop_names_the_chat_and_the_draft() -> None:
    assert hear("stop").stop == Stop(PRIVATE, 123456)


def test_trap_13_a_moving_group_names_its_old_and_new_number() -> None:
    assert hear("migration").moved == (-200300, -100200301)


def test_text_is_what_every_store_can_keep() -> None:
    update = payload("text")
    update["message"]["text"] = "a\0b\ud800c\U0001f600"
    arrival = read(update, EAR).arrival
    assert arrival.message is not None
    assert arrival.message.text == "ab\ufffdc\U0001f600"
    arrival.raw.encode()


def test_an_endless_update_is_parked_with_its_beginning() -> None:
    update = payload("text")
    update["message"]["text"] = "x" * 300_000
    arrival = read(update, EAR).arrival
    assert arrival.message is None
    assert "characters long" in arrival.problem
    assert len(arrival.raw) <= 262_144


@pytest.mark.parametrize("update", [None, 5, "text", [], {}, {"message": {}}, {"update_id": "x"}, {"update_id": None}])
def test_what_is_no_update_at_all_is_parked_under_a_key_of_its_own(update: Any) -> None:
    arrival = read(update, EAR).arrival
    assert arrival.problem
    assert arrival.key.startswith("tg:99:unnumbered:")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(name=st.sampled_from(sorted(path.stem for path in PAYLOADS.glob("*.json"))), data=st.data())
def test_a_field_of_any_shape_never_raises(name: str, data: st.DataObject) -> None:
    update = payload(name)
    (kind,) = (key for key in update if key != "update_id")
    field = data.draw(st.sampled_from(sorted(update[kind])))
    update[kind][field] = data.draw(JSON)
    assert read(update, EAR).arrival.key == f"tg:99:{update['update_id']}"
