"""One run: platforms and customers in this process, replicas in theirs, kill -9 again and again, then the checker.

A seed decides who writes what and when, how long the model thinks, who is killed and when. What the operating system
makes of it is chance; what must hold, holds whatever it makes.
"""

from __future__ import annotations

import asyncio
import signal
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from tests.reliability.kill.checker import Chat, Findings, Promise, check, unfinished
from tests.reliability.kill.codes import codes
from tests.reliability.kill.fleet import Fleet
from tests.reliability.kill.killing import Deaths, kill
from tests.reliability.kill.scene import Plan, Scene, scene

QUIET = 90.0
"""Seconds until all must be answered once nobody is killed any more, with leases and looking for messages."""


@dataclass
class Result:
    """What a run came to. `worst`: openings that a single kill left behind, at most.

    `seconds`: from the first message to the last kill, and from there until all was quiet.
    """

    plan: Plan
    found: Findings
    deaths: Deaths
    seconds: tuple[float, float]

    @property
    def worst(self) -> int:
        return max(Counter(map(self.deaths.of, self.found.openings)).values(), default=0)


async def run(plan: Plan, fleet: Fleet, folder: Path) -> Result:
    """Kill as planned while customers write, let it come to rest, check."""
    async with scene(plan, fleet, folder) as made:
        enough = asyncio.Event()
        await _start_all(made)
        began = time.monotonic()
        async with asyncio.TaskGroup() as group:
            for customer in made.customers:
                group.create_task(customer.write(enough))
            deaths = await kill(made)
            enough.set()
        killed = time.monotonic()
        for replica in made.replicas:
            await fleet.up(replica)
        await quiet(made)
        calm = time.monotonic()
        for replica in made.replicas:
            if status := await fleet.end(replica, signal.SIGTERM):
                raise RuntimeError(f"a replica ended with {status} when asked to")
        found = check(chats(made), plan.store)
        for platform in made.platforms:
            if platform.waiting:
                found.fault("not quiet", f"{platform.waiting} messages on {platform.name} were never taken")
    return Result(plan, found, deaths, (killed - began, calm - killed))


async def _start_all(made: Scene) -> None:
    """The first one alone, because it makes the tables."""
    for _ in range(made.plan.replicas):
        made.replicas.append(await made.fleet.start(made.shop))
        await made.fleet.up(made.replicas[-1])


async def quiet(made: Scene) -> None:
    """Return once every message was taken and nothing in the store waits, or after QUIET seconds all the same."""
    try:
        async with asyncio.timeout(QUIET):
            while await _busy(made):  # noqa: ASYNC110 - a database tells nobody
                await asyncio.sleep(0.25)
            await made.whatsapp.settled()
    except TimeoutError:
        return


async def _busy(made: Scene) -> bool:
    if any(platform.waiting for platform in made.platforms):
        return True
    return await asyncio.to_thread(unfinished, made.plan.store) > 0


def chats(made: Scene) -> list[Chat]:
    """What customers and platforms know of every chat."""
    lost = frozenset(code for text in made.whatsapp.lost for code in codes(text))
    promises = dict(zip(made.postings, (Promise.AT_MOST_ONCE, Promise.AT_LEAST_ONCE), strict=True))
    return [
        Chat(
            c.platform.address(c.chat),
            promises.get(c.platform, Promise.ONCE),  # type: ignore[call-overload]
            tuple(c.written),
            tuple(c.platform.posts(c.chat)),
            lost & frozenset(c.written),
        )
        for c in made.customers
    ]
