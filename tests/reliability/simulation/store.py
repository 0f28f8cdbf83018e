"""The product's own units of work on SQLite in memory, for processes that share it and can lose their way to it.

Every call waits its turn as the product's `Database` makes it wait (units of one chat in order, reads for themselves),
and may be late, fail, be committed and not told, or be committed twice as after a lost connection. Time is the loop's.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TYPE_CHECKING, Any, TypeVar, cast
from zlib import crc32

from sqlalchemy import Connection, event

from core.errors import FirstlineError, StoreError
from core.records import Hint
from core.store import sqlite
from core.store.appends import gathered
from core.store.schema import metadata
from tests.reliability.simulation.loop import Process, answer

if TYPE_CHECKING:
    from tests.reliability.simulation.world import World

T = TypeVar("T")
WRITERS = 2
READER = 2
FAULTS = ("store_fails", "store_loses", "store_repeats", "dies_at_store", "stops_at_store", "store_slow", "store_hangs")
MODULES = {"owner", "budgets", "leases", "inbox", "work", "parts", "books", "names", "runs", "_history"}


class Server:
    """One database for every seed of this Python process, emptied before each. `now` gives microseconds since 1970."""

    def __init__(self) -> None:
        self.now: Callable[[], int] = lambda: 0
        engine = sqlite.engine("sqlite://")
        event.listen(engine, "connect", self._connected)
        metadata.create_all(engine)
        self.connection = engine.connect()
        raw: Any = self.connection.connection.driver_connection
        self._raw = raw

    def _connected(self, connection: Any, _record: Any) -> None:
        connection.create_function("now_micros", 0, lambda: self.now())  # noqa: PLW0108 - it is another one for each seed

    def empty(self) -> None:
        """As at the beginning."""
        for table in metadata.tables:
            self._raw.execute(f"delete from {table}")  # noqa: S608 - ours

    def query(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        """What a checker reads, without a word of the product's."""
        return cast("list[tuple[Any, ...]]", self._raw.execute(sql, values).fetchall())

    def run(self, work: Callable[[Connection], T]) -> T:
        """One unit of work, committed."""
        with self.connection.begin(), gathered(self.connection):
            return work(self.connection)


def described(work: Callable[..., Any]) -> tuple[str, dict[str, Any]]:
    """The name of a unit of work and what it was given: what a lambda of `SqlStore` calls, and its variables."""
    code = work.__code__
    if code.co_name != "<lambda>":
        return work.__name__, {}
    cells = work.__closure__ or ()
    given = {name: cell.cell_contents for name, cell in zip(code.co_freevars, cells, strict=True) if name != "self"}
    names = [name for name in code.co_names if name not in MODULES]
    return names[0], given


class SimulatedDatabase:
    """What `SqlStore` needs of `Database`, for one process."""

    url = "simulated://"
    shared = True

    def __init__(self, world: World, process: Process) -> None:
        self._world = world
        self._process = process
        self._free = [0.0] * (READER + 1)

    def write(self, work: Callable[[Connection], T], chat: str | None = None) -> Awaitable[T]:
        return self._put(crc32((chat or "").encode()) % WRITERS, work)

    def read(self, work: Callable[[Connection], T]) -> Awaitable[T]:
        return self._put(READER, work)

    def _put(self, queue: int, work: Callable[[Connection], Any]) -> Awaitable[Any]:
        world, loop = self._world, self._world.loop
        future: asyncio.Future[Any] = loop.create_future()
        if world.over:
            future.cancel()
            return future
        name, given = described(work)
        if name == "claim" and not world.anything_free() and world.dice.random() < 0.8:
            name = "look"  # most looks find nothing; that is seen at once, but not always taken for granted
        if name == "renew" and not given["claims"]:
            name = "beat"
        fault = world.faults.one_of(*FAULTS)
        if fault == "dies_at_store" and world.dice.random() < 0.5 and world.fleet.kill(self._process, f"before {name}"):
            return future
        wait = world.wait(fault, "store_slow", "store_hangs")
        self._free[queue] = max(self._free[queue], loop.time()) + wait
        world.at(self._free[queue], lambda: self._run(work, name, given, fault, future))
        return future

    def _run(
        self,
        work: Callable[[Connection], Any],
        name: str,
        given: dict[str, Any],
        fault: str,
        future: asyncio.Future[Any],
    ) -> None:
        world = self._world
        if world.over or (not self._process.alive and world.dice.random() < 0.5):
            return
        result, error = self._result(work, name, fault)
        world.committed(self._process, name, given, (result, error), fault)
        if fault == "dies_at_store":
            world.fleet.kill(self._process, f"after {name}")
        elif fault == "stops_at_store":
            world.fleet.stop(self._process)
        elif fault == "store_loses":
            error = StoreError("the connection was lost")
        if world.faults.strikes("store_slow"):
            world.after(world.wait("store_slow", "store_slow"), lambda: self._tell(name, given, future, result, error))
        else:
            self._tell(name, given, future, result, error)

    def _tell(
        self, name: str, given: dict[str, Any], future: asyncio.Future[Any], result: Any, error: Exception | None
    ) -> None:
        if name == "admit" and error is None and self._process.alive:
            self._world.told.setdefault(given["arrival"].key, self._world.loop.time())
        answer(future, result, error)

    def _result(self, work: Callable[[Connection], Any], name: str, fault: str) -> tuple[Any, Exception | None]:
        if fault == "store_fails":
            return None, StoreError("no connection")
        if name in {"look", "beat"}:
            return [], None
        try:
            for _ in range(2 if fault == "store_repeats" else 1):
                result = self._world.server.run(work)
        except FirstlineError as error:
            return None, error
        except Exception as error:  # noqa: BLE001 - a fault of the product's or of ours: it must not be overlooked
            self._world.surprise(f"{name} raised {error!r}")
            return None, StoreError("the store could not do it")
        return result, None


class SimulatedHints:
    """Word between processes: late, twice or never."""

    def __init__(self, world: World, process: Process) -> None:
        self._world = world
        self._process = process
        self._heard: asyncio.Queue[Hint] = asyncio.Queue()

    def tell(self, hint: Hint) -> None:
        for other in self._world.fleet.others(self._process):
            if self._world.faults.strikes("hint_lost"):
                continue
            for _ in range(2 if self._world.faults.strikes("hint_twice") else 1):
                late = self._world.dice.choice((0.03, 0.03, 0.03, 0.5, 3.0))
                self._world.after(late, lambda hints=other.hints: hints.take(hint))  # type: ignore[misc]

    def take(self, hint: Hint) -> None:
        self._heard.put_nowait(hint)

    async def heard(self) -> AsyncIterator[Hint]:
        while True:
            yield await self._heard.get()
