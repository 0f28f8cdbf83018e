"""One SQLite file, one writer thread: units of work queue up and are committed together as a group.

A unit of work is a plain function of a connection, safe to run again: when one of a group fails, the group is rolled
back and each unit is committed alone, so one bad unit never costs another its commit. Reads have a thread of their own.
What the tables mean is not known here.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import queue
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.pool import NullPool, StaticPool

from core.errors import StoreError

T = TypeVar("T")
Work = Callable[[Connection], Any]
Job = tuple[Work, "asyncio.Future[Any]"]

GROUP = 200
"""At most so many units of work share one commit."""

PRAGMAS = ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "mmap_size=0", "temp_store=MEMORY")


class Database:
    """A SQLite database; `sqlite://` lives in memory. Use as an async context manager."""

    def __init__(self, url: str, prepare: Callable[[Engine], None]) -> None:
        self.url = url
        self._prepare = prepare
        self._file = _file_of(url)
        self._jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._reads: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._stack = contextlib.ExitStack()
        self._threads: list[threading.Thread] = []
        self._closed = False

    async def __aenter__(self) -> Database:
        engine = await asyncio.to_thread(self._open)
        self._start(self._jobs, engine, _write_group)
        if self._file:
            reader = _engine(self.url, (*PRAGMAS, "query_only=ON"))
            self._stack.callback(reader.dispose)
            self._start(self._reads, reader, _read_each)
        return self

    async def __aexit__(self, *exc: object) -> None:
        self._closed = True
        self._jobs.put(None)
        self._reads.put(None)
        for thread in self._threads:
            await asyncio.to_thread(thread.join)
        self._stack.close()

    def write(self, work: Callable[[Connection], T]) -> Awaitable[T]:
        """Run in the next group; returns when it is on disk. StoreError when it could not be committed."""
        return self._put(self._jobs, work)

    def read(self, work: Callable[[Connection], T]) -> Awaitable[T]:
        """Run on the latest committed state, without waiting for writers."""
        return self._put(self._reads if self._file else self._jobs, work)

    def _put(self, jobs: queue.SimpleQueue[Job | None], work: Callable[[Connection], T]) -> Awaitable[T]:
        if self._closed:
            raise StoreError("the store is closed")
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        jobs.put((work, future))
        return future

    def _open(self) -> Engine:
        if self._file:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            self._stack.enter_context(_only_process(self._file))
        engine = _engine(self.url, PRAGMAS)
        self._stack.callback(engine.dispose)
        try:
            self._prepare(engine)
        except SQLAlchemyError as error:
            raise StoreError(f"the store {self.url} cannot be opened: {error}") from error
        return engine

    def _start(
        self, jobs: queue.SimpleQueue[Job | None], engine: Engine, run: Callable[[Connection, list[Job]], None]
    ) -> None:
        thread = threading.Thread(target=_serve, args=(jobs, engine, run), daemon=True)
        thread.start()
        self._threads.append(thread)


def _file_of(url: str) -> Path | None:
    scheme, _, name = url.partition("://")
    if scheme != "sqlite":
        raise StoreError(f"store {scheme!r} is not supported; write sqlite:///data/firstline.db")
    return Path(name[1:]) if name.strip("/") else None


@contextlib.contextmanager
def _only_process(file: Path) -> Any:
    """Two writing processes can corrupt a WAL file in SQLite before 3.51.3, so the second one is refused."""
    with file.with_name(file.name + ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise StoreError(f"{file} is in use by another firstline process; stop that one first") from error
        yield


def _engine(url: str, pragmas: tuple[str, ...]) -> Engine:
    file = _file_of(url)
    engine = create_engine(
        url,
        poolclass=NullPool if file else StaticPool,
        hide_parameters=True,  # what customers wrote is for no log
        connect_args={"check_same_thread": False, "isolation_level": None},
    )

    @event.listens_for(engine, "connect")
    def on_connect(dbapi_connection: Any, _record: Any) -> None:
        for pragma in pragmas:
            dbapi_connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def on_begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN")

    return engine


def _serve(jobs: queue.SimpleQueue[Job | None], engine: Engine, run: Callable[[Connection, list[Job]], None]) -> None:
    with engine.connect() as connection:
        while (job := jobs.get()) is not None:
            group = [job]
            while len(group) < GROUP and not jobs.empty():
                another = jobs.get()
                if another is None:
                    jobs.put(None)
                    break
                group.append(another)
            run(connection, group)


def _write_group(connection: Connection, group: list[Job]) -> None:
    try:
        with connection.begin():
            results = [work(connection) for work, _ in group]
    except Exception as error:  # noqa: BLE001 - whatever a unit raises must not cost the others their commit
        if len(group) == 1:
            _tell([(group[0][1], None, _as_store_error(error))])
        else:
            for job in group:
                _write_group(connection, [job])
        return
    _tell([(future, result, None) for (_, future), result in zip(group, results, strict=True)])


def _read_each(connection: Connection, group: list[Job]) -> None:
    for work, future in group:
        try:
            with connection.begin():
                result = work(connection)
        except Exception as error:  # noqa: BLE001 - one failed read is its caller's alone
            _tell([(future, None, _as_store_error(error))])
        else:
            _tell([(future, result, None)])


def _as_store_error(error: Exception) -> Exception:
    if isinstance(error, SQLAlchemyError):
        cause = error.orig if isinstance(error, DBAPIError) and error.orig else error
        return StoreError(f"the store could not do it: {type(cause).__name__}: {cause}")
    return error


Outcome = tuple["asyncio.Future[Any]", Any, Exception | None]


def _tell(outcomes: list[Outcome]) -> None:
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
