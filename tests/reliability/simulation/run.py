"""Plays one seed from beginning to end and has it checked.

The few places where the product looks at a real clock or real dice are given the seed's for that time.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta, tzinfo
from types import SimpleNamespace
from typing import Any
from unittest import mock

import channels.telegram.drafts
import channels.telegram.intake
import channels.telegram.silence
import core.burst
import core.fleet
from core.errors import FirstlineError
from tests.reliability.simulation.checks import check
from tests.reliability.simulation.history import Event
from tests.reliability.simulation.loop import PROCESS, START, StuckError
from tests.reliability.simulation.store import Server
from tests.reliability.simulation.world import World

STAND_BY = 5.0
"""Seconds between two tries to become the one that polls: with one a second the store would do little else."""


@dataclass
class Result:
    """What became of a seed. `broken` are promises that were not kept; `faults` those that were thrown, by name."""

    seed: int
    broken: list[str]
    faults: Counter[str] = field(default_factory=Counter)
    counts: Counter[str] = field(default_factory=Counter)
    events: list[Event] = field(default_factory=list)


def play(seed: int, server: Server) -> Result:
    """One seed; the same one gives the same history."""
    world = World(seed, server)
    asyncio.set_event_loop(world.loop)
    world.loop.set_exception_handler(lambda _loop, context: world.surprise(f"nobody caught {context!r}"))
    with replaced(world), listened(world):
        try:
            world.loop.run_until_complete(world.spawn(world.play()))
            broken = check(world)
        except StuckError as stuck:
            broken = [str(stuck)]
        finally:
            faults, events, counts = Counter(world.faults.made), list(world.events), counted(world)
            world.end()
            asyncio.set_event_loop(None)
    return Result(seed, broken, faults, counts, events)


def counted(world: World) -> Counter[str]:
    """What the seed came to."""
    counts: Counter[str] = Counter(
        {
            "steps": world.loop.steps,
            "virtual seconds": int(world.loop.time() - START),
            "messages": len(world.customers.asked),
            "orders": len(world.customers.orders),
            "lives": len(world.fleet.processes),
            "commits under a claim": len(world.commits),
        }
    )
    for _conv, outcome in world.server.query("select conv, outcome from ledger"):
        counts[f"outcome {outcome}"] += 1
    return counts


@contextmanager
def replaced(world: World) -> Iterator[None]:
    """The seed's time and dice where the product has its own."""

    class Host(datetime):
        """A host's wall clock, as wrong as that of the process that asks."""

        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Any:
            process = PROCESS.get()
            return world.utc() + timedelta(seconds=process.skew if process else 0.0)

    clock = SimpleNamespace(monotonic=world.loop.time)
    dice = SimpleNamespace(randbelow=random.Random(world.seed).randrange)
    with ExitStack() as stack:
        for module, name, instead in (
            (core.burst, "time", clock),
            (core.fleet, "time", clock),
            (core.fleet, "LOOK", STAND_BY),
            (channels.telegram.silence, "time", clock),
            (channels.telegram.drafts, "time", clock),
            (channels.telegram.silence, "datetime", Host),
            (channels.telegram.intake, "datetime", Host),
            (channels.telegram.drafts, "secrets", dice),
        ):
            stack.enter_context(mock.patch.object(module, name, instead))
        yield


class Errors(logging.Handler):
    """Puts what the product logs into the history; an exception that is none of its own is a surprise."""

    def __init__(self, world: World) -> None:
        super().__init__(logging.WARNING)
        self._world = world

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        self._world.note(PROCESS.get(), record.levelname.lower(), record.getMessage())
        if error is not None and not isinstance(error, FirstlineError) and not self._world.over:
            self._world.surprise(f"{record.getMessage()}: {error!r}")


@contextmanager
def listened(world: World) -> Iterator[None]:
    """Hear what the product logs."""
    handler = Errors(world)
    names = [logging.getLogger(name) for name in ("core", "channels")]
    before = [(logger, logger.propagate, logger.level) for logger in names]
    for logger in names:
        logger.addHandler(handler)
        logger.propagate = False
    try:
        yield
    finally:
        for logger, propagate, level in before:
            logger.removeHandler(handler)
            logger.propagate, logger.level = propagate, level
