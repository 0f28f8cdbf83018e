"""Doing it again for as long as only something outside is in the way. What is done is the caller's affair."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from itertools import chain, repeat
from typing import TypeVar

log = logging.getLogger(__name__)

T = TypeVar("T")

PAUSES = (1.0, 2.0, 5.0, 15.0, 30.0, 60.0, 120.0)
"""Seconds between tries while the store, or a channel that failed, may come back; the last one from then on."""


async def patiently(
    what: str,
    work: Callable[[], Awaitable[T]],
    *errors: type[Exception],
    tired: Callable[[Exception], Awaitable[None]] | None = None,
) -> T:
    """What the work gives, done again after each pause while it raises one of these.

    When all PAUSES are over `tired` is told once, and may raise to end it.
    """
    for n, pause in enumerate(chain(PAUSES, repeat(PAUSES[-1]))):
        try:
            return await work()
        except errors as error:
            if n == len(PAUSES) and tired is not None:
                await tired(error)
            wait = max(pause, getattr(error, "retry_after", 0.0))
            log.warning("%s waits %s s: %s", what, wait, error)
            await asyncio.sleep(wait)
    raise AssertionError("the pauses never end")
