"""How each model's circuit stands, as rows: what `firstline breakers`, the metrics and the operators' page show."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from core.answering.breaker import State
from core.answering.circuit import Circuits, CircuitView
from core.errors import FirstlineError

WORDS = {
    State.CLOSED: "closed: calls go through",
    State.OPEN: "open: not called for a while",
    State.HALF_OPEN: "half open: a few calls are let through to see",
    State.FORCED: "forced open: not called until somebody changes something",
}


class NoSuchModel(FirstlineError):
    """No circuit has that name; the message lists those there are."""


def rows(circuits: Circuits) -> list[dict[str, Any]]:
    """Every circuit that was used, by name. `wait` is None where only a person can change it."""
    return [_row(view) for view in circuits.views()]


def close(circuits: Circuits, model: str) -> None:
    """Let calls of this model through again. NoSuchModel."""
    if not circuits.reset(model, "an operator closed it"):
        known = ", ".join(row["model"] for row in rows(circuits)) or "none was called yet"
        raise NoSuchModel(f"there is no breaker of {model!r}; there are: {known}")


def summary(found: Iterable[dict[str, Any]]) -> str:
    """One line for people who did not ask for details."""
    away = [row["model"] for row in found if row["state"] != State.CLOSED.value]
    return f"Not called at the moment: {', '.join(away)}." if away else "No model is left alone."


def _row(view: CircuitView) -> dict[str, Any]:
    breaker, load, measures = view.breaker, view.load, view.measures
    return {
        "model": f"{view.provider}/{view.model}",
        "state": breaker.state.value,
        "words": WORDS[breaker.state],
        "reason": breaker.reason,
        "lasted": round(breaker.lasted, 1),
        "wait": None if math.isinf(breaker.wait) else round(breaker.wait, 1),
        "calls": breaker.calls,
        "failures": round(breaker.failures, 4),
        "slow": round(breaker.slow, 4),
        "opened": breaker.opened,
        "under_way": load.flying,
        "limit": load.limit,
        "asked_to_slow_down": load.busy,
        "first_p50": measures.p50,
        "first_p95": measures.p95,
        "success": measures.success,
        "tokens_per_second": measures.speed,
        "calls_in_all": measures.calls,
    }
