"""The borders of the desk: what it asks of channels, providers and the store, and what crosses over.

Protocols and the frozen values they exchange; no behaviour. An implementation never imports another one.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol, runtime_checkable

from core.conversation import Address, Arrival, Conversation, Holder, Message, Reply, Turn
from core.rules import Decision
from core.tiers import Chunk, ModelCard, Money, Prompt, Usage


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a model, whatever became of it. `outcome` is answered, failed, refused, cancelled or empty.

    `cost` is None when unknown (no price, or no usage was told); a free model says `free` and nothing else is zero.
    `error` is the name of the error class, never a vendor's words.
    """

    provider: str
    model: str
    outcome: str
    seconds: float
    usage: Usage | None = None
    cost: Money | None = None
    free: bool = False
    error: str = ""


class Outcome(StrEnum):
    """What became of a burst."""

    ANSWERED = "answered"
    HANDED_OVER = "handed over"
    NOTICE = "notice"
    WITH_PERSON = "with person"
    PERSON = "person"
    APOLOGISED = "apologised"
    STOPPED = "stopped"
    TAKEN = "taken over"
    NOTED = "noted"
    UNDELIVERABLE = "undeliverable"


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the ledger: what answering one burst cost and why. Seconds count from the newest message's arrival.

    `outcome` is one of Outcome's values; `tier` names who answered, empty where nobody had to.
    """

    at: datetime
    address: Address
    messages: tuple[str, ...]
    outcome: Outcome
    tier: str = ""
    rules: tuple[str, ...] = ()
    calls: tuple[Call, ...] = ()
    first_text: float | None = None
    total: float = 0.0


class PartState(StrEnum):
    """How far one part of a reply has come on the platform (research: reliability, state machine of a part)."""

    PLANNED = "planned"
    SENDING = "sending"
    OPEN = "open"
    SENT = "sent"
    UNKNOWN = "unknown"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True)
class Part:
    """One platform message of a reply. `reply` is the reply's key, `sent_as` the platform's id once it has one."""

    reply: str
    index: int
    text: str
    state: PartState = PartState.PLANNED
    sent_as: str = ""


@dataclass(frozen=True, slots=True)
class Settlement:
    """What ends one burst, committed whole: the messages answered, the reply, the decision and the ledger entry.

    `key` names the reply for ever: a settlement repeated under the same key changes nothing. `heard` are those of
    `messages` that become turns (an edit that changed nothing does not). `holder` is who has the conversation from
    here on, None to leave it.
    """

    key: str
    address: Address
    messages: tuple[Message, ...]
    entry: Entry
    heard: tuple[Message, ...] = ()
    reply: Reply | None = None
    decision: Decision | None = None
    holder: Holder | None = None

    @property
    def text(self) -> str:
        """What the reply says; empty when there is none."""
        return self.reply.text if self.reply else ""


@dataclass(frozen=True, slots=True)
class Promise:
    """Admitted and not settled. With a `plan` the text is decided and only sending is left, part by part."""

    address: Address
    messages: tuple[Message, ...]
    plan: Settlement | None = None
    parts: tuple[Part, ...] = ()


class Outbox(Protocol):
    """Where a channel that cannot take back what it sent writes down how far it has come, for one reply."""

    async def plan(self, texts: Sequence[str]) -> Sequence[Part]:
        """Commit the final text in parts before any is sent; what was planned before a crash comes back instead."""
        ...

    async def mark(self, part: Part) -> None:
        """Commit a part's new state and platform id."""
        ...


class Inbox(Protocol):
    """What a channel may ask of the desk."""

    async def accept(self, arrival: Arrival) -> bool:
        """Commit an arrival; only after this returns may the platform be told. False: it was here before.

        Raises StoreError when it could not be committed: then confirm nothing.
        """
        ...

    async def history(self, address: Address) -> Conversation:
        """The conversation as settled, followed by the messages still being answered."""
        ...

    async def stop(self, address: Address) -> None:
        """The customer pressed Stop: end the answer under way where it is."""
        ...


class Channel(Protocol):
    """One place customers write from. Its file's name is its name in config.yaml."""

    name: str

    async def run(self, inbox: Inbox) -> None:
        """Listen until cancelled, handing every update to the inbox before confirming it."""
        ...

    async def acknowledge(self, message: Message) -> None:
        """Show the customer at once that the message was heard. May fail; the desk gives it one second."""
        ...

    async def deliver(self, address: Address, text: AsyncIterator[str], outbox: Outbox) -> str:
        """Pull the text and show it as it comes; return what stands in the chat in the end. Raises ChannelError."""
        ...


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


class Provider(Protocol):
    """One vendor's or server's way of being asked."""

    def stream(self, prompt: Prompt, card: ModelCard) -> AsyncGenerator[Chunk, None]:
        """The answer as it is made, then its Usage where the vendor tells. Raises ProviderError."""
        ...

    async def ready(self) -> str:
        """Empty when it can be asked now, else what is missing in words for an operator. Never raises; takes < 1 s."""
        ...

    async def aclose(self) -> None:
        """Give connections back."""
        ...


class Store(Protocol):
    """Promises kept: every method is one transaction, committed when it returns. Raises StoreError."""

    async def admit(self, arrival: Arrival) -> bool:
        """Keep an arrival under its key. False when the key is known: nothing changes."""
        ...

    async def load(self, address: Address) -> Conversation:
        """The settled conversation, empty when none is open."""
        ...

    async def unsettled(self, address: Address | None = None) -> Sequence[Promise]:
        """Promises not yet settled, oldest first: planned replies each, then the rest of each chat as one."""
        ...

    async def plan(self, settlement: Settlement, texts: Sequence[str]) -> Sequence[Part]:
        """Keep the final text in parts; known parts of the same key come back unchanged."""
        ...

    async def mark(self, address: Address, part: Part) -> None:
        """Keep a part's state and platform id."""
        ...

    async def settle(self, settlement: Settlement) -> None:
        """Messages, reply, decision, ledger entry and holder, in one transaction; a known key changes nothing."""
        ...

    async def append(self, address: Address, turn: Turn, holder: Holder | None = None) -> None:
        """Add a turn nobody has to answer (a person's reply, a hand-back) and say who holds the conversation."""
        ...

    async def remember_card(self, address: Address, desk: Address, sent_as: str) -> None:
        """Keep which conversation a card in the operators' chat is about."""
        ...

    async def card(self, desk: Address, sent_as: str) -> Address | None:
        """The conversation a card is about, if it is one of ours."""
        ...
