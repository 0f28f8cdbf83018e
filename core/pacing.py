"""When something may be sent or shown again: token buckets, and the pace of a text that grows before the reader's eyes.

Pure values: the time is an argument (seconds on any clock that never goes back), every change gives a new value. What
is paced, and whether a caller waits or lets it be, is not known here. Figures: research, channels, section 5.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

CLEAN = 10  # previews in a row without a complaint after which the pace rises
RISE = 1.1
SLOWEST = 1 / 16  # of the usual pace, however often a platform complains


@dataclass(frozen=True, slots=True)
class Bucket:
    """Tokens that come back at `rate` a second, at most `burst` at once. `full_at` is when it will be full again.

    A token may be owed: taking it then reserves it, and the wait says for when.
    """

    rate: float
    burst: float
    full_at: float = float("-inf")

    def left(self, now: float) -> float:
        """Tokens there are now; negative while some are owed."""
        return self.burst - max(0.0, self.full_at - now) * self.rate

    def take(self, now: float) -> tuple[float, Bucket]:
        """Take one: the seconds until it is there (0 when it is), and the bucket without it."""
        full_at = max(self.full_at, now) + 1.0 / self.rate
        return max(0.0, full_at - now - self.burst / self.rate), replace(self, full_at=full_at)


@dataclass(frozen=True, slots=True)
class Pace:
    """How often a growing text is shown: `every` seconds, more seldom after a complaint of the platform's.

    `share` is how much of the usual pace is left (1 for all of it), `clean` how often it was shown since the last
    complaint or rise, `shown_at` when it was shown last.
    """

    every: float
    share: float = 1.0
    clean: int = 0
    shown_at: float = float("-inf")

    @property
    def next_due(self) -> float:
        """From when on it may be shown again."""
        return self.shown_at + self.every / self.share

    def shown(self, now: float) -> Pace:
        """It was shown and nobody complained."""
        if self.clean + 1 < CLEAN:
            return replace(self, clean=self.clean + 1, shown_at=now)
        return replace(self, share=min(1.0, self.share * RISE), clean=0, shown_at=now)

    def throttled(self) -> Pace:
        """The platform complained: from now on half as often."""
        return replace(self, share=max(SLOWEST, self.share / 2), clean=0)
