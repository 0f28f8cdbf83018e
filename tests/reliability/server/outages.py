"""What is done to the server while it is used: it crashes and comes back, or its standby takes over.

Who uses it meanwhile, and what must hold afterwards, is in `harness`.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable

from tests.reliability.pair import Pair
from tests.reliability.postgres import Cluster

AWAY = (0.2, 2.0)
"""Seconds a crashed server is away before somebody starts it again."""

NOTICED = (0.0, 1.0)
"""Seconds until whoever watches a pair has its standby promoted."""

ALONE = (0.5, 2.0)
"""Seconds the promoted one is on its own before the other is rebuilt as its standby."""

Outage = Callable[[random.Random], Awaitable[None]]
"""Does it; returns when the server takes writes again."""


def stops(cluster: Cluster) -> Outage:
    """An immediate stop, open transactions lost and connections cut, and a start some time later."""

    async def stop(chance: random.Random) -> None:
        await asyncio.to_thread(cluster.stop, "immediate")
        await asyncio.sleep(chance.uniform(*AWAY))
        await asyncio.to_thread(cluster.start)

    return stop


def promotions(pair: Pair) -> Outage:
    """The primary crashes, the standby is promoted. A standby is made of the one that crashed before."""

    async def promote(chance: random.Random) -> None:
        await asyncio.to_thread(pair.primary.stop, "immediate")
        await asyncio.sleep(chance.uniform(*NOTICED))
        await asyncio.to_thread(pair.promote)

    return promote


def repairs(pair: Pair) -> Outage:
    """What an operator does some time after a promotion: what was acknowledged is on two disks again."""

    async def repair(chance: random.Random) -> None:
        await asyncio.sleep(chance.uniform(*ALONE))
        await asyncio.to_thread(pair.rejoin)

    return repair


async def nothing(_chance: random.Random) -> None:
    """A server that is back needs no repair."""
