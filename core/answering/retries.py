"""How many extra calls may be made: fallbacks after a failure, and hedges. A vendor in trouble is not called harder.

One budget for all models of a process. When to make an extra call is decided elsewhere.
"""

from __future__ import annotations

SHARE = 0.2
"""Extra calls for each first one, as Finagle's and Envoy's retry budgets have it by default."""

RESERVE = 10.0
"""Extra calls that may be made before any were earned: two vendors may fail five times in a row each. Finagle grants 10
a *second* and Envoy 3 at any time; for a desk with few messages a minute that would be no limit at all."""

MOST = 100.0
"""Extra calls that can be saved up, so that a calm month does not pay for a storm."""

_PART = 1_000_000
"""Counted in millionths, so that a share of a call is exact."""


class RetryBudget:
    """Every first call earns `share` of an extra one; the reserve is a loan that the first earnings pay back.

    So extra calls never exceed max(`reserve`, `share` x first calls), however long it runs; and there are never more
    than `most` saved. `calls` and `extra` count both kinds.
    """

    def __init__(self, share: float = SHARE, reserve: float = RESERVE, most: float = MOST) -> None:
        self.calls = self.extra = 0
        self._share = round(share * _PART)
        self._most = round(max(most, reserve) * _PART)
        self._saved = self._owed = round(reserve * _PART)

    def obey(self, share: float) -> None:
        """Another share is earned from now on; what was saved or is owed stays."""
        self._share = round(share * _PART)

    @property
    def left(self) -> float:
        """Extra calls that may be made now."""
        return self._saved / _PART

    def call(self) -> None:
        """A first call is made."""
        self.calls += 1
        paid = min(self._owed, self._share)
        self._owed -= paid
        self._saved = min(self._most, self._saved + self._share - paid)

    def take(self) -> bool:
        """Make an extra call, if one is left. Who can do without it looks at `left` first and leaves some to others."""
        if self._saved < _PART:
            return False
        self._saved -= _PART
        self.extra += 1
        return True
