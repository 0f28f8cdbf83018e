"""One seed: three replicas of the bot, their store, their platforms and the people outside, all on one virtual loop.

What a replica is made of is in `replica`, what goes wrong in `faults`, whether promises were kept in `checks`.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine
from contextvars import Context, copy_context
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from core.errors import FirstlineError
from tests.reliability.simulation.customers import Customers
from tests.reliability.simulation.faults import Faults
from tests.reliability.simulation.loop import PROCESS, Process, VirtualLoop
from tests.reliability.simulation.posting import Posting
from tests.reliability.simulation.replica import Replica
from tests.reliability.simulation.store import Server
from tests.reliability.simulation.telegram import Telegram

BEGAN = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
REPLICAS = 3
ROUGH = 18.0
"""Seconds in which things go wrong."""
PATIENCE = 1_500.0
"""Seconds after which everything must have come to an end: several of the longest pauses."""
LONG_AFTER = 12.0
"""Seconds of quiet before the checker looks: a lease and more."""
STEP = 2.0
"""Seconds between two looks whether all is quiet."""
ANSWER = 10.0
"""Seconds a platform waits for an answer of the bot's."""
DEATHS = 6
"""Processes that die in one seed at most: fewer than claims that make a message suspect."""

Event = tuple[float, str, str, str]


class World:
    """Everything of one seed. `events` is its history; `surprises` are errors nobody planned."""

    def __init__(self, seed: int, server: Server) -> None:
        self.seed = seed
        self.server = server
        self.dice = Random(seed)
        self.faults = Faults(self.dice)
        self.loop = VirtualLoop()
        self.over = False
        self.events: list[Event] = []
        self.surprises: list[str] = []
        self.commits: list[tuple[str, str, int, str]] = []
        self.settled: dict[tuple[str, str], float] = {}
        self.admitted: dict[str, float] = {}
        self.told: dict[str, float] = {}
        self.deaths = 0
        self.unheard = False
        self.telegram = Telegram(self, webhook=self.dice.random() < 0.5)
        self.posting = Posting(self)
        self.customers = Customers(self)
        self.replicas: list[Replica] = []
        self.processes: list[Process] = []
        self._lives: Counter[int] = Counter()
        self._context = Context()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._asks: dict[int, list[asyncio.Future[Any]]] = {}
        server.empty()
        server.now = self.micros

    # time

    def utc(self) -> datetime:
        """The right time."""
        return BEGAN + timedelta(seconds=self.loop.time())

    def micros(self) -> int:
        """The database's time: microseconds since 1970."""
        return int(self.utc().timestamp() * 1_000_000)

    def at(self, when: float, what: Callable[[], Any]) -> None:
        """Do something outside every process."""
        self.loop.call_at(when, what, context=self._context)

    def after(self, seconds: float, what: Callable[[], Any]) -> None:
        """The same, so much later."""
        self.at(self.loop.time() + seconds, what)

    def wait(self, fault: str, slow: str, hangs: str = "-", most: float = 15.0) -> float:
        """Seconds something takes: about 10 ms, seconds when slow, until `most` when it hangs."""
        if fault == hangs:
            return self.dice.uniform(3.0, most)
        return self.dice.expovariate(1.0 if fault == slow else 100.0)

    def spawn(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Begin something outside every process."""
        task = self.loop.create_task(work, context=self._context.copy())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard, context=self._context)
        return task

    # history

    def note(self, process: Process | None, what: str, detail: str) -> None:
        """One line of the history."""
        self.events.append((self.loop.time(), process.name if process else "-", what, detail))

    def surprise(self, what: str) -> None:
        """Something that must not happen."""
        self.note(None, "SURPRISE", what)
        self.surprises.append(what)

    def committed(
        self, process: Process, name: str, given: dict[str, Any], result: Any, error: Exception | None, fault: str
    ) -> None:
        """A unit of work was done, or not; what it was under a claim is remembered."""
        if name in {"look", "beat", "show_life", "renew", "size", "hold", "silences"} and not (error or fault):
            if not (name == "renew" and len(result) != len(given["claims"])):
                return
        if name == "claim" and not result and not error:
            return
        claim = given.get("claim")
        self.note(process, "store", f"{name} {said(given)} {fault} -> {error or short(result)}")
        if claim is not None and error is None:
            self.commits.append((str(claim.address), process.name, claim.epoch, name))
        if name == "admit" and error is None:
            self.admitted.setdefault(given["arrival"].key, self.loop.time())
        if name == "settle" and error is None:
            key = given["settlement"].key
            self.settled.setdefault((str(given["settlement"].address), key), self.loop.time())

    def check_confirmed(self, key: str) -> None:
        """Somebody told a platform that they have this: then it is in the inbox."""
        if not self.server.query("select 1 from inbox where source_key = ?", key):
            self.surprise(f"{key} was confirmed and is in no inbox")

    def work_waits(self) -> bool:
        """Whether any chat has work."""
        return bool(self.server.query("select 1 from conversation where head < tail limit 1"))

    # processes

    def others(self, process: Process) -> list[Replica]:
        """Every living replica but this one."""
        return [replica for replica in self.replicas if replica.process.alive and replica.process is not process]

    def start(self, number: int) -> None:
        """A replica begins a life."""
        self._lives[number] += 1
        process = Process(f"r{number}.{self._lives[number]}")
        process.skew = self.dice.choice((0.0, 0.0, 0.0, 2.0, -3.0, 45.0))
        process.left, process.fault = self.faults.steps(), self._strike
        self.processes.append(process)
        replica = Replica(self, process)
        self.replicas = [r for r in self.replicas if r.process.alive] + [replica]
        self.note(process, "starts", f"clock {process.skew:+g} s")
        task = process.start(replica.live())
        task.add_done_callback(lambda task: self._ended(process, task), context=self._context)

    def _ended(self, process: Process, task: asyncio.Task[Any]) -> None:
        if self.over or not process.alive:
            return
        process.alive = False
        error = None if task.cancelled() else task.exception()
        self.note(process, "ends", repr(error) if error else "in order")
        if error is not None and not isinstance(error, FirstlineError):
            self.surprise(f"{process.name} fell over: {error!r}")
        self._hang_up(process)
        self._again(process)

    def kill(self, process: Process, why: str) -> bool:
        """kill -9; False when it may live on."""
        if self.faults.calm or not process.alive or self.deaths >= DEATHS:
            return False
        self.deaths += 1
        self.faults.made["deaths"] += 1
        process.alive = False
        self.note(process, "DIES", why)
        self._hang_up(process)
        self._again(process)
        return True

    def _hang_up(self, process: Process) -> None:
        """Whoever waits for an answer of it sees the connection end."""
        for future in self._asks.pop(id(process), []):
            if not future.done():
                future.set_result(None)

    def _again(self, process: Process) -> None:
        number = int(process.name[1:].partition(".")[0])
        self.after(self.dice.choice((0.3, 2.0, 8.0, 14.0, 60.0)), lambda: None if self.over else self.start(number))

    def _strike(self, process: Process) -> None:
        """What happens to a process by itself, between any two of its steps."""
        process.left = self.faults.steps()
        if self.faults.calm:
            return
        match self.dice.choice(("dies", "dies", "stops", "stops", "ends")):
            case "dies":
                self.kill(process, "by itself")
            case "stops":
                seconds = self.dice.choice((0.5, 4.0, 11.0, 13.0, 25.0))
                self.faults.made["stops"] += 1
                self.note(process, "STOPS", f"for {seconds} s")
                process.stopped = True
                self.after(seconds, lambda: self._go_on(process))
            case _:
                self.faults.made["terminations"] += 1
                self.note(process, "TERM", "")
                next(r for r in self.replicas if r.process is process).stop.set()

    def _go_on(self, process: Process) -> None:
        if process.alive and process.stopped:
            self.note(process, "GOES ON", "")
            self.loop.again(process.go_on())

    async def ask(self, what: Callable[[Replica], Coroutine[Any, Any, Any]]) -> Any:
        """What one of the replicas answers; None when it does not, or with an error."""
        able = [replica for replica in self.replicas if replica.process.alive and replica.open]
        if not able:
            await asyncio.sleep(1.0)
            return None
        replica = self.dice.choice(able)
        answer: asyncio.Future[Any] = self.loop.create_future()
        self._asks.setdefault(id(replica.process), []).append(answer)
        task = replica.process.start(what(replica))
        task.add_done_callback(lambda task: self._answered(replica.process, task, answer), context=self._context)
        try:
            async with asyncio.timeout(ANSWER):
                return await answer
        except TimeoutError:
            return None

    def _answered(self, process: Process, task: asyncio.Task[Any], answer: asyncio.Future[Any]) -> None:
        error = None if task.cancelled() else task.exception()
        if error is not None and not isinstance(error, FirstlineError):
            self.surprise(f"{process.name} answered with {error!r}")
        if not answer.done():
            answer.set_result(None if error is not None or task.cancelled() or not process.alive else task.result())

    # the seed

    async def play(self) -> None:
        """Rough times, then calm until everything has come to an end."""
        for number in range(1, REPLICAS + 1):
            self.start(number)
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
        for replica in self.replicas:
            self._go_on(replica.process)

    def _quiet(self) -> bool:
        waits = "select 1 from inbox where state = 'accepted' union all select 1 from reply where state = 'planned'"
        idle = all(not len(replica.desk.lanes) for replica in self.replicas if replica.open)
        busy = self.customers.busy or self.telegram.updates or not any(replica.open for replica in self.replicas)
        return idle and not busy and not self.server.query(f"{waits} limit 1")

    def end(self) -> None:
        """Let go of everything, so that nothing of this seed is left in memory."""
        self.over = True
        for process in self.processes:
            process.alive, process.fault = True, None
            self.loop.again(process.go_on())  # steps the dead never took, so that they can end now
        for _ in range(1_000):
            left = [t for t in (*self._tasks, *(t for p in self.processes for t in p.tasks)) if not t.done()]
            if not left:
                break
            for task in left:
                task.cancel()
            self.loop.run_until_complete(asyncio.sleep(0.01))
        else:
            raise RuntimeError(f"these do not end: {left}")
        self.loop.run_until_complete(self.loop.shutdown_asyncgens())
        self.loop.close()


def short(value: object) -> str:
    """A result as a log shows it."""
    text = repr(value)
    return text if len(text) < 160 else f"{text[:80]} .. {text[-70:]}"


def said(given: dict[str, Any]) -> str:
    """What a unit of work was given, as a log shows it."""
    found = []
    for name, value in given.items():
        match name:
            case "arrival":
                found.append(f"{value.key} {value.message.kind if value.message else ''}")
            case "settlement":
                found.append(f"{value.address} {value.key} {value.entry.outcome} {[m.id for m in value.messages]}")
            case "part":
                found.append(f"{value.reply}/{value.index} {value.state} {value.sent_as}")
            case "claim" if value is not None:
                found.append(f"{value.address} epoch {value.epoch} attempts {value.attempts}")
            case "claims":
                found.append(f"[{', '.join(f'{c.address} epoch {c.epoch}' for c in value)}]")
            case "address" | "progress" | "name" | "tried":
                found.append(f"{name}={value}")
    return ", ".join(found)
