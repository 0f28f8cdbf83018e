"""All processes on one store, as channels see them: what only one may do at a time, and silences all must keep.

Which chats a process answers is in `leases`; who calls a platform, and when, is the channels' affair.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from core.errors import StoreError
from core.ports import Store

log = logging.getLogger(__name__)

LEASE = 10.0
"""Seconds a chat or a task of the whole fleet belongs to a process without a sign of life."""

HEARTBEAT = 3.0
"""Seconds between two signs of life."""

LOOK = 1.0
"""Seconds between two looks for something nobody holds: the floor where no hint arrives."""


class Fleet:
    """The fleet by way of the store they share."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.size = 1
        self._seen = time.monotonic()

    def seen(self) -> None:
        """The store has just answered a sign of life."""
        self._seen = time.monotonic()

    @property
    def silent_for(self) -> float:
        """Seconds since the store answered last; more than LEASE means that nothing here is ours any more."""
        return time.monotonic() - self._seen

    @asynccontextmanager
    async def alone(self, name: str) -> AsyncIterator[None]:
        """Wait until the name is ours; losing it, or not knowing for a whole lease, cancels the block quietly."""
        while not await self._tried(name):  # noqa: ASYNC110 - only the store knows
            await asyncio.sleep(LOOK)
        inside = asyncio.current_task()
        lost = False

        async def keep() -> None:
            nonlocal lost
            loop = asyncio.get_running_loop()
            until = loop.time() + LEASE
            while loop.time() < until:
                await asyncio.sleep(HEARTBEAT)
                began = loop.time()
                try:
                    async with asyncio.timeout_at(until):
                        if not await self._store.hold(name):
                            break
                except (StoreError, TimeoutError):
                    continue
                until = began + LEASE
            lost = True
            log.warning("another process has taken over: %s", name)
            if inside is not None:
                inside.cancel()

        keeping = asyncio.create_task(keep())
        try:
            yield
        except asyncio.CancelledError:
            if not lost or (inside is not None and inside.uncancel() > 0):
                raise
        finally:
            keeping.cancel()
            if not lost:
                with contextlib.suppress(StoreError):
                    await self._store.leave(name)

    async def _tried(self, name: str) -> bool:
        try:
            return await self._store.hold(name)
        except StoreError as error:
            log.warning("nobody knows who does it: %s: %s", name, error)
            return False

    async def silence(self, scope: str, until: datetime) -> None:
        """Keep until when a platform wants silence."""
        await self._store.silence(scope, until)

    async def silences(self, prefix: str) -> Mapping[str, datetime]:
        """Silences still in force."""
        return await self._store.silences(prefix)

    async def passed(self, name: str, at: datetime) -> datetime | None:
        """Keep when something was well; when it was before."""
        return await self._store.passed(name, at)


class Lone:
    """A fleet of one that keeps silences in memory: for tests of channels and for programs without a store."""

    size = 1

    def __init__(self) -> None:
        self.kept: dict[str, datetime] = {}
        self.well: dict[str, datetime] = {}

    @asynccontextmanager
    async def alone(self, name: str) -> AsyncIterator[None]:
        """At once."""
        yield

    async def silence(self, scope: str, until: datetime) -> None:
        """Keep it here."""
        self.kept[scope] = max(until, self.kept.get(scope, until))

    async def silences(self, prefix: str) -> Mapping[str, datetime]:
        """Those still in force."""
        now = datetime.now(UTC)
        return {scope: until for scope, until in self.kept.items() if scope.startswith(prefix) and until > now}

    async def passed(self, name: str, at: datetime) -> datetime | None:
        """Keep it here."""
        before = self.well.get(name)
        self.well[name] = max(at, before or at)
        return before
