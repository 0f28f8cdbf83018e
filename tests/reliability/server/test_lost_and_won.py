"""A process that lost a chat and has it again: what it remembers of before is another process's work by now."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

from channels.memory import MemoryChannel
from core.conversation import Address, Arrival, Message
from core.desk import Desk
from core.ports import Outbox
from tests.core.store.fleet import AT, Fleet
from tests.reliability.kill.codes import Code, codes, question
from tests.reliability.redelivery.processes import policy

CHAT = Address("memory", "ann")


class Held(MemoryChannel):
    """Does not show anything before it may."""

    def __init__(self) -> None:
        super().__init__(parts=True)
        self.asked = asyncio.Event()
        self.may = asyncio.Event()

    async def _send_parts(self, address: Address, whole: str, outbox: Outbox) -> None:
        self.asked.set()
        await self.may.wait()
        await super()._send_parts(address, whole, outbox)


def arrival(number: int) -> Arrival:
    return Arrival(f"k{number}", "{}", Message(str(number), CHAT, question(Code(1, number)), AT.replace(second=number)))


async def test_what_waited_when_a_chat_was_lost_is_not_answered_again_when_it_is_won_back(database: str) -> None:
    first, second = Held(), MemoryChannel(parts=True)
    async with AsyncExitStack() as stack:
        fleet = await stack.enter_async_context(Fleet(database))
        loser = await stack.enter_async_context(Desk(await fleet.start(), {"memory": first}, policy()))
        await loser.accept(arrival(1))
        await first.asked.wait()
        await loser.accept(arrival(2))
        await fleet.sql("UPDATE conversation SET lease_until = lease_until - :micros", micros=11_000_000)
        winner = Desk(await fleet.start(), {"memory": second}, policy())
        async with winner:
            await winner.resume()
            assert await winner.idle(10)
        await loser.accept(arrival(3))
        first.may.set()
        assert await loser.idle(10)
        said = [code.number for text in second.said["ann"] + first.said["ann"] for code in codes(text)]
        assert sorted(said) == [1, 2, 3]
