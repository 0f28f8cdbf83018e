"""How long a chat waits when the process that had it dies and nobody starts another: replicas killed and left dead.

Measured from the kill to the answer, as it stands on the platform, of every message that was accepted by then in a chat
the dead one held. The store tells who held what; the platform tells when the answer stood.
"""

from __future__ import annotations

import asyncio
import random
import signal
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.reliability.kill.checker import Findings, check, query
from tests.reliability.kill.codes import Code, codes
from tests.reliability.kill.customers import Customer
from tests.reliability.kill.fleet import Fleet, Replica
from tests.reliability.kill.harness import chats, quiet
from tests.reliability.kill.scene import Plan, Scene, scene

LOOK = 0.02  # seconds between two looks at a chat
LONGEST = 60.0  # seconds after which a chat counts as never taken over
TRIES = 100  # looks for a replica that has something to lose
WITH_WORK = "select conv, owner from conversation where owner is not null and head < tail"


@dataclass
class Waits:
    """Seconds each chat waited for its answer, and for a peer to take it over; what the checker found afterwards.

    `never`: chats nobody answered. `hit`: when the owner of a chat was killed last; who takes a chat over may die, too.
    """

    seconds: list[float] = field(default_factory=list)
    taken: list[float] = field(default_factory=list)
    never: int = 0
    kills: int = 0
    hit: dict[str, float] = field(default_factory=dict)
    found: Findings = field(default_factory=Findings)


def percentile(seconds: Sequence[float], share: float) -> float:
    """The wait that so large a share of the chats did not exceed."""
    ordered = sorted(seconds)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0


async def run(plan: Plan, fleet: Fleet, folder: Path, at_once: int = 2) -> Waits:
    """Kill as often as planned, at most so many dead at a time; a dead one is replaced when its chats were answered."""
    waits = Waits()
    async with scene(plan, fleet, folder) as made:
        owners: dict[Replica, str] = {}
        for _ in range(plan.replicas):
            await _join(made, owners, asyncio.Lock())
        enough = asyncio.Event()
        left = iter(range(plan.kills))
        starting = asyncio.Lock()
        async with asyncio.TaskGroup() as writing:
            for customer in made.customers:
                writing.create_task(customer.write(enough))
            async with asyncio.TaskGroup() as killing:
                for number in range(at_once):
                    chance = random.Random(f"{plan.seed} {number}")
                    killing.create_task(_kill(made, owners, starting, (left, chance, waits)))
            enough.set()
        await quiet(made)
        for replica in owners:
            await fleet.end(replica, signal.SIGTERM)
        waits.found = check(chats(made), plan.store)
    return waits


async def _join(made: Scene, owners: dict[Replica, str], starting: asyncio.Lock) -> None:
    """One more replica, and the name the store knows it by: one at a time, or nobody could tell whose name is whose."""
    async with starting:
        before = await _names(made) if owners else set()
        replica = await made.fleet.start(made.shop)
        await made.fleet.up(replica)
        async with asyncio.timeout(LONGEST):
            while not (new := await _names(made) - before):  # noqa: ASYNC110 - a database tells nobody
                await asyncio.sleep(LOOK)
        owners[replica] = new.pop()


async def _names(made: Scene) -> set[str]:
    return {name for (name,) in await asyncio.to_thread(query, made.plan.store, "select owner from replica")}


async def _kill(
    made: Scene, owners: dict[Replica, str], starting: asyncio.Lock, work: tuple[object, random.Random, Waits]
) -> None:
    left, chance, waits = work
    for _ in left:  # type: ignore[attr-defined]
        await asyncio.sleep(chance.uniform(0.3, 1.5))
        replica = await _busy(made, owners, chance)
        owner = owners.pop(replica)
        killed = time.monotonic()
        replica.end(signal.SIGKILL)
        rows = await asyncio.to_thread(query, made.plan.store, WITH_WORK)
        orphaned = {conv for conv, held_by in rows if held_by == owner}
        due = await asyncio.to_thread(_due, made.plan.store, orphaned)
        waits.kills += 1
        waits.hit |= dict.fromkeys(orphaned, killed)
        taken = asyncio.create_task(_taken(made, owner, killed, waits))
        await asyncio.gather(taken, *(_answered(c, due, killed, waits) for c in made.customers))
        await _join(made, owners, starting)


async def _busy(made: Scene, owners: Mapping[Replica, str], chance: random.Random) -> Replica:
    """One that has a chat in hand, if there is one within a while."""
    for _ in range(TRIES):
        rows = await asyncio.to_thread(query, made.plan.store, WITH_WORK)
        held_by = {owner for _, owner in rows}
        if busy := [replica for replica, owner in owners.items() if owner in held_by]:
            return chance.choice(busy)
    return chance.choice(list(owners))


async def _taken(made: Scene, owner: str, killed: float, waits: Waits) -> None:
    """Note when each chat of the dead one became another's."""
    held: set[str] | None = None
    while held is None or held:
        rows = await asyncio.to_thread(query, made.plan.store, WITH_WORK)
        now = {conv for conv, held_by in rows if held_by == owner}
        waits.taken += [time.monotonic() - killed] * len((held or set()) - now)
        held = now
        await asyncio.sleep(5 * LOOK)


def _due(url: str, convs: set[str]) -> Mapping[str, Code]:
    """The newest accepted message of each of these chats."""
    due: dict[str, Code] = {}
    for conv, body in query(url, "select conv, message from inbox where state = 'accepted' order by conv, seq"):
        if conv in convs:
            due[conv] = codes(body)[0]
    return due


async def _answered(customer: Customer, due: Mapping[str, Code], killed: float, waits: Waits) -> None:
    conv = customer.platform.address(customer.chat)
    code = due.get(conv)
    if code is None:
        return
    try:
        async with asyncio.timeout(LONGEST):
            while customer.answered() < code.number:  # noqa: ASYNC110 - what stands in a chat tells nobody
                await asyncio.sleep(LOOK)
    except TimeoutError:
        waits.never += 1
    else:
        if waits.hit[conv] == killed:
            waits.seconds.append(time.monotonic() - killed)
