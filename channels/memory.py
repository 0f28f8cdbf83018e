"""The channel that ships for tests, replay and benchmarks: it records everything and loses nothing.

No network, no clock of its own. It can also be the operators' chat: cards are kept in `cards`.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace

from core.abilities import Button
from core.conversation import Address, Message
from core.ports import Inbox, Outbox
from core.records import PartState
from core.text import complete


class MemoryChannel:
    """Keeps what every chat was shown. With `parts` it plans and marks like a platform that cannot take back."""

    replaces = True

    def __init__(self, name: str = "memory", *, parts: bool = False) -> None:
        self.name = name
        self.acknowledged: list[Message] = []
        self.said: defaultdict[str, list[str]] = defaultdict(list)
        self.cards: list[tuple[Address, str, tuple[Button, ...]]] = []
        self._parts = parts

    async def run(self, inbox: Inbox) -> None:
        """Nothing arrives by itself: wait to be cancelled."""
        await asyncio.Event().wait()

    async def acknowledge(self, message: Message) -> None:
        """Record it."""
        self.acknowledged.append(message)

    async def deliver(self, address: Address, text: AsyncIterator[str], outbox: Outbox) -> str:
        """Pull everything, then record it as one message."""
        whole = await complete(text)
        if not whole:
            return ""
        if self._parts:
            await self._send_parts(address, whole, outbox)
        else:
            self.said[address.chat].append(whole)
        return whole

    async def _send_parts(self, address: Address, whole: str, outbox: Outbox) -> None:
        for part in await outbox.plan([whole]):
            if part.state is PartState.SENT:
                continue
            await outbox.mark(replace(part, state=PartState.SENDING))
            self.said[address.chat].append(part.text)
            sent_as = str(len(self.said[address.chat]))
            await outbox.mark(replace(part, state=PartState.SENT, sent_as=sent_as))

    async def post(self, address: Address, text: str, buttons: Sequence[Button]) -> str:
        """Record a card; its id is its place in `cards`, counted from 1."""
        self.cards.append((address, text, tuple(buttons)))
        return str(len(self.cards))


def build() -> MemoryChannel:
    """A channel that records."""
    return MemoryChannel()
