"""Word between processes on one server: gathered for a moment before it is sent, heard in a thread of its own.

A notification takes a lock of the whole database when it is committed, so it never rides on a message's transaction
(research: reliability, trap 5). Everything here may be lost; on SQLite there is nobody to tell.
"""

from __future__ import annotations

import asyncio
import importlib
import logging
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from core.errors import StoreError
from core.records import Hint
from core.store.database import Database

if TYPE_CHECKING:
    from core.store.postgres import Listener

log = logging.getLogger(__name__)

GATHERED = 0.03
"""Seconds hints are gathered before they are sent together."""

KEPT = 10_000
"""Hints waiting to be heard or sent at most; more are lost."""


class Hints:
    """Use as an async context manager. `owner` is the process that tells, which does not hear itself."""

    def __init__(self, database: Database, owner: str) -> None:
        self._database = database
        self._owner = owner
        self._waiting: dict[Hint, None] = {}
        self._sending: asyncio.Task[None] | None = None
        self._heard: asyncio.Queue[Hint] = asyncio.Queue(KEPT)
        self._listener: Listener | None = None

    async def __aenter__(self) -> Hints:
        if self._database.shared:
            loop = asyncio.get_running_loop()
            postgres = importlib.import_module("core.store.postgres")
            self._listener = postgres.Listener(
                self._database.url, self._owner, lambda hints: loop.call_soon_threadsafe(self._take, hints)
            )
        return self

    async def __aexit__(self, *exc: object) -> None:
        if self._sending is not None:
            self._sending.cancel()
            await asyncio.wait({self._sending})
        if self._listener is not None:
            await asyncio.to_thread(self._listener.close)

    def tell(self, hint: Hint) -> None:
        """Tell the others soon; the same twice is told once."""
        if self._listener is None or len(self._waiting) >= KEPT:
            return
        self._waiting[hint] = None
        if self._sending is None or self._sending.done():
            self._sending = asyncio.get_running_loop().create_task(self._send())

    async def heard(self) -> AsyncIterator[Hint]:
        """What others tell, for as long as somebody listens."""
        while True:
            yield await self._heard.get()

    def _take(self, hints: list[Hint]) -> None:
        for hint in hints:
            if not self._heard.full():
                self._heard.put_nowait(hint)

    async def _send(self) -> None:
        notify = importlib.import_module("core.store.postgres").notify
        while self._waiting:
            await asyncio.sleep(GATHERED)
            hints, self._waiting = list(self._waiting), {}
            try:
                await self._database.write(lambda c: notify(c, self._owner, hints))  # noqa: B023 - awaited at once
            except StoreError as error:
                log.info("hints to other processes were not sent: %s", error)
