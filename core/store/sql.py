"""The Store port over SQL: which units of work keep a promise, one method each.

The statements are in `work`; this file only hands them to the database and turns rows into values.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime

from core.conversation import Address, Arrival, Conversation, Holder, Turn
from core.records import Entry, Part, Progress, Promise, Settlement
from core.store import books, names, parts, work
from core.store.books import ChatRow, Receipt
from core.store.database import Database
from core.store.migrate import prepare


class SqlStore:
    """Every method is one transaction, committed when it returns."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def admit(self, arrival: Arrival) -> bool:
        """Keep an arrival under its key; False when the key is known."""
        return await self._database.write(lambda c: work.admit(c, arrival))

    async def load(self, address: Address) -> Conversation:
        """The settled turns of a chat, the newest `work.HISTORY` of them."""
        return await self._database.read(lambda c: work.load(c, address))

    async def unsettled(self, address: Address | None = None) -> Sequence[Promise]:
        """Planned replies first, then what no reply was planned for, each chat's in order of arrival."""
        return await self._database.read(lambda c: work.unsettled(c, address))

    async def plan(self, settlement: Settlement, texts: Sequence[str]) -> Sequence[Part]:
        """Keep the final text in parts and what is to be settled once they are sent."""
        return await self._database.write(lambda c: work.plan(c, settlement, texts))

    async def mark(self, address: Address, part: Part) -> None:
        """Keep a part's state, platform id and fees; what the platform told since is not overwritten."""
        await self._database.write(lambda c: parts.mark(c, address, part))

    async def advance(self, progress: Progress) -> Part | None:
        """Keep what the platform told of a part, upwards only; the part when a settled reply has failed with it."""
        return await self._database.write(lambda c: parts.advance(c, progress))

    async def chat_of(self, channel: str, given: Sequence[str], at: datetime) -> Address:
        """The chat these names belong to; they are kept as its names."""
        chat, news = await self._database.read(lambda c: names.chat_of(c, channel, given))
        return await self._database.write(lambda c: names.keep(c, channel, given, at)) if news else chat

    async def names_of(self, address: Address) -> Sequence[str]:
        """The names of a chat, the one seen last first."""
        return await self._database.read(lambda c: names.names_of(c, address))

    async def settle(self, settlement: Settlement) -> Sequence[Part]:
        """End a burst: all of it at once; a known key changes nothing. The refused parts of its reply."""
        return await self._database.write(lambda c: work.settle(c, settlement))

    async def append(self, address: Address, turn: Turn, holder: Holder | None = None) -> None:
        """Add a turn nobody has to answer and say who holds the conversation."""
        await self._database.write(lambda c: work.append(c, address, turn, holder))

    async def remember_card(self, address: Address, desk: Address, sent_as: str) -> None:
        """Keep which conversation a card in the operators' chat is about."""
        await self._database.write(lambda c: books.remember_card(c, address, desk, sent_as))

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


@asynccontextmanager
async def open_store(url: str) -> AsyncIterator[SqlStore]:
    """A store on a SQLAlchemy URL, brought to the newest schema; StoreError says why it cannot be opened."""
    async with Database(url, prepare) as database:
        yield SqlStore(database)
