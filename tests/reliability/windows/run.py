"""One crash: customers write until a process dies at its point, another goes on, and the checker looks at the end.

A window and a seed decide where, at which passage, who writes and how much. Where the points are is in `points`.
"""

from __future__ import annotations

import asyncio
import signal
from contextlib import AsyncExitStack
from pathlib import Path
from urllib.parse import urlsplit

from tests.reliability.kill.checker import Chat, Findings, Promise, check, unfinished
from tests.reliability.kill.fleet import Fleet, Replica
from tests.reliability.proxy import Toxic
from tests.reliability.windows.points import POINTS, order
from tests.reliability.windows.scene import LOOK, Case, Cutting, MissedError, Scene, scene

PLACES = ("W3", "W4", "W5", "W6", "W9", "W10")
"""Where a zombie falls asleep: places at which its thread holds no transaction open."""


async def crash(case: Case, fleet: Fleet, folder: Path) -> Findings:
    """Make one crash and say what became of every message. MissedError when there was none."""
    async with AsyncExitStack() as stack:
        proxy = None
        if case.window == "W12":
            proxy = await stack.enter_async_context(Cutting(urlsplit(case.store).port or 0, seed=case.seed))
        made = await stack.enter_async_context(scene(case, fleet, folder, proxy))
        if proxy is not None:
            await _connection_lost(made, proxy)
        elif case.window == "W11":
            await _zombie(made)
        else:
            await _killed(made)
        for writer in made.writers:
            writer.say()
        await made.quiet()
        for replica in made.replicas:
            if status := await fleet.end(replica, signal.SIGTERM):
                raise RuntimeError(f"a replica ended with {status} when asked to")
        chats = [
            Chat(w.platform.address(w.chat), Promise.ONCE, tuple(w.written), tuple(w.platform.posts(w.chat)))
            for w in made.writers
        ]
        found = check(chats, case.store)
    if (left := len(found.openings)) > case.most_orphans:
        found.fault("orphans", f"{left} openings left, {found.openings}")
    return found


async def _killed(made: Scene) -> None:
    """W1 to W10: dead at the point; started again, or a peer goes on."""
    case, chance = made.case, made.case.chance
    passage = chance.randint(1, 4)
    if case.window in POINTS:
        victim = await made.start(order(case.window, passage))
    else:
        victim = await made.start()
        made.platform.method, made.platform.passage = chance.choice(("sendMessage", "editMessageText")), passage
    for _ in range(case.replicas - 1):
        await made.start()

    async def fire(port: int) -> None:
        nonlocal victim
        victim = made.fleet.caller(port) or victim
        await made.fleet.end(victim, signal.SIGKILL)
        fired.set()

    fired = asyncio.Event()
    made.platform.fire = fire
    await made.writing(victim.ended.wait() if case.window in POINTS else fired.wait())
    if victim.status != -signal.SIGKILL:
        raise RuntimeError(f"a replica had ended by itself, with {victim.status}")
    made.replicas.remove(victim)
    if case.replicas == 1:
        await made.start()


async def _zombie(made: Scene) -> None:
    """W11: asleep at a point for longer than a lease; a peer answers meanwhile, then it wakes and is fenced."""
    chance = made.case.chance
    place, passage = chance.choice(PLACES), chance.randint(1, 3)
    sleeper = await made.start(order(place, passage, signal.SIGSTOP))
    await made.start()
    await made.writing(_asleep(sleeper))
    await made.quiet()
    if unfinished(made.case.store):
        raise MissedError(f"W11 seed {made.case.seed}: nobody took over")
    sleeper.end(signal.SIGCONT)


async def _asleep(replica: Replica) -> None:
    state = Path(f"/proc/{replica.pid}/stat")
    while state.read_text("ascii").rpartition(") ")[2][0] != "T":  # noqa: ASYNC110, ASYNC240 - no disk
        await asyncio.sleep(LOOK)


async def _connection_lost(made: Scene, proxy: Cutting) -> None:
    """W12: before the server knows of the COMMIT, or when it is done and only its answer is missing."""
    await made.start()
    way = proxy.to_server if made.case.chance.random() < 0.5 else proxy.to_client
    way.toxic = Toxic(at=b"COMMIT", after=0, chance=0.4)
    await made.writing(proxy.lost.wait())
