"""firstline: the real desk on the real store, a channel in memory, no rules, and a provider that only waits.

What is measured is what every message goes through whatever the bot: commit, claim, read, decide, answer, settle.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import uvloop

from benchmarks._queues.worker import ANSWERED, SETTLED, STARTED, Accepts, Post, main
from channels.memory import MemoryChannel
from core.answering.availability import Availability
from core.answering.chain import Chain
from core.conversation import Address, Arrival, Customer, Message
from core.desk import Desk
from core.library import Library
from core.policy import Policy
from core.records import Claim, Settled, Settlement
from core.rules import Rulebook
from core.store.sql import open_store
from core.tiers import Chunk, Delta, ModelCard, Prompt, Tier, Usage
from core.wording import Wording

CHANNEL = "memory"

EVER = (datetime(2000, 1, 1, tzinfo=UTC), datetime(3000, 1, 1, tzinfo=UTC))


class Waits:
    """A provider whose answer is the question, after so many seconds. A message says `#` and its number."""

    def __init__(self, post: Post) -> None:
        self._post = post

    async def stream(self, prompt: Prompt, card: ModelCard) -> AsyncGenerator[Chunk, None]:
        """The work of all messages that are answered as one."""
        numbers = [int(number) for number in re.findall(r"#(\d+)", prompt.question)]
        for number in numbers:
            self._post.tell(STARTED, prompt.question.partition(" ")[0], number)
        await self._post.pause(max(numbers))
        yield Delta(prompt.question)
        yield Usage(0, 0)

    async def ready(self) -> str:
        return ""

    async def aclose(self) -> None:
        pass


def watch(store: Any, channel: MemoryChannel, post: Post) -> None:
    """Tell what the store settles, and as often as its chat was answered since: twice would be seen."""
    settle = store.settle
    before: dict[str, int] = {}

    async def committed(settlement: Settlement, claim: Claim | None) -> Settled:
        found: Settled = await settle(settlement, claim)
        chat = settlement.address.chat
        answers = len(channel.said[chat])
        for message in settlement.messages:
            for _ in range(answers - before.get(chat, 0)):
                post.tell(ANSWERED, chat, int(message.id))
            post.tell(SETTLED, chat, int(message.id))
        before[chat] = answers
        return found

    async def settled(settlement: Settlement, claim: Claim | None = None) -> Settled:
        # What is committed is told even if the desk does not wait for it any more.
        return await asyncio.shield(asyncio.create_task(committed(settlement, claim)))

    store.settle = settled


def accepting(desk: Desk, text: str = "{chat} #{number}") -> Accepts:
    """A platform that writes such messages."""

    async def accept(chat: str, number: int) -> None:
        said = text.format(chat=chat, number=number)
        message = Message(str(number), Address(CHANNEL, chat), said, datetime.now(UTC), Customer(chat))
        await desk.accept(Arrival(f"{chat}:{number}", '{"text": "as the platform sent it"}', message))

    return accept


class Firstline:
    """The smallest policy: every message goes to one model."""

    async def prepare(self, url: str) -> None:
        """The newest schema."""
        async with open_store(url):
            pass

    async def count(self, url: str) -> int:
        """Messages in the ledger."""
        async with open_store(url) as store:
            return sum(len(entry.messages) for entry in await store.entries(*EVER))

    @asynccontextmanager
    async def replica(self, post: Post) -> AsyncIterator[Accepts]:
        """A desk."""
        providers = {"waits": Waits(post)}
        cards = {Tier.QUICK: [ModelCard("waits", "model", free=True)]}
        chain = Chain(cards, providers, Availability(providers))
        policy = Policy(Rulebook((), {}), chain, Wording(("en",)), Library(()))
        channel = MemoryChannel(CHANNEL)
        async with open_store(post.url) as store:
            watch(store, channel, post)
            async with Desk(store, {CHANNEL: channel}, policy) as desk:
                yield accepting(desk)


if __name__ == "__main__":
    main(Firstline(), uvloop.run)
