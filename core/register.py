"""What channels may look up at the desk about a customer: what was said, and the names they are known under.

Reading only, and the names; what is done with a message is in `desk`.
"""

from __future__ import annotations

from collections.abc import Sequence

from core.burst import Clock
from core.conversation import Address, Conversation
from core.fleet import Fleet
from core.ports import Store
from core.records import said


class Register:
    """The half of the Inbox port that answers questions."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self.fleet = Fleet(store)

    async def history(self, address: Address) -> Conversation:
        """The conversation as settled, followed by the messages still being answered."""
        promises = await self._store.unsettled(address)
        return (await self._store.load(address)).heard(*said(promises))

    async def chat_of(self, channel: str, names: Sequence[str]) -> Address:
        """The chat any of these names of one customer belongs to, the one that lasts longest last."""
        return await self._store.chat_of(channel, names, self._clock())

    async def names_of(self, address: Address) -> Sequence[str]:
        """Every name a chat is known under, the one last written from first."""
        return await self._store.names_of(address)
