"""Where a process dies: named crash points W1-W10 (research: reliability, 3.2), put around the product's own functions.

`python -m tests.reliability.windows.points` is the zygote of the kill runs whose children take a point with their
order. Nothing of this is in the product; W7 is a matter of the platform, W12 of the network: see `run`.
"""

from __future__ import annotations

import functools
import importlib
import os
import signal
import threading
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any, TypeVar

import core.fleet
import core.leases
import core.store.inbox
import core.store.leases
import core.store.parts
import core.store.postgres
from bots import readiness
from core.conversation import Arrival
from core.records import Part, PartState
from core.store.sql import SqlStore
from tests.reliability.kill import zygote

T = TypeVar("T")

ORDER = "CRASH_POINT"
"""Variable of a child: the point's name, which passage counts, the number of the signal."""

LEASE, HEARTBEAT, LOOK = 1.5, 0.4, 0.3
"""Seconds, for those of core.fleet: as long as the product's own no test could wait."""

STANDS = {PartState.OPEN, PartState.SENT}


@dataclass
class Point:
    """A place that is passed again and again; at one passage the process gets a signal, whichever thread is there."""

    passage: int
    signal: int
    _passed: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def passed(self) -> None:
        """One more passage, the last of this life if it is the one."""
        with self._lock:
            self._passed += 1
            if self._passed == self.passage:
                os.kill(os.getpid(), self.signal)


Seen = Callable[..., bool]
"""Whether a call counts as a passage, from its result (None before it) and what it was given."""


def _always(_result: Any, *_given: Any) -> bool:
    return True


def _the(kind: type[T], given: Iterable[object]) -> T:
    """The argument of this type: what else a unit of work is given, and in which order, is its own affair."""
    return next(one for one in given if isinstance(one, kind))


def _async(name: str, point: Point, *, after: bool, seen: Seen = _always) -> None:
    """Around a method of the store, which returns when its transaction is committed."""
    original = getattr(SqlStore, name)

    @functools.wraps(original)
    async def watched(self: SqlStore, *given: Any, **named: Any) -> Any:
        if not after and seen(None, *given):
            point.passed()
        result = await original(self, *given, **named)
        if after and seen(result, *given):
            point.passed()
        return result

    setattr(SqlStore, name, watched)


def _uncommitted(module: ModuleType, name: str, point: Point, seen: Seen) -> None:
    """Behind a unit of work: its statements were carried out, its transaction is open."""
    original = getattr(module, name)

    @functools.wraps(original)
    def watched(*given: Any) -> Any:
        result = original(*given)
        if seen(result, *given):
            point.passed()
        return result

    setattr(module, name, watched)


def _w1(point: Point) -> None:
    """A customer's message is received and not committed."""
    _uncommitted(core.store.inbox, "admit", point, lambda _, *given: _the(Arrival, given).message is not None)


def _w2(point: Point) -> None:
    """It is committed, the platform was not told."""
    _async("admit", point, after=True, seen=lambda _, arrival: arrival.message is not None)


def _w3(point: Point) -> None:
    """The model is in the middle of its answer."""
    scripted = importlib.import_module("core.providers.scripted").Scripted  # known once `prepare` was run
    original = scripted.stream

    async def stream(self: Any, *given: Any) -> AsyncIterator[Any]:
        async for chunk in original(self, *given):
            yield chunk
            point.passed()

    scripted.stream = stream


def _w4(point: Point) -> None:
    """The answer is there and not planned."""
    _async("plan", point, after=False)


def _w5(point: Point) -> None:
    """It is planned and nothing is marked."""
    _async("plan", point, after=True)


def _w6(point: Point) -> None:
    """It is marked as being sent, no byte has left."""
    _async("mark", point, after=True, seen=lambda _, address, part, *claim: part.state is PartState.SENDING)


def _w8(point: Point) -> None:
    """The platform has answered, and what it said is not committed."""
    _uncommitted(core.store.parts, "mark", point, lambda _, *given: _the(Part, given).state in STANDS)


def _w9(point: Point) -> None:
    """One part stands, the next one was not begun."""
    parts: dict[tuple[str, str], int] = {}

    def planned(result: Any, settlement: Any, *_: Any) -> bool:
        parts[str(settlement.address), settlement.key] = len(result)
        return False

    def between(_result: None, address: Any, part: Any, *_: Any) -> bool:
        return part.state is PartState.SENT and part.index + 1 < parts[str(address), part.reply]

    _async("plan", point, after=True, seen=planned)
    _async("mark", point, after=True, seen=between)


def _w10(point: Point) -> None:
    """All parts stand, nothing is settled."""
    _async("settle", point, after=False, seen=lambda _, settlement, *claim: settlement.reply is not None)


POINTS = {"W1": _w1, "W2": _w2, "W3": _w3, "W4": _w4, "W5": _w5, "W6": _w6, "W8": _w8, "W9": _w9, "W10": _w10}
"""Each puts a point where its docstring says."""


def order(name: str, passage: int, number: signal.Signals = signal.SIGKILL) -> dict[str, str]:
    """What to put into a child's variables."""
    return {ORDER: f"{name} {passage} {int(number)}"}


def shorten_leases() -> None:
    """So that a peer takes over within seconds; the database's share of it is a value bound into the statements."""
    until: Any = core.store.leases.UNTIL
    until.right.value = int(LEASE * core.store.leases.SECOND)
    core.store.postgres.LONGEST_IDLE = LEASE
    for module in (core.fleet, core.leases, readiness):
        vars(module)["LEASE"] = LEASE
    for module in (core.fleet, core.leases):
        vars(module).update(HEARTBEAT=HEARTBEAT, LOOK=LOOK)


def live(given: dict[str, Any], go_on: Callable[[dict[str, Any]], None] = zygote.live) -> None:
    """The life of one process, with its point."""
    if asked := given["env"].pop(ORDER, ""):
        name, passage, number = asked.split()
        POINTS[name](Point(int(passage), int(number)))
    go_on(given)


if __name__ == "__main__":
    shorten_leases()
    vars(zygote)["live"] = live
    zygote.main()
