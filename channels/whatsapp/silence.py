"""Until when Twilio wants nothing sent from our number: known here, kept for every process of the fleet and restarts.

Which answer asks for silence is in `codes`; who waits and for how long is decided in `sending` and `reconciler`.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from core.errors import StoreError
from core.ports import Fleet

log = logging.getLogger(__name__)

LOOK = 1.0
"""Seconds what other processes were told may be unknown here."""


@dataclass(slots=True)
class Silence:
    """The silence of one number, under the name it is kept by. Without a fleet (nobody listens yet) it is ours alone.

    Never raises StoreError: a store that is away costs the others' knowledge, not the answer.
    """

    scope: str
    now: Callable[[], datetime]
    fleet: Fleet | None = None
    until: datetime | None = None
    _looked: float = float("-inf")

    async def told(self, seconds: float) -> None:
        """Twilio asks to send nothing for so long."""
        until = self.now() + timedelta(seconds=seconds)
        self._lengthen(until)
        if self.fleet is None:
            return
        try:
            await self.fleet.silence(self.scope, until)
        except StoreError as error:
            log.warning("the other processes were not told of a silence: %s", error)

    async def left(self) -> float:
        """Seconds of silence still to keep, 0 for none."""
        if self.fleet is not None and time.monotonic() - self._looked >= LOOK:
            try:
                for scope, until in (await self.fleet.silences(self.scope)).items():
                    if scope == self.scope:  # names may begin alike
                        self._lengthen(until)
                self._looked = time.monotonic()
            except StoreError as error:
                log.warning("silences asked of other processes are not known: %s", error)
        return max(0.0, (self.until - self.now()).total_seconds()) if self.until else 0.0

    def _lengthen(self, until: datetime) -> None:
        self.until = max(until, self.until or until)
