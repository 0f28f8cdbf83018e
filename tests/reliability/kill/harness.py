"""One run: platforms and customers in this process, replicas in theirs, kill -9 again and again, then the checker.

A seed decides who writes what and when, how long the model thinks, who is killed and when. What the operating system
makes of it is chance; what must hold, holds whatever it makes.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import signal
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.reliability.kill.balancer import Balancer
from tests.reliability.kill.checker import Chat, Findings, Promise, check, unfinished
from tests.reliability.kill.codes import OPENING, codes
from tests.reliability.kill.customers import Customer
from tests.reliability.kill.fleet import Fleet, Replica
from tests.reliability.kill.platforms import Platform, Posting, Telegram, WhatsApp
from tests.reliability.kill.shop import OPERATORS, PUBLIC, Shop, open_shop

QUIET = 90.0
"""Seconds until all must be answered once nobody is killed any more, with leases and looking for messages."""


EARLY = 0.08
"""The share of kills that come while a replica starts."""

LONGEST = 20.0
"""Seconds a kill waits for a call when none comes."""


@dataclass(frozen=True)
class Plan:
    """A run. `polling` asks Telegram by getUpdates instead of being called. `pace`: seconds between a chat's bursts.

    `calls`: what a replica has sent or edited when it is killed, at most.
    """

    store: str
    replicas: int = 1
    kills: int = 60
    seed: int = 1
    polling: bool = False
    telegram: int = 32
    whatsapp: int = 4
    posting: int = 6
    pace: float = 2.0
    calls: int = 64


@dataclass
class Trigger:
    """Wakes the killer when so many calls have come, at a moment that matters: one has arrived, or was carried out."""

    armed: asyncio.Future[None] | None = None
    skip: int = 0
    when_done: bool = False

    def reached(self, done: bool) -> None:
        """A replica's call that a customer may see has arrived at a platform, or is done."""
        if self.armed is None or self.armed.done():
            return
        self.skip -= not done
        if self.skip < 0 and done is self.when_done:
            self.armed.set_result(None)


@dataclass
class Scene:
    """Everything around the replicas."""

    plan: Plan
    shop: Shop
    fleet: Fleet
    trigger: Trigger
    telegram: Telegram
    whatsapp: WhatsApp
    postings: tuple[Posting, Posting]
    customers: list[Customer] = field(default_factory=list)
    replicas: list[Replica] = field(default_factory=list)

    @property
    def platforms(self) -> Sequence[Platform]:
        return (self.telegram, self.whatsapp, *self.postings)


@asynccontextmanager
async def scene(plan: Plan, fleet: Fleet, folder: Path) -> AsyncIterator[Scene]:
    """Platforms, a shop that knows them and customers who have not written yet; no replica."""
    chance = random.Random(plan.seed)
    trigger = Trigger()
    async with AsyncExitStack() as stack:
        open_up = stack.enter_async_context
        telegram = await open_up(Telegram(trigger.reached))
        whatsapp = await open_up(WhatsApp(trigger.reached))
        once = await open_up(Posting("at_most_once", trigger.reached))
        again = await open_up(Posting("at_least_once", trigger.reached))
        balancer = await open_up(Balancer(lambda: fleet.urls, random.Random(plan.seed)))
        once.base = again.base = balancer.url
        whatsapp.connect(balancer.url, PUBLIC)
        telegram.joins(OPERATORS)
        webhook = "" if plan.polling else f", webhook: '{balancer.url}'"
        channels = (
            f"  telegram: {{token: '${{TELEGRAM_TOKEN}}', base_url: '{telegram.url}'{webhook}}}\n"
            f"  whatsapp: {{account: '{whatsapp.account}', token: '${{TWILIO_AUTH_TOKEN}}',"
            f" number: '{whatsapp.number}', public_url: '{PUBLIC}', base_url: '{whatsapp.url}',"
            f" messaging_url: '{whatsapp.url}'}}\n"
            f"  at_most_once: {{url: '{once.url}'}}\n  at_least_once: {{url: '{again.url}'}}\n"
        )
        env = {"TELEGRAM_TOKEN": telegram.token, "TWILIO_AUTH_TOKEN": whatsapp.token}
        shop = open_shop(folder, plan.store, channels, plan.seed, env)
        made = Scene(plan, shop, fleet, trigger, telegram, whatsapp, (once, again))
        made.customers += _customers(made, chance)
        yield made


def _customers(made: Scene, chance: random.Random) -> list[Customer]:
    sizes = (made.plan.telegram, made.plan.whatsapp, made.plan.posting, made.plan.posting)
    return [
        Customer(platform, chat, random.Random(chance.random()), made.plan.pace)
        for place, (platform, size) in enumerate(zip(made.platforms, sizes, strict=True))
        for chat in range(1000 * (place + 1) + 1, 1000 * (place + 1) + 1 + size)
    ]


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


async def run(plan: Plan, fleet: Fleet, folder: Path) -> Result:
    """Kill as planned while customers write, let it come to rest, check."""
    async with scene(plan, fleet, folder) as made:
        enough = asyncio.Event()
        await _start_all(made)
        began = time.monotonic()
        async with asyncio.TaskGroup() as group:
            for customer in made.customers:
                group.create_task(customer.write(enough))
            deaths = await _kill(made)
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


async def _kill(made: Scene) -> Deaths:
    """Kill as often as planned, each time starting another one at once."""
    chance = random.Random(f"kills {made.plan.seed}")
    deaths = Deaths()
    for _ in range(made.plan.kills):
        place = chance.randrange(len(made.replicas))
        await _moment(made, place, chance)
        victim = made.replicas[place]
        deaths.early += not victim.ready.is_set()
        if await made.fleet.end(victim, signal.SIGKILL) != -signal.SIGKILL:
            raise RuntimeError(f"a replica had ended by itself, with {victim.status}")
        deaths.note(made)
        if made.plan.polling:
            made.telegram.repeat(chance)
        made.replicas[place] = await made.fleet.start(made.shop)
    return deaths


async def _moment(made: Scene, place: int, chance: random.Random) -> None:
    """Wait for a seeded moment: one while it starts, or so many calls later at a platform, at once or some time after.

    Calls are counted, not seconds, so that a slow machine gets as much done between two kills as a fast one.
    """
    kind = chance.random()
    if kind < EARLY:
        await asyncio.sleep(chance.uniform(0, 0.3))
        return
    await made.fleet.up(made.replicas[place])
    made.trigger.skip, made.trigger.when_done = chance.randrange(made.plan.calls), chance.random() < 0.5
    made.trigger.armed = asyncio.get_running_loop().create_future()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(LONGEST):
            await made.trigger.armed
    await asyncio.sleep(chance.choice((0.0, chance.uniform(0, 0.004), chance.uniform(0, 0.1))))


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
