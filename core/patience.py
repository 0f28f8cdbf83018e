"""Doing it again for as long as only something outside is in the way. What is done is the caller's affair."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

log = logging.getLogger(__name__)

PAUSES = (1.0, 2.0, 5.0, 15.0, 30.0, 60.0, 120.0)
"""Seconds between tries while the store, or a channel that failed, may come back."""


async def patiently(what: str, work: Callable[[], Awaitable[None]], *errors: type[Exception]) -> None:
    """Do the work, again after each pause while it raises one of these; what the last try raises passes through."""
    for pause in PAUSES:
        try:
            return await work()
        except errors as error:
            log.warning("%s waits %s s: %s", what, pause, error)
            await asyncio.sleep(pause)
    return await work()
