"""The whole desk over recorded conversations: the customer's turns are fed, the recorded agent's stand as history.

Feeding and remembering only: which desk, which models and what is printed is the caller's; counting is in `tally`.
"""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from core.conversation import Address, Arrival, Conversation, Customer, Holder, Message, Reply, Turn
from core.learning.dialogues import Dialogue
from core.ports import Inbox, Store
from core.records import Admission, Claim, Hint, Part, Progress, Promise, Settled, Settlement

log = logging.getLogger(__name__)

START = datetime(2026, 1, 5, 10, tzinfo=UTC)
"""When every replayed conversation begins: a Monday morning. Its turns are a minute apart."""

PACE = timedelta(minutes=1)
TOGETHER = 16
"""Conversations under way at the same time."""

PATIENCE = 120.0
"""Seconds one message may take before it counts as unanswered."""


@dataclass(slots=True)
class _Record:
    """What one chat's history is, with what we decided for the messages no recorded reply has followed yet."""

    turns: list[Turn] = field(default_factory=list)
    holder: Holder = Holder.BOT
    answered: bool = False
    earned: tuple[str, ...] = ()
    tier: str = ""


class RecordedHistory:
    """A store in which the conversation is the recorded one and not what our bot said; all else is the real store's.

    A recorded reply carries the rules and the tier of our own decision for the burst before it: holds count from there.
    """

    def __init__(self, store: Store) -> None:
        self.settlements: list[Settlement] = []
        self._store = store
        self._records: defaultdict[Address, _Record] = defaultdict(_Record)
        self._settled: defaultdict[str, asyncio.Event] = defaultdict(asyncio.Event)

    def agent_said(self, address: Address, text: str, at: datetime) -> None:
        """What the recorded agent answered next. Several turns in a row are one reply."""
        record = self._records[address]
        last = record.turns[-1] if record.turns else None
        if isinstance(last, Reply):
            record.turns[-1] = Reply(f"{last.text}\n{text}", at, tier=last.tier, earned=last.earned)
        else:
            record.turns.append(Reply(text, at, tier=record.tier, earned=record.earned))
        record.earned, record.tier = (), ""

    async def wait(self, message: Message) -> None:
        """Until that message was settled."""
        await self._settled[message.id].wait()
        del self._settled[message.id]

    async def admit(self, arrival: Arrival, *, room: bool = True) -> Admission:
        """As the real store."""
        return await self._store.admit(arrival, room=room)

    async def load(self, address: Address) -> Conversation:
        """The recorded turns so far."""
        record = self._records[address]
        return Conversation(address, tuple(record.turns), record.holder, first_contact=not record.answered)

    async def unsettled(self, address: Address | None = None) -> Sequence[Promise]:
        """As the real store."""
        return await self._store.unsettled(address)

    async def plan(self, settlement: Settlement, texts: Sequence[str], claim: Claim | None = None) -> Sequence[Part]:
        """As the real store."""
        return await self._store.plan(settlement, texts, claim)

    async def mark(self, address: Address, part: Part, claim: Claim | None = None) -> None:
        """As the real store."""
        await self._store.mark(address, part, claim)

    async def parts(self, address: Address, reply: str) -> Sequence[Part]:
        """As the real store."""
        return await self._store.parts(address, reply)

    async def advance(self, progress: Progress) -> Part | None:
        """As the real store."""
        return await self._store.advance(progress)

    async def chat_of(self, channel: str, given: Sequence[str], at: datetime) -> Address:
        """As the real store."""
        return await self._store.chat_of(channel, given, at)

    async def names_of(self, address: Address) -> Sequence[str]:
        """As the real store."""
        return await self._store.names_of(address)

    async def settle(self, settlement: Settlement, claim: Claim | None = None) -> Settled:
        """As the real store; what was heard becomes history, what we replied does not."""
        settled = await self._store.settle(settlement, claim)
        self.settlements.append(settlement)
        record = self._records[settlement.address]
        record.turns += settlement.heard
        record.holder = settlement.holder or record.holder
        record.answered = record.answered or settlement.reply is not None
        if settlement.decision is not None:
            record.earned, record.tier = settlement.decision.rules, settlement.entry.tier
        for message in settlement.messages:
            self._settled[message.id].set()
        return settled

    async def remember_card(self, address: Address, desk: Address, sent_as: str) -> None:
        """As the real store."""
        await self._store.remember_card(address, desk, sent_as)

    async def card(self, desk: Address, sent_as: str) -> Address | None:
        """As the real store."""
        return await self._store.card(desk, sent_as)

    async def claim(self, most: int, channels: Sequence[str]) -> Sequence[Claim]:
        """As the real store."""
        return await self._store.claim(most, channels)

    async def attempt(self, claim: Claim) -> Claim:
        """As the real store."""
        return await self._store.attempt(claim)

    async def renew(self, claims: Sequence[Claim]) -> Collection[Address]:
        """As the real store."""
        return await self._store.renew(claims)

    async def release(self, claims: Sequence[Claim], *, tried: bool) -> None:
        """As the real store."""
        await self._store.release(claims, tried=tried)

    async def hold(self, name: str) -> bool:
        """As the real store."""
        return await self._store.hold(name)

    async def leave(self, name: str) -> None:
        """As the real store."""
        await self._store.leave(name)

    async def size(self) -> int:
        """As the real store."""
        return await self._store.size()

    async def silence(self, scope: str, until: datetime) -> None:
        """As the real store."""
        await self._store.silence(scope, until)

    async def passed(self, name: str, at: datetime) -> datetime | None:
        """As the real store."""
        return await self._store.passed(name, at)

    async def set_aside(self, claim: Claim) -> int:
        """As the real store."""
        return await self._store.set_aside(claim)

    async def silences(self, prefix: str) -> Mapping[str, datetime]:
        """As the real store."""
        return await self._store.silences(prefix)

    def hint(self, hint: Hint) -> None:
        """As the real store."""
        self._store.hint(hint)

    def hints(self) -> AsyncIterator[Hint]:
        """As the real store."""
        return self._store.hints()


def timed(dialogue: Dialogue, channel: str) -> Iterator[Message | Reply]:
    """The dialogue's turns as messages and replies, a minute apart."""
    address = Address(channel, dialogue.chat)
    for i, turn in enumerate(dialogue.turns):
        at = START + i * PACE
        if turn.by_customer:
            yield Message(f"{dialogue.chat}.{i}", address, turn.text, at, Customer(dialogue.chat))
        else:
            yield Reply(turn.text, at)


async def feed(
    dialogues: Iterable[Dialogue], channel: str, inbox: Inbox, history: RecordedHistory, step: Callable[[], None]
) -> None:
    """Play every dialogue, `TOGETHER` at a time, each message after the one before it is settled; `step` after each."""
    waiting = iter(dialogues)

    async def player() -> None:
        for dialogue in waiting:
            await _play(dialogue, channel, inbox, history, step)

    async with asyncio.TaskGroup() as group:
        for _ in range(TOGETHER):
            group.create_task(player())


async def _play(
    dialogue: Dialogue, channel: str, inbox: Inbox, history: RecordedHistory, step: Callable[[], None]
) -> None:
    for turn in timed(dialogue, channel):
        if isinstance(turn, Reply):
            history.agent_said(Address(channel, dialogue.chat), turn.text, turn.at)
            continue
        try:
            async with asyncio.timeout(PATIENCE):
                await inbox.accept(Arrival(f"replay:{turn.id}", turn.text, turn))
                await history.wait(turn)
        except TimeoutError:
            log.warning("message %s was not settled within %s s", turn.id, PATIENCE)
        step()
