"""A platform that takes a text and nothing else, and tells later, in any order and twice, what became of it.

Its channel is a small one of our own: what may have been sent is sent again (at least once) or given up (at most once)
once no news of it has come. Customers can ask for no more messages here.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from core.conversation import Address, Message
from core.errors import ChannelError, NotSent, Rejected, Throttled, Unconfirmed, Unreachable
from core.ports import Inbox, Outbox
from core.records import Part, PartState, Progress
from tests.reliability.simulation.calls import Line
from tests.reliability.simulation.telegram import short

if TYPE_CHECKING:
    from tests.reliability.simulation.world import World

PAGE = re.compile(r"(?=\n\nTo come to the end: )")
DOUBTFUL = {PartState.SENDING, PartState.UNKNOWN}
PATIENCE = 3.0
"""Seconds news of a doubtful part is waited for."""
AT_MOST, AT_LEAST = "at_most", "at_least"


@dataclass(slots=True)
class Sent:
    """One text in a chat, and when it was asked for. `unheard`: it arrived when its sender had given it up or was dead,
    or had lost the chat.
    """

    text: str
    number: str
    asked: float
    unheard: bool


@dataclass(slots=True)
class Posting:
    """The platform's side: what stands in the chats."""

    world: World
    chats: dict[str, list[Sent]] = field(default_factory=dict)

    def post(self, address: Address, part: Part, process: str, asked: float) -> str:
        """It stands; the news of it follows."""
        world = self.world
        # Who was stopped between its mark and this call sends it all the same: W11's window, one call wide.
        owner = world.server.query("select owner from conversation where conv = ?", str(address))[0][0]
        if world.faults.strikes("blocked"):
            raise Unreachable("this customer takes no messages")
        stands = self.chats.setdefault(str(address), [])
        sent = Sent(part.text, f"p{sum(map(len, self.chats.values()))}", asked, world.unheard or owner != process)
        stands.append(sent)
        arrives = not world.faults.strikes("refused")
        news = [PartState.SENT, PartState.DELIVERED, PartState.READ] if arrives else [PartState.REJECTED]
        for state in news:
            for _ in range(2 if world.faults.strikes("delivered_twice") else 1):
                late = world.dice.choice((0.05, 0.3, 1.0, 4.0, 20.0))
                told = Progress(address, part.reply, part.index, state, sent.number, "a carrier said no")
                world.after(late, lambda told=told: world.spawn(self._tell(told)))  # type: ignore[misc]
        return sent.number

    async def _tell(self, told: Progress) -> None:
        """Until somebody has taken it."""
        while not await self.world.fleet.ask(lambda replica: replica.progress(told)):  # noqa: ASYNC110 - it is a retry
            await asyncio.sleep(2.0)


class PostingChannel(Line):
    """The bot's side, by the policy its name says."""

    def __init__(self, world: World, process: object, name: str) -> None:
        super().__init__(world, process)  # type: ignore[arg-type]
        self.name = name

    async def run(self, inbox: Inbox) -> None:
        await asyncio.Event().wait()

    async def acknowledge(self, message: Message) -> None:
        """There is nothing to show it with."""

    async def deliver(self, address: Address, text: AsyncIterator[str], outbox: Outbox) -> str:
        whole = "".join([piece async for piece in text]).strip()
        if not whole:
            return ""
        parts = []
        for part in await outbox.plan(PAGE.split(whole)):
            if part.state is PartState.REJECTED:
                raise Rejected("refused before")
            parts.append(await self._finished(address, part, outbox))
        return "".join(part.text for part in parts if part.arrived)

    async def _finished(self, address: Address, part: Part, outbox: Outbox) -> Part:
        if part.state in DOUBTFUL:
            await asyncio.sleep(PATIENCE)
            part = await outbox.look(part)
        if part.arrived or part.state is PartState.ABANDONED:
            return part
        if part.state is PartState.REJECTED:
            raise Rejected("the platform refused it")
        if part.state in DOUBTFUL and self.name == AT_MOST:
            return await _marked(outbox, part, PartState.ABANDONED)
        part = await _marked(outbox, part, PartState.SENDING)
        asked = self.world.loop.time()
        try:
            number: str = await self.call(
                f"post {address} {short(part.text)}",
                lambda: self.world.posting.post(address, part, self.process.name, asked),
            )
        except (NotSent, Throttled):
            await _marked(outbox, part, PartState.PLANNED)
            raise
        except Unconfirmed:
            await _marked(outbox, part, PartState.UNKNOWN)
            raise
        except ChannelError:
            await _marked(outbox, part, PartState.REJECTED)
            raise
        return await _marked(outbox, replace(part, sent_as=number), PartState.SENT)


async def _marked(outbox: Outbox, part: Part, state: PartState) -> Part:
    part = replace(part, state=state)
    await outbox.mark(part)
    return part
