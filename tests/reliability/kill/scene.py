"""What stands around the replicas in a run: platforms, customers, the shop's files, and who is told of calls.

Who is killed and when is in `killing`, a whole run in `harness`.
"""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.reliability.kill.balancer import Balancer
from tests.reliability.kill.customers import Customer
from tests.reliability.kill.fleet import Fleet, Replica
from tests.reliability.kill.noticeboard import Noticeboard
from tests.reliability.kill.platforms import Platform, Telegram, WhatsApp
from tests.reliability.kill.shop import OPERATORS, PUBLIC, Shop, open_shop


@dataclass(frozen=True)
class Plan:
    """A run. `polling` asks Telegram by getUpdates instead of being called. `pace`: seconds between a chat's bursts.

    `calls`: what replicas have sent or edited between two kills, at most.
    """

    store: str
    replicas: int = 1
    kills: int = 60
    seed: int = 1
    polling: bool = False
    telegram: int = 20
    whatsapp: int = 3
    posting: int = 4
    pace: float = 1.5
    calls: int = 24


@dataclass
class Trigger:
    """Fires when so many calls have come, at a moment that matters: the last has arrived, or was just carried out."""

    fire: Callable[[int], None] | None = None
    skip: int = 0
    when_done: bool = False

    def reached(self, done: bool, port: int) -> None:
        """A replica's call that a customer may see has arrived at a platform, or is done."""
        if self.fire is None:
            return
        self.skip -= not done
        if self.skip < 0 and done is self.when_done:
            fire, self.fire = self.fire, None
            fire(port)


@dataclass
class Scene:
    """Everything around the replicas."""

    plan: Plan
    shop: Shop
    fleet: Fleet
    trigger: Trigger
    telegram: Telegram
    whatsapp: WhatsApp
    postings: tuple[Noticeboard, Noticeboard]
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
        once = await open_up(Noticeboard("at_most_once", trigger.reached))
        again = await open_up(Noticeboard("at_least_once", trigger.reached))
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
