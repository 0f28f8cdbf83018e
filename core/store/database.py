"""Units of work on a database: they queue up, and a thread commits those that wait together as a group.

A unit of work is a plain function of a connection, safe to run again: when one of a group fails, the group is rolled
back and each unit is committed alone, so one bad unit never costs another its commit; and when a connection is lost in
the middle of a commit the group is simply run once more. SQLite has one writing thread. PostgreSQL has a few, and the
units of one chat always go to the same one, in the order they came. Reads have a thread of their own.
What the tables mean is not known here.
"""

from __future__ import annotations

import asyncio
import contextlib
import queue
import threading
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar
from zlib import crc32

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from core.errors import StoreError
from core.store import sqlite
from core.store.appends import gathered

T = TypeVar("T")
Work = Callable[[Connection], Any]

GROUP = 200
"""At most so many units of work share one commit."""

WRITERS = 2
"""Writing threads on a server: while one waits for a commit the other works; more cost more than they bring."""


READ_ONLY = "25006"
PASSING = frozenset({"40001", "40P01"})
"""SQLSTATEs: read_only_sql_transaction; serialization_failure and deadlock_detected."""


@dataclass(frozen=True, slots=True)
class Job:
    """A unit of work and who waits for it. `chat` is the one conversation whose rows it touches, None for several."""

    work: Work
    future: asyncio.Future[Any]
    chat: str | None


Jobs = queue.SimpleQueue[Job | None]


class Database:
    """A database by its URL; `sqlite://` lives in memory. Use as an async context manager.

    `prepare` brings it to the newest schema; `make` gives an engine for a URL, with more pragmas where it is SQLite.
    """

    def __init__(self, url: str, prepare: Callable[[Engine], None], make: Callable[..., Engine]) -> None:
        self.url = url
        self.shared = not url.startswith("sqlite:")
        self._prepare = prepare
        self._make = make
        self._file = None if self.shared else sqlite.file_of(url)
        self._writing: list[Jobs] = [queue.SimpleQueue() for _ in range(WRITERS if self.shared else 1)]
        self._reading: Jobs = queue.SimpleQueue() if self.shared or self._file else self._writing[0]
        self._stack = contextlib.ExitStack()
        self._threads: list[threading.Thread] = []
        self._closed = False

    async def __aenter__(self) -> Database:
        try:
            engine = await asyncio.to_thread(self._open)
        except BaseException:
            self._stack.close()
            raise
        for jobs in self._writing:
            self._start(jobs, engine, _write_group)
        if self.shared:
            self._start(self._reading, engine.execution_options(isolation_level="AUTOCOMMIT"), _read_each)
        elif self._file:
            reader = self._make(self.url, sqlite.READING)
            self._stack.callback(reader.dispose)
            self._start(self._reading, reader, _read_each)
        return self

    async def __aexit__(self, *exc: object) -> None:
        self._closed = True
        for jobs in {id(jobs): jobs for jobs in (*self._writing, self._reading)}.values():
            jobs.put(None)
        for thread in self._threads:
            await asyncio.to_thread(thread.join)
        self._stack.close()

    def write(self, work: Callable[[Connection], T], chat: str | None = None) -> Awaitable[T]:
        """Run in the next group; returns when it is on disk. StoreError when it could not be committed.

        Work without a `chat` locks rows of several, so it has a transaction of its own.
        """
        return self._put(self._writing[crc32((chat or "").encode()) % len(self._writing)], work, chat)

    def read(self, work: Callable[[Connection], T]) -> Awaitable[T]:
        """Run on the latest committed state, without waiting for writers."""
        return self._put(self._reading, work, None)

    def _put(self, jobs: Jobs, work: Callable[[Connection], T], chat: str | None) -> Awaitable[T]:
        if self._closed:
            raise StoreError("the store is closed")
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        jobs.put(Job(work, future, chat))
        return future

    def _open(self) -> Engine:
        if self._file:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            self._stack.enter_context(sqlite.only_process(self._file))
        engine = self._make(self.url)
        self._stack.callback(engine.dispose)
        try:
            self._prepare(engine)
        except SQLAlchemyError as error:
            raise StoreError(f"the store cannot be opened: {_words(error)}") from error
        return engine

    def _start(self, jobs: Jobs, engine: Engine, run: Callable[[Connection, list[Job]], None]) -> None:
        thread = threading.Thread(target=_serve, args=(jobs, engine, run), daemon=True)
        thread.start()
        self._threads.append(thread)


def _serve(jobs: Jobs, engine: Engine, run: Callable[[Connection, list[Job]], None]) -> None:
    """Take what waits as a group, until the end; a connection that was lost is made anew for the next group."""
    connection: Connection | None = None
    while (job := jobs.get()) is not None:
        group = [job]
        while len(group) < GROUP and not jobs.empty():
            another = jobs.get()
            if another is None:
                jobs.put(None)
                break
            group.append(another)
        try:
            connection = connection or engine.connect()
        except SQLAlchemyError as error:
            _tell([(job.future, None, _as_store_error(error)) for job in group])
            continue
        run(connection, group)
    if connection is not None:
        with contextlib.suppress(SQLAlchemyError):
            connection.close()


def _write_group(connection: Connection, group: list[Job]) -> None:
    """Commit units of one chat each together, in the order of the chats: no two groups wait for each other."""
    together = sorted((job for job in group if job.chat is not None), key=lambda job: str(job.chat))
    for jobs in (together, *([job] for job in group if job.chat is None)):
        if jobs:
            _commit(connection, jobs, again=True)


def _commit(connection: Connection, group: list[Job], *, again: bool) -> None:
    try:
        with connection.begin(), gathered(connection):
            results = [job.work(connection) for job in group]
    except Exception as error:  # noqa: BLE001 - whatever a unit raises must not cost the others their commit
        if again and (_is_lost(connection, error) or _is_passing(error)):
            # Whether a lost commit was made nobody knows; every unit is told from its key that it was.
            _commit(connection, group, again=False)
        elif len(group) == 1 or _is_lost(connection, error):
            _tell([(job.future, None, _as_store_error(error)) for job in group])
        else:
            for job in group:
                _commit(connection, [job], again=again)
        return
    _tell([(job.future, result, None) for job, result in zip(group, results, strict=True)])


def _is_lost(connection: Connection, error: Exception) -> bool:
    """Whether the connection is of no more use: it broke, or its server has become one that takes no writes."""
    if _state(error) == READ_ONLY and not connection.invalidated:
        connection.invalidate()
    return connection.invalidated or (isinstance(error, DBAPIError) and error.connection_invalidated)


def _is_passing(error: Exception) -> bool:
    """Whether two transactions were in each other's way, so that the same again may go through."""
    return _state(error) in PASSING


def _state(error: Exception) -> str:
    return str(getattr(error.orig, "sqlstate", "")) if isinstance(error, DBAPIError) else ""


def _read_each(connection: Connection, group: list[Job]) -> None:
    for job in group:
        for again in (True, False):
            try:
                with connection.begin():
                    result = job.work(connection)
            except Exception as error:  # noqa: BLE001 - one failed read is its caller's alone
                if again and _is_lost(connection, error):
                    continue
                _tell([(job.future, None, _as_store_error(error))])
            else:
                _tell([(job.future, result, None)])
            break


def _as_store_error(error: Exception) -> Exception:
    if isinstance(error, SQLAlchemyError):
        return StoreError(f"the store could not do it: {_words(error)}")
    if isinstance(error, ValueError):  # a text no database takes, or a row nobody can read: it quotes what it is about
        return StoreError(f"the store could not do it: {type(error).__name__}")
    return error


def _words(error: SQLAlchemyError) -> str:
    cause = error.orig if isinstance(error, DBAPIError) and error.orig else error
    first, *_ = [*str(cause).splitlines(), ""]  # the further lines may quote what customers wrote
    return f"{type(cause).__name__}: {first}"


Result = tuple["asyncio.Future[Any]", Any, Exception | None]


def _tell(outcomes: list[Result]) -> None:
    """Hand results to the loop in one wake-up, in commit order."""

    def deliver() -> None:
        for future, result, error in outcomes:
            if future.done():
                continue
            if error is not None:
                future.set_exception(error)
            else:
                future.set_result(result)

    with contextlib.suppress(RuntimeError):  # the loop is gone: nobody waits any more
        outcomes[0][0].get_loop().call_soon_threadsafe(deliver)
