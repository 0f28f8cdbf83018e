"""What a customer sees before the answer stands: a placeholder or typing at once, then the growing text.

In private chats the text grows in a draft, which leaves nothing behind; in groups, and where drafts do not work, there
is only "typing". A preview never sends or edits a message, never waits for room and never costs the answer.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from channels.telegram.client import Place
from channels.telegram.limits import Rank
from channels.telegram.outlet import Outlet
from channels.telegram.parts import rendered
from channels.telegram.recent import Recent
from core.errors import ChannelError, Throttled
from core.markup import Rich
from core.text import grown

log = logging.getLogger(__name__)

#: Failed drafts in a row after which a chat gets no draft any more (research: channels, trap 4).
FAILURES = 3
#: Seconds a call still under way may take once the text is complete.
LAST_CALL = 5.0


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds. A draft lives 30, typing 5: both are renewed before. `waiting`: typing without an answer ends then.

    `retry` is between two attempts; how often one may succeed is for the limits to say.
    """

    retry: float = 0.2
    draft: float = 20.0
    typing: float = 4.0
    waiting: float = 20.0


class Preview:
    """One answer's preview in one chat. `stopped` once the customer pressed Stop on it."""

    def __init__(self, outlet: Outlet, place: Place, failures: Recent[int, int], timing: Timing) -> None:
        self.text = ""
        self.draft = secrets.randbelow(2**31 - 1) + 1  # any number but 0; the same one lets the text grow in place
        self.stopped = False
        self._outlet = outlet
        self._place = place
        self._failures = failures
        self._timing = timing
        self._news = asyncio.Event()
        self._ended = asyncio.Event()
        self._tried = self._shown = float("-inf")
        self._seen = ""

    @property
    def _drafts(self) -> bool:
        return self._place.private and self._failures.get(self._place.chat, 0) < FAILURES

    def grow(self, piece: str) -> None:
        """More of the text is known."""
        self.text = grown(self.text, piece)
        self._news.set()

    async def acknowledge(self) -> None:
        """Show at once that the message was heard. Raises ChannelError."""
        await self._show()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Show the text as it grows while the block runs; afterwards no call of the preview is under way."""
        task = asyncio.create_task(self.run())
        try:
            yield
            self._ended.set()
            self._news.set()
            await asyncio.wait({task}, timeout=LAST_CALL)
        finally:
            task.cancel()
            await asyncio.wait({task})

    async def run(self) -> None:
        """Renew and grow what is shown until the text is complete; failures only end up in the log."""
        while not self._ended.is_set():
            drafts = self._drafts
            renewed = self._shown + (self._timing.draft if drafts else self._timing.typing)
            await _first_of(self._news if drafts else self._ended, renewed - time.monotonic())
            await _first_of(self._ended, self._tried + self._timing.retry - time.monotonic())
            if self._ended.is_set():
                return
            try:
                await self._show()
            except ChannelError as error:
                log.info("a preview was not shown: %s: %s", type(error).__name__, error)
            except Exception:  # a preview is never worth the answer
                log.exception("previews of an answer ended")
                return

    async def _show(self) -> None:
        self._news.clear()
        self._tried = time.monotonic()
        if not self._drafts:
            if await self._outlet.may(self._place, Rank.ACKNOWLEDGEMENT, self._outlet.client.send_typing):
                self._shown = self._tried
            return
        text = self.text.strip()
        if text == self._seen and self._tried < self._shown + self._timing.draft:
            return
        if not await self._try_draft(text):
            self._news.set()  # no room now: the next round tries again

    async def _try_draft(self, text: str) -> bool:
        rank = Rank.PREVIEW if text else Rank.ACKNOWLEDGEMENT
        chat = self._place.chat
        try:
            made = await self._outlet.may(
                self._place, rank, lambda place: self._outlet.client.send_draft(place, self.draft, _newest(text))
            )
        except Throttled:
            raise
        except ChannelError:
            self._failures.put(chat, self._failures.get(chat, 0) + 1)
            raise
        if made:
            self._failures.drop(chat)
            self._seen, self._shown = text, self._tried
        return made


def _newest(text: str) -> Rich:
    """The whole text rendered, and of one too long for a draft its newest part."""
    return rendered(text)[-1] if text else Rich("")


async def _first_of(event: asyncio.Event, seconds: float) -> None:
    """Wait for the event, at most this long."""
    try:
        async with asyncio.timeout(max(0.0, seconds)):
            await event.wait()
    except TimeoutError:
        return
