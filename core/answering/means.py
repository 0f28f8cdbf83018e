"""What a chain works with besides models and providers. What is None or empty is not configured and costs nothing.

What each part does is its own file's business, in which order they are used is the chain's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from random import random
from time import monotonic
from typing import TYPE_CHECKING

from core.answering.breaker import BreakerRules
from core.answering.circuit import Circuit, Circuits
from core.answering.deadline import Patience
from core.answering.order import Order
from core.answering.preflight import ANYWHERE, Places
from core.answering.retries import RetryBudget
from core.answering.screen import Check
from core.answering.spoken import Spoken
from core.tiers import ModelCard, Tier

if TYPE_CHECKING:
    from core.answering.hedge import Hedge
    from core.answering.purse import Purse
    from core.answering.whole import Judging


PATIENCE = Patience()
FIXED = Order()


def now() -> datetime:
    """The present instant in UTC."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Means:
    """Everything a chain may use.

    `circuits`, `retries` and `spoken` outlive it: a reload makes another chain with the same. `keys` is a fingerprint
    of each provider's section, so that a changed key is another circuit. `checks` read every answer; `votes` says how
    many models of a tier answer at once, and the answer most agree on is given.
    """

    circuits: Circuits = field(default_factory=lambda: Circuits(BreakerRules(), monotonic, random))
    retries: RetryBudget = field(default_factory=RetryBudget)
    patience: Patience = PATIENCE
    order: Order = FIXED
    places: Places = ANYWHERE
    keys: Mapping[str, str] = field(default_factory=dict)
    checks: tuple[Check, ...] = ()
    purse: Purse | None = None
    hedge: Hedge | None = None
    judging: Judging | None = None
    votes: Mapping[Tier, int] = field(default_factory=dict)
    spoken: Spoken = field(default_factory=Spoken)
    now: Callable[[], datetime] = now

    def circuit(self, card: ModelCard) -> Circuit:
        """What calls of this model with its provider's present key go through."""
        return self.circuits.of(card, self.keys.get(card.provider, ""))
