"""The borders of the desk: what it asks of channels, providers and the store, and what crosses over.

Protocols only; what is written down is in `records`. An implementation never imports another one.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Protocol

from core.conversation import Address, Arrival, Conversation, Message
from core.records import Admission, Claim, Hint, Part, Progress, Promise, Settled, Settlement
from core.tiers import Chunk, ModelCard, Prompt


class Outbox(Protocol):
    """Where a channel that cannot take back what it sent writes down how far it has come, for one reply."""

    async def plan(self, texts: Sequence[str]) -> Sequence[Part]:
        """Commit the final text in parts before any is sent; what was planned before a crash comes back instead."""
        ...

    async def mark(self, part: Part) -> None:
        """Commit a part's new state and platform id. Fenced when another process answers this chat: send nothing."""
        ...

    async def look(self, part: Part) -> Part:
        """The part as it is committed: what the platform told may have reached another process."""
        ...


class Fleet(Protocol):
    """All processes on one store, as a channel sees them: what only one of them may do, and what all must know."""

    @property
    def size(self) -> int:
        """How many there are, this one counted; limits of the platform are shared by so many."""
        ...

    def alone(self, name: str) -> AbstractAsyncContextManager[None]:
        """Wait until no other process does what this name stands for; when one takes it over, the block is cancelled.

        Inside, the task that entered is the one that is cancelled; being overtaken ends the block quietly, so whoever
        wants to go on enters again.
        """
        ...

    async def silence(self, scope: str, until: datetime) -> None:
        """The platform wants silence towards this scope (a chat, a bot) until then; kept over restarts. StoreError."""
        ...

    async def silences(self, prefix: str) -> Mapping[str, datetime]:
        """The silences still in force of scopes that begin so. StoreError."""
        ...

    async def passed(self, name: str, at: datetime) -> datetime | None:
        """Something was well at that instant; the newest instant it was before, None when never. StoreError."""
        ...


class Inbox(Protocol):
    """What a channel may ask of the desk."""

    @property
    def fleet(self) -> Fleet:
        """All processes on the same store."""
        ...

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

    async def progress(self, progress: Progress) -> None:
        """Commit what the platform told about a part; a failure that comes late is told to a person."""
        ...

    async def chat_of(self, channel: str, names: Sequence[str]) -> Address:
        """The chat that any of these names of one customer belongs to; from now on all of them do. StoreError."""
        ...

    async def names_of(self, address: Address) -> Sequence[str]:
        """Every name a chat is known under, the one last written from first; its own when it has no other."""
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
    """Promises kept: every method is one transaction, committed when it returns. Raises StoreError.

    What is given a claim raises Fenced once another process has taken the chat over.
    """

    async def admit(self, arrival: Arrival, *, room: bool = True) -> Admission:
        """Keep an arrival under its key, and claim its chat where there is room. A known key changes nothing."""
        ...

    async def load(self, address: Address) -> Conversation:
        """The settled conversation, empty when none is open."""
        ...

    async def unsettled(self, address: Address | None = None) -> Sequence[Promise]:
        """Promises not yet settled, oldest first: planned replies each, then the rest of each chat as one.

        Raises Unreadable when one of them has to be set aside first.
        """
        ...

    async def set_aside(self, claim: Claim) -> int:
        """Park whatever waits in the chat and cannot be read; how many."""
        ...

    async def plan(self, settlement: Settlement, texts: Sequence[str], claim: Claim | None = None) -> Sequence[Part]:
        """Keep the final text in parts; known parts of the same key come back unchanged."""
        ...

    async def mark(self, address: Address, part: Part, claim: Claim | None = None) -> None:
        """Keep a part's state, platform id and fees; what the platform told since is not overwritten."""
        ...

    async def parts(self, address: Address, reply: str) -> Sequence[Part]:
        """The parts of a reply as they stand."""
        ...

    async def advance(self, progress: Progress) -> Part | None:
        """Keep what the platform told of a part, upwards only; the part when a settled reply has failed with it."""
        ...

    async def chat_of(self, channel: str, given: Sequence[str], at: datetime) -> Address:
        """The chat these names belong to, the first name's own when all are new; they are kept as its names."""
        ...

    async def names_of(self, address: Address) -> Sequence[str]:
        """The names of a chat, the one seen last first."""
        ...

    async def settle(self, settlement: Settlement, claim: Claim | None = None) -> Settled:
        """Messages, reply, decision, ledger entry and holder, in one transaction; a known key changes nothing.

        The chat is given back in the same transaction when nothing more of it waits.
        """
        ...

    async def remember_card(self, address: Address, desk: Address, sent_as: str) -> None:
        """Keep which conversation a card in the operators' chat is about."""
        ...

    async def card(self, desk: Address, sent_as: str) -> Address | None:
        """The conversation a card is about, if it is one of ours."""
        ...

    async def claim(self, most: int, channels: Sequence[str]) -> Sequence[Claim]:
        """Claim at most so many chats of these channels with work that nobody holds, the longest silent first."""
        ...

    async def attempt(self, claim: Claim) -> Claim:
        """Count that work on a chat begins, before it can end the process. Fenced."""
        ...

    async def renew(self, claims: Sequence[Claim]) -> Collection[Address]:
        """Hold these chats for another lease; those that are still ours. Counts as a sign of life."""
        ...

    async def release(self, claims: Sequence[Claim], *, tried: bool) -> None:
        """Give chats back as they are, for any process to go on with; `tried` in vain counts as an attempt."""
        ...

    async def hold(self, name: str) -> bool:
        """Become or remain the only process that does what this name stands for, for one lease; whether it is ours."""
        ...

    async def leave(self, name: str) -> None:
        """Let another process do it."""
        ...

    async def size(self) -> int:
        """How many processes showed a sign of life within a lease, at least 1."""
        ...

    async def silence(self, scope: str, until: datetime) -> None:
        """Keep until when a platform wants silence; a later one is never shortened."""
        ...

    async def silences(self, prefix: str) -> Mapping[str, datetime]:
        """Silences still in force of scopes that begin so."""
        ...

    async def passed(self, name: str, at: datetime) -> datetime | None:
        """Keep the newest instant of this name; the one kept before."""
        ...

    def hint(self, hint: Hint) -> None:
        """Tell the other processes, some time soon; losing it is allowed."""
        ...

    def hints(self) -> AsyncIterator[Hint]:
        """What other processes tell, for as long as somebody listens. Never raises; hints may be lost."""
        ...
