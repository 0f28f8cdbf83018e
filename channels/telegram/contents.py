"""What a Telegram message contains, as text and `Attachment` values. Pure: dictionaries in, values out.

Who sent it, where, and whether it is for the bot is decided in `updates`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath, PureWindowsPath
from typing import Any

from core.conversation import Attachment

Json = Mapping[str, Any]

LONGEST_NAME = 120


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Fields that say something about a message without being its content (Bot API 10.1, type Message).
ABOUT = _names(
    """message_id message_thread_id direct_messages_topic from sender_chat sender_boost_count sender_business_bot
    sender_tag date guest_query_id business_connection_id chat forward_origin is_topic_message is_automatic_forward
    reply_to_message external_reply quote reply_to_story reply_to_checklist_task_id reply_to_poll_option_id via_bot
    guest_bot_caller_user guest_bot_caller_chat edit_date has_protected_content is_from_offline is_paid_post
    media_group_id author_signature paid_star_count entities link_preview_options suggested_post_info effect_id
    caption_entities show_caption_above_media has_media_spoiler reply_markup
    forward_from forward_from_chat forward_from_message_id forward_signature forward_sender_name forward_date"""
)
# Fields that report an event in the chat: nobody wrote anything.
SERVICE = _names(
    """new_chat_members new_chat_member new_chat_participant left_chat_member left_chat_participant chat_owner_left
    chat_owner_changed new_chat_title new_chat_photo delete_chat_photo group_chat_created supergroup_chat_created
    channel_chat_created message_auto_delete_timer_changed migrate_to_chat_id migrate_from_chat_id pinned_message
    successful_payment refunded_payment users_shared chat_shared gift unique_gift gift_upgrade_sent connected_website
    write_access_allowed passport_data proximity_alert_triggered boost_added chat_background_set checklist_tasks_done
    checklist_tasks_added direct_message_price_changed forum_topic_created forum_topic_edited forum_topic_closed
    forum_topic_reopened general_forum_topic_hidden general_forum_topic_unhidden giveaway_created giveaway
    giveaway_winners giveaway_completed managed_bot_created paid_message_price_changed poll_option_added
    poll_option_deleted suggested_post_approved suggested_post_approval_failed suggested_post_declined
    suggested_post_paid suggested_post_refunded video_chat_scheduled video_chat_started video_chat_ended
    video_chat_participants_invited web_app_data"""
)


@dataclass(frozen=True, slots=True)
class Content:
    """What somebody sent: the text or caption, its entities as Telegram gives them, and what came with it."""

    text: str
    entities: tuple[Json, ...]
    attachments: tuple[Attachment, ...]


def read(message: Json) -> Content | None:
    """The content of a message; None for a service message. KeyError, TypeError or ValueError when malformed."""
    fields = [name for name in message if name not in ABOUT]
    if not fields or any(name in SERVICE for name in fields):
        return None
    caption = "text" not in message
    text = message.get("caption" if caption else "text", "")
    entities = message.get("caption_entities" if caption else "entities", [])
    if not isinstance(text, str) or not isinstance(entities, list):
        raise TypeError("text and entities of a message are a string and a list")
    # Telegram repeats an animation as a document and a venue as a location, for programs that know only those.
    repeated = {"document"} if "animation" in message else {"location"} if "venue" in message else set()
    content = [name for name in fields if name not in {"text", "caption", *repeated}]
    return Content(clean(text), tuple(entities), tuple(_attachment(name, message[name]) for name in content))


def clean(text: str) -> str:
    """Text that every store and model can take: no NUL, no half of a surrogate pair."""
    return text.replace("\0", "").encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def file_name(name: str) -> str:
    """A customer's file name as a label: its last path component without control characters, never a path."""
    last = PureWindowsPath(PurePosixPath(clean(name)).name).name
    return "".join(c for c in last if c.isprintable())[-LONGEST_NAME:]


def _file(kind: str, value: Json, note: str = "") -> Attachment:
    return Attachment(
        kind=kind,
        name=file_name(value.get("file_name", "")),
        mime=clean(value.get("mime_type", ""))[:LONGEST_NAME],
        size=int(value.get("file_size", 0)),
        handle=str(value["file_id"]),
        note=clean(note),
    )


def _place(value: Json) -> str:
    return f"{float(value['latitude'])}, {float(value['longitude'])}"


def _venue(value: Json) -> Attachment:
    return Attachment("location", note=clean(f"{value['title']}, {value['address']} ({_place(value['location'])})"))


def _contact(value: Json) -> Attachment:
    name = f"{value['first_name']} {value.get('last_name', '')}".strip()
    return Attachment("contact", note=clean(f"{name}, {value['phone_number']}"))


READERS: dict[str, Callable[[Any], Attachment]] = {
    "photo": lambda sizes: _file("photo", max(sizes, key=lambda size: size["width"] * size["height"])),
    "document": lambda value: _file("document", value),
    "voice": lambda value: _file("voice", value),
    "audio": lambda value: _file("audio", value, value.get("title", "")),
    "video": lambda value: _file("video", value),
    "video_note": lambda value: _file("video", value),
    "animation": lambda value: _file("video", value),
    "sticker": lambda value: _file("sticker", value, value.get("emoji", "")),
    "location": lambda value: Attachment("location", note=_place(value)),
    "venue": _venue,
    "contact": _contact,
    "poll": lambda value: Attachment("other", note=clean(f"poll: {value['question']}")),
    "dice": lambda value: Attachment("other", note=clean(f"{value['emoji']} {value['value']}")),
}


def _attachment(name: str, value: Any) -> Attachment:
    """One content field; a kind this file does not know is still named, so that it can be answered honestly."""
    reader = READERS.get(name)
    return reader(value) if reader else Attachment("other", note=name.replace("_", " "))
