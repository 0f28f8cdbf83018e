"""What every library's module does around a call: calls in flight are bounded, none lasts for ever, errors are told.

What is the same whichever library makes the call is here once; no library is imported here. What Telegram's own words
mean is in `client`.
"""

from __future__ import annotations

import asyncio
import io
import re
from collections.abc import AsyncIterable, AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from channels.telegram.client import Reason, Refused, refusal
from core.errors import ChannelError, NotSent, Rejected, Throttled, Unconfirmed

#: Seconds a call may last, and one that carries a file: 20 MB at 1 Mbit/s take 160.
CALL, TRANSFER = 60.0, 300.0
CHUNK = 65_536  # bytes of a file read at once
UNPACKED = {"Accept-Encoding": "identity"}  # so that the bytes counted are the bytes held
# Answers of a file's address that mean there is no file: it was removed, or its address has expired.
NO_FILE = {400, 403, 404, 410}
# Refusals that libraries tell as faults of the network, without a status.
REFUSALS = ("too many requests", "too large")


@dataclass(frozen=True, slots=True)
class Faults:
    """A library's errors: those with a status, its own base class, and causes that prove no byte of a request left.

    `statuses` has the more particular class first.
    """

    statuses: tuple[tuple[type[Exception], int], ...]
    own: type[Exception]
    unsent: tuple[type[Exception], ...]

    def meaning(self, error: Exception, words: str) -> ChannelError:
        """What an error means; `words` is its text with nothing secret in it."""
        status = next((status for kind, status in self.statuses if isinstance(error, kind)), 0)
        if status:
            return refusal(status, words)
        if isinstance(error, self.unsent) or isinstance(error.__cause__, self.unsent):
            return NotSent(words)
        if not isinstance(error, self.own):  # a KeyError or TypeError after a 2xx is a request that was sent
            return Unconfirmed(f"the answer was not as expected: {type(error).__name__}")
        return refusal(0, words) if any(piece in words.lower() for piece in REFUSALS) else Unconfirmed(words)


class Line:
    """Calls of one client. In flight at once are fewer than the pool has connections, so a wait is known to be unsent.

    `patience` is seconds for a free connection; `meaning` says what a library's error is, given its text.
    """

    def __init__(
        self, token: str, connections: int, patience: float, meaning: Callable[[Exception, str], ChannelError]
    ) -> None:
        self._token = re.compile(re.escape(token), re.IGNORECASE)  # a library changes the case of what the server says
        self._free = asyncio.Semaphore(max(1, connections * 3 // 4))
        self._patience = patience
        self._meaning = meaning

    @asynccontextmanager
    async def call(self, limit: float = CALL) -> AsyncIterator[None]:
        """Inside, one call is made that lasts `limit` seconds at most. Raises ChannelError and nothing else."""
        try:
            async with asyncio.timeout(self._patience):
                await self._free.acquire()
        except TimeoutError:
            raise NotSent("every connection is busy") from None
        try:
            async with self.told(limit):
                yield
        finally:
            self._free.release()

    @asynccontextmanager
    async def told(self, limit: float) -> AsyncIterator[None]:
        """The same for a call that has a connection of its own."""
        try:
            async with asyncio.timeout(limit):
                yield
        except ChannelError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever a library raises, without a chain that could hold the token
            words = self._token.sub("***", str(error) or type(error).__name__)
            raise self._meaning(error, words) from None


def flood(seconds: float) -> Throttled:
    """Telegram asks to wait so long."""
    return Throttled(f"Telegram asks to wait {seconds:g} s", seconds)


def moved(chat: int) -> Refused:
    """The group became a supergroup with this number."""
    return Refused("the group has a new number", Reason.MOVED, chat)


def no_file(status: int) -> ChannelError:
    """Why the address of a file answered with a status other than 200."""
    words = f"the file's address answered {status}"
    return Rejected(words) if status in NO_FILE else refusal(status, words)


async def gathered(chunks: AsyncIterable[bytes], most: int) -> bytes:
    """The bytes of a file; Rejected as soon as there are more than `most`, whatever its size was said to be."""
    content = io.BytesIO()  # gives its bytes out without another copy
    async for chunk in chunks:
        if content.tell() + len(chunk) > most:
            raise _too_large(most)
        content.write(chunk)
    return content.getvalue()


def path_of(path: str | None, size: int | None, most: int) -> str:
    """Where getFile says a file is; Rejected when it says nothing or says the file has more than `most` bytes."""
    if not path:
        raise Rejected("Telegram does not say where this file is")
    if (size or 0) > most:
        raise _too_large(most)
    return path


def _too_large(most: int) -> Rejected:
    return Rejected(f"the file is larger than {most} bytes")


def listed(updates: object) -> list[object]:
    """What getUpdates gave, if it is a list."""
    if not isinstance(updates, list):
        raise Unconfirmed("getUpdates gave no list")
    return updates
