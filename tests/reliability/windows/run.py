"""One crash: customers write until a process dies at its point, another goes on, and the checker looks at the end.

A window and a seed decide where, at which passage, who writes and how much. Where the points are is in `points`.
"""

from __future__ import annotations

import asyncio
import random
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tests.reliability.kill.balancer import Balancer
from tests.reliability.kill.checker import Chat, Findings, Promise, check, unfinished
from tests.reliability.kill.codes import Code, codes, question
from tests.reliability.kill.fleet import PATIENCE, Fleet, Replica, environment
from tests.reliability.kill.platforms import PORT, Telegram
from tests.reliability.kill.shop import OPERATORS, ROOT, Shop, open_shop
from tests.reliability.proxy import FaultProxy, Toxic
from tests.reliability.windows.points import POINTS, order

WINDOWS = tuple(f"W{number}" for number in range(1, 13))
ON_POSTGRES = ("W11", "W12")
"""Windows there are only where processes share a server."""

PLACES = ("W3", "W4", "W5", "W6", "W9", "W10")
"""Where a zombie falls asleep: places at which its thread holds no transaction open."""

ORPHANS = {"W7": 1, "W8": 1, "W11": 1}
"""Openings one crash may leave behind where a single chat is answered; none where it is not named."""

ORPHANS_IN_A_CROWD = 2
"""Openings one crash may leave behind where several are (decision 0012)."""

REACHED = 30.0
"""Seconds within which a point must be reached."""

QUIET = 30.0
"""Seconds within which all must be answered after a crash."""

LOOK = 0.02


class MissedError(Exception):
    """A point was not reached, or a peer did not take over: there was no crash to speak of."""


@dataclass(frozen=True)
class Case:
    """One crash to be made. With two replicas the second one goes on, with one it is started again."""

    window: str
    seed: int
    store: str
    replicas: int = 1

    @property
    def chance(self) -> random.Random:
        return random.Random(f"{self.window} {self.seed}")

    @property
    def crowd(self) -> bool:
        """Whether several chats are answered at the time."""
        return self.seed % 2 == 0

    @property
    def most_orphans(self) -> int:
        return ORPHANS_IN_A_CROWD if self.crowd else ORPHANS.get(self.window, 0)


@dataclass
class Platform(Telegram):
    """Telegram, which at one call of a method stops between doing it and answering: `fire` is awaited there."""

    method: str = ""
    passage: int = 0
    fire: Callable[[int], Awaitable[None]] | None = None

    def __post_init__(self) -> None:
        super().__init__(lambda *_: None)

    async def _do(self, method: str, params: Any) -> Any:
        result = await super()._do(method, params)
        if method == self.method and self.fire is not None:
            self.passage -= 1
            if not self.passage:
                await self.fire(PORT.get())
        return result


@dataclass
class Writer:
    """A customer who writes a burst, waits for the answers and writes the next one."""

    platform: Platform
    chat: int
    chance: random.Random
    long: float
    written: list[Code] = field(default_factory=list)

    def say(self) -> None:
        code = Code(self.chat, len(self.written) + 1, self.chance.random() < self.long)
        self.written.append(code)
        self.platform.say(self.chat, question(code))

    async def write(self, enough: asyncio.Event) -> None:
        """Burst after burst."""
        while not enough.is_set():
            for _ in range(self.chance.choice((1, 1, 2, 3))):
                self.say()
                await asyncio.sleep(self.chance.uniform(0, 0.03))
            while not (enough.is_set() or self.answered):  # noqa: ASYNC110 - what stands in a chat tells nobody
                await asyncio.sleep(LOOK)

    @property
    def answered(self) -> bool:
        standing = {code for text in self.platform.posts(self.chat) for code in codes(text)}
        return standing.issuperset(self.written)


@dataclass
class Scene:
    """What stands around one crash."""

    case: Case
    shop: Shop
    fleet: Fleet
    platform: Platform
    writers: list[Writer]
    replicas: list[Replica] = field(default_factory=list)

    async def start(self, env: dict[str, str] | None = None) -> Replica:
        """A further replica, ready."""
        replica = await self.fleet.start(replace(self.shop, env={**self.shop.env, **(env or {})}))
        self.replicas.append(replica)
        await self.fleet.up(replica)
        return replica

    async def quiet(self) -> None:
        """Return when every message was taken and is settled, or after QUIET seconds: the checker tells what waits."""
        try:
            async with asyncio.timeout(QUIET):
                while self.platform.waiting or await asyncio.to_thread(unfinished, self.case.store):  # noqa: ASYNC110
                    await asyncio.sleep(LOOK)
        except TimeoutError:
            return

    async def writing(self, until: Awaitable[object]) -> None:
        """Have everybody write until that has happened. MissedError when it does not."""
        enough = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            for writer in self.writers:
                group.create_task(writer.write(enough))
            try:
                async with asyncio.timeout(REACHED):
                    await until
            except TimeoutError:
                raise MissedError(f"{self.case.window} seed {self.case.seed}: the point was not reached") from None
            finally:
                enough.set()


async def crash(case: Case, fleet: Fleet, folder: Path) -> Findings:
    """Make one crash and say what became of every message. MissedError when there was none."""
    async with AsyncExitStack() as stack:
        proxy = None
        if case.window == "W12":
            proxy = await stack.enter_async_context(Cutting(urlsplit(case.store).port or 0, seed=case.seed))
        made = await stack.enter_async_context(_scene(case, fleet, folder, proxy))
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


class Cutting(FaultProxy):
    """Loses one connection, and then no more."""

    def __init__(self, port: int, *, seed: int) -> None:
        super().__init__(port, seed=seed)
        self.lost = asyncio.Event()

    async def _link(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> None:
        await super()._link(reader, writer, number)
        if self.to_server.toxic.at or self.to_client.toxic.at:
            self.to_server.toxic = self.to_client.toxic = Toxic()
            self.lost.set()


async def _connection_lost(made: Scene, proxy: Cutting) -> None:
    """W12: before the server knows of the COMMIT, or when it is done and only its answer is missing."""
    await made.start()
    way = proxy.to_server if made.case.chance.random() < 0.5 else proxy.to_client
    way.toxic = Toxic(at=b"COMMIT", after=0, chance=0.4)
    await made.writing(proxy.lost.wait())


@asynccontextmanager
async def _scene(case: Case, fleet: Fleet, folder: Path, proxy: FaultProxy | None) -> AsyncIterator[Scene]:
    chance = case.chance
    store = case.store
    if proxy is not None:
        store = store.replace(f":{urlsplit(store).port}/", f":{proxy.port}/")
    async with AsyncExitStack() as stack:
        platform = await stack.enter_async_context(Platform())
        platform.joins(OPERATORS)
        balancer = await stack.enter_async_context(Balancer(lambda: fleet.urls, chance))
        called = case.window in {"W1", "W2"} and chance.random() < 0.5
        webhook = f", webhook: '{balancer.url}'" if called else ""
        channels = f"  telegram: {{token: '${{TELEGRAM_TOKEN}}', base_url: '{platform.url}'{webhook}}}\n"
        shop = open_shop(folder, store, channels, case.seed, {"TELEGRAM_TOKEN": platform.token})
        long = 1.0 if case.window == "W9" else 0.25
        chats = range(1001, 1004 if case.crowd else 1002)
        writers = [Writer(platform, chat, random.Random(chance.random()), long) for chat in chats]
        yield Scene(case, shop, fleet, platform, writers)


@asynccontextmanager
async def zygote() -> AsyncIterator[Fleet]:
    """A fleet whose processes can be given a point."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.reliability.windows.points",
        cwd=ROOT, env=environment(), stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdin is not None
    assert process.stdout is not None
    listening = None
    try:
        async with asyncio.timeout(PATIENCE):
            assert b"up" in await process.stdout.readline()
        made = Fleet(process)
        listening = asyncio.create_task(made.listen())
        yield made
    finally:
        process.stdin.close()
        async with asyncio.timeout(PATIENCE):
            await process.wait()
        if listening is not None:
            await listening
