"""What firstline set aside: shown, taken up again, or dropped. Here it is done, over the store and the channels.

Who may, and how it is asked for, is in `parked_api` and the command.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from core.abilities import Rereads
from core.conversation import Arrival
from core.errors import FirstlineError
from core.ports import Channel
from core.records import Parked
from core.store.sql import SqlStore

RAW = 2000
"""Characters of a raw update that are shown."""


class NotParked(FirstlineError):
    """There is nothing parked under that key, or it still cannot be read."""


class Shelf:
    """The parked arrivals of one store."""

    def __init__(self, store: SqlStore, channels: Mapping[str, Channel]) -> None:
        self._store = store
        self._channels = channels

    async def shown(self) -> Sequence[Parked]:
        """What is parked, the newest first."""
        return await self._store.parked()

    async def retry(self, key: str) -> str:
        """Take it up again, read anew where it could not be read; what becomes of it, in words. NotParked."""
        found = next((parked for parked in await self._store.parked(limit=100_000) if parked.key == key), None)
        if found is None:
            raise NotParked(f"nothing is parked as {key!r}; see `firstline parked list`")
        instead: Arrival | None = None
        if found.address is None:
            readings = _readings(self._channels.values(), found)
            instead = next((reading for reading in readings if not reading.problem), None)
            if instead is None:
                raise NotParked(f"{key} still cannot be read: {found.problem}")
        if not await self._store.retry(key, instead):
            raise NotParked(f"{key} is not parked any more")
        return "it is nothing anybody has to answer" if instead and not instead.message else "it waits for its answer"

    async def drop(self, key: str) -> None:
        """Never mind it. NotParked."""
        if not await self._store.drop(key):
            raise NotParked(f"nothing is parked as {key!r}; see `firstline parked list`")


def _readings(channels: Iterable[Channel], parked: Parked) -> Iterable[Arrival]:
    return (channel.reread(parked.key, parked.raw) for channel in channels if isinstance(channel, Rereads))


def row(parked: Parked) -> dict[str, Any]:
    """What machines are shown of it."""
    chat = str(parked.address) if parked.address else ""
    return {
        "key": parked.key,
        "at": parked.at.isoformat(),
        "chat": chat,
        "problem": parked.problem,
        "raw": parked.raw[:RAW],
    }
