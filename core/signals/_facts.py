"""How facts of the conversation are put into words: counts and spans of time.

Pure functions only; what is counted lives with each signal.
"""

from __future__ import annotations

from datetime import timedelta

_UNITS = (("day", 86_400), ("hour", 3_600), ("minute", 60), ("second", 1))


def counted(count: int, thing: str) -> str:
    """`1 message`, `3 messages`."""
    return f"{count} {thing}{'' if count == 1 else 's'}"


def duration(span: timedelta) -> str:
    """A span of time that is not negative in its two largest units, rounded down: `2 hours 5 minutes`, `0 seconds`."""
    left = int(span.total_seconds())
    first = next((place for place, (_, size) in enumerate(_UNITS) if left >= size), len(_UNITS) - 1)
    parts = list[str]()
    for unit, size in _UNITS[first : first + 2]:
        amount, left = divmod(left, size)
        if amount or not parts:
            parts.append(counted(amount, unit))
    return " ".join(parts)
