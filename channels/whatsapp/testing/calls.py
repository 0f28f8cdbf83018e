"""What each call does to the world, and when Twilio refuses it. One function a call.

How calls arrive, are let in, written down and answered is in `server`; what follows a sent message is in `callbacks`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

from multidict import MultiDictProxy

from channels.whatsapp.testing.refusal import Refusal, not_found, wrong
from channels.whatsapp.testing.world import NUMBER, Message, World, new_sid
from core.text import utf16_length

SENDING = frozenset(
    {"To", "From", "Body", "MediaUrl", "StatusCallback", "ContentSid", "ContentVariables", "PersistentAction"}
)
"""The parameters of a message that are imitated: better refused than half done."""
LISTING = frozenset({"To", "From", "DateSent", "DateSent>", "DateSent<", "PageSize", "Page", "PageToken"})
TYPING = frozenset({"messageId", "channel"})
REPEATED = frozenset({"MediaUrl", "PersistentAction"})

LONGEST = 1600  # characters of a Body or of a template's variable; UTF-16 units here, the strictest reading
MOST_MEDIA = 1  # of a WhatsApp message
LARGEST_PAGE = 1000
ADDRESS = re.compile(r"whatsapp:(\+[1-9][0-9]{6,14}|[A-Z]{2}\.[A-Za-z0-9]{1,128})")
PHONE = re.compile(r"\+[1-9][0-9]{6,14}")
CONTENT = re.compile(r"HX[0-9a-fA-F]{32}")
UNSHOWABLE = re.compile(r"[\n\t]| {5}")
TOO_LATE = 63016

Given = MultiDictProxy[str]


def send(world: World, given: Given) -> Message:
    """Accept a message; the world has it then. Raises Refusal. A message that came too late is accepted, and fails."""
    _known(given, SENDING)
    to = _addressee(world, given)
    body, content = given.get("Body", ""), given.get("ContentSid", "")
    media = given.getall("MediaUrl", [])
    if not (body.strip() or content or media):
        raise Refusal(400, 21619, "A text message body or media urls must be specified")
    if utf16_length(body) > LONGEST:
        raise Refusal(400, 21617, f"The concatenated message body exceeds the {LONGEST} character limit")
    if len(media) > MOST_MEDIA:
        raise Refusal(400, 21623, f"Number of media files exceeds allowed limit of {MOST_MEDIA}")
    if not all(_is_uri(url) for url in media):
        raise Refusal(400, 21620, "Invalid media URL(s)")
    callback = given.get("StatusCallback", "")
    if callback and (not _is_uri(callback) or "_" in (urlsplit(callback).hostname or "")):
        raise Refusal(400, 21609, "The 'StatusCallback' URL is not a valid URL")
    if content and (body or media):
        raise wrong("'ContentSid' must not come with 'Body' or 'MediaUrl'")
    if "ContentVariables" in given and not content:
        raise wrong("'ContentVariables' needs a 'ContentSid'")
    body = _filled(world, content, given.get("ContentVariables", "")) if content else body
    message = Message(new_sid("MM" if media else "SM"), to, NUMBER, body, world.clock().replace(microsecond=0))
    message.content_sid, message.content_variables = content, given.get("ContentVariables", "")
    message.status_callback, message.media = callback, tuple(media)
    message.fate = _fate(world, message)
    world.messages[message.sid] = message
    return message


def listed(world: World, given: Given) -> list[Message]:
    """The messages a list asks for, newest first. Raises Refusal. One not sent yet counts by when it was made."""
    _known(given, LISTING)
    size = given.get("PageSize", "50")
    if not size.isdecimal() or not 1 <= int(size) <= LARGEST_PAGE:
        raise Refusal(400, 20001, "Page size must be between 1 and 1000")
    if not given.get("Page", "0").isdecimal():
        raise wrong("'Page' must be a number")
    bounds = {
        name: _date(given.get(name, "")) for name in ("DateSent", "DateSent>", "DateSent<") if given.get(name, "")
    }
    chosen = [
        message
        for message in world.messages.values()
        if given.get("To", message.to) == message.to and given.get("From", message.from_) == message.from_
        if all(_inside(message, name, *bound) for name, bound in bounds.items())
    ]
    return sorted(chosen, key=lambda message: message.sent_at or message.created)[::-1]


def fetch(world: World, sid: str) -> Message:
    """The message with this id. Raises Refusal."""
    if sid not in world.messages:
        raise not_found(f"/Messages/{sid}.json")
    return world.messages[sid]


def typing(world: World, given: Given) -> Mapping[str, bool]:
    """Show that somebody is writing, which also marks the customer's message as read. Raises Refusal."""
    _known(given, TYPING)
    if given.get("channel", "") != "whatsapp":
        raise wrong("'channel' must be whatsapp")
    message = world.messages.get(given.get("messageId", ""))
    if message is None or not message.inbound:
        raise Refusal(422, 20422, "Invalid message id")
    world.typings.append(message.sid)
    return {"success": True}


def check_senders(given: Given) -> None:
    """Refuse a list of senders of another channel. Raises Refusal."""
    _known(given, frozenset({"Channel", "PageSize", "Page", "PageToken"}))
    if given.get("Channel", "") != "whatsapp":
        raise wrong("'Channel' must be whatsapp")


def _known(given: Given, names: frozenset[str]) -> None:
    for name in given:
        if name not in names:
            raise wrong(f"Unknown parameter '{name}'")
        if name not in REPEATED and len(given.getall(name, [])) > 1:
            raise wrong(f"'{name}' is given twice")


def _addressee(world: World, given: Given) -> str:
    """Where it goes. Raises Refusal."""
    to, sender = given.get("To", ""), given.get("From", "")
    if not to:
        raise Refusal(400, 21604, "A 'To' phone number is required")
    if not sender:
        raise Refusal(400, 21603, "A 'From' phone number is required")
    if sender != NUMBER:
        raise Refusal(400, 63007, "Twilio could not find a Channel with the specified From address")
    if PHONE.fullmatch(to):
        raise Refusal(400, 21910, "Invalid From and To pair. From and To should be of the same channel")
    if not ADDRESS.fullmatch(to):
        raise Refusal(400, 21211, "Invalid 'To' Phone Number")
    if to in world.opted_out:
        raise Refusal(400, 21610, "Attempt to send to unsubscribed recipient")
    return to


def _filled(world: World, sid: str, variables: str) -> str:
    """A template's text with its variables. Raises Refusal."""
    if not CONTENT.fullmatch(sid) or sid not in world.contents:
        raise Refusal(400, 21655, "The ContentSid is invalid")
    try:
        values = json.loads(variables or "{}")
    except ValueError:
        values = None
    fits = isinstance(values, dict) and all(
        isinstance(value, str) and value and not UNSHOWABLE.search(value) for value in values.values()
    )
    if not fits or set(values) != world.contents[sid].variables:
        raise Refusal(400, 21656, "The ContentVariables Parameter is invalid")
    if any(utf16_length(value) > LONGEST for value in values.values()):
        raise Refusal(400, 21658, "Parameter exceeded character limit")
    return world.contents[sid].filled(values)


def _fate(world: World, message: Message) -> int:
    """The code an accepted message will end with, 0 when it will arrive."""
    approved = message.content_sid and world.contents[message.content_sid].approved
    if not approved and not world.is_open(message.to):
        return TOO_LATE
    return world.fates.pop(0) if world.fates else 0


def _is_uri(text: str) -> bool:
    try:
        parts = urlsplit(text)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and not re.search(r"\s", text)
    except ValueError:
        return False


def _date(text: str) -> tuple[datetime, datetime]:
    """The first and the last moment a date of a filter means: a day (GMT), or a second. Raises Refusal."""
    for form, length in (("%Y-%m-%d", timedelta(days=1)), ("%Y-%m-%dT%H:%M:%SZ", timedelta(seconds=1))):
        try:
            start = datetime.strptime(text, form).replace(tzinfo=UTC)
        except ValueError:
            continue
        return start, start + length - timedelta(microseconds=1)
    raise wrong(f"'{text}' is not a date")


def _inside(message: Message, name: str, first: datetime, last: datetime) -> bool:
    """Whether a message was sent then; both bounds are part of what they bound, as Twilio's documentation has it."""
    at = message.sent_at or message.created
    return (name == "DateSent<" or first <= at) and (name == "DateSent>" or at <= last)
