"""The last calls of one model, counted: by time and by number at once. What the counts mean is the breaker's affair."""

from __future__ import annotations

from collections import deque


class Window:
    """The last calls. `row`: those that failed since the last one that did not, however long ago."""

    def __init__(self) -> None:
        self.failed = self.slow = self.row = 0
        self._calls: deque[tuple[float, bool, bool]] = deque()

    def __len__(self) -> int:
        return len(self._calls)

    def add(self, now: float, failed: bool, slow: bool) -> None:
        """A call ended now."""
        self._calls.append((now, failed, slow))
        self.failed += failed
        self.slow += slow
        self.row = self.row + 1 if failed else 0

    def forget(self, until: float, most: int) -> None:
        """Leave out what ended until then, and all but the last `most`."""
        calls = self._calls
        while calls and (calls[0][0] <= until or len(calls) > most):
            _, failed, slow = calls.popleft()
            self.failed -= failed
            self.slow -= slow
