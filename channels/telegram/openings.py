"""How many openings may be under way at once in one process: so many may a kill leave in chats without their answer.

An opening is under way from the mark that it is being sent to the mark that it stands. A place is lent for a short
time only: a call that hangs must not stop the answers of all other chats. What is sent is not known here.
"""

from __future__ import annotations

import asyncio

from channels.telegram.counts import Count, Counts

#: Openings one process may have under way (decision 0012).
MOST = 2
#: Seconds after which a place is given to the next opening, though the call has not ended.
LATEST = 2.0


class Openings:
    """The places of one process."""

    def __init__(self, counts: Counts, latest: float = LATEST) -> None:
        self.free = asyncio.Semaphore(MOST)
        self.latest = latest
        self.counts = counts

    def slot(self) -> Slot:
        """A place to be, for one part of one answer."""
        return Slot(self)


class Slot:
    """One place while the block runs: `begin` starts its time. It can be entered again and again, one after another."""

    def __init__(self, openings: Openings) -> None:
        self._openings = openings
        self._held = False
        self._timer: asyncio.TimerHandle | None = None

    async def __aenter__(self) -> Slot:
        await self._openings.free.acquire()
        self._held = True
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._give_back()

    def begin(self) -> None:
        """From now on the place is lent: nothing but the store and Telegram are waited for."""
        self._timer = asyncio.get_running_loop().call_later(self._openings.latest, self._late)

    async def keep(self) -> None:
        """Wait for a place again where the time ran out before anything was sent."""
        if not self._held:
            await self.__aenter__()
            self.begin()

    def _late(self) -> None:
        self._openings.counts[Count.OPENINGS_SLOW] += 1
        self._give_back()

    def _give_back(self) -> None:
        if self._held:
            self._held = False
            self._openings.free.release()
