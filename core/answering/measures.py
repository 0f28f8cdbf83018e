"""What is known of a model from its own calls: how long to the first text, how often there is one, how fast it writes.

Kept live in this process, for the order of models, for hedging and for people. Nothing here admits or refuses a call.
"""

from __future__ import annotations

import math
from bisect import bisect_left, insort
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

LAST = 200
"""Calls that percentiles and shares are made of."""

ENOUGH = 20
"""First texts seen before a percentile is told: the p95 of fewer would be their slowest."""

FRESH = 20
"""New calls after which percentiles are worked out again: once a call would cost more than they change."""

DECAY = 30.0
"""Seconds in which a spike of the latency falls to 1/e; Finagle's PeakEWMA has 10, for calls of milliseconds."""

Sample = tuple[float, bool]
"""Seconds to the first text and True, or, where a call ended without one, seconds it was waited for and False."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Measures for people; times are seconds, None where too little is known.

    `calls`: all that ended, `success`: share of the last ones judged. `p50`, `p95`, `latency`: to the first text.
    `speed`: output tokens a second after it. `error`: what the last failure was, empty when there was none; `ago` when.
    """

    calls: int
    success: float | None
    p50: float | None
    p95: float | None
    latency: float | None
    speed: float | None
    error: str = ""
    ago: float = 0.0


class Measures:
    """The measures of one provider, model and key. `clock` gives seconds that never go back."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.calls = 0
        self._clock = clock
        self._samples: deque[Sample] = deque()
        self._sorted: list[Sample] = []
        self._texts = self._new = 0
        self._p50: float | None = None
        self._p95: float | None = None
        self._peak, self._peaked = 0.0, clock()
        self._judged: deque[bool] = deque()
        self._well = 0
        self._written: deque[tuple[int, float]] = deque(maxlen=LAST)
        self._error, self._failed_at = "", 0.0

    def showed(self, seconds: float) -> None:
        """A call gave its first text after so many seconds."""
        self._sample((seconds, True))
        now = self._clock()
        kept = math.exp((self._peaked - now) / DECAY)
        # A slower one counts whole at once, a faster one only by the time that has passed (Finagle, PeakEwma).
        self._peak = seconds if seconds > self._peak else self._peak * kept + seconds * (1 - kept)
        self._peaked = now

    def waited(self, seconds: float) -> None:
        """A call was ended before its first text: all it says is that this takes longer than so many seconds.

        Left out, the slowest calls would be missing exactly where somebody gives up on slow ones, and each hedge would
        make the next one come earlier.
        """
        self._sample((seconds, False))
        if seconds > (self.latency() or 0.0):
            self._peak, self._peaked = seconds, self._clock()

    def judged(self, well: bool, error: str = "") -> None:
        """A call ended that tells something about the model; `error` names what failed."""
        self._judged.append(well)
        self._well += well
        if len(self._judged) > LAST:
            self._well -= self._judged.popleft()
        if not well:
            self._error, self._failed_at = error, self._clock()

    def wrote(self, tokens: int, seconds: float) -> None:
        """So many tokens came in so many seconds after the first text."""
        if tokens > 0 and seconds > 0:
            self._written.append((tokens, seconds))

    def latency(self) -> float | None:
        """Seconds to the first text to be expected now; None before any was seen, and of a model that shows none.

        A spike counts whole and fades towards the median, not towards nothing: a model nobody calls is not fast.
        """
        if not self._texts:
            return None
        usual = self._p50 if self._p50 is not None else self._peak
        return usual + (self._peak - usual) * math.exp((self._peaked - self._clock()) / DECAY)

    def success(self) -> float | None:
        """The share of the last calls judged that went well; None before the first."""
        return self._well / len(self._judged) if self._judged else None

    @property
    def p50(self) -> float | None:
        """Seconds to the first text in the middle of the last calls; None while too few are known."""
        return self._p50

    @property
    def p95(self) -> float | None:
        """Seconds to the first text that 95 of 100 of the last calls took at most; None while too few are known."""
        return self._p95

    def snapshot(self) -> Snapshot:
        """How it stands, percentiles worked out anew."""
        self._reckon()
        seconds = sum(seconds for _, seconds in self._written)
        speed = sum(tokens for tokens, _ in self._written) / seconds if seconds else None
        ago = self._clock() - self._failed_at if self._error else 0.0
        return Snapshot(
            self.calls, self.success(), self._p50, self._p95, self.latency(), speed, error=self._error, ago=ago
        )

    def _sample(self, sample: Sample) -> None:
        self._samples.append(sample)
        insort(self._sorted, sample)
        self._texts += sample[1]
        if len(self._samples) > LAST:
            old = self._samples.popleft()
            del self._sorted[bisect_left(self._sorted, old)]
            self._texts -= old[1]
        self._new += 1
        if self._new >= FRESH:
            self._reckon()

    def _reckon(self) -> None:
        self._new = 0
        enough = self._texts >= ENOUGH
        self._p50, self._p95 = percentiles(self._sorted, (0.5, 0.95)) if enough else (None, None)


def percentiles(samples: Sequence[Sample], shares: Sequence[float]) -> list[float]:
    """The times by which these shares (rising, 0 to 1) of calls have shown text, from samples sorted by time.

    The estimator of Kaplan and Meier (1958): a call that was not waited for to its end counts among those that could
    have shown text up to then, and not afterwards. A share that was never reached is the longest time known.
    """
    found: list[float] = []
    silent = 1.0
    for index, (seconds, showed) in enumerate(samples):
        if showed:
            silent *= 1 - 1 / (len(samples) - index)
            while len(found) < len(shares) and silent <= 1 - shares[len(found)] + 1e-9:
                found.append(seconds)
    return found + [samples[-1][0]] * (len(shares) - len(found))
