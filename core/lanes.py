"""The chats we hold, a lane each: work in one lane is one thing at a time, and lanes never wait for each other.

How a chat becomes and stays ours is in `leases`, what answering means is the desk's affair.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from typing import Any

from core.conversation import Address
from core.counters import Counters
from core.errors import Fenced, FirstlineError
from core.lane import Lane
from core.records import Claim

log = logging.getLogger(__name__)

MOST = 500
"""Chats one process answers at a time; more wait in the store, for any process with room."""


class Lanes:
    """The chats we hold. Their tasks belong to the group given.

    `fill` brings what the store knows to wait into a lane or gives the chat back; `work` does what waits.
    """

    def __init__(
        self,
        group: asyncio.TaskGroup,
        work: Callable[[Lane], Awaitable[None]],
        fill: Callable[[Lane], Awaitable[None]],
        counters: Counters,
    ) -> None:
        self.counters = counters
        self._group = group
        self._work = work
        self._fill = fill
        self._lanes: dict[Address, Lane] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._empty = asyncio.Event()
        self._empty.set()

    def __len__(self) -> int:
        return len(self._lanes)

    def __iter__(self) -> Iterator[Lane]:
        return iter(list(self._lanes.values()))

    @property
    def room(self) -> int:
        """How many more chats can be answered now."""
        return max(0, MOST - len(self._lanes))

    def get(self, address: Address) -> Lane | None:
        """The lane of a chat that is being answered, if there is one."""
        return self._lanes.get(address)

    def open(self, claim: Claim, *, stale: bool) -> Lane:
        """The lane of a chat that is ours, with its worker started where it had none.

        What was under way under an older claim ends: somebody else may have had the chat in between.
        """
        lane = self._lanes.get(claim.address)
        if lane is not None and lane.claim.epoch != claim.epoch:
            self.lose(lane)
            lane, stale = None, True
        if lane is None:
            lane = self._lanes[claim.address] = Lane(claim, stale=stale)
            self._empty.clear()
            lane.task = self._start(self._serve(lane))
        else:
            lane.news += stale
        return lane

    def lose(self, lane: Lane) -> None:
        """The chat is not ours under that claim any more: whatever is under way ends here."""
        if self._lanes.get(lane.address) is lane:
            self._end(lane)
        if lane.task is not None and not (lane.released or lane.settling):
            lane.task.cancel()

    def _end(self, lane: Lane) -> None:
        del self._lanes[lane.address]
        if not self._lanes:
            self._empty.set()

    def beside(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Do something no answer waits for; its failure is logged."""
        return self._start(_alone(work))

    def _start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = self._group.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def empty(self) -> None:
        """Wait until no lane has work."""
        await self._empty.wait()

    def cancel(self) -> None:
        """End every lane's work where it stands; what was promised stays promised in the store."""
        for task in self._tasks:
            task.cancel()

    async def _serve(self, lane: Lane) -> None:
        try:
            while True:
                while lane.stale or not (lane.unfinished or lane.waiting or lane.released):
                    await self._fill(lane)
                if not (lane.unfinished or lane.waiting):
                    break
                try:
                    await self._work(lane)
                except Fenced:
                    self.counters.count("writes_fenced")
                    log.warning("a chat on %s is answered by another process now", lane.address.channel)
                    break
                except Exception:  # what waits behind it must not be left behind
                    log.exception("work in a lane of %s broke", lane.address.channel)
        except Exception:  # one chat's trouble must not reach the others; the store knows what waits
            log.exception("a lane of %s broke", lane.address.channel)
        finally:
            if self._lanes.get(lane.address) is lane:
                self._end(lane)


async def _alone(work: Coroutine[Any, Any, None]) -> None:
    try:
        await work
    except FirstlineError as error:
        log.warning("something done beside the answers failed: %s: %s", type(error).__name__, error)
    except Exception:
        log.exception("something done beside the answers broke")
