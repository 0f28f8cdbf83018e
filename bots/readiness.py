"""Whether a balancer may send customers here, and why not. What is served to it is the server's affair.

Only channels that hear by HTTP count: a balancer can do nothing about one that asks its platform itself, and must not
take the web chat away because of it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager

from core.fleet import LEASE

STARTING, STOPPING, STORE, CHANNEL = "starting", "stopping", "store", "channel"


class Readiness:
    """Call it for "" when ready, else the reason in a word: starting, stopping, store or channel.

    `silent_for` tells the seconds since the store answered last: after a lease nothing here is this process's any more.
    """

    def __init__(self, needed: Collection[str], silent_for: Callable[[], float]) -> None:
        self._needed = frozenset(needed)
        self._silent_for = silent_for
        self._opened = False
        self._stopping = False
        self._listening: set[str] = set()

    def __call__(self) -> str:
        """The first reason there is."""
        reasons = (
            (STOPPING, self._stopping),
            (STARTING, not self._opened),
            (STORE, self._silent_for() > LEASE),
            (CHANNEL, not self._needed <= self._listening),
        )
        return next((reason for reason, holds in reasons if holds), "")

    @property
    def heard(self) -> frozenset[str]:
        """The channels that listen now."""
        return frozenset(self._listening)

    def open(self) -> None:
        """The start is over."""
        self._opened = True

    def stop(self) -> None:
        """The process was asked to stop: said at once, before anything is ended."""
        self._stopping = True

    @contextmanager
    def listening(self, name: str) -> Iterator[None]:
        """While inside, this channel listens."""
        self._listening.add(name)
        try:
            yield
        finally:
            self._listening.discard(name)
