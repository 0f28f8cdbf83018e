"""What status callbacks tell to deliveries that wait for them. Nothing is kept for parts nobody waits for."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from core.conversation import Address

if TYPE_CHECKING:
    from channels.whatsapp.statuses import Status

Key = tuple[Address, str, int]
"""A part: its chat, its reply's key, its index."""


@dataclass(slots=True)
class Watch:
    """What was told about one part while somebody waits: the furthest status of each message it was sent as.

    `over` are the messages the part was once and is no more; what is told about them changes nothing.
    """

    told: dict[str, Status] = field(default_factory=dict)
    over: set[str] = field(default_factory=set)
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    def tell(self, status: Status) -> None:
        """A callback came."""
        self.told[status.sid] = status.after(self.told.get(status.sid))
        self._wake()

    def take(self, sid: str) -> None:
        """The failure of this message is dealt with, and that is committed."""
        self.over.add(sid)
        self._wake()

    async def taken(self, sid: str, seconds: float) -> bool:
        """Whether whoever waits takes this message's failure upon itself."""

        def found(told: dict[str, Status]) -> Status | None:
            return told.get(sid) if sid in self.over else None

        return await self.until(found, seconds) is not None

    def _wake(self) -> None:
        """Whoever waits looks once; for what comes later there is a new event."""
        self._changed.set()
        self._changed = asyncio.Event()

    async def until(self, found: Callable[[dict[str, Status]], Status | None], seconds: float) -> Status | None:
        """The first status this finds; None when nothing came that it wants."""
        try:
            async with asyncio.timeout(seconds):
                while (status := found(self.told)) is None:
                    await self._changed.wait()
        except TimeoutError:
            return found(self.told)
        return status


class News:
    """The parts somebody waits for."""

    def __init__(self) -> None:
        self._watches: dict[Key, Watch] = {}

    @contextmanager
    def watching(self, key: Key) -> Iterator[Watch]:
        """Hear what is told about a part from now on."""
        watch = self._watches[key] = Watch()
        try:
            yield watch
        finally:
            if self._watches.get(key) is watch:
                del self._watches[key]

    def get(self, key: Key) -> Watch | None:
        """Who waits for news of this part."""
        return self._watches.get(key)
