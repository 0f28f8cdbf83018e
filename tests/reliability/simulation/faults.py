"""What goes wrong in one seed and how often: drawn once at its beginning, so that some seeds are rough in one way only.

Numbers and dice only; who asks is in `store`, `telegram`, `posting` and `world`.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, fields
from random import Random


@dataclass(frozen=True, slots=True)
class Rates:
    """Chances of a fault at one call; `steps` are those a process makes on average between two deaths or stops."""

    store_fails: float = 0.01
    store_loses: float = 0.01
    store_repeats: float = 0.02
    store_slow: float = 0.03
    store_hangs: float = 0.002
    dies_at_store: float = 0.004
    stops_at_store: float = 0.003
    call_fails: float = 0.02
    call_loses: float = 0.04
    call_late: float = 0.01
    call_slow: float = 0.03
    throttled: float = 0.02
    refused: float = 0.01
    blocked: float = 0.001
    dies_at_call: float = 0.015
    stops_at_call: float = 0.015
    hint_lost: float = 0.2
    hint_twice: float = 0.1
    delivered_twice: float = 0.1
    answer_lost: float = 0.05
    model_fails: float = 0.04
    steps: float = 3_000.0


class Faults:
    """The dice of a seed. `made` counts every fault that was thrown; none are once it is `calm`."""

    def __init__(self, dice: Random) -> None:
        self.dice = dice
        self.calm = False
        self.made: Counter[str] = Counter()
        usual = Rates()
        moods = (0.0, 0.3, 1.0, 1.0, 2.0, 5.0)
        drawn = {field.name: getattr(usual, field.name) * dice.choice(moods) for field in fields(usual)}
        drawn["steps"] = dice.choice((400.0, 1_500.0, 4_000.0, 1e9))
        self.rates = Rates(**drawn)

    def strikes(self, name: str) -> bool:
        """Whether this fault happens now."""
        if self.calm or self.dice.random() >= getattr(self.rates, name):
            return False
        self.made[name] += 1
        return True

    def one_of(self, *names: str) -> str:
        """The first of these faults that happens now; empty when none does."""
        if self.calm:
            return ""
        thrown = self.dice.random()
        for name in names:
            thrown -= getattr(self.rates, name)
            if thrown < 0:
                self.made[name] += 1
                return name
        return ""

    def steps(self) -> int:
        """Steps until a process is next struck by itself."""
        return int(self.dice.expovariate(1 / self.rates.steps)) + 1
