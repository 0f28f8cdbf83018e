"""The messages of one account as they now stand, its files, its Content templates, who wrote when, who wants nothing.

Values and their keeping; which call may change what is in `calls`, who writes from the other side in `customers`.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

Raw = dict[str, Any]

ACCOUNT = "AC" + "0123456789abcdef" * 2
TOKEN = "it-opens-nothing"  # noqa: S105 - as it says
API_KEY = "SK" + "0123456789abcdef" * 2
API_SECRET = "it-opens-nothing-either"  # noqa: S105 - as it says
NUMBER = "whatsapp:+14155238886"
SENDER = "XE" + "0123456789abcdef" * 2
TEMPLATE = "HX" + "a" * 32
PICKER = "HX" + "b" * 32
VARIABLE = re.compile(r"\{\{(\w+)\}\}")
WINDOW = timedelta(hours=24)  # free text is allowed so long after the customer's last message


@dataclass(slots=True)
class Message:
    """One message, in or out, as Twilio now has it. `code` is Twilio's error, 0 for none.

    `to` and `from_` are addresses as on the wire (`whatsapp:+4512345678`), `fate` an error code it will end with.
    """

    sid: str
    to: str
    from_: str
    body: str
    created: datetime
    inbound: bool = False
    content_sid: str = ""
    content_variables: str = ""
    status_callback: str = ""
    status: str = "queued"
    code: int = 0
    fate: int = 0
    media: tuple[str, ...] = ()
    sent_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Media:
    """A file of a message."""

    sid: str
    message: str
    content: bytes = field(repr=False)
    mime: str = "application/octet-stream"


@dataclass(frozen=True, slots=True)
class Content:
    """A Content template: its text, its variables as `{{name}}`, and whether it may be sent outside the 24 hours."""

    text: str = "About your question: {{1}}"
    approved: bool = True

    @property
    def variables(self) -> set[str]:
        """The names of its variables."""
        return set(VARIABLE.findall(self.text))

    def filled(self, values: Mapping[str, str]) -> str:
        """What the customer reads."""
        return VARIABLE.sub(lambda found: values[found[1]], self.text)


def utc_now() -> datetime:
    """The wall's time."""
    return datetime.now(UTC)


@dataclass(slots=True)
class World:
    """Everything one account has. `clock` tells the time of the wall in UTC."""

    clock: Callable[[], datetime]
    messages: dict[str, Message] = field(default_factory=dict)
    media: dict[str, Media] = field(default_factory=dict)
    contents: dict[str, Content] = field(
        default_factory=lambda: {TEMPLATE: Content(), PICKER: Content("Choose: {{1}}", approved=False)}
    )
    heard: dict[str, datetime] = field(default_factory=dict)
    opted_out: set[str] = field(default_factory=set)
    typings: list[str] = field(default_factory=list)
    fates: list[int] = field(default_factory=list)
    webhook: Raw = field(default_factory=dict)
    sandbox: bool = False

    def is_open(self, address: str) -> bool:
        """Whether free text may be sent there now."""
        heard = self.heard.get(address)
        return heard is not None and self.clock() - heard < WINDOW

    def hear(self, message: Message) -> None:
        """A customer has written: kept, and the 24 hours begin again."""
        self.messages[message.sid] = message
        self.heard[message.from_] = self.clock()

    def keep(self, message: str, content: bytes, mime: str) -> Media:
        """Keep a file of a message."""
        media = Media(new_sid("ME"), message, content, mime)
        self.media[media.sid] = media
        return media

    def outgoing(self) -> list[Message]:
        """What was accepted of the bot's, oldest first."""
        return [message for message in self.messages.values() if not message.inbound]

    def move(self, message: Message, status: str, code: int = 0) -> None:
        """The message has come to this."""
        message.status, message.code = status, code
        if status == "sent":
            message.sent_at = self.clock()


def new_sid(kind: str) -> str:
    """An id as Twilio makes them: two letters and 32 hexadecimal digits."""
    return kind + uuid.uuid4().hex


def settings(callback: str = "", **more: str) -> Mapping[str, str]:
    """What an operator enters for a sender, under the Senders API's names."""
    names = ("callback", "fallback", "status_callback")
    made = {f"{name}_url": "" for name in names} | {f"{name}_method": "POST" for name in names}
    return made | {"callback_url": callback} | more
