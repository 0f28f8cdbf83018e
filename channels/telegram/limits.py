"""When a call to Telegram may leave: limits of the bot and of each chat, and silence where Telegram asked for it.

Answers reserve their turn and wait for it; acknowledgements and previews only use what is left over and are dropped
otherwise. What is sent is not known here, nor what other processes were told. Figures: research, channels, section 5;
Telegram publishes about 30/s for a bot, 1/s for a chat and 20/min for a group, "may depend on size"; a penalty for
exceeding them is 18 to 280 seconds.

The bot's rate is shared by all processes; a chat has one owner, so its rate is not.
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

# A 429 does not say whether it means the chat or the bot, and a client is not supposed to know ("sometimes yes and
# sometimes no", tdlib/td#1062; tdlib/td#715): python-telegram-bot's limiter stops everything, which makes all customers
# wait up to minutes for one chat. So it is the chat's; of chats that keep to their limits, this many refused within so
# many seconds mean the bot, and it waits for the shortest of what they were told.
WITNESSES, WITNESS_TIME = 3, 10.0


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
    """At most so many calls in any so many seconds; a call may be reserved for later. `of`: processes that share it."""

    __slots__ = ("_limit", "_times")

    def __init__(self, limit: tuple[int, float]) -> None:
        self._times: deque[float] = deque(maxlen=limit[0])
        self._limit = limit

    def share(self, of: int = 1) -> tuple[int, float]:
        """Calls and seconds for one of so many processes; in fewer seconds where calls cannot be divided evenly."""
        calls, seconds = self._limit
        count = max(1, calls // of)
        return count, count * of * seconds / calls

    def left(self, now: float, of: int = 1) -> int:
        """Calls that may leave now; below zero after the share became smaller."""
        count, seconds = self.share(of)
        return count - sum(time > now - seconds for time in self._times)

    def take(self, now: float, of: int = 1) -> float:
        """Reserve one; when it may leave."""
        count, seconds = self.share(of)
        full = len(self._times) >= count
        due = max(now, self._times[-count] + seconds) if full else now
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
    """The limits of one bot in one process. `clock` gives seconds that never go back.

    `processes` is asked how many share the bot's rate.
    """

    def __init__(self, rates: Rates | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self.processes: Callable[[], int] = lambda: 1
        self._rates = rates or Rates()
        self._clock = clock
        self._bot = Window(self._rates.bot)
        self._bot_silent_until = float("-inf")
        self._refused: dict[int, tuple[float, float]] = {}
        self._chats: Recent[int, Chat] = Recent()

    async def turn(self, chat: int) -> None:
        """Return when this chat may take an answer's call; then `leave`."""
        known, now = self._chat(chat), self._clock()
        wait, known.bucket = known.bucket.take(now)
        due = max(now + wait, known.group.take(now) if known.group else now)
        await self._until(lambda: max(due, self._silent_until(known)))

    async def leave(self, chat: int) -> bool:
        """Wait for the bot's turn; whether the call may leave then. False: silence began, another turn is needed.

        Taken last: a turn of the bot's taken for later would hold up every other chat.
        """
        due = self._bot.take(self._clock(), self.processes())
        await self._until(lambda: due)
        return self._clock() >= self._silent_until(self._chat(chat))

    def room(self, chat: int, rank: Rank) -> bool:
        """Whether a call nobody needs may leave now; if so its token is taken."""
        known, now, processes = self._chat(chat), self._clock(), self.processes()
        of_bot, of_chat = LEAVES[rank]
        spare = of_bot * self._bot.share(processes)[0] // self._rates.bot[0]
        preview = rank is Rank.PREVIEW
        if (
            now < self._silent_until(known)
            or self._bot.left(now, processes) < spare + 1
            or known.bucket.left(now) < of_chat + 1.0
            or (preview and now < known.pace.next_due)
        ):
            return False
        self._bot.take(now, processes)
        known.bucket = known.bucket.take(now)[1]
        if preview:
            known.pace = known.pace.shown(now)
        return True

    def hold(self, chat: int, seconds: float) -> float:
        """Telegram asked for silence in this chat: nothing leaves before, and previews come half as often after.

        Returns the seconds for which the whole bot is silent too, 0.0 when this is one chat's affair.
        """
        now = self._clock()
        self.hush(chat, seconds + SAFETY)
        known = self._chat(chat)
        known.pace = known.pace.throttled()
        told = {**self._refused, chat: (now, known.silent_until)}
        self._refused = {c: (at, end) for c, (at, end) in told.items() if at > now - WITNESS_TIME and end > now}
        if len(self._refused) < WITNESSES:
            return 0.0
        whole = min(end for _, end in self._refused.values()) - now
        self._refused.clear()
        self.hush(None, whole)
        return whole

    def hush(self, chat: int | None, seconds: float) -> None:
        """Nothing leaves to this chat (None: to any) for so long; a longer silence is never shortened."""
        until = self._clock() + seconds
        if chat is None:
            self._bot_silent_until = max(self._bot_silent_until, until)
        else:
            known = self._chat(chat)
            known.silent_until = max(known.silent_until, until)

    def _silent_until(self, known: Chat) -> float:
        return max(known.silent_until, self._bot_silent_until)

    async def _until(self, due: Callable[[], float]) -> None:
        while (wait := due() - self._clock()) > 0:  # noqa: ASYNC110 - only time opens the way
            await asyncio.sleep(wait)

    def _chat(self, chat: int) -> Chat:
        known = self._chats.get(chat, None)
        if known is None:
            group = Window(self._rates.group) if chat < 0 else None
            known = Chat(Bucket(*self._rates.chat), group, Pace(self._rates.pace))
        self._chats.put(chat, known)
        return known
