"""The tiers under faults, over sockets, in short; the long run is `python -m tests.reliability.tiers`."""

from __future__ import annotations

from dataclasses import replace

import pytest

from core.answering.hedge import Hedge
from core.tiers import Tier
from tests.reliability.tiers.customers import Findings, crowd, judged, shares
from tests.reliability.tiers.faults import Fault, Odds, Pace
from tests.reliability.tiers.outage import FEW, Outage, outage
from tests.reliability.tiers.random_faults import Run, run
from tests.reliability.tiers.scene import Times, scene
from tests.reliability.tiers.vendor import Vendor, vendors

SHORT = Times(scale=0.05, first=20.0, stall=15.0)
EXTRA = 0.2


def well(found: Findings) -> None:
    """Nobody was failed, nothing was joined, and both ledgers say the same."""
    assert not found.faults, "\n".join(found.cases[:10])
    assert not found.seen, "\n".join(found.seen[:10])


async def test_faults_in_a_third_of_all_calls_are_seen_by_nobody_while_one_tier_lives() -> None:
    found = await run(Run(requests=600, times=SHORT))
    well(found)
    assert found.counts["requests the vendors served"] - found.counts["fault: none"] > 20
    assert shares(found)["extra calls a request"] <= EXTRA


async def test_hedges_under_faults_are_booked_and_stay_within_the_budget() -> None:
    found = await run(Run(requests=300, times=SHORT, hedged=True))
    well(found)
    assert found.counts["hedges"] <= EXTRA * 300


@pytest.mark.parametrize("how", [Fault.HANG_UP, Fault.SILENT])
async def test_a_vendor_that_is_down_costs_a_few_failed_calls_and_then_no_time(how: Fault) -> None:
    seen = await outage(Outage(how=how, rate=5.0, before=15.0, times=SHORT))
    well(seen.found)
    assert 0 <= seen.enough <= FEW
    assert seen.booked > 0


async def test_cooldown_storms_end_in_answers_at_the_earliest_moment_a_vendor_named() -> None:
    made = [Vendor(name, Odds(1.0, [Fault.BUSY]), Pace(asks=0.3)) for name in ("alpha", "beta", "gamma")]
    async with vendors(*made), scene({Tier.QUICK: made}, Times(scale=0.1)) as stage:
        storm = await crowd(stage.chain, 1, 1, name="storm")
        for vendor in made:
            vendor.odds = Odds()
        calm = await crowd(stage.chain, 30, 30)
    found = judged([*storm, *calm], [record for vendor in made for record in vendor.served])
    assert len(storm[0].calls) >= 3
    assert all(one.answered for one in calm)
    assert shares(found)["extra calls a request"] <= EXTRA
    assert not found.faults, "\n".join(found.cases)


async def test_an_overloaded_vendor_is_passed_over_and_asked_again_later() -> None:
    first, second = Vendor("alpha", Odds(1.0, [Fault.OVERLOADED])), Vendor("beta")
    async with vendors(first, second), scene({Tier.QUICK: [first, second]}, Times(scale=0.02)) as stage:
        asked = await crowd(stage.chain, 1, 1)
        first.odds = Odds()
        while not first.served or first.served[-1].fault is Fault.OVERLOADED:
            asked += await crowd(stage.chain, 1, 1)
    assert [call.error for call in asked[0].calls] == ["Busy", ""]
    assert asked[-1].calls[-1].provider == "alpha"


async def test_double_billing_does_not_come_of_hedges_that_lose() -> None:
    slow = Vendor("alpha", pace=Pace(first=0.15))
    fast = Vendor("beta", pace=Pace(first=0.01))
    hedged = replace(SHORT, hedge=Hedge(after=0.03, least=0.0))
    async with vendors(slow, fast), scene({Tier.QUICK: [slow, fast]}, hedged) as stage:
        asked = await crowd(stage.chain, 12, 1)
    found = judged(asked, [*slow.served, *fast.served])
    well(found)
    assert found.counts["hedges"] > 0
    cancelled = [call for one in asked for call in one.calls if call.outcome == "cancelled"]
    assert cancelled
    assert not [call for call in cancelled if call.cost is not None]
