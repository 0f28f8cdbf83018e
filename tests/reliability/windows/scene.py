"""What stands around one crash: the platform, customers, the shop, the network, and processes that take a point.

What is done with it is in `run`.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tests.reliability.kill.balancer import Balancer
from tests.reliability.kill.checker import unfinished
from tests.reliability.kill.codes import Code, codes, question
from tests.reliability.kill.fleet import Fleet, Replica, fleet
from tests.reliability.kill.platforms import PORT, Telegram
from tests.reliability.kill.shop import OPERATORS, Shop, open_shop
from tests.reliability.proxy import FaultProxy, Toxic

WINDOWS = tuple(f"W{number}" for number in range(1, 13))
ON_POSTGRES = ("W11", "W12")
"""Windows there are only where processes share a server."""

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
        enough, reached = asyncio.Event(), False
        async with asyncio.TaskGroup() as group:
            for writer in self.writers:
                group.create_task(writer.write(enough))
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(REACHED):
                    await until
                    reached = True
            enough.set()
        if not reached:
            raise MissedError(f"{self.case.window} seed {self.case.seed}: the point was not reached")


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


@asynccontextmanager
async def scene(case: Case, fleet: Fleet, folder: Path, proxy: FaultProxy | None) -> AsyncIterator[Scene]:
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


def zygote() -> AbstractAsyncContextManager[Fleet]:
    """A fleet whose processes can be given a point."""
    return fleet("tests.reliability.windows.points")
