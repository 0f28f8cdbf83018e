"""The one way out to Telegram: every call waits its turn here, and 429, moved groups and lost connections are met here.

Three kinds of call: `must` (answers, cards, files), which is waited for and repeated where repeating is safe, `may`
(typing, drafts), which is left out when there is no room, and `ask`, which changes nothing in any chat. What is sent is
decided by the callers.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import replace
from typing import TypeVar

from channels.telegram.client import Client, Place, Reason, Refused, WrongToken
from channels.telegram.counts import Count, zeros
from channels.telegram.limits import SAFETY, Limits, Rank
from channels.telegram.openings import Openings
from channels.telegram.recent import Recent
from channels.telegram.silence import Silences
from core.errors import ChannelError, NotSent, Throttled, Unconfirmed
from core.ports import Fleet

log = logging.getLogger(__name__)

T = TypeVar("T")
Gate = AbstractAsyncContextManager[object]

#: For calls of which any number may be under way.
ANY_NUMBER: Gate = nullcontext()
COUNTED = [count for count in Count if count not in {Count.POLLS_FAILED, Count.GAPS, Count.UPDATES_UNREADABLE}]

#: Calls that never reached Telegram are repeated this often: with the pauses below, for about a minute.
TRIES = 8
#: Times in a row Telegram may ask one call to wait.
WAITS = 20
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0


def pause(failures: int) -> float:
    """Seconds to wait after this many failures in a row: 0.5, 1, 2 ... 30."""
    return min(LONGEST_PAUSE, FIRST_PAUSE * 2.0 ** (failures - 1))


class Outlet:
    """A client behind the limits. `openings` are the places for openings under way."""

    def __init__(self, client: Client, limits: Limits) -> None:
        self.client = client
        self.counts = zeros(COUNTED)
        self.openings = Openings(self.counts)
        self.silences = Silences(client.bot, limits.hush)
        self._limits = limits
        self._moved: Recent[int, int] = Recent()

    def join(self, fleet: Fleet) -> None:
        """From now on silences and the bot's rate are shared with these processes."""
        self.silences.join(fleet)
        self._limits.processes = lambda: fleet.size

    def move(self, old: int, new: int) -> None:
        """A group became a supergroup: from now on its answers go to the new number."""
        self._moved.put(old, new)

    def where(self, place: Place) -> Place:
        """The place calls for this one go to now; topics do not survive a move."""
        new = self._moved.get(place.chat, 0)
        return Place(new) if new else place

    async def must(
        self, place: Place, call: Callable[[Place], Awaitable[T]], again: bool = False, gate: Gate = ANY_NUMBER
    ) -> T:
        """Make a call when it is its turn, repeated when nothing arrived or Telegram asked to wait.

        With `again` doing it twice is the same as once, so it is repeated when no answer came, too. Each try is made
        inside the `gate`, which is entered when the chat is free and left while the call has to wait.

        Raises what cannot be mended here: Unconfirmed, Rejected, Unreachable, and NotSent or Throttled after many.
        """
        failures = waits = 0
        mended: set[Reason] = set()
        while True:
            target = self.where(place)
            await self._limits.turn(target.chat)
            await self.silences.fresh()
            try:
                async with gate:
                    if await self._limits.leave(target.chat):
                        return await call(target)
            except Throttled as error:
                self._fall_silent(target.chat, error.retry_after)
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
        await self.silences.fresh()
        if not self._limits.room(target.chat, rank):
            return False
        try:
            await call(target)
        except Throttled as error:
            self._fall_silent(target.chat, error.retry_after)
            raise
        except ChannelError:
            self.counts[Count.PREVIEWS_FAILED] += 1
            raise
        return True

    def _fall_silent(self, chat: int, seconds: float) -> None:
        """Telegram asked to wait: this process knows at once, the others as soon as it is written."""
        self.counts[Count.THROTTLED] += 1
        whole = self._limits.hold(chat, seconds)
        self.silences.tell(chat, seconds + SAFETY)
        if whole:
            self.counts[Count.BOT_THROTTLED] += 1
            log.warning("Telegram refuses several chats at once: the bot is silent for %.1f s", whole)
            self.silences.tell(None, whole)

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
