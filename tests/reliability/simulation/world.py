"""One seed: three replicas of the bot, their store, their platforms and the people outside, all on one virtual loop.

What a replica is made of is in `replica`, what goes wrong in `faults`, whether promises were kept in `checks`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextvars import Context
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from tests.reliability.simulation.customers import Customers
from tests.reliability.simulation.faults import Faults
from tests.reliability.simulation.fleet import Fleet
from tests.reliability.simulation.history import History
from tests.reliability.simulation.loop import VirtualLoop
from tests.reliability.simulation.posting import Posting
from tests.reliability.simulation.store import Server
from tests.reliability.simulation.telegram import Telegram

BEGAN = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
ROUGH = 18.0
"""Seconds in which things go wrong."""
PATIENCE = 1_500.0
"""Seconds after which everything must have come to an end: several of the longest pauses."""
LONG_AFTER = 12.0
"""Seconds of quiet before the checker looks: a lease and more."""
STEP = 2.0
"""Seconds between two looks whether all is quiet."""


class World(History):
    """Everything of one seed. `unheard`: what arrives at a platform now is waited for by nobody any more."""

    def __init__(self, seed: int, server: Server) -> None:
        self.seed = seed
        self.server = server
        self.dice = Random(seed)
        self.faults = Faults(self.dice)
        self.loop = VirtualLoop()
        super().__init__(self.loop)
        self.over = False
        self.unheard = False
        self.telegram = Telegram(self, webhook=self.dice.random() < 0.5)
        self.posting = Posting(self)
        self.customers = Customers(self)
        self.fleet = Fleet(self)
        self.context = Context()
        self._tasks: set[asyncio.Task[Any]] = set()
        server.empty()
        server.now = self.micros

    def utc(self) -> datetime:
        """The right time."""
        return BEGAN + timedelta(seconds=self.loop.time())

    def micros(self) -> int:
        """The database's time: microseconds since 1970."""
        return int(self.utc().timestamp() * 1_000_000)

    def at(self, when: float, what: Callable[[], Any]) -> None:
        """Do something outside every process."""
        self.loop.call_at(when, what, context=self.context)

    def after(self, seconds: float, what: Callable[[], Any]) -> None:
        """The same, so much later."""
        self.at(self.loop.time() + seconds, what)

    def wait(self, fault: str, slow: str, hangs: str = "-", most: float = 15.0) -> float:
        """Seconds something takes: about 10 ms, seconds when slow, until `most` when it hangs."""
        if fault == hangs:
            return self.dice.uniform(3.0, most)
        # In whole hundredths, so that things often happen in the very same instant.
        return round(self.dice.expovariate(1.0 if fault == slow else 100.0), 2)

    def spawn(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Begin something outside every process."""
        task = self.loop.create_task(work, context=self.context.copy())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard, context=self.context)
        return task

    def check_confirmed(self, key: str) -> None:
        """Somebody told a platform that they have this: then it is in the inbox."""
        if not self.server.query("select 1 from inbox where source_key = ?", key):
            self.surprise(f"{key} was confirmed and is in no inbox")

    def anything_free(self) -> bool:
        """Whether any chat has work and nobody who holds it."""
        free = "select 1 from conversation where head < tail and (owner is null or lease_until < ?) limit 1"
        return bool(self.server.query(free, self.micros()))

    async def play(self) -> None:
        """Rough times, then calm until everything has come to an end."""
        self.fleet.begin()
        self.customers.begin()
        await asyncio.sleep(ROUGH)
        self._calm()
        give_up = self.loop.time() + PATIENCE
        quiet = 0.0
        while quiet < LONG_AFTER and self.loop.time() < give_up:
            await asyncio.sleep(STEP)
            quiet = quiet + STEP if self._quiet() else 0.0
        if quiet < LONG_AFTER:
            self.surprise("nothing came to an end")

    def _calm(self) -> None:
        self.faults.calm = True
        self.note(None, "CALM", "")
        for replica in self.fleet.replicas:
            self.fleet.go_on(replica.process)

    def _quiet(self) -> bool:
        waits = "select 1 from inbox where state = 'accepted' union all select 1 from reply where state = 'planned'"
        able = [replica for replica in self.fleet.replicas if replica.open]
        idle = all(not len(replica.desk.lanes) for replica in able)
        busy = self.customers.busy or self.telegram.updates or not able
        return idle and not busy and not self.server.query(f"{waits} limit 1")

    def end(self) -> None:
        """Let go of everything, so that nothing of this seed is left in memory."""
        self.over = True
        for process in self.fleet.processes:
            process.alive, process.fault = True, None
            self.loop.again(process.go_on())  # steps the dead never took, so that they can end now
        for _ in range(1_000):
            left = [t for t in (*self._tasks, *(t for p in self.fleet.processes for t in p.tasks)) if not t.done()]
            if not left:
                break
            for task in left:
                task.cancel()
            self.loop.run_until_complete(asyncio.sleep(0.01))
        else:
            raise RuntimeError(f"these do not end: {left}")
        self.loop.run_until_complete(self.loop.shutdown_asyncgens())
        self.loop.close()
