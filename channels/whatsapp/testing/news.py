"""Waiting for something to become true on one event loop, without polling. Nothing of Twilio belongs here."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class News:
    """Wakes whoever waits each time something has changed."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def tell(self) -> None:
        """Something has changed."""
        self._event.set()
        self._event = asyncio.Event()

    async def until(self, true: Callable[[], object], seconds: float | None = None) -> None:
        """Return once it is true, or raise TimeoutError. None waits for ever, and somebody else ends that."""
        async with asyncio.timeout(seconds):
            while not true():
                await self._event.wait()
