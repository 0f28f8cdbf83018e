"""The record of answering one burst: what was heard, decided, said and called, and the settlement it ends as.

Bookkeeping only; who pulls what is in `desk`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from core.conversation import Address, Author, Conversation, Holder, Message, MessageKind, Reply
from core.ports import Call, Entry, Outcome, Part, Settlement, Store
from core.rules import Decision

Clock = Callable[[], datetime]


def now() -> datetime:
    """The present instant in UTC."""
    return datetime.now(UTC)


@dataclass(slots=True)
class Burst:
    """Everything known so far. `began` is when the newest message reached us; `said` what the channel pulled."""

    address: Address
    clock: Clock
    messages: list[Message]
    began: datetime
    conversation: Conversation
    heard: tuple[Message, ...] = ()
    decision: Decision | None = None
    language: str = ""
    outcome: Outcome = Outcome.ANSWERED
    tier: str = ""
    notice: str = ""
    author: Author = Author.BOT
    holder: Holder | None = None
    calls: list[Call] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    first_text: float | None = None
    planned: Settlement | None = None

    def hear(self, settled: Conversation, idle: timedelta) -> None:
        """Join the burst to what was settled; edits that change nothing are not heard."""
        current = settled.resumed(self.messages[-1].at, idle)
        texts = {m.id: m.text for m in current.messages}
        new = [m for m in self.messages if not (m.kind is MessageKind.EDIT and texts.get(m.edits) == m.text)]
        self.conversation = current.heard(*new)
        before = len(current.turns)
        self.heard = tuple(t for t in self.conversation.turns[before:] if isinstance(t, Message))

    @property
    def needs_no_answer(self) -> bool:
        """Nothing new was said: an edit without a change, or a late part of an album that has its answer."""
        if not self.heard:
            return True
        fresh = {m.id for m in self.conversation.unanswered}
        albums = {m.album for m in self.conversation.messages if m.album and m.id not in fresh}
        return all(m.album in albums for m in self.heard)

    def shown(self, piece: str) -> None:
        """Note a piece the channel has pulled, the first one with its time."""
        if self.first_text is None:
            self.first_text = self._seconds()
        self.said.append(piece)

    def begin_again(self) -> None:
        """Nothing of this answer was shown yet; only what was spent stays."""
        self.said.clear()
        self.first_text = None
        self.outcome, self.author = Outcome.ANSWERED, Author.BOT
        self.tier, self.notice, self.holder = "", "", None

    def _seconds(self) -> float:
        return max(0.0, (self.clock() - self.began).total_seconds())

    def plan(self) -> Settlement:
        """The settlement as it will be once everything pulled has been sent."""
        self.planned = self.settlement("".join(self.said))
        return self.planned

    def settlement(self, text: str) -> Settlement:
        """What is to be committed when `text` stands in the chat."""
        decision = self.decision
        rules = decision.rules if decision else ()
        reply = Reply(text, self.clock(), self.author, self.tier, rules, self.notice) if text else None
        entry = Entry(
            at=self.began,
            address=self.address,
            messages=tuple(m.id for m in self.messages),
            outcome=self.outcome,
            tier=self.tier,
            rules=(*rules, *decision.held) if decision else (),
            calls=tuple(self.calls),
            first_text=self.first_text,
            total=self._seconds(),
        )
        key = self.messages[0].id
        return Settlement(key, self.address, tuple(self.messages), entry, self.heard, reply, decision, self.holder)


class ReplyBox:
    """The Outbox of one reply: the settlement it belongs to is asked for when the channel plans."""

    def __init__(
        self, store: Store, address: Address, settlement: Callable[[], Settlement], author: Callable[[], Author]
    ) -> None:
        self._store = store
        self._address = address
        self._settlement = settlement
        self._author = author

    @property
    def author(self) -> Author:
        """Who is speaking, once there is text: channels that show it ask while they deliver."""
        return self._author()

    async def plan(self, texts: Sequence[str]) -> Sequence[Part]:
        """Commit the parts; those of an earlier life come back as they were left."""
        return await self._store.plan(self._settlement(), texts)

    async def mark(self, part: Part) -> None:
        """Commit a part's state."""
        await self._store.mark(self._address, part)


async def once(text: str) -> AsyncIterator[str]:
    """A text that is known already, as the stream a channel pulls."""
    if text:
        yield text


def kept_box(store: Store, settlement: Settlement) -> ReplyBox:
    """The Outbox of a reply whose settlement is made already."""
    author = settlement.reply.author if settlement.reply else Author.DESK
    return ReplyBox(store, settlement.address, lambda: settlement, lambda: author)


class Unkept:
    """The Outbox of a text that is not worth remembering (a word to the operators)."""

    async def plan(self, texts: Sequence[str]) -> Sequence[Part]:
        """The parts as they are."""
        return [Part("", n, text) for n, text in enumerate(texts)]

    async def mark(self, part: Part) -> None:
        """Nothing is kept."""


def unasked(address: Address, reply: Reply, key: str, holder: Holder | None) -> Settlement:
    """The settlement of something said without a message of the customer's to answer: by a person, or about one."""
    entry = Entry(reply.at, address, (), Outcome.PERSON, tier="person")
    return Settlement(key, address, (), entry, (), reply, None, holder)
