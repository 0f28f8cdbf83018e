"""One life of one replica: the product's desk, store and Telegram channel, started and stopped as the service does it.

`bots.service` does the same with everything around it (settings, HTTP, reports), which is left out here.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from random import Random
from typing import TYPE_CHECKING

from channels.telegram.channel import Manners, TelegramChannel
from channels.telegram.intake import Door
from channels.telegram.limits import Limits
from core.answering.breaker import BreakerRules
from core.answering.chain import Chain
from core.answering.circuit import Circuits
from core.answering.means import Means
from core.conversation import Address, Arrival
from core.desk import Desk
from core.errors import Interrupted, Unavailable
from core.library import Library
from core.policy import Policy
from core.ports import Channel
from core.records import Progress
from core.rules import Condition, Is, Reading, Rule, Rulebook
from core.store.sql import SqlStore
from core.tiers import Chunk, Delta, ModelCard, Prompt, Tier, Usage
from core.wording import Wording
from tests.reliability.kill.codes import answer, codes
from tests.reliability.simulation.customers import HUMAN, OFFICE, skewed
from tests.reliability.simulation.posting import AT_LEAST, AT_MOST, PostingChannel
from tests.reliability.simulation.store import SimulatedDatabase, SimulatedHints
from tests.reliability.simulation.telegram import SECRET, Client

if TYPE_CHECKING:
    from tests.reliability.simulation.loop import Process
    from tests.reliability.simulation.world import World

GRACE = 8.0
RESTART = 2.0
PIECES = 3
BOOK = Rulebook(
    rules=(Rule("human", (Condition("human", Is(True)),), Tier.PERSON, lasts=None),),
    signals={"human": lambda conversation: Reading(HUMAN.strip() in conversation.asked)},
    hash="book",
)
CARDS = {Tier.QUICK: [ModelCard("model", "quick", free=True)], Tier.EXPERT: [ModelCard("model", "expert", free=True)]}


class Replica:
    """`open` while a balancer would send it something; `stop` is SIGTERM."""

    def __init__(self, world: World, process: Process) -> None:
        self.process = process
        self.open = False
        self.stop = asyncio.Event()
        self.hints = SimulatedHints(world, process)
        self._world = world
        store = SqlStore(SimulatedDatabase(world, process), self.hints, process.name)  # type: ignore[arg-type]
        door = Door("https://bot.example" if world.telegram.webhook else "", "/telegram", SECRET)
        limits = Limits(clock=world.loop.time)
        self.telegram = TelegramChannel(Client(world, process), door, Manners(), limits)
        self.channels: dict[str, Channel] = {
            "telegram": self.telegram,
            AT_MOST: PostingChannel(world, process, AT_MOST),
            AT_LEAST: PostingChannel(world, process, AT_LEAST),
        }
        circuits = Circuits(BreakerRules(), world.loop.time, Random(world.seed).random)
        means = Means(circuits=circuits, now=skewed(world, process.skew))
        chain = Chain(CARDS, {"model": Model(world)}, AlwaysReady(), means)
        self.policy = Policy(BOOK, chain, Wording(("en",)), Library(()), operators=OFFICE)
        self.desk = Desk(store, self.channels, self.policy, skewed(world, process.skew))

    async def live(self) -> None:
        """From the start to SIGTERM. StoreError when the store cannot be asked at the start."""
        async with self.desk:
            await self.desk.resume()
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(self._listen(channel)) for channel in self.channels.values()]
                self.open = True
                await self.stop.wait()
                self.open = False
                for task in tasks:
                    task.cancel()
            await self.desk.idle(GRACE)

    async def _listen(self, channel: Channel) -> None:
        while True:
            await channel.run(self.desk)
            await asyncio.sleep(RESTART)

    async def accept(self, arrival: Arrival) -> bool:
        """True once it is committed, now or before."""
        await self.desk.accept(arrival)
        return True

    async def progress(self, told: Progress) -> bool:
        """True once the news is kept."""
        await self.desk.progress(told)
        return True

    async def say(self, customer: Address, text: str, key: str) -> bool:
        """An operator writes in the page."""
        await self.desk.people.reply(customer, text, key)
        return True

    async def back(self, customer: Address, key: str) -> bool:
        """An operator gives the chat back in the page."""
        await self.desk.people.back(customer, key)
        return True


class Model:
    """Names the codes it was asked about, in a few pieces; sometimes it fails before or after the first."""

    def __init__(self, world: World) -> None:
        self._world = world

    async def stream(self, prompt: Prompt, card: ModelCard) -> AsyncGenerator[Chunk, None]:
        world = self._world
        text = answer(codes(prompt.question))
        seconds = world.dice.choice((0.01, 0.05, 0.5, 2.0))
        await asyncio.sleep(seconds)
        if world.faults.strikes("model_fails"):
            raise Unavailable("no connection")
        size = -(-len(text) // PIECES)
        for place in range(0, len(text), size):
            yield Delta(text[place : place + size])
            await asyncio.sleep(seconds / PIECES)
            if world.faults.strikes("model_fails"):
                raise Interrupted("the stream was cut")
        yield Usage(1, 1)

    async def ready(self) -> str:
        return ""

    async def aclose(self) -> None:
        """Nothing to give back."""


class AlwaysReady:
    def is_ready(self, provider: str) -> bool:
        return True
