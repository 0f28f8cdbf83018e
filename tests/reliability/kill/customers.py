"""Customers who write numbered messages at a pace a seed decides: sometimes in bursts, sometimes before the answer."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass, field

from tests.reliability.kill.codes import Code, codes, question
from tests.reliability.kill.platforms import Platform

BURSTS = ((1, 2, 3), (8, 1, 1))
LONG = 0.04  # the share of messages whose answer has two pages
REPEATED = 0.06  # how often something confirmed is brought once more
PATIENT = 4  # messages a customer writes without an answer


@dataclass
class Customer:
    """One chat on one platform; `pace` is the mean number of seconds between two bursts."""

    platform: Platform
    chat: int
    chance: random.Random
    pace: float
    written: list[Code] = field(default_factory=list)

    async def write(self, enough: asyncio.Event) -> None:
        """Write until it is enough."""
        await asyncio.sleep(self.chance.uniform(0, self.pace))
        while not enough.is_set():
            for _ in range(self.chance.choices(*BURSTS)[0]):
                self._say()
                await asyncio.sleep(self.chance.uniform(0, 0.05))
            await asyncio.sleep(self.chance.uniform(0.2, 1.8) * self.pace)
            while len(self.written) - self.answered() >= PATIENT and not enough.is_set():  # noqa: ASYNC110 - a person
                await asyncio.sleep(0.2)

    def _say(self) -> None:
        code = Code(self.chat, len(self.written) + 1, self.chance.random() < LONG)
        self.written.append(code)
        self.platform.say(self.chat, question(code))
        if self.chance.random() < REPEATED:
            self.platform.repeat(self.chance)

    def answered(self) -> int:
        """The number of the newest message that seems answered."""
        for text in reversed(self.platform.posts(self.chat)):
            if found := [code.number for code in codes(text) if not code.page]:
                return max(found)
        return 0
