"""The record of answering one burst: what was heard, decided, said and called, and the settlement it ends as.

Bookkeeping only; who pulls what is in `desk`.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from core.conversation import Address, Author, Conversation, Holder, Message, MessageKind, Reply
from core.errors import Withdrawn
from core.ports import Store
from core.records import Call, Claim, Entry, Outcome, Part, PartState, Settlement
from core.rules import Decision
from core.text import Anew
from core.tiers import Fee

Clock = Callable[[], datetime]
Received = Callable[[Message], Sequence[Fee]]

FRESH = 3.0
"""Seconds for which a mark that something is about to be sent counts: well within the lease it was made under."""

CONSENT = frozenset({MessageKind.OPT_OUT, MessageKind.OPT_IN})


def now() -> datetime:
    """The present instant in UTC."""
    return datetime.now(UTC)


def free(_message: Message) -> Sequence[Fee]:
    """What a message costs on a platform that takes nothing for it."""
    return ()


@dataclass(slots=True)
class Burst:
    """Everything known so far. `began` is when the newest message reached us; `said` what the channel pulled.

    `received` tells what the platform takes for a message of the customer's; `replaces` whether the channel can take
    back what it has shown.
    """

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
    received: Received = free
    replaces: bool = False

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
        """Nothing new was said, or the platform answered it: an edit without a change, a late part of an album."""
        if all(m.told for m in self.heard):
            return True
        fresh = {m.id for m in self.conversation.unanswered}
        albums = {m.album for m in self.conversation.messages if m.album and m.id not in fresh}
        return all(m.album in albums for m in self.heard)

    @property
    def consent(self) -> MessageKind | None:
        """OPT_OUT or OPT_IN when that is the newest word on being written to and changes something, else None."""
        said = [m.kind for m in self.heard if m.kind in CONSENT]
        opted_out = self.conversation.holder is Holder.OPTED_OUT
        return said[-1] if said and (said[-1] is MessageKind.OPT_OUT or opted_out) else None

    def note_consent(self) -> None:
        """Keep what the customer wants about being written to: the outcome and who has the conversation then."""
        if self.consent is MessageKind.OPT_IN:
            self.holder = Holder.BOT
        elif self.consent or self.conversation.holder is Holder.OPTED_OUT:
            self.outcome, self.holder = Outcome.OPTED_OUT, Holder.OPTED_OUT

    def note(self) -> None:
        """It ends without a word of ours."""
        self.outcome = Outcome.NOTED
        self.note_consent()

    def shown(self, piece: str) -> None:
        """Note a piece the channel has pulled, the first one with its time."""
        if self.first_text is None:
            self.first_text = self._seconds()
        if isinstance(piece, Anew):
            self.said.clear()
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
            fees=tuple(fee for message in self.messages for fee in self.received(message)),
        )
        key = self.messages[0].id
        return Settlement(key, self.address, tuple(self.messages), entry, self.heard, reply, decision, self.holder)


class ReplyBox:
    """The Outbox of one reply under a claim: the settlement it belongs to is asked for when the channel plans."""

    def __init__(
        self,
        store: Store,
        claim: Claim,
        settlement: Callable[[], Settlement],
        author: Callable[[], Author],
        unwanted: Callable[[], bool] = lambda: False,
    ) -> None:
        self._store = store
        self._claim = claim
        self._settlement = settlement
        self._author = author
        self._unwanted = unwanted
        self._parts: dict[int, Part] = {}

    @property
    def stands(self) -> str:
        """What of the reply has been sent."""
        return "\n\n".join(part.text for part in self._parts.values() if part.arrived)

    @property
    def fees(self) -> tuple[Fee, ...]:
        """What the platform takes for the parts that were sent."""
        return tuple(fee for part in self._parts.values() if part.arrived for fee in part.fees)

    @property
    def author(self) -> Author:
        """Who is speaking, once there is text: channels that show it ask while they deliver."""
        return self._author()

    async def plan(self, texts: Sequence[str]) -> Sequence[Part]:
        """Commit the parts; those of an earlier life come back as they were left."""
        parts = await self._store.plan(self._settlement(), texts, self._claim)
        self._parts = {part.index: part for part in parts}
        return parts

    async def mark(self, part: Part) -> None:
        """Commit a part's state. Withdrawn instead of sending what the customer does not want any more."""
        sending = part.state is PartState.SENDING
        if sending and self._unwanted():
            raise Withdrawn
        asked = time.monotonic()
        await self._store.mark(self._claim.address, part, self._claim)
        if sending and time.monotonic() - asked > FRESH:
            # This process may have stood still since the commit, and the chat may be another one's by now.
            await self._store.mark(self._claim.address, part, self._claim)
        self._parts[part.index] = part

    async def look(self, part: Part) -> Part:
        """The part as it is committed now; another process may have been told of it."""
        parts = await self._store.parts(self._claim.address, part.reply)
        return next((known for known in parts if known.index == part.index), part)


def ended(settlement: Settlement, outcome: Outcome, stands: str = "") -> Settlement:
    """The settlement of a reply that was not sent as planned, with what stands of it in the chat."""
    reply = replace(settlement.reply, text=stands) if settlement.reply and stands else None
    return replace(settlement, entry=replace(settlement.entry, outcome=outcome), reply=reply)


def paid(settlement: Settlement, box: ReplyBox) -> Settlement:
    """The settlement with what the platform takes for the parts that went out."""
    return replace(settlement, entry=replace(settlement.entry, fees=(*settlement.entry.fees, *box.fees)))


async def once(text: str) -> AsyncIterator[str]:
    """A text that is known already, as the stream a channel pulls."""
    if text:
        yield text


def kept_box(
    store: Store, claim: Claim, settlement: Settlement, unwanted: Callable[[], bool] = lambda: False
) -> ReplyBox:
    """The Outbox of a reply whose settlement is made already."""
    author = settlement.reply.author if settlement.reply else Author.DESK
    return ReplyBox(store, claim, lambda: settlement, lambda: author, unwanted)


class Unkept:
    """The Outbox of a text that is not worth remembering (a word to the operators)."""

    async def plan(self, texts: Sequence[str]) -> Sequence[Part]:
        """The parts as they are."""
        return [Part("", n, text) for n, text in enumerate(texts)]

    async def mark(self, part: Part) -> None:
        """Nothing is kept."""

    async def look(self, part: Part) -> Part:
        """As it was given."""
        return part


def ordered(order: Message, reply: Reply | None, holder: Holder | None = None) -> Settlement:
    """The settlement of what a person of ours asked for: it answers no message of the customer's."""
    entry = Entry(order.at, order.address, (), Outcome.PERSON, tier="person")
    return Settlement(order.id, order.address, (order,), entry, (), reply, None, holder)
