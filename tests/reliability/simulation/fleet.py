"""The replicas of one seed: they start, die, stop, are terminated, and start again; platforms ask any of them.

What a replica is made of is in `replica`.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any

from core.errors import FirstlineError
from tests.reliability.simulation.loop import Process
from tests.reliability.simulation.replica import Replica

if TYPE_CHECKING:
    from tests.reliability.simulation.world import World

REPLICAS = 3
ANSWER = 10.0
"""Seconds a platform waits for an answer of the bot's."""
DEATHS = 6
"""Processes that die in one seed at most: fewer than claims that make a message suspect."""


class Fleet:
    """`replicas` are those that may live, `processes` every life there was."""

    def __init__(self, world: World) -> None:
        self.replicas: list[Replica] = []
        self.processes: list[Process] = []
        self._world = world
        self._deaths = 0
        self._lives: Counter[int] = Counter()
        self._asks: dict[int, list[asyncio.Future[Any]]] = {}

    def begin(self) -> None:
        """All of them start."""
        for number in range(1, REPLICAS + 1):
            self.start(number)

    def others(self, process: Process) -> list[Replica]:
        """Every living replica but this one."""
        return [replica for replica in self.replicas if replica.process.alive and replica.process is not process]

    def start(self, number: int) -> None:
        """A replica begins a life."""
        self._lives[number] += 1
        process = Process(f"r{number}.{self._lives[number]}")
        process.skew = self._world.dice.choice((0.0, 0.0, 0.0, 2.0, -3.0, 45.0))
        process.left, process.fault = self._world.faults.steps(), self._strike
        self.processes.append(process)
        replica = Replica(self._world, process)
        self.replicas = [r for r in self.replicas if r.process.alive] + [replica]
        self._world.note(process, "starts", f"clock {process.skew:+g} s")
        task = process.start(replica.live())
        task.add_done_callback(lambda task: self._ended(process, task), context=self._world.context)

    def _ended(self, process: Process, task: asyncio.Task[Any]) -> None:
        if self._world.over or not process.alive:
            return
        process.alive = False
        error = None if task.cancelled() else task.exception()
        self._world.note(process, "ends", repr(error) if error else "in order")
        if error is not None and not isinstance(error, FirstlineError):
            self._world.surprise(f"{process.name} fell over: {error!r}")
        self._hang_up(process)
        self._again(process)

    def kill(self, process: Process, why: str) -> bool:
        """kill -9; False when it may live on."""
        if self._world.faults.calm or not process.alive or self._deaths >= DEATHS:
            return False
        self._deaths += 1
        self._world.faults.made["deaths"] += 1
        process.alive = False
        self._world.note(process, "DIES", why)
        self._hang_up(process)
        self._again(process)
        return True

    def _hang_up(self, process: Process) -> None:
        """Whoever waits for an answer of it sees the connection end."""
        for future in self._asks.pop(id(process), []):
            if not future.done():
                future.set_result(None)

    def _again(self, process: Process) -> None:
        number, world = int(process.name[1:].partition(".")[0]), self._world
        world.after(world.dice.choice((0.3, 2.0, 8.0, 14.0, 60.0)), lambda: None if world.over else self.start(number))

    def _strike(self, process: Process) -> None:
        """What happens to a process by itself, between any two of its steps."""
        process.left = self._world.faults.steps()
        if self._world.faults.calm:
            return
        match self._world.dice.choice(("dies", "dies", "stops", "stops", "ends")):
            case "dies":
                self.kill(process, "by itself")
            case "stops":
                self.stop(process)
            case _:
                self._world.faults.made["terminations"] += 1
                self._world.note(process, "TERM", "")
                next(r for r in self.replicas if r.process is process).stop.set()

    def stop(self, process: Process) -> float:
        """SIGSTOP, for a while; the seconds."""
        if self._world.faults.calm or not process.alive or process.stopped:
            return 0.0
        seconds = self._world.dice.choice((0.5, 4.0, 11.0, 13.0, 25.0))
        self._world.faults.made["stops"] += 1
        self._world.note(process, "STOPS", f"for {seconds} s")
        process.stopped = True
        self._world.after(seconds, lambda: self.go_on(process))
        return seconds

    def go_on(self, process: Process) -> None:
        """SIGCONT."""
        if process.alive and process.stopped:
            self._world.note(process, "GOES ON", "")
            self._world.loop.again(process.go_on())

    async def ask(self, what: Callable[[Replica], Coroutine[Any, Any, Any]]) -> Any:
        """What one of the replicas answers; None when it does not, or with an error."""
        able = [replica for replica in self.replicas if replica.process.alive and replica.open]
        if not able:
            await asyncio.sleep(1.0)
            return None
        replica = self._world.dice.choice(able)
        answer: asyncio.Future[Any] = self._world.loop.create_future()
        self._asks.setdefault(id(replica.process), []).append(answer)
        task = replica.process.start(what(replica))
        task.add_done_callback(lambda task: self._answered(replica.process, task, answer), context=self._world.context)
        try:
            async with asyncio.timeout(ANSWER):
                return await answer
        except TimeoutError:
            return None

    def _answered(self, process: Process, task: asyncio.Task[Any], answer: asyncio.Future[Any]) -> None:
        error = None if task.cancelled() else task.exception()
        if error is not None and not isinstance(error, FirstlineError):
            self._world.surprise(f"{process.name} answered with {error!r}")
        if not answer.done():
            answer.set_result(None if error is not None or task.cancelled() or not process.alive else task.result())
