"""firstline with the shipped bot: its rules, signals, FAQ and knowledge, answered by the offline provider."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import uvloop

from benchmarks._harness import ROOT
from benchmarks._queues.firstline import CHANNEL, Firstline, accepting, watch
from benchmarks._queues.worker import Accepts, Post, main
from benchmarks._traffic import questions
from bots.assembly import open_house
from channels.memory import MemoryChannel


class Shipped(Firstline):
    """The same store, the whole bot. When its work starts is not told."""

    @asynccontextmanager
    async def replica(self, post: Post) -> AsyncIterator[Accepts]:
        """A house as `firstline run` opens it, without its channels."""
        channel = MemoryChannel(CHANNEL)
        async with open_house(ROOT / "config.yaml", store=post.url, channels={CHANNEL: channel}) as house:
            await house.availability.ask()
            watch(house.store, channel, post)
            texts = [accepting(house.desk, text.replace("{", "{{").replace("}", "}}")) for text in questions(house)]

            async def accept(chat: str, number: int) -> None:
                await texts[number % len(texts)](chat, number)

            yield accept


if __name__ == "__main__":
    main(Shipped(), uvloop.run)
