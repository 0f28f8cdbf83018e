"""Ledger entries -> how each model did: what `firstline models` and the operators' API show of the last days.

Only adding up. What a process knows of its models right now is in `core.answering.measures`; what calls cost is a
report's business. What nobody can know is None, never 0.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from core.answering.measures import percentiles
from core.records import Call, Entry

TEXTS = frozenset({"answered", "unfit"})
"""Outcomes of calls that gave a text; that it must not be shown is not held against how the model can be reached."""

UNDECIDED = frozenset({"cancelled"})
"""Outcomes that say nothing of the model: we ended the call."""


def measured(entries: Iterable[Entry]) -> dict[str, dict[str, Any]]:
    """For each model that was called, by `provider/model`: calls, success, first_p50, first_p95, tokens_per_second.

    `success` is the share of calls that gave a text among those that ended by themselves. `first_*` are seconds to the
    first text; a call that ended before it says only that it takes longer than that, as in the measures of a process.
    `tokens_per_second` are tokens of answers over the time from their first text to their end. Shadow and votes count
    like all other calls: a model is as fast whoever asks.
    """
    calls: dict[str, list[Call]] = {}
    for entry in entries:
        for call in entry.calls:
            calls.setdefault(f"{call.provider}/{call.model}", []).append(call)
    return {name: _summary(made) for name, made in sorted(calls.items())}


def _summary(calls: Sequence[Call]) -> dict[str, Any]:
    ended = [call for call in calls if call.outcome not in UNDECIDED]
    samples = sorted((c.seconds, False) if c.first is None else (c.first, True) for c in calls)
    seen = any(showed for _, showed in samples)
    p50, p95 = percentiles(samples, (0.5, 0.95)) if seen else (None, None)
    return {
        "calls": len(calls),
        "success": sum(call.outcome in TEXTS for call in ended) / len(ended) if ended else None,
        "first_p50": p50,
        "first_p95": p95,
        "tokens_per_second": _speed(calls),
    }


def _speed(calls: Iterable[Call]) -> float | None:
    timed = [
        (call.usage.output, call.seconds - call.first)
        for call in calls
        if call.outcome in TEXTS and call.usage and call.first is not None and call.seconds > call.first
    ]
    return sum(tokens for tokens, _ in timed) / sum(seconds for _, seconds in timed) if timed else None
