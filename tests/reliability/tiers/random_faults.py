"""Thousands of requests while the vendors of two tiers fail at random and one tier lives.

`alpha` and `beta` serve the quick tier, `gamma` and `delta` the standard one; `epsilon`, the expert tier, never fails.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from core.answering.hedge import Hedge
from core.tiers import Tier
from tests.reliability.tiers.customers import Findings, crowd, judged
from tests.reliability.tiers.faults import MIXED, Fault, Odds, Pace
from tests.reliability.tiers.scene import Times, scene
from tests.reliability.tiers.vendor import Vendor, vendors

TOGETHER = 40
PACE = Pace(slow=0.05, asks=0.2)
HEDGE = Hedge(after=0.03, least=0.0)


@dataclass(frozen=True, slots=True)
class Run:
    """What is asked and how the vendors fail. `share` of their calls has one of the faults `among`."""

    requests: int = 10_000
    share: float = 0.3
    among: tuple[Fault, ...] = MIXED
    seed: int = 1
    continues: bool = True
    replaces: bool = False
    hedged: bool = False
    times: Times = field(default_factory=lambda: Times(scale=0.1, first=4.0, stall=3.0))


async def run(asked: Run) -> Findings:
    """Every request answered or not, and both ledgers compared."""
    odds = Odds(asked.share, asked.among)
    failing = [Vendor(name, odds, PACE, asked.seed) for name in ("alpha", "beta", "gamma", "delta")]
    living = Vendor("epsilon", pace=PACE, seed=asked.seed)
    async with vendors(*failing, living):
        tiers = {Tier.QUICK: failing[:2], Tier.STANDARD: failing[2:], Tier.EXPERT: [living]}
        times = replace(asked.times, hedge=HEDGE) if asked.hedged else asked.times
        async with scene(tiers, times, asked.seed, asked.continues) as made:
            found = await crowd(made.chain, asked.requests, TOGETHER, asked.replaces)
        return judged(found, [record for vendor in (*failing, living) for record in vendor.served])
