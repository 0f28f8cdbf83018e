"""The Store port over SQL: which units of work keep a promise, one method each.

The statements are in `inbox`, `history`, `work`, `parts`, `names`, `leases`, `runs`, `budgets`, `books` and `lives`;
here they only get a connection.
"""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime

from core.budgets import Account, Balance, Held, Hold
from core.conversation import Address, Arrival, Conversation
from core.errors import StoreError
from core.records import Admission, Claim, Entry, Hint, Parked, Part, Progress, Promise, Settled, Settlement
from core.store import backlog, books, budgets, inbox, leases, names, parts, runs, work
from core.store.backlog import Backlog
from core.store.books import ChatRow, Receipt
from core.store.database import Database
from core.store.hints import Hints
from core.store.history import History
from core.store.lives import Life, lives
from core.store.migrate import engine_of, prepare

FAREWELL = 2.0
"""Seconds a process that stops takes at most to say that it holds nothing any more."""


class SqlStore:
    """Every method is one transaction, committed when it returns. `owner` is this process in the fleet."""

    def __init__(self, database: Database, hints: Hints, owner: str) -> None:
        self._database = database
        self._hints = hints
        self._history = History()
        self.owner = owner

    async def admit(self, arrival: Arrival, *, room: bool = True) -> Admission:
        """Keep an arrival under its key and claim its chat where there is room."""
        chat = str(arrival.message.address) if arrival.message else arrival.key
        return await self._database.write(lambda c: inbox.admit(c, self.owner, arrival, room), chat)

    async def load(self, address: Address) -> Conversation:
        """The settled turns of a chat, the newest `history.HISTORY` of them."""
        return await self._database.read(lambda c: self._history.load(c, address))

    async def unsettled(self, address: Address | None = None) -> Sequence[Promise]:
        """Planned replies first, then what no reply was planned for, each chat's in order of arrival."""
        return await self._database.read(lambda c: inbox.unsettled(c, address))

    async def set_aside(self, claim: Claim) -> int:
        """Park what waits in a chat and cannot be read; how many."""
        return await self._database.write(lambda c: inbox.set_aside(c, self.owner, claim), str(claim.address))

    async def plan(self, settlement: Settlement, texts: Sequence[str], claim: Claim | None = None) -> Sequence[Part]:
        """Keep the final text in parts and what is to be settled once they are sent."""
        chat = str(settlement.address)
        return await self._database.write(lambda c: work.plan(c, self.owner, settlement, texts, claim), chat)

    async def mark(self, address: Address, part: Part, claim: Claim | None = None) -> None:
        """Keep a part's state, platform id and fees; what the platform told since is not overwritten."""
        await self._database.write(lambda c: work.mark(c, self.owner, address, part, claim), str(address))

    async def parts(self, address: Address, reply: str) -> Sequence[Part]:
        """The parts of a reply as they stand."""
        return await self._database.read(lambda c: parts.read(c, str(address), reply))

    async def advance(self, progress: Progress) -> Part | None:
        """Keep what the platform told of a part, upwards only; the part when a settled reply has failed with it."""
        return await self._database.write(lambda c: parts.advance(c, progress), str(progress.address))

    async def chat_of(self, channel: str, given: Sequence[str], at: datetime) -> Address:
        """The chat these names belong to; they are kept as its names."""
        chat, news = await self._database.read(lambda c: names.chat_of(c, channel, given))
        return await self._database.write(lambda c: names.keep(c, channel, given, at)) if news else chat

    async def names_of(self, address: Address) -> Sequence[str]:
        """The names of a chat, the one seen last first."""
        return await self._database.read(lambda c: names.names_of(c, address))

    async def settle(self, settlement: Settlement, claim: Claim | None = None) -> Settled:
        """End a burst: all of it at once; a known key changes nothing."""
        chat = str(settlement.address)
        return await self._database.write(lambda c: work.settle(c, self.owner, settlement, claim), chat)

    async def reserve(self, hold: Hold) -> Held:
        """Set money aside for a call, from all its accounts or from none."""
        # Its rows are shared by many chats. SQLite has no row locks, so there it may go with others.
        alone = None if self._database.shared else hold.id
        return await self._database.write(lambda c: budgets.reserve(c, hold), alone)

    async def cancel(self, ids: Sequence[str]) -> None:
        """Give back what was set aside for calls that were never sent."""
        await self._database.write(lambda c: budgets.cancel(c, ids))

    async def sweep(self) -> int:
        """Charge and book what was set aside and never settled; how many reservations."""
        return await self._database.write(budgets.sweep)

    async def levels(self, accounts: Sequence[Account]) -> Mapping[str, tuple[int, int]]:
        """What is spent and what is set aside, by the account's key."""
        return await self._database.read(lambda c: budgets.levels(c, accounts))

    async def balances(self, prefix: str, period: str, name: str = "", most: int = 100) -> Sequence[Balance]:
        """The accounts of one budget in a period, those with the most gone first; with a name only that one."""
        return await self._database.read(lambda c: budgets.balances(c, prefix, period, name, most))

    async def claim(self, most: int, channels: Sequence[str]) -> Sequence[Claim]:
        """Claim at most so many chats of these channels that have work and that nobody holds."""
        return await self._database.write(lambda c: leases.claim(c, self.owner, most, channels))

    async def attempt(self, claim: Claim) -> Claim:
        """Count that work on a chat begins."""
        return await self._database.write(lambda c: leases.attempt(c, self.owner, claim), str(claim.address))

    async def renew(self, claims: Sequence[Claim]) -> Collection[Address]:
        """Hold these chats for another lease; those that are still ours."""
        if self._database.shared:
            await self._database.write(lambda c: leases.show_life(c, self.owner))
        return await self._database.write(lambda c: leases.renew(c, self.owner, claims))

    async def release(self, claims: Sequence[Claim], *, tried: bool) -> None:
        """Give chats back as they are."""
        await self._database.write(lambda c: leases.release(c, self.owner, claims, tried))

    async def farewell(self) -> None:
        """Leave everything this process holds to the others, whatever came to be held while it stopped."""
        await self._database.write(lambda c: leases.farewell(c, self.owner))

    async def hold(self, name: str) -> bool:
        """Become or remain the only process that does what this name stands for."""
        return await self._database.write(lambda c: leases.hold(c, self.owner, name))

    async def leave(self, name: str) -> None:
        """Let another process do it."""
        await self._database.write(lambda c: leases.leave(c, self.owner, name))

    async def size(self) -> int:
        """How many processes showed a sign of life within a lease."""
        return await self._database.read(leases.size)

    async def silence(self, scope: str, until: datetime) -> None:
        """Keep until when a platform wants silence."""
        await self._database.write(lambda c: leases.keep_silence(c, scope, until))

    async def silences(self, prefix: str) -> Mapping[str, datetime]:
        """Silences still in force."""
        return await self._database.read(lambda c: leases.silences(c, prefix))

    async def passed(self, name: str, at: datetime) -> datetime | None:
        """Keep the newest instant of this name; the one kept before."""
        return await self._database.write(lambda c: runs.passed(c, name, at))

    def hint(self, hint: Hint) -> None:
        """Tell the other processes, some time soon."""
        self._hints.tell(hint)

    def hints(self) -> AsyncIterator[Hint]:
        """What other processes tell."""
        return self._hints.heard()

    async def parked(self, limit: int = 100) -> Sequence[Parked]:
        """What waits for a person to look at it, the newest first."""
        return await self._database.read(lambda c: inbox.parked(c, limit))

    async def backlog(self) -> Backlog:
        """How much waits and for how long."""
        return await self._database.read(backlog.read)

    async def waiting(self, channel: str) -> int:
        """How many messages of a channel wait."""
        return await self._database.read(lambda c: inbox.waiting(c, channel))

    async def retry(self, key: str, instead: Arrival | None = None) -> bool:
        """Take a parked arrival up again, or what it reads as now; whether there was one."""
        if instead is not None:
            return await self._database.write(lambda c: inbox.replace(c, self.owner, key, instead))
        return await self._database.write(lambda c: inbox.retry(c, key))

    async def drop(self, key: str) -> bool:
        """Never mind a parked arrival; whether there was one."""
        return await self._database.write(lambda c: inbox.drop(c, key))

    async def due(self, name: str, before: datetime | None, at: datetime) -> bool:
        """Take a scheduled run, due at that instant, upon this process; False when another one was faster."""
        return await self._database.write(lambda c: runs.due(c, name, before, at))

    async def last_due(self, name: str) -> datetime | None:
        """When a scheduled run was due last, None when it never was."""
        return await self._database.read(lambda c: runs.last(c, name))

    async def remember_card(self, address: Address, desk: Address, sent_as: str) -> None:
        """Keep which conversation a card in the operators' chat is about."""
        await self._database.write(lambda c: books.remember_card(c, address, desk, sent_as), str(address))

    async def card(self, desk: Address, sent_as: str) -> Address | None:
        """The conversation a card is about, if it is one of ours."""
        return await self._database.read(lambda c: books.find_card(c, desk, sent_as))

    async def entries(self, start: datetime, end: datetime) -> Sequence[Entry]:
        """The ledger in [start, end), oldest first."""
        return await self._database.read(lambda c: books.entries(c, start, end))

    async def chats(self, limit: int = 100) -> Sequence[ChatRow]:
        """Chats for the operators: waiting ones first, then the newest."""
        return await self._database.read(lambda c: books.chats(c, limit))

    async def receipt(self, address: Address, message: str) -> Receipt | None:
        """Why and at what cost that message of the customer's was answered."""
        return await self._database.read(lambda c: books.receipt(c, address, message))

    async def lives(self, message: str) -> Sequence[Life]:
        """What became of every message of that id, or of the one `channel:chat/id` names."""
        return await self._database.read(lambda c: lives(c, message))


@asynccontextmanager
async def open_store(url: str) -> AsyncIterator[SqlStore]:
    """A store on a SQLAlchemy URL, brought to the newest schema; StoreError says why it cannot be opened."""
    owner = uuid.uuid4().hex
    async with Database(url, prepare, engine_of(url)) as database, Hints(database, owner) as hints:
        store = SqlStore(database, hints, owner)
        try:
            yield store
        finally:
            with contextlib.suppress(StoreError, TimeoutError):
                async with asyncio.timeout(FAREWELL):
                    await store.farewell()
