"""Kill -9 again and again, each time at a moment a seed decides, and what each death left behind in the chats."""

from __future__ import annotations

import asyncio
import contextlib
import random
import signal
from dataclasses import dataclass, field

from tests.reliability.kill.codes import OPENING
from tests.reliability.kill.fleet import Replica
from tests.reliability.kill.scene import Scene

EARLY = 0.08
"""The share of kills that come while a replica starts."""

REST, CALLS = 5, 3
"""Every so many lives one is long enough for so many calls a chat: a message that was under way at eight deaths in a
row would count as what killed them, and be set aside."""

LONGEST = 20.0
"""Seconds a kill waits for a call when none comes."""


@dataclass
class Deaths:
    """The kills of a run: how many came before the replica was ready, and the openings that stood after each."""

    early: int = 0
    openings: list[set[tuple[str, int]]] = field(default_factory=list)

    def note(self, made: Scene) -> None:
        """One kill has happened."""
        standing = set()
        for customer in made.customers:
            posts = customer.platform.posts(customer.chat)
            if posts and posts[-1].endswith(OPENING):
                standing.add((customer.platform.address(customer.chat), len(posts) - 1))
        self.openings.append(standing)

    def of(self, opening: tuple[str, int]) -> int:
        """The number of the kill that left this opening; one seen after none came in last."""
        return next((n for n, standing in enumerate(self.openings) if opening in standing), len(self.openings))


async def kill(made: Scene) -> Deaths:
    """Kill as often as planned, each time starting another one at once."""
    chance = random.Random(f"kills {made.plan.seed}")
    deaths = Deaths()
    for number in range(made.plan.kills):
        least = 0 if number % REST else CALLS * len(made.customers)
        victim = await _victim(made, chance, least)
        deaths.early += not victim.ready.is_set()
        if await made.fleet.end(victim, signal.SIGKILL) != -signal.SIGKILL:
            raise RuntimeError(f"a replica had ended by itself, with {victim.status}")
        deaths.note(made)
        if made.plan.polling:
            made.telegram.repeat(chance)
        made.replicas.remove(victim)
        made.replicas.append(await made.fleet.start(made.shop))
    return deaths


async def _victim(made: Scene, chance: random.Random, least: int) -> Replica:
    """Wait for a seeded moment, and who is to die then: whoever starts, or whoever made the last of so many calls.

    Calls are counted, not seconds, so that a slow machine gets as much done between two kills as a fast one. Half of
    the callers are dead before their call is answered; the others live on for a moment, to get a commit further.
    """
    if not least and chance.random() < EARLY:
        await asyncio.sleep(chance.uniform(0, 0.3))
        return made.replicas[-1]
    await made.fleet.up(made.replicas[0])
    chosen: asyncio.Future[Replica] = asyncio.get_running_loop().create_future()
    other, delay = chance.choice(made.replicas), chance.choice((0.0, 0.0, 0.004, 0.1)) * chance.random()

    def fire(port: int) -> None:
        victim = made.fleet.caller(port) or other
        if not delay:
            victim.end(signal.SIGKILL)
        chosen.set_result(victim)

    trigger = made.trigger
    trigger.skip, trigger.when_done = least + chance.randrange(made.plan.calls), chance.random() < 0.5
    trigger.fire = fire
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(LONGEST):
            other = await chosen
    trigger.fire = None
    await asyncio.sleep(delay)
    return other
