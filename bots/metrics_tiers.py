"""What /metrics says of models as this process sees them now: their breakers, and calls under way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bots.metrics import Gauge
from core.answering.breaker import State
from core.answering.circuit import Circuits
from core.answering.retries import RetryBudget

LABELS = ("provider", "model")
Values = Mapping[tuple[str, ...], float]


def tier_gauges(circuits: Circuits, retries: RetryBudget) -> Sequence[Gauge]:
    """A gauge for each thing operators watch. A model that was never called is in none of them."""

    def each(value: str) -> Values:
        return {(view.provider, view.model): _VALUES[value](view) for view in circuits.views()}

    def states() -> Values:
        return {
            (view.provider, view.model, state.value): float(view.breaker.state is state)
            for view in circuits.views()
            for state in State
        }

    return (
        Gauge("model_breaker", "1 for the state a model's breaker is in, else 0.", states, (*LABELS, "state")),
        Gauge("model_calls_under_way", "Calls of a model under way.", lambda: each("flying"), LABELS),
        Gauge("model_calls_limit", "Calls of a model there may be at once.", lambda: each("limit"), LABELS),
        Gauge("retries_left", "Extra calls that may be made now.", lambda: {(): retries.left}),
    )


_VALUES = {
    "flying": lambda view: float(view.load.flying),
    "limit": lambda view: float(view.load.limit),
}
