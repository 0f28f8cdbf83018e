"""Updates that are kept but not yet decided: the bot they came to, their number, their text.

`Waiting` is what the room asks for; `WaitingFile` keeps it in a SQLite file. Whose an update is, is decided in `room`.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Protocol, TypeVar

from core.errors import StoreError

T = TypeVar("T")

TABLE = """CREATE TABLE IF NOT EXISTS waiting (
    bot INTEGER NOT NULL, number INTEGER NOT NULL, raw TEXT NOT NULL, PRIMARY KEY (bot, number)
) WITHOUT ROWID"""
BUSY = 5.0  # seconds to wait for another process that writes to the file


class Waiting(Protocol):
    """Where undecided updates are kept. Every method is one transaction, committed when it returns; else StoreError."""

    async def keep(self, bot: int, updates: Mapping[int, str]) -> None:
        """Keep all of them or none; one that is known stays as it is."""
        ...

    async def kept(self, bot: int) -> dict[int, str]:
        """What is undecided, lowest number first."""
        ...

    async def forget(self, bot: int, numbers: Collection[int]) -> None:
        """These are decided."""
        ...

    async def aclose(self) -> None:
        """Give the file back."""
        ...


class WaitingFile:
    """`Waiting` in a SQLite file, made and opened when it is first needed; several bots may share it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        # One thread: a call that is cancelled while it writes is over before the next one begins.
        self._thread = ThreadPoolExecutor(1, "firstline-waiting")
        self._connection: sqlite3.Connection | None = None

    async def keep(self, bot: int, updates: Mapping[int, str]) -> None:
        """Keep all of them or none."""
        rows = [(bot, number, raw) for number, raw in updates.items()]
        insert = "INSERT INTO waiting VALUES (?, ?, ?) ON CONFLICT DO NOTHING"
        await self._work(lambda c: c.executemany(insert, rows).close())

    async def kept(self, bot: int) -> dict[int, str]:
        """What is undecided, lowest number first."""
        find = "SELECT number, raw FROM waiting WHERE bot = ? ORDER BY number"
        return dict(await self._work(lambda c: c.execute(find, (bot,)).fetchall()))

    async def forget(self, bot: int, numbers: Collection[int]) -> None:
        """These are decided."""
        rows = [(bot, number) for number in numbers]
        delete = "DELETE FROM waiting WHERE bot = ? AND number = ?"
        await self._work(lambda c: c.executemany(delete, rows).close())

    async def aclose(self) -> None:
        """Close the file."""
        await asyncio.get_running_loop().run_in_executor(self._thread, self._close)
        self._thread.shutdown(wait=False)

    async def _work(self, work: Callable[[sqlite3.Connection], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._transaction, work)

    def _transaction(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Nothing of the connection may come out of here: a cursor that ends in another thread breaks this one's."""
        try:
            if self._connection is None:
                self._connection = _opened(self._path)
            with self._connection:
                return work(self._connection)
        except (sqlite3.Error, OSError) as error:
            raise StoreError(f"{self._path.name} cannot be used: {error}") from error

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _opened(path: Path) -> sqlite3.Connection:
    path.parent.mkdir(parents=True, exist_ok=True)
    connection = sqlite3.connect(path, timeout=BUSY, check_same_thread=False)
    try:
        # FULL: in WAL mode only this makes a commit outlive the machine losing power.
        for line in ("PRAGMA journal_mode = WAL", "PRAGMA synchronous = FULL", TABLE):
            with closing(connection.execute(line)):
                pass
    except sqlite3.Error:
        connection.close()
        raise
    return connection
