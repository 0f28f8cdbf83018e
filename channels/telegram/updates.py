"""One Telegram update as plain JSON -> what the desk and the channel need to know of it. Pure: nothing is sent or kept.

Every rule about who is heard is here: bots and automatic posts are not, groups only when the bot is addressed, topics
only where Telegram says so. An update that cannot be read becomes an arrival with a problem, never an error.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from channels.telegram.client import Me
from channels.telegram.contents import Content, Json, clean
from channels.telegram.contents import read as read_content
from core.conversation import Address, Arrival, Customer, Message, MessageKind

NAME = "telegram"
#: Updates asked for by name: an omitted list would keep whatever an earlier program asked for.
KINDS = (
    "message",
    "edited_message",
    "callback_query",
    "my_chat_member",
    "message_reaction",
    "stopped_message_generation",
)
#: The forum topic every group has; answers there must not name it (Client.cpp; research: channels, section 3).
GENERAL = 1
LONGEST_RAW = 262_144  # characters; a longer update is parked with its beginning


@dataclass(frozen=True, slots=True)
class Stop:
    """Somebody pressed Stop on the draft with this number."""

    address: Address
    draft: int


@dataclass(frozen=True, slots=True)
class Heard:
    """One update: what to commit, and what the channel itself has to do once it is committed.

    `press` is the callback query to end; `moved` the old and new number of a group that became a supergroup.
    """

    arrival: Arrival
    press: str = ""
    stop: Stop | None = None
    moved: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Ear:
    """What reading depends on: who the bot is, the time now, and whether groups are answered without a mention."""

    me: Me
    now: datetime
    everybody: bool = False


def read(update: Any, ear: Ear) -> Heard:
    """What one update says. Never raises: whatever does not parse is an arrival whose `problem` says so."""
    raw = raw_text(update)
    try:
        if len(raw) > LONGEST_RAW:
            raise ValueError(f"it is {len(raw)} characters long")
        noted = Heard(Arrival(f"tg:{ear.me.id}:{int(update['update_id'])}", raw))
        kind = next((kind for kind in READERS if kind in update), "")
        return READERS[kind](update, noted, ear) if kind else noted
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError, OSError) as error:
        number = update.get("update_id") if isinstance(update, dict) else None
        key = number if isinstance(number, int) else f"unnumbered:{hashlib.sha256(raw.encode()).hexdigest()[:24]}"
        problem = f"this update could not be read: {type(error).__name__}: {clean(str(error))[:200]}"
        return Heard(Arrival(f"tg:{ear.me.id}:{key}", raw[:LONGEST_RAW], None, problem))


def raw_text(update: Any) -> str:
    """The update as JSON text that any store takes; half surrogate pairs stay written as escapes."""
    text = json.dumps(update, ensure_ascii=False, separators=(",", ":"))
    try:
        text.encode()
    except UnicodeEncodeError:
        text = json.dumps(update, separators=(",", ":"))
    return text


def address(chat: int, message: Json) -> Address:
    """The conversation's address; a thread counts as a topic only where `is_topic_message` says so."""
    topic = message.get("message_thread_id") if message.get("is_topic_message") else None
    return Address(NAME, str(chat) if topic in {None, GENERAL} else f"{chat}:{int(str(topic))}")


def _message(update: Json, noted: Heard, ear: Ear, edited: bool = False) -> Heard:
    message = update["edited_message" if edited else "message"]
    chat = int(message["chat"]["id"])
    if "migrate_to_chat_id" in message:
        return replace(noted, moved=(chat, int(message["migrate_to_chat_id"])))
    content = read_content(message)
    if content is None or not _from_a_person(message):
        return noted
    text, command, elsewhere = _command(content, ear.me)
    if message["chat"]["type"] != "private":
        addressed = ear.everybody or command or _mentioned(content, ear.me) or _replied_to(message, ear.me)
        if elsewhere or not addressed:
            return noted
        text = _without_mention(text, ear.me)
    number, original = str(int(message["message_id"])), message.get("reply_to_message") or {}
    changed = int(message.get("edit_date", message["date"]))
    heard = Message(
        id=f"{number}:edit:{changed}" if edited else number,
        address=address(chat, message),
        text=text,
        at=datetime.fromtimestamp(changed if edited else int(message["date"]), UTC),
        customer=_customer(message["from"]),
        kind=MessageKind.EDIT if edited else MessageKind.COMMAND if command else MessageKind.TEXT,
        attachments=content.attachments,
        reply_to="" if "forum_topic_created" in original else str(original.get("message_id", "")),
        edits=number if edited else "",
        album=clean(str(message.get("media_group_id", ""))),
    )
    return replace(noted, arrival=replace(noted.arrival, message=heard))


def _edited(update: Json, noted: Heard, ear: Ear) -> Heard:
    return _message(update, noted, ear, edited=True)


def _press(update: Json, noted: Heard, ear: Ear) -> Heard:
    query = update["callback_query"]
    noted = replace(noted, press=str(query["id"]))
    message, data = query.get("message"), query.get("data")
    if not message or not data:
        return noted
    heard = Message(
        id=f"press:{query['id']}",
        address=address(int(message["chat"]["id"]), message),
        text=clean(data),
        at=ear.now,  # a press carries no time of its own
        customer=_customer(query["from"]),
        kind=MessageKind.PRESS,
        reply_to=str(int(message["message_id"])),
    )
    return replace(noted, arrival=replace(noted.arrival, message=heard))


def _reaction(update: Json, noted: Heard, ear: Ear) -> Heard:
    reaction = update["message_reaction"]
    person = reaction.get("user")
    if not person or person.get("is_bot"):
        return noted
    number = int(reaction["message_id"])
    heard = Message(
        id=f"{number}:reaction:{int(update['update_id'])}",
        address=Address(NAME, str(int(reaction["chat"]["id"]))),
        text=clean("".join(kind.get("emoji", "") for kind in reaction["new_reaction"])),
        at=datetime.fromtimestamp(int(reaction["date"]), UTC),
        customer=_customer(person),
        kind=MessageKind.NOTED,
        reply_to=str(number),
    )
    return replace(noted, arrival=replace(noted.arrival, message=heard))


def _stop(update: Json, noted: Heard, ear: Ear) -> Heard:
    pressed = update["stopped_message_generation"]
    # A draft stands in a topic only when we sent it there, so here a thread is a topic without being marked as one.
    marked = {**pressed, "is_topic_message": True}
    return replace(noted, stop=Stop(address(int(pressed["chat"]["id"]), marked), int(pressed["draft_id"])))


READERS: dict[str, Callable[[Json, Heard, Ear], Heard]] = {
    "message": _message,
    "edited_message": _edited,
    "callback_query": _press,
    "message_reaction": _reaction,
    "stopped_message_generation": _stop,
}


def _from_a_person(message: Json) -> bool:
    sender = message.get("from") or {}
    automatic = ("sender_chat", "is_automatic_forward", "sender_business_bot", "business_connection_id")
    return bool(sender) and not sender.get("is_bot") and not any(message.get(field) for field in automatic)


def _customer(person: Json) -> Customer:
    name = f"{person.get('first_name', '')} {person.get('last_name', '')}".strip()
    return Customer(str(int(person["id"])), clean(name), clean(person.get("language_code", "")))


def _command(content: Content, me: Me) -> tuple[str, bool, bool]:
    """The text without the bot's name behind a command, whether it is a command, and whether it is another bot's."""
    first: Json = content.entities[0] if content.entities else {}
    if first.get("type") != "bot_command" or first["offset"] != 0:
        return content.text, False, False
    # A command is ASCII, so UTF-16 units and characters agree up to its end.
    name, _, target = content.text[: first["length"]].partition("@")
    if target and target.lower() != me.username.lower():
        return content.text, False, True
    return name + content.text[first["length"] :], True, False


def _mention(me: Me) -> re.Pattern[str]:
    return re.compile(rf"(?<!\w)@{re.escape(me.username)}(?!\w)", re.IGNORECASE)


def _mentioned(content: Content, me: Me) -> bool:
    by_name = bool(me.username) and _mention(me).search(content.text) is not None
    return by_name or any(entity.get("user", {}).get("id") == me.id for entity in content.entities)


def _without_mention(text: str, me: Me) -> str:
    """`@shop_bot, where is my order` -> `where is my order`."""
    return _mention(me).sub("", text).strip(" ,:\n\t") if me.username else text


def _replied_to(message: Json, me: Me) -> bool:
    """Whether this answers a message of ours; in a topic everything seems to answer the message that opened it."""
    original = message.get("reply_to_message") or {}
    return "forum_topic_created" not in original and original.get("from", {}).get("id") == me.id
