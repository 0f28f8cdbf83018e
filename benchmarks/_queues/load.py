"""The load generator: starts an engine's replicas, hands them messages, and judges what they tell of them.

A chat's next message goes to the next replica, once the last one is settled (`turns`: a customer who waits for the
answer) or as soon as it is accepted (a backlog). So the order of a chat is the order in which it was accepted.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import os
from asyncio.subprocess import PIPE, Process, create_subprocess_exec
from collections import Counter, defaultdict
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks._harness import ROOT
from benchmarks._queues.worker import ACCEPTED, ANSWERED, CALLED, READY, SETTLED, STARTED, URL

GRACE = 300.0
"""Seconds after which what is not settled counts as lost."""

ENDING = 20.0
"""Seconds a replica has to end once it has nothing left to do."""

QUIET = 0.02
"""Seconds between two messages into a quiet system."""


class Failed(Exception):
    """A run that cannot be compared: a message was lost or doubled, or the engine broke."""


@dataclass(frozen=True, slots=True)
class Engine:
    """A driver, the interpreter it needs, and how many of its processes share one database."""

    name: str
    interpreter: Path
    driver: str
    replicas: int = 3


@dataclass(frozen=True, slots=True)
class Workload:
    """So many messages in each of so many chats, `wait` seconds of work each on average; `alone`: one at a time."""

    name: str
    chats: int
    messages: int
    wait: float = 0.0
    turns: bool = True
    alone: bool = False

    @property
    def total(self) -> int:
        return self.chats * self.messages


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run was worth.

    `speed`: messages a second from the first call to the last settlement. `starts`: seconds from the call that accepts
    a message to the start of its work. `inversions`: answers given before that of an earlier message of their chat.
    """

    speed: float
    starts: Sequence[float]
    inversions: int


class Load:
    """What the replicas tell of one run."""

    def __init__(self, workload: Workload) -> None:
        self.workload = workload
        self.times: dict[str, dict[tuple[str, int], float]] = defaultdict(dict)
        self.counts: Counter[tuple[str, str, int]] = Counter()
        self.answers: list[tuple[float, str, int]] = []
        self._heard: dict[tuple[str, str, int], asyncio.Event] = defaultdict(asyncio.Event)

    async def listen(self, replica: Process) -> None:
        """Take down what a replica tells until it ends."""
        assert replica.stdout is not None
        async for line in replica.stdout:
            event = json.loads(line)
            what, chat, number = event["what"], event["chat"], event["number"]
            self.counts[what, chat, number] += 1
            self.times[what].setdefault((chat, number), event["at"])
            self._heard[what, chat, number].set()
            if what == ANSWERED:
                self.answers.append((event["at"], chat, number))

    async def drive(self, replicas: Sequence[Process]) -> None:
        """Hand over every message once all replicas are ready; returns when all are settled."""
        for index in range(len(replicas)):
            await self._until(READY, named(index))
        room = asyncio.Semaphore(1 if self.workload.alone else self.workload.chats)

        async def write(index: int) -> None:
            chat = f"chat-{index}"
            async with room:
                for number in range(self.workload.messages):
                    give(replicas[(index + number) % len(replicas)], chat, number)
                    await self._until(SETTLED if self.workload.turns else ACCEPTED, chat, number)
                    if self.workload.alone:
                        await asyncio.sleep(QUIET)

        await asyncio.gather(*map(write, range(self.workload.chats)))
        for index in range(self.workload.chats):
            for number in range(self.workload.messages):
                await self._until(SETTLED, f"chat-{index}", number)

    async def _until(self, what: str, chat: str, number: int = 0) -> None:
        await self._heard[what, chat, number].wait()

    def outcome(self, kept: int) -> Outcome:
        """What the run was worth; `kept` is how many messages the engine's own tables call settled."""
        total = self.workload.total
        doubled = sum(times > 1 for (what, _, _), times in self.counts.items() if what in {ANSWERED, SETTLED})
        told = {what: len(self.times[what]) for what in (ACCEPTED, ANSWERED, SETTLED)}
        if doubled or {kept, *told.values()} != {total}:
            raise Failed(f"{total} messages: told {told}, kept as settled {kept}, doubled {doubled}")
        called = self.times[CALLED]
        took = max(self.times[SETTLED].values()) - min(called.values())
        starts = [at - called[message] for message, at in self.times[STARTED].items()]
        return Outcome(total / took, starts, inversions(self.answers))


def inversions(answers: Sequence[tuple[float, str, int]]) -> int:
    """How many answers came before that of an earlier message of their chat."""
    chats: dict[str, list[int]] = defaultdict(list)
    for _, chat, number in sorted(answers):
        chats[chat].append(number)
    return sum(later < earlier for order in chats.values() for earlier, later in itertools.pairwise(order))


def named(index: int) -> str:
    """A replica's name."""
    return f"replica-{index}"


def give(replica: Process, chat: str, number: int) -> None:
    """Order a replica to accept a message."""
    assert replica.stdin is not None
    replica.stdin.write(f"{json.dumps({'chat': chat, 'number': number})}\n".encode())


async def run(engine: Engine, url: str, workload: Workload, log: Path) -> Outcome:
    """One workload on one empty database; what the engine prints is kept in `log`. Failed says what went wrong."""
    paths = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH", "")]))
    command = [str(engine.interpreter), "-m", f"benchmarks._queues.{engine.driver}"]
    load = Load(workload)
    with log.open("wb") as errors:

        async def start(*rest: str) -> Process:
            environment = {**os.environ, "PYTHONPATH": paths, URL: url}
            return await create_subprocess_exec(
                *command, *rest, stdin=PIPE, stdout=PIPE, stderr=errors, cwd=ROOT, env=environment
            )

        await _told(await start("prepare"))
        replicas = [await start("work", named(i), str(workload.wait)) for i in range(engine.replicas)]
        listening = [asyncio.create_task(load.listen(replica)) for replica in replicas]
        try:
            await _driven(load, load.drive(replicas), listening)
        finally:
            await asyncio.gather(*map(_end, replicas))
            await asyncio.gather(*listening)
        kept = json.loads(await _told(await start("count")))["settled"]
    return load.outcome(kept)


async def _driven(load: Load, drive: Coroutine[None, None, None], listening: Sequence[asyncio.Task[None]]) -> None:
    driving = asyncio.create_task(drive)
    done, _ = await asyncio.wait({driving, *listening}, timeout=GRACE, return_when=asyncio.FIRST_COMPLETED)
    driving.cancel()
    if driving not in done:
        why = "a replica ended" if done else f"no more in {GRACE:g} s"
        raise Failed(f"{len(load.times[SETTLED])} of {load.workload.total} messages settled: {why}")
    await driving


async def _told(process: Process) -> bytes:
    answer, _ = await asyncio.wait_for(process.communicate(), GRACE)
    if process.returncode:
        raise Failed(f"a command of the driver failed with {process.returncode}")
    return answer


async def _end(replica: Process) -> None:
    assert replica.stdin is not None
    replica.stdin.close()
    try:
        await asyncio.wait_for(replica.wait(), ENDING)
    except TimeoutError:
        replica.kill()
        await replica.wait()
