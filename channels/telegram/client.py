"""What the channel asks of a Telegram library: thirteen calls, the values they take, and how refusals are read.

A library's module (`ptb`, `aiogram`) implements `Client` and raises only core.errors and the two classes here.
The texts Telegram's server words its refusals with live here, once for every library; no library is imported here.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

from core.abilities import Media
from core.errors import ChannelError, NotSent, Rejected, Throttled, Unconfirmed, Unreachable
from core.markup import Rich

#: A card's buttons, one a row: what is written on it, what a press sends back (64 bytes at most).
Buttons = Sequence[tuple[str, str]]

#: Seconds to wait when the server says 429 without saying how long.
UNSAID_WAIT = 5.0


@dataclass(frozen=True, slots=True)
class Me:
    """The bot itself, as getMe describes it; `username` without the @."""

    id: int
    username: str


@dataclass(frozen=True, slots=True)
class Place:
    """Where a call goes: a chat's number and, in a forum, the topic; `topic` is None for General and plain chats."""

    chat: int
    topic: int | None = None

    @classmethod
    def of(cls, key: str) -> Place:
        """The place an `Address.chat` of this channel names: "42" or "-1001:7". Unreachable for anything else."""
        chat, _, topic = key.partition(":")
        try:
            return cls(int(chat), int(topic) if topic else None)
        except ValueError:
            raise Unreachable(f"{key!r} is not a chat of Telegram's: write a number, or number:topic") from None

    @property
    def private(self) -> bool:
        """Whether this is a one-to-one chat: people have positive numbers, groups negative ones."""
        return self.chat > 0


class Reason(StrEnum):
    """Refusals the channel has an answer to; everything else is OTHER."""

    SAME_TEXT = "same text"
    NO_MESSAGE = "no such message"
    NO_TOPIC = "no such topic"
    BAD_ENTITIES = "bad entities"
    MOVED = "moved"
    OTHER = "other"


class Refused(Rejected):
    """Telegram refused, for a known reason; `moved_to` is the new chat's number when the group has moved."""

    def __init__(self, message: str, reason: Reason, moved_to: int = 0) -> None:
        super().__init__(message)
        self.reason = reason
        self.moved_to = moved_to


class WrongToken(NotSent):
    """Telegram does not know this token: only an operator can mend it."""


# Lower-case pieces of the server's descriptions (tdlib/telegram-bot-api Client.cpp; research: channels, section 2).
REASONS = (
    ("message is not modified", Reason.SAME_TEXT),
    ("message to edit not found", Reason.NO_MESSAGE),
    ("message can't be edited", Reason.NO_MESSAGE),
    ("message_id_invalid", Reason.NO_MESSAGE),
    ("message thread not found", Reason.NO_TOPIC),
    ("topic_deleted", Reason.NO_TOPIC),
    ("can't parse entities", Reason.BAD_ENTITIES),
    ("can't parse message text", Reason.BAD_ENTITIES),
    ("entity_bounds_invalid", Reason.BAD_ENTITIES),
)
GONE = (
    "chat not found",
    "bot was blocked by the user",
    "user is deactivated",
    "bot was kicked",
    "bot is not a member",
    "group chat was deactivated",
    "peer_id_invalid",
    "user_is_blocked",
    "chat_write_forbidden",
    "not enough rights to send",
    "have no rights to send",
)


def refusal(status: int, description: str) -> ChannelError:
    """What a response with an HTTP status outside 2xx means. `description` as the server or the library words it."""
    words = description.lower()
    if status == 429 or "too many requests" in words:
        seconds = re.search(r"retry (?:after|in) (\d+)", words)
        return Throttled(description, float(seconds[1]) if seconds else UNSAID_WAIT)
    if status >= 500:
        return Unconfirmed(description)
    if status in {401, 404}:
        return WrongToken("Telegram does not know this token or this call")
    if status == 409:
        return NotSent(description)
    if status == 403 or any(piece in words for piece in GONE):
        return Unreachable(description)
    return Refused(description, next((reason for piece, reason in REASONS if piece in words), Reason.OTHER))


def number_of(token: str) -> int:
    """The bot's number, which its token begins with; 0 for what is no token."""
    number = token.partition(":")[0]
    return int(number) if number.isascii() and number.isdecimal() else 0


class Client(Protocol):
    """A Telegram library behind the few calls this channel makes. Every call raises ChannelError and nothing else."""

    @property
    def bot(self) -> int:
        """The bot's number, known without asking anybody."""
        ...

    async def get_me(self) -> Me:
        """Who the bot is."""
        ...

    async def get_updates(self, offset: int, wait: int, kinds: Sequence[str]) -> list[Any]:
        """Updates from `offset` on as plain JSON values, unread: `wait` seconds for the first one."""
        ...

    async def set_webhook(self, url: str, secret: str, kinds: Sequence[str]) -> None:
        """Have updates delivered to `url`, with `secret` in their header."""
        ...

    async def delete_webhook(self) -> None:
        """Stop deliveries to a web address; waiting updates stay."""
        ...

    async def send_message(self, place: Place, rich: Rich, reply_to: int = 0, buttons: Buttons = ()) -> str:
        """Send one message; its id. With `reply_to` as a reply to that message, if it still stands."""
        ...

    async def edit_message(self, place: Place, message: str, rich: Rich) -> None:
        """Replace the text of a message of ours."""
        ...

    async def send_file(self, place: Place, media: Media, caption: Rich, photo: bool) -> str:
        """Send a file with a caption, as a picture or as a document under its name; the message's id."""
        ...

    async def download(self, file_id: str, most: int) -> bytes:
        """A file somebody sent. Rejected when it is there no more or has more than `most` bytes; no more are held."""
        ...

    async def send_draft(self, place: Place, draft: int, rich: Rich) -> None:
        """Show the unfinished text in a private chat, with a Stop button; an empty text shows a placeholder."""
        ...

    async def send_typing(self, place: Place) -> None:
        """Show "typing" for five seconds or until the next message."""
        ...

    async def answer_press(self, query: str) -> None:
        """End the waiting sign on a pressed button."""
        ...

    async def open(self) -> None:
        """Make connections usable again after `aclose`."""
        ...

    async def aclose(self) -> None:
        """Give connections back."""
        ...
