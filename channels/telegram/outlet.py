"""The one way out to Telegram: every call waits its turn here, and 429, moved groups and lost connections are met here.

Three kinds of call: `must` (answers, cards, files), which is waited for and repeated where repeating is safe, `may`
(typing, drafts), which is left out when there is no room, and `ask`, which changes nothing in any chat. What is sent is
decided by the callers.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TypeVar

from channels.telegram.client import Client, Place, Reason, Refused, WrongToken
from channels.telegram.limits import Limits, Rank
from channels.telegram.recent import Recent
from core.errors import NotSent, Throttled, Unconfirmed

T = TypeVar("T")

#: Calls that never reached Telegram are repeated this often: with the pauses below, for about a minute.
TRIES = 8
#: Times in a row Telegram may ask one call to wait.
WAITS = 20
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0


def pause(failures: int) -> float:
    """Seconds to wait after this many failures in a row: 0.5, 1, 2 ... 30."""
    return min(LONGEST_PAUSE, FIRST_PAUSE * 2.0 ** (failures - 1))


class Outlet:
    """A client behind the limits. `orphans` counts openings that may stand in a chat without their answer."""

    def __init__(self, client: Client, limits: Limits) -> None:
        self.client = client
        self.orphans = 0
        self._limits = limits
        self._moved: Recent[int, int] = Recent()

    def move(self, old: int, new: int) -> None:
        """A group became a supergroup: from now on its answers go to the new number."""
        self._moved.put(old, new)

    def where(self, place: Place) -> Place:
        """The place calls for this one go to now; topics do not survive a move."""
        new = self._moved.get(place.chat, 0)
        return Place(new) if new else place

    async def must(self, place: Place, call: Callable[[Place], Awaitable[T]], again: bool = False) -> T:
        """Make a call when it is its turn, repeated when nothing arrived or Telegram asked to wait.

        With `again` doing it twice is the same as once, so it is repeated when no answer came, too.

        Raises what cannot be mended here: Unconfirmed, Rejected, Unreachable, and NotSent or Throttled after many.
        """
        failures = waits = 0
        mended: set[Reason] = set()
        while True:
            target = self.where(place)
            await self._limits.turn(target.chat)
            try:
                return await call(target)
            except Throttled as error:
                self._limits.hold(target.chat, error.retry_after)
                waits += 1
                if waits > WAITS:
                    raise
            except WrongToken:
                raise
            except (NotSent, Unconfirmed) as error:
                failures += 1
                if failures >= TRIES or (isinstance(error, Unconfirmed) and not again):
                    raise
                await asyncio.sleep(pause(failures))
            except Refused as error:
                if error.reason in mended:
                    raise
                mended.add(error.reason)
                place = self._mend(target, error)

    def _mend(self, target: Place, error: Refused) -> Place:
        """Where to try once more after a refusal; the refusal itself when there is nowhere."""
        if error.reason is Reason.MOVED and error.moved_to:
            self.move(target.chat, error.moved_to)
            return target
        if error.reason is Reason.NO_TOPIC and target.topic is not None:
            return replace(target, topic=None)
        raise error

    async def may(self, place: Place, rank: Rank, call: Callable[[Place], Awaitable[None]]) -> bool:
        """Make a call if there is room for it now; whether it was made. Raises ChannelError when it failed."""
        target = self.where(place)
        if not self._limits.room(target.chat, rank):
            return False
        try:
            await call(target)
        except Throttled as error:
            self._limits.hold(target.chat, error.retry_after)
            raise
        return True

    async def ask(self, call: Callable[[], Awaitable[T]]) -> T:
        """Make a call that belongs to no chat and may be made twice, repeated as `must` does. Raises the same."""
        failures = 0
        while True:
            try:
                return await call()
            except WrongToken:
                raise
            except (NotSent, Unconfirmed, Throttled) as error:
                failures += 1
                if failures >= TRIES:
                    raise
                await asyncio.sleep(error.retry_after if isinstance(error, Throttled) else pause(failures))
