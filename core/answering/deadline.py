"""When a customer's patience ends: one deadline an answer, carried down every call made for it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds. Models may take `first` each to their first text, `stall` between two texts, `total` together.

    `queue`: so long a model of the tier that was asked for is waited for that is only busy, before a stronger one is
    asked. A channel's pauses do not count.
    """

    first: float = 20.0
    total: float = 60.0
    stall: float = 15.0
    queue: float = 1.0


class Deadline:
    """The end of one customer's patience, `at` that instant of the loop's clock; a channel's pauses move it on."""

    __slots__ = ("_clock", "at", "patience")

    def __init__(self, patience: Patience) -> None:
        self._clock = asyncio.get_running_loop().time
        self.patience = patience
        self.at = self._clock() + patience.total

    @property
    def left(self) -> float:
        """Seconds left; not more than 0 once it is over."""
        return self.at - self._clock()
