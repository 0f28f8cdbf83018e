"""What only some channels can do, one protocol each; whoever needs one asks a channel whether it has it.

Protocols and their values only. What every channel does is `ports.Channel`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from core.conversation import Address, Arrival, Attachment, Conversation, Message
from core.tiers import Fee

MOST_BYTES = 20 * 2**20
"""Bytes of a customer's file at most: what Telegram lets a bot download (channels research, section 1)."""


@dataclass(frozen=True, slots=True)
class Button:
    """A button under a card; a press comes back as a message of kind PRESS whose text is `data`."""

    label: str
    data: str


@runtime_checkable
class Cards(Protocol):
    """A channel operators can work in: it can post a card with buttons and name it afterwards."""

    async def post(self, address: Address, text: str, buttons: Sequence[Button]) -> str:
        """Post the card; the platform's id for it, which a reply to the card carries as `reply_to`."""
        ...


@dataclass(frozen=True, slots=True, repr=False)
class Media:
    """A file a customer sent: its bytes, their type as the platform says, and a name that is a label, never a path."""

    content: bytes
    mime: str
    name: str = ""


@runtime_checkable
class Files(Protocol):
    """A channel whose attachments can be fetched."""

    async def fetch(self, attachment: Attachment) -> Media:
        """The file behind an attachment's handle, MOST_BYTES at most. Raises ChannelError."""
        ...


@runtime_checkable
class Shows(Protocol):
    """A channel that can show a file, for people who take over."""

    async def show(self, address: Address, media: Media, caption: str) -> str:
        """Post a file; the platform's id for it. Raises ChannelError."""
        ...


@runtime_checkable
class Charges(Protocol):
    """A channel whose platform takes money for messages; for those sent, parts carry their fees."""

    def received(self, message: Message) -> Sequence[Fee]:
        """What this message of a customer's costs."""
        ...


@runtime_checkable
class Limited(Protocol):
    """A channel that cannot always write to a customer."""

    def limits(self, conversation: Conversation) -> str:
        """What limits writing to this customer now and later, in a sentence for people; empty when nothing does."""
        ...


@runtime_checkable
class Licensed(Protocol):
    """A channel whose platform allows a bot only under conditions."""

    @property
    def conditions(self) -> Sequence[str]:
        """Which of `person`, `disclosure`, `scope` the installation must have, checked before it listens."""
        ...


@dataclass(frozen=True, slots=True)
class Check:
    """One thing a channel found out about its set-up. `state` is ok, warning or failed; `detail` says what to do."""

    name: str
    state: str
    detail: str


@runtime_checkable
class Replaces(Protocol):
    """A channel that can take back what it has shown of an answer under way: it reads `core.text.Anew` as such.

    Every channel may be given one; another channel than these is only given what goes on from what it has shown.
    """

    @property
    def replaces(self) -> bool:
        """Whether it can, in this installation."""
        ...


@runtime_checkable
class Examined(Protocol):
    """A channel that can say whether its platform is set up for it."""

    async def examine(self) -> Sequence[Check]:
        """What to enter on the platform's pages and whether it stands there. Never raises; takes a few seconds."""
        ...


@runtime_checkable
class Follows(Protocol):
    """A channel that shows a customer what another process said in their chat."""

    async def follow(self, address: Address) -> None:
        """Something was settled in this chat by another process. Raises StoreError."""
        ...


@runtime_checkable
class Counted(Protocol):
    """A channel that counts what operators should know of."""

    def counts(self) -> Mapping[str, int]:
        """How often each thing happened since the start, by a name in words_with_underscores."""
        ...


@runtime_checkable
class Rereads(Protocol):
    """A channel that can try again to read an update it could not read before."""

    def reread(self, key: str, raw: str) -> Arrival:
        """What the update means now; with a problem when it still cannot be read. Never raises."""
        ...
