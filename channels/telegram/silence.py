"""Silence Telegram asked for, as all processes keep it: told to the fleet at once, asked for before an answer.

A chat may come to this process from another one, and whoever died cannot tell any more. Until when nothing leaves is
for `limits` to keep; here are only the names silences have in the store, and the way there and back.
"""

from __future__ import annotations

import asyncio
import logging
import re
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from core.errors import StoreError
from core.ports import Fleet

log = logging.getLogger(__name__)

#: Seconds for which what was read counts as known: what another process is told reaches this one so late at most.
FRESH = 3.0
#: Seconds that writing may take once the channel closes.
LAST_WORDS = 2.0


class Silences:
    """The silences of one bot. Before `join` there is only this process.

    `hush` is called with a chat (None for all) and the seconds for which nothing may leave to it.
    """

    def __init__(self, bot: int, hush: Callable[[int | None, float], None]) -> None:
        self._hush = hush
        self._bot = f"telegram:{bot}"
        self._names = re.compile(rf"{self._bot}(?::(-?\d+))?", re.ASCII)
        self._fleet: Fleet | None = None
        self._one = asyncio.Lock()
        self._next: asyncio.Task[StoreError | None] | None = None
        self._read_at = float("-inf")
        self._writing: set[asyncio.Task[None]] = set()

    def join(self, fleet: Fleet) -> None:
        """From now on these processes share silences."""
        self._fleet = fleet

    async def ask(self) -> None:
        """Learn what is in force now; all who ask before a reading has begun share it. Raises StoreError."""
        if self._fleet is None:
            return
        if self._next is None:
            self._next = asyncio.create_task(self._read(self._fleet))
        error = await asyncio.shield(self._next)
        if error is not None:
            raise StoreError(str(error)) from error

    async def fresh(self) -> None:
        """Learn it unless that was done a moment ago; when the store is away, what is known has to do."""
        if time.monotonic() - self._read_at < FRESH:
            return
        try:
            await self.ask()
        except StoreError as error:
            log.warning("nobody knows what other processes were told: %s", error)

    def tell(self, chat: int | None, seconds: float) -> None:
        """Let the fleet know in the background: silence for a chat, or for the whole bot."""
        if self._fleet is None:
            return
        scope = self._bot if chat is None else f"{self._bot}:{chat}"
        until = datetime.now(UTC) + timedelta(seconds=seconds)
        task = asyncio.create_task(self._write(self._fleet, scope, until))
        self._writing.add(task)
        task.add_done_callback(self._writing.discard)

    async def aclose(self) -> None:
        """Finish what is being written."""
        if self._writing:
            await asyncio.wait(self._writing, timeout=LAST_WORDS)

    async def _read(self, fleet: Fleet) -> StoreError | None:
        async with self._one:
            self._next = None  # who asks from here on needs a later answer
            self._read_at = time.monotonic()
            try:
                found = await fleet.silences(self._bot)
            except StoreError as error:
                return error
            now = datetime.now(UTC)
            for scope, until in found.items():
                if ours := self._names.fullmatch(scope):  # another bot's number may begin like this one's
                    self._hush(int(ours[1]) if ours[1] else None, (until - now).total_seconds())
        return None

    async def _write(self, fleet: Fleet, scope: str, until: datetime) -> None:
        try:
            await fleet.silence(scope, until)
        except StoreError as error:
            log.warning("other processes do not know of a silence: %s", error)
