"""Processes on one store, and the few messages and answers they deal with: for tests that hold on every engine."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, text

from core.conversation import Address, Arrival, Message, Reply
from core.records import Claim, Entry, Outcome, Settlement
from core.store.database import Database
from core.store.hints import Hints
from core.store.migrate import engine_of, prepare
from core.store.sql import SqlStore, open_store

AT = datetime(2026, 3, 2, 12, tzinfo=UTC)
CHANNELS = ["telegram"]
LATER = timedelta(seconds=10, milliseconds=1)
"""A lease is over."""


class Fleet:
    """Processes on the store at `url`. Where it takes only one, they are played by owners on its one connection."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.shared = not url.startswith("sqlite:")
        self.processes: list[SqlStore] = []
        self._stack = contextlib.AsyncExitStack()
        self._database: Database | None = None

    async def __aenter__(self) -> Fleet:
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._stack.aclose()

    async def start(self, url: str = "") -> SqlStore:
        """One more process; `url` is another way to the same store."""
        self.processes.append(await self._started(url or self.url))
        return self.processes[-1]

    async def _started(self, url: str) -> SqlStore:
        if self.shared:
            return await self._stack.enter_async_context(open_store(url))
        if self._database is None:
            self._database = await self._stack.enter_async_context(Database(url, prepare, engine_of(url)))
        owner = uuid.uuid4().hex
        return SqlStore(self._database, await self._stack.enter_async_context(Hints(self._database, owner)), owner)

    async def stop(self) -> None:
        """End every process."""
        await self._stack.aclose()
        self.processes, self._database = [], None

    async def sql(self, statement: str, **values: object) -> Sequence[Row[Any]]:
        """A statement behind everybody's back; its rows."""
        store = self.processes[0] if self.processes else await self.start()
        return await store._database.write(_running(statement, values))

    async def row(self, chat: str = "1") -> dict[str, Any]:
        """The chat's one row."""
        (row,) = await self.sql("SELECT * FROM conversation WHERE conv = :conv", conv=str(address(chat)))
        return dict(row._mapping)

    async def pass_time(self, by: timedelta = LATER, chat: str = "") -> None:
        """Make leases older: of this chat, or of all chats, names and processes."""
        micros = by // timedelta(microseconds=1)
        where = "WHERE conv = :conv" if chat else "WHERE :conv = ''"
        moved = "UPDATE conversation SET lease_until = lease_until - :micros " + where  # noqa: S608 - from above
        await self.sql(moved, micros=micros, conv=str(address(chat)) if chat else "")
        if not chat:
            await self.sql("UPDATE duty SET lease_until = lease_until - :micros", micros=micros)
            await self.sql("UPDATE replica SET seen = seen - :micros", micros=micros)

    async def is_exact(self) -> bool:
        """Whether `head < tail` says of every chat what waits in it, and nobody holds a chat in which nothing does."""
        wrong = await self.sql(
            "SELECT conv FROM conversation WHERE tail - head <> (SELECT count(*) FROM inbox"
            " WHERE inbox.conv = conversation.conv AND state = 'accepted') OR (head = tail AND owner IS NOT NULL)"
        )
        return not wrong


def _running(statement: str, values: dict[str, object]) -> Callable[[Connection], Sequence[Row[Any]]]:
    def run(connection: Connection) -> Sequence[Row[Any]]:
        done = connection.execute(text(statement), values)
        return done.all() if done.returns_rows else []

    return run


def address(chat: str = "1") -> Address:
    return Address("telegram", chat)


def message(number: int, chat: str = "1", words: str = "Where is my parcel?") -> Message:
    """The n-th message of a chat, written n seconds after AT."""
    return Message(str(number), address(chat), words, AT + timedelta(seconds=number))


def arrival(written: Message) -> Arrival:
    """As the platform brings it, under its own key however often it comes."""
    return Arrival(f"{written.address}:{written.id}", "{}", written)


def answer(*messages: Message, key: str = "", outcome: Outcome = Outcome.ANSWERED, words: str = "Soon.") -> Settlement:
    """What ends a burst of these messages; its key is the first one's id unless given."""
    first = messages[0]
    entry = Entry(AT, first.address, tuple(m.id for m in messages), outcome)
    return Settlement(key or first.id, first.address, messages, entry, messages, Reply(words, AT))


async def claimed(store: SqlStore, *messages: Message) -> Claim:
    """The claim under which these messages, new and the only ones of their chat, are this process's."""
    admitted = [await store.admit(arrival(written)) for written in messages]
    claim = admitted[-1].claim
    assert claim is not None
    return claim


async def waits(store: SqlStore, chat: str = "1") -> list[str]:
    """The ids of the messages that wait in a chat, planned ones first."""
    return [m.id for promise in await store.unsettled(address(chat)) for m in promise.messages]
