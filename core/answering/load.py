"""How much one model may be asked at once: the vendor's rate limits, its requests to slow down, and a limit of calls.

Being busy is not being down: everything here ends in seconds to wait, never in a model that is gone. Whether a model
works at all is the breaker's affair.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

MINUTE = 60.0
ROUNDING = 1e-6
"""Parts of a call or token that may be lacking: sums are not exact, and who waited as told must get in."""

AGAIN = 0.25
"""Seconds after which to look again while as many calls are under way as may be: nobody can know when one ends."""


@dataclass(frozen=True, slots=True)
class LoadRules:
    """How the limit of calls under way moves. Times are seconds.

    It starts at `most`, so it limits nothing until the vendor is busy: then it falls to the share `busy` of what was
    under way, never below `least`, and rises by one for every limit's worth of first texts. When the time to the first
    text exceeds its long-run mean `gradient` times, and by `later`, with at least `crowd` calls under way, it falls to
    the share `slower`. It falls once a round: calls that began before the last fall say nothing new. A vendor that
    names no time is left alone for `pause`, doubled in every further round up to `longest_pause`, and up to the share
    `jitter` more.
    """

    least: int = 1
    most: int = 2048
    busy: float = 0.7
    slower: float = 0.9
    gradient: float = 2.0
    later: float = 0.25
    crowd: int = 10
    pause: float = 1.0
    longest_pause: float = 30.0
    jitter: float = 0.2


@dataclass(frozen=True, slots=True)
class LoadView:
    """Load for people: calls under way, how many may be, seconds to wait, and how often the vendor was busy."""

    flying: int
    limit: int
    wait: float
    busy: int


class Bucket:
    """A token bucket: `a_minute` flow in, as many fit; 0 is no limit. What was used beyond it is owed."""

    def __init__(self, a_minute: int, now: float) -> None:
        self.size = a_minute
        self._level = float(a_minute)
        self._at = now

    def wait_for(self, amount: int, now: float) -> float:
        """Seconds until so much can be taken; more than fits can be taken from a full one."""
        if not self.size:
            return 0.0
        self._fill(now)
        lacking = min(amount, self.size) - self._level
        return lacking * MINUTE / self.size if lacking > ROUNDING else 0.0

    def take(self, amount: int, now: float) -> None:
        """Take so much, or give it back when it is negative."""
        if self.size:
            self._fill(now)
            self._level = min(self.size, self._level - amount)

    def resize(self, a_minute: int, now: float) -> None:
        """The limit is another one from now on."""
        if a_minute != self.size:
            if self.size:
                self._fill(now)
            self._level = a_minute * (self._level / self.size if self.size else 1.0)
            self.size, self._at = a_minute, now

    def _fill(self, now: float) -> None:
        self._level = min(self.size, self._level + (now - self._at) * self.size / MINUTE)
        self._at = now


class Load:
    """The load of one provider, model and key. `requests` and `tokens` are what the vendor takes a minute, 0: unknown.

    Each process counts for itself: where several share a key, the vendor's "slow down" is what divides it among them.
    """

    def __init__(
        self,
        rules: LoadRules,
        clock: Callable[[], float],
        chance: Callable[[], float],
        requests: int = 0,
        tokens: int = 0,
    ) -> None:
        now = clock()
        self.rules = rules
        self.flying = 0
        self.limit = float(rules.most)
        self._clock = clock
        self._chance = chance
        self._requests = Bucket(requests, now)
        self._tokens = Bucket(tokens, now)
        self._until = now
        self._fell = -math.inf
        self._rounds = 0
        self._busy = 0
        self._lately = self._usually = 0.0

    def resize(self, requests: int, tokens: int) -> None:
        """The vendor's limits are others from now on."""
        now = self._clock()
        self._requests.resize(requests, now)
        self._tokens.resize(tokens, now)

    def wait_for(self, tokens: int = 0) -> float:
        """Seconds until a call that may use so many tokens can be made; 0 now, never inf."""
        now = self._clock()
        wait = max(self._until - now, self._requests.wait_for(1, now), self._tokens.wait_for(tokens, now))
        return max(wait, AGAIN if self.flying >= int(self.limit) else 0.0)

    def enter(self, tokens: int = 0) -> float:
        """A call that may use so many tokens begins; the instant it began, to be given back with what is told of it."""
        now = self._clock()
        self.flying += 1
        self._requests.take(1, now)
        self._tokens.take(tokens, now)
        return now

    def leave(self, tokens: int = 0, used: int | None = None) -> None:
        """A call ended that was thought to use `tokens`. None used: nobody knows, so what was thought stands."""
        self.flying -= 1
        if used is not None:
            self._tokens.take(used - tokens, self._clock())

    def undo(self, tokens: int = 0) -> None:
        """A call that was to begin was never made."""
        self._requests.take(-1, self._clock())
        self.leave(tokens, 0)

    def showed(self, began: float, seconds: float) -> None:
        """A call that is under way gave its first text after so many seconds."""
        self._lately += (seconds - self._lately) * (0.2 if self._usually else 1.0)
        self._usually += (seconds - self._usually) * (0.01 if self._usually else 1.0)
        slow = max(self.rules.gradient * self._usually, self._usually + self.rules.later)
        crowded = self.flying >= self.rules.crowd and self._lately > slow
        if crowded and began > self._fell:
            self._fall(self.rules.slower)
        elif not crowded:
            self._rounds = 0
            if 2 * self.flying >= self.limit:
                self.limit = min(self.rules.most, self.limit + 1 / self.limit)

    def busy(self, began: float, retry_after: float | None = None) -> None:
        """The vendor asked a call that is under way to slow down; the longest wait it asked for holds."""
        self._busy += 1
        fresh = began > self._fell
        if fresh:
            self._fall(self.rules.busy)
        asked = retry_after or 0.0
        if not asked and fresh:
            asked = min(math.ldexp(self.rules.pause, min(self._rounds, 64)), self.rules.longest_pause)
            self._rounds += 1
        self._until = max(self._until, self._clock() + asked * (1 + self.rules.jitter * self._chance()))

    def view(self) -> LoadView:
        """How it stands."""
        return LoadView(self.flying, int(self.limit), self.wait_for(), self._busy)

    def _fall(self, share: float) -> None:
        self.limit = max(float(self.rules.least), min(self.limit, self.flying) * share)
        self._fell = self._clock()
