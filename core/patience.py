"""Doing it again for as long as only something outside is in the way. What is done is the caller's affair."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from itertools import chain, repeat
from typing import TypeVar

from core.errors import StoreError

log = logging.getLogger(__name__)

T = TypeVar("T")

PAUSES = (1.0, 2.0, 5.0, 15.0, 30.0, 60.0, 120.0)
"""Seconds between tries while the store, or a channel that failed, may come back; the last one from then on."""

STORE = 2.0
"""Seconds at most before a store that failed is asked again."""


async def patiently(
    what: str,
    work: Callable[[], Awaitable[T]],
    *errors: type[Exception],
    tired: Callable[[Exception], Awaitable[None]] | None = None,
) -> T:
    """What the work gives, done again after each pause while it raises one of these.

    When all PAUSES are over `tired` is told once, and may raise to end it. A store is asked again every few seconds at
    least: it is ours, and whoever waits holds a chat.
    """
    spent = 0.0
    for pause in chain(PAUSES, repeat(PAUSES[-1])):
        try:
            return await work()
        except errors as error:
            if spent >= sum(PAUSES) and tired is not None:
                await tired(error)
                tired = None
            wait = max(
                min(pause, STORE) if isinstance(error, StoreError) else pause, getattr(error, "retry_after", 0.0)
            )
            log.warning("%s waits %s s: %s", what, wait, error)
            await asyncio.sleep(wait)
            spent += wait
    raise AssertionError("the pauses never end")
