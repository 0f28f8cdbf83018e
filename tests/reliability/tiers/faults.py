"""What a vendor can do wrong with one call, and by which odds it does. Values only; `vendor` plays them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from random import Random


class Fault(StrEnum):
    """One call's fault."""

    NONE = "none"
    HANG_UP = "hang up"
    """The connection is reset after the request, before any byte of an answer."""
    FAILED = "503"
    BUSY = "429"
    OVERLOADED = "529"
    SILENT = "silent"
    """Nothing comes until the caller leaves."""
    SLOW = "slow first token"
    EMPTY = "empty answer"
    """A well-formed answer without text."""
    CUT = "cut"
    """The connection is reset after some tokens."""
    SHORT = "short"
    """The body ends in order after some tokens, without saying why it stopped."""
    STALL = "stall"
    """After some tokens nothing more comes until the caller leaves."""
    MALFORMED = "malformed line"
    """After some tokens a line is no JSON."""


MIXED = tuple(fault for fault in Fault if fault is not Fault.NONE)
MID_STREAM = (Fault.CUT, Fault.SHORT, Fault.STALL, Fault.MALFORMED)
WITH_TEXT = (*MID_STREAM, Fault.SLOW, Fault.NONE)
"""Those after which some text has been sent."""


@dataclass(frozen=True, slots=True)
class Odds:
    """Each call has one of these faults with the probability `share`, all equally often."""

    share: float = 0.0
    among: Sequence[Fault] = MIXED

    def draw(self, chance: Random) -> Fault:
        """The next call's fault."""
        return chance.choice(self.among) if chance.random() < self.share else Fault.NONE


@dataclass(frozen=True, slots=True)
class Pace:
    """A vendor's times in seconds: to the first token, between two, and to the first when it is slow. `asks`: what a
    429 says in Retry-After; None says nothing.
    """

    first: float = 0.0
    between: float = 0.0
    slow: float = 0.1
    asks: float | None = None
