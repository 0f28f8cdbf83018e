"""One vendor of two is down for a minute while customers keep asking at a steady rate; a third is one tier up.

Counted in calls and requests, not in seconds: after how many failed calls is the time to the first text what it was.
Every time can be shortened at once by `Times.scale`, so that the minute need not take one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from random import Random

from core.answering.hedge import Hedge
from core.tiers import Tier
from tests.reliability.tiers.customers import Asked, Findings, ask, judged
from tests.reliability.tiers.faults import Fault, Pace
from tests.reliability.tiers.scene import Scene, Times, scene
from tests.reliability.tiers.vendor import Vendor, vendors

MINUTE = 60.0
FEW = 5
"""Failed calls that may be needed to find out."""


@dataclass(frozen=True, slots=True)
class Outage:
    """How it goes: `how` is HANG_UP (no connection at all) or SILENT; `rate` requests begin a second."""

    how: Fault = Fault.HANG_UP
    rate: float = 10.0
    first: float = 0.4
    seed: int = 1
    before: float = 20.0
    hedged: bool = False
    times: Times = field(default_factory=lambda: Times(scale=0.1, first=5.0))


@dataclass(slots=True)
class Seen:
    """What the customers saw, in seconds at scale 1 where they are seconds.

    `failed`: calls of the vendor that failed before the p95 was back; -1: it never came back. `enough`: the same told
    without a clock, by when at most a twentieth of the requests that began later met a call that failed. `normal` and
    `after`: the p95 of the time to the first text before the outage, and of the requests that began once so many calls
    had failed, `begun_after` of them. `caught`: requests in the outage that waited longer than twice the normal;
    `later`: those of them that began after. `booked`: requests in the outage that met a failed call.
    """

    found: Findings
    failed: int = -1
    enough: int = -1
    normal: float = 0.0
    after: float = 0.0
    begun_after: int = 0
    caught: int = 0
    later: int = 0
    booked: int = 0


async def outage(given: Outage) -> Seen:
    """Some normal time, the minute, and what they were like."""
    scale = given.times.scale
    times = replace(given.times, hedge=Hedge()) if given.hedged else given.times
    pace = Pace(first=given.first * scale)
    made = [Vendor(name, pace=pace, seed=given.seed) for name in ("alpha", "beta", "gamma")]
    async with vendors(*made):
        async with scene({Tier.QUICK: made[:2], Tier.STANDARD: made[2:]}, times, given.seed) as stage:
            normal = await _stream(stage, given, given.before, "before")
            if given.how is Fault.SILENT:
                made[0].down = Fault.SILENT
            else:
                made[0].refuse()
            during = await _stream(stage, given, MINUTE, "during")
        return _seen(
            normal, during, scale, judged([*normal, *during], [r for v in made for r in v.served], {made[0].name})
        )


async def _stream(stage: Scene, given: Outage, seconds: float, name: str) -> list[Asked]:
    """Requests that begin at the rate, whatever becomes of those before."""
    chance = Random(f"{name} {given.seed}")
    clock = asyncio.get_running_loop().time
    due = clock()
    async with asyncio.TaskGroup() as group:
        tasks = []
        for number in range(int(given.rate * seconds)):
            tasks.append(group.create_task(ask(stage.chain, f"{name} {number}")))
            due += 2 * chance.random() * given.times.scale / given.rate
            await asyncio.sleep(max(0.0, due - clock()))
    return [task.result() for task in tasks]


def p95(asked: Sequence[Asked]) -> float:
    """Of the time to the first text."""
    waits = sorted(one.waited for one in asked)
    return waits[-(-95 * len(waits) // 100) - 1] if waits else float("inf")


def _seen(normal: Sequence[Asked], during: Sequence[Asked], scale: float, found: Findings) -> Seen:
    usual = p95(normal)
    failures = sorted(_ended(one) for one in during if _met_a_failure(one))
    seen = Seen(found, normal=usual / scale, booked=len(failures))
    seen.caught = sum(one.waited > 2 * usual for one in during)
    for few in range(min(FEW, len(failures)) + 1):
        begun = [one for one in during if one.began >= (failures[few - 1] if few else 0.0)]
        if seen.enough < 0 and sum(map(_met_a_failure, begun)) <= 0.05 * len(begun):
            seen.enough = few
        if seen.failed < 0:
            seen.after, seen.begun_after = p95(begun) / scale, len(begun)
            seen.later = sum(one.waited > 2 * usual for one in begun)
            seen.failed = few if seen.after <= 2 * seen.normal else -1
    return seen


def _met_a_failure(one: Asked) -> bool:
    return any(call.outcome == "failed" for call in one.calls)


def _ended(one: Asked) -> float:
    """When the first failed call of this request was over, on the loop's clock."""
    failed = next(call for call in one.calls if call.outcome == "failed")
    return one.began + failed.seconds
