"""When a call to Telegram may leave: limits of the bot and of each chat, and silence where Telegram asked for it.

Answers reserve their turn and wait for it; acknowledgements and previews only use what is left over and are dropped
otherwise. What is sent is not known here. Figures: research, channels, section 5; Telegram publishes about 30/s for a
bot, 1/s for a chat and 20/min for a group, "may depend on size"; a penalty for exceeding them is 18 to 280 seconds.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum

from channels.telegram.recent import Recent
from core.pacing import Bucket, Pace

SAFETY = 0.5  # seconds added to what Telegram asks for


@dataclass(frozen=True, slots=True)
class Rates:
    """`bot` and `group`: calls in any so many seconds. `chat`: calls a second and how many may come at once.

    `pace` is seconds between two previews of one chat.
    """

    bot: tuple[int, float] = (25, 1.0)
    group: tuple[int, float] = (18, 60.0)
    chat: tuple[float, float] = (1.0, 3.0)
    pace: float = 0.7


class Rank(IntEnum):
    """What a call is for; the later gives way to the earlier."""

    ACKNOWLEDGEMENT = 0
    PREVIEW = 1


# Calls each rank leaves to more important ones, of the bot's and of the chat's. An answer takes two at once: its
# opening and its edit.
LEAVES = {Rank.ACKNOWLEDGEMENT: (2, 0.0), Rank.PREVIEW: (8, 2.0)}


class Window:
    """At most `count` calls in any `seconds`; a call may be reserved for later."""

    __slots__ = ("_seconds", "_times")

    def __init__(self, limit: tuple[int, float]) -> None:
        self._times: deque[float] = deque(maxlen=limit[0])
        self._seconds = limit[1]

    def left(self, now: float) -> int:
        """Calls that may leave now."""
        return (self._times.maxlen or 0) - sum(time > now - self._seconds for time in self._times)

    def take(self, now: float) -> float:
        """Reserve one; when it may leave."""
        full = len(self._times) == self._times.maxlen
        due = max(now, self._times[0] + self._seconds) if full else now
        self._times.append(due)
        return due


@dataclass(slots=True)
class Chat:
    """What is known of one chat."""

    bucket: Bucket
    group: Window | None
    pace: Pace
    silent_until: float = float("-inf")


class Limits:
    """The limits of one bot. `clock` gives seconds that never go back."""

    def __init__(self, rates: Rates | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self._rates = rates or Rates()
        self._clock = clock
        self._bot = Window(self._rates.bot)
        self._chats: Recent[int, Chat] = Recent()

    async def turn(self, chat: int) -> None:
        """Return when an answer's call to this chat may leave."""
        known, now = self._chat(chat), self._clock()
        wait, known.bucket = known.bucket.take(now)
        await self._until(max(now + wait, known.group.take(now) if known.group else now), known)
        # Only now: a turn in the bot's window taken for later would hold up every other chat.
        await self._until(self._bot.take(self._clock()), known)

    def room(self, chat: int, rank: Rank) -> bool:
        """Whether a call nobody needs may leave now; if so its token is taken."""
        known, now = self._chat(chat), self._clock()
        of_bot, of_chat = LEAVES[rank]
        preview = rank is Rank.PREVIEW
        if (
            now < known.silent_until
            or self._bot.left(now) < of_bot + 1
            or known.bucket.left(now) < of_chat + 1.0
            or (preview and now < known.pace.next_due)
        ):
            return False
        self._bot.take(now)
        known.bucket = known.bucket.take(now)[1]
        if preview:
            known.pace = known.pace.shown(now)
        return True

    def hold(self, chat: int, seconds: float) -> None:
        """Telegram asked for silence in this chat: nothing leaves before, and previews come half as often after."""
        known = self._chat(chat)
        known.silent_until = max(known.silent_until, self._clock() + seconds + SAFETY)
        known.pace = known.pace.throttled()

    async def _until(self, due: float, known: Chat) -> None:
        while (wait := max(due, known.silent_until) - self._clock()) > 0:  # noqa: ASYNC110 - only time opens the way
            await asyncio.sleep(wait)

    def _chat(self, chat: int) -> Chat:
        known = self._chats.get(chat, None)
        if known is None:
            group = Window(self._rates.group) if chat < 0 else None
            known = Chat(Bucket(*self._rates.chat), group, Pace(self._rates.pace))
        self._chats.put(chat, known)
        return known
