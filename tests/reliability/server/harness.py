"""One run: replicas that stay alive and customers who keep writing while the server goes away again and again.

A seed decides who writes what and when, how long the model thinks, after which call the server goes and for how long.
What the operating system makes of it is chance; what must hold, holds whatever it makes.
"""

from __future__ import annotations

import asyncio
import random
import signal
import time
from dataclasses import dataclass, field
from pathlib import Path

from tests.reliability.kill.checker import Findings, check
from tests.reliability.kill.fleet import Fleet
from tests.reliability.kill.harness import chats, quiet
from tests.reliability.kill.scene import Plan, Scene, scene
from tests.reliability.server.outages import Outage, nothing

LONGEST = 60.0
"""Seconds within which the replicas must send something again once the server is back; the desk's longest pause is
half of it."""

AT_LEAST = 0.5
"""Seconds between two outages: as long as it takes to have something of everything under way."""


@dataclass
class Result:
    """What a run came to. `back`: seconds from each time the server took writes again until a replica's next call.

    `seconds`: from the first message to the last outage, and from there until all was quiet.
    """

    plan: Plan
    found: Findings = field(default_factory=Findings)
    back: list[float] = field(default_factory=list)
    seconds: tuple[float, float] = (0.0, 0.0)


async def run(plan: Plan, fleet: Fleet, folder: Path, outage: Outage, repair: Outage = nothing) -> Result:
    """As many outages as the plan has kills while customers write, then rest, then the checker's word."""
    result = Result(plan)
    async with scene(plan, fleet, folder) as made:
        enough = asyncio.Event()
        for _ in range(plan.replicas):  # the first one alone, because it makes the tables
            made.replicas.append(await fleet.start(made.shop))
            await fleet.up(made.replicas[-1])
        began = time.monotonic()
        async with asyncio.TaskGroup() as group:
            for customer in made.customers:
                group.create_task(customer.write(enough))
            await _strike(made, result, outage, repair)
            enough.set()
        struck = time.monotonic()
        await quiet(made)
        calm = time.monotonic()
        for replica in made.replicas:
            if not replica.alive:
                raise RuntimeError(f"a replica ended with {replica.status} because the server was away")
        ends = await asyncio.gather(*(fleet.end(replica, signal.SIGTERM) for replica in made.replicas))
        if any(ends):
            raise RuntimeError(f"replicas ended with {ends} when asked to")
        result.found = await asyncio.to_thread(check, chats(made), plan.store)
        for platform in made.platforms:
            if platform.waiting:
                result.found.fault("not quiet", f"{platform.waiting} messages on {platform.name} were never taken")
        result.seconds = struck - began, calm - struck
    return result


async def _strike(made: Scene, result: Result, outage: Outage, repair: Outage) -> None:
    chance = random.Random(f"outages {made.plan.seed}")
    for _ in range(made.plan.kills):
        await asyncio.sleep(AT_LEAST)
        await _called(made, chance.randrange(made.plan.calls), when_done=chance.random() < 0.5)
        await outage(chance)
        back = time.monotonic()
        await _called(made, 0, when_done=False)
        result.back.append(time.monotonic() - back)
        await repair(chance)


async def _called(made: Scene, skip: int, *, when_done: bool) -> None:
    """Return in the middle of a call a customer may see, or right after it, when so many more were made before."""
    reached: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    trigger = made.trigger

    def fire(_port: int) -> None:
        if not reached.done():
            reached.set_result(None)

    trigger.skip, trigger.when_done, trigger.fire = skip, when_done, fire
    try:
        async with asyncio.timeout(LONGEST):
            await reached
    except TimeoutError:
        raise RuntimeError(f"no replica has sent anything for {LONGEST:.0f} s though the server is there") from None
    finally:
        trigger.fire = None
