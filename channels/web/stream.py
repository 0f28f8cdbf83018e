"""One open page: a bounded queue of server-sent events and the loop that empties it into the response.

How events are written is here as well. What they say and which pages get them is the feed's business.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import web

HEADERS: Mapping[str, str] = {
    "Content-Type": "text/event-stream",
    "Cache-Control": "no-store",
    "X-Accel-Buffering": "no",
    "X-Content-Type-Options": "nosniff",
}
RETRY = b"retry: 2000\n\n"
COMMENT = b":\n\n"
QUEUE = 256
"""Events a page may be behind before it is cut off; it reconnects and gets what it lacks."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How many pages may be open, for one visitor and in all, and how many visitors are remembered; times in seconds.

    `comment` is the longest silence on a stream, `write` how long one event may take to leave it.
    """

    per_visitor: int = 4
    pages: int = 2_000
    visitors: int = 5_000
    comment: float = 15.0
    write: float = 20.0


def frame(event: str, data: Mapping[str, Any], name: str = "") -> bytes:
    """One event. Only ASCII leaves, so half a surrogate pair in a model's piece of text cannot break the stream."""
    head = f"id: {name}\n" if name else ""
    return f"{head}event: {event}\ndata: {json.dumps(data, separators=(',', ':'))}\n\n".encode("ascii")


class Page:
    """One open page: a queue that never grows past its bound, and the loop that empties it into the response."""

    def __init__(self, transport: asyncio.Transport | None, limits: Limits) -> None:
        self._transport = transport
        self._limits = limits
        self._queue: asyncio.Queue[bytes | None] = asyncio.Queue(QUEUE)
        self._writing = False

    @property
    def gone(self) -> bool:
        """Whether nobody can be reading any more."""
        return self._transport is None or self._transport.is_closing()

    def offer(self, frame: bytes) -> None:
        """Queue an event; a reader too slow for its queue is cut off."""
        try:
            self._queue.put_nowait(frame)
        except asyncio.QueueFull:
            self._cut()

    def end(self, frame: bytes = b"") -> None:
        """Send what is queued, this last, and finish; cut off at once a reader that takes nothing."""
        if self._writing or self._queue.qsize() + 2 > QUEUE:
            self._cut()
            return
        self._queue.put_nowait(frame)
        self._queue.put_nowait(None)

    async def pump(self, response: web.StreamResponse) -> None:
        """Write events until the page goes or is ended, with a comment in every silence."""
        while not self.gone:
            frame = await self._next()
            if frame is None:
                return
            self._writing = True
            try:
                async with asyncio.timeout(self._limits.write):
                    await response.write(frame)
            except (ConnectionError, TimeoutError):  # a reader that went away is how most streams end
                self._cut()
            finally:
                self._writing = False

    async def _next(self) -> bytes | None:
        try:
            async with asyncio.timeout(self._limits.comment):
                return await self._queue.get()
        except TimeoutError:
            return COMMENT

    def _cut(self) -> None:
        if self._transport is not None:
            self._transport.abort()
        if self._queue.empty():
            self._queue.put_nowait(None)
