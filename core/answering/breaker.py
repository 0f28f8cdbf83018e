"""A circuit breaker: whether one model may be called now, judged by how its calls went (research: reliability 1.4).

Closed it lets every call through and counts; open it lets none through for a while; half open it gives out exactly so
many numbered permits and closes once all of them came back good. What an error counts as is `verdicts`' affair, how
many calls at once are too many is `load`'s. Correctness never depends on what another process knows.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from core.answering.window import Window

AGAIN = 0.25
"""Seconds after which to look again while all permits are out: nobody can know when one comes back."""

NEVER = -1
"""The epoch of calls that are not counted."""


class State(Enum):
    """What a breaker lets through."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half open"
    FORCED = "forced open"


class Verdict(Enum):
    """What a call says about the model. BUSY and NEUTRAL never count: neither for it nor against it."""

    GOOD = "good"
    SLOW = "slow"
    FAILED = "failed"
    BUSY = "busy"
    DENIED = "denied"
    NEUTRAL = "neutral"


UNCOUNTED = frozenset({Verdict.BUSY, Verdict.NEUTRAL})


@dataclass(frozen=True, slots=True)
class BreakerRules:
    """When a breaker opens and for how long. Times are seconds, shares 0 to 1.

    Counted are the last `most_calls` calls within `window`. It opens when at least `least_calls` are counted and the
    share `failures` of them failed or the share `slow` was slow, or when `in_a_row` calls failed with none between that
    did not (0: never for that; 5 as Envoy and Finagle do, for models that are called seldom). It stays open for
    `pause`, doubled each time until it has been closed for longer than open, up to `longest_pause`, and up to the share
    `jitter` more. Then `probes` calls are let through; one that has not ended within `probe_within` of its last sign of
    life failed. A call is slow when its first text takes over `first_within` or a silence in it over `stall_within`.
    """

    window: float = 30.0
    most_calls: int = 50
    least_calls: int = 10
    failures: float = 0.25
    slow: float = 0.8
    in_a_row: int = 5
    pause: float = 5.0
    longest_pause: float = 300.0
    jitter: float = 0.2
    probes: int = 3
    probe_within: float = 30.0
    first_within: float = 10.0
    stall_within: float = 10.0

    def __post_init__(self) -> None:
        if self.probes < 1 or self.least_calls < 1 or self.most_calls < self.least_calls:
            raise ValueError("a breaker needs a probe, and room for the calls it counts")


@dataclass(slots=True, eq=False)
class Permit:
    """The right to make one call, to be ended once however the call ends. `number` is 1 to k for a probe, else 0.

    The rest is `circuit`'s: when the call was let through, what it may use, whether it gave its first text.
    """

    epoch: int
    number: int = 0
    until: float = math.inf
    ended: bool = False
    began: float = 0.0
    tokens: int = 0
    showed: bool = False


@dataclass(frozen=True, slots=True)
class BreakerView:
    """A breaker for people. `lasted`: seconds in this state; `wait`: seconds until it may admit, inf when forced.

    `calls` are those counted now, `failures` and `slow` their shares. `reason`: why it is in this state, in words,
    empty when nothing has happened yet. `opened`: how often it has opened. `out`: probes under way.
    """

    state: State
    lasted: float
    wait: float
    calls: int
    failures: float
    slow: float
    reason: str
    opened: int
    epoch: int
    out: int = 0


class Breaker:
    """The breaker of one provider, model and key. `epoch` moves on with every change of state; a call that began in an
    older one is not counted. `clock` gives seconds that never go back, `chance` 0 <= x < 1. `rules` may change at any
    time; probes that are out or still to be given out stay as many as they were.
    """

    def __init__(self, rules: BreakerRules, clock: Callable[[], float], chance: Callable[[], float]) -> None:
        self.rules = rules
        self.epoch = NEVER
        self._clock = clock
        self._chance = chance
        self._until = self._pause = 0.0
        self._opened = self._in_vain = 0
        self._become(State.CLOSED, clock(), "")

    def permit(self, anyway: bool = False) -> Permit | None:
        """The right to make one call now, or None. `anyway`: also while it is open, for whoever has nobody else to ask;
        what becomes of such a call is not counted.
        """
        if self.state is State.CLOSED:
            return Permit(self.epoch)
        now = self._clock()
        self._expire(now)
        if self.state is State.OPEN and now >= self._until:
            self._become(State.HALF_OPEN, now, f"{self.rules.probes} calls are let through to see")
            self._free = list(range(self.rules.probes, 0, -1))
        if not self._free:
            return Permit(NEVER) if anyway and self.state is not State.FORCED else None
        number = self._free.pop()
        self._out[number] = probe = Permit(self.epoch, number, now + self.rules.probe_within)
        return probe

    def alive(self, permit: Permit) -> None:
        """The call gave a sign of life: a probe has as long again to end."""
        if permit.number and not permit.ended:
            now = self._clock()
            self._expire(now)
            permit.until = now + self.rules.probe_within

    def end(self, permit: Permit, verdict: Verdict, retry_after: float | None = None) -> None:
        """What became of the call; only the first end of a permit counts. `retry_after`: seconds the vendor asked for.

        A failure of an older epoch can make an open breaker wait longer by them, and does nothing else.
        """
        if permit.ended:
            return
        permit.ended, now = True, self._clock()
        self._expire(now)
        if permit.epoch != self.epoch:
            if self.state is State.OPEN and verdict is Verdict.FAILED and retry_after:
                self._until = max(self._until, now + self._longer(retry_after))
        elif verdict is Verdict.DENIED:
            self._opened += 1
            self._become(State.FORCED, now, "the key, the quota or a permission was refused")
        elif permit.number:
            self._end_probe(permit, verdict, retry_after, now)
        elif verdict not in UNCOUNTED:
            self._count(verdict, retry_after, now)

    def wait(self) -> float:
        """Seconds until it may admit a call: 0 now, inf when only `reset` can change that."""
        if self.state is State.CLOSED:
            return 0.0
        now = self._clock()
        self._expire(now)
        if self.state is State.OPEN:
            return max(0.0, self._until - now)
        if self.state is State.FORCED:
            return math.inf
        return 0.0 if self._free else AGAIN

    def reset(self, reason: str) -> None:
        """Close it, whatever it was: the configuration changed, or an operator says so."""
        self._in_vain = 0
        self._become(State.CLOSED, self._clock(), reason)

    def view(self) -> BreakerView:
        """How it stands."""
        wait, now = self.wait(), self._clock()
        self._window.forget(now - self.rules.window, self.rules.most_calls)
        calls = len(self._window)
        failures, slow = self._window.failed / max(1, calls), self._window.slow / max(1, calls)
        about = (self._reason, self._opened, self.epoch, len(self._out))
        return BreakerView(self.state, now - self._since, wait, calls, failures, slow, *about)

    def _become(self, state: State, now: float, reason: str) -> None:
        self.state, self._since, self._reason = state, now, reason
        self.epoch += 1
        self._window = Window()
        self._free = []
        self._out: dict[int, Permit] = {}

    def _open(self, at: float, reason: str, retry_after: float | None = None) -> None:
        if self.state is State.CLOSED and at - self._since > self._pause:
            self._in_vain = 0
        doubled = min(math.ldexp(self.rules.pause, min(self._in_vain, 64)), self.rules.longest_pause)
        self._pause = self._longer(max(retry_after or 0.0, doubled))
        self._until = at + self._pause
        self._in_vain += 1
        self._opened += 1
        self._become(State.OPEN, at, reason)

    def _longer(self, seconds: float) -> float:
        return seconds * (1 + self.rules.jitter * self._chance())

    def _expire(self, now: float) -> None:
        """A probe that did not come back in time failed at that instant, whoever looks when."""
        if self._out:
            late = min(self._out.values(), key=lambda permit: permit.until)
            if late.until <= now:
                self._open(late.until, f"probe {late.number} never came back")

    def _end_probe(self, permit: Permit, verdict: Verdict, retry_after: float | None, now: float) -> None:
        del self._out[permit.number]
        if verdict is Verdict.GOOD:
            if not self._free and not self._out:
                self._become(State.CLOSED, now, "all probes were good")
        elif verdict in UNCOUNTED:
            self._free.append(permit.number)
        else:
            went = "failed" if verdict is Verdict.FAILED else "was slow"
            self._open(now, f"probe {permit.number} {went}", retry_after)

    def _count(self, verdict: Verdict, retry_after: float | None, now: float) -> None:
        window, rules = self._window, self.rules
        window.add(now, verdict is Verdict.FAILED, verdict is Verdict.SLOW)
        window.forget(now - rules.window, rules.most_calls)
        calls = len(window)
        enough = calls >= rules.least_calls
        if enough and window.failed >= rules.failures * calls:
            self._open(now, f"{window.failed} of {calls} calls failed", retry_after)
        elif enough and window.slow >= rules.slow * calls:
            self._open(now, f"{window.slow} of {calls} calls were slow", retry_after)
        elif window.row >= rules.in_a_row > 0:
            self._open(now, f"{window.row} calls failed in a row", retry_after)
