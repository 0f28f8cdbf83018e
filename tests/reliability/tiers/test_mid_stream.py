"""Mid-stream failure: an answer of sixty words whose vendor breaks off after forty, in each way there is."""

from __future__ import annotations

import pytest

from core.tiers import Tier
from tests.reliability.tiers.customers import Asked, crowd, judged
from tests.reliability.tiers.faults import MID_STREAM, Fault, Odds
from tests.reliability.tiers.scene import Times, scene
from tests.reliability.tiers.vendor import Vendor, vendors

LENGTH, BREAKS = 60, 40
TIMES = Times(scale=0.02, first=20.0, stall=15.0)

pytestmark = pytest.mark.parametrize("fault", MID_STREAM)


async def broken(fault: Fault, *, continues: bool, replaces: bool) -> tuple[Asked, Vendor, Vendor]:
    """One question to a vendor that breaks off, with a second one behind it; the books are in order."""
    first = Vendor("alpha", Odds(1.0, [fault]), words=LENGTH, after=BREAKS)
    second = Vendor("beta", words=LENGTH)
    tiers = {Tier.QUICK: [first], Tier.STANDARD: [second]}
    async with vendors(first, second), scene(tiers, TIMES, continues=continues) as stage:
        asked = await crowd(stage.chain, 1, 1, replaces)
    found = judged(asked, [*first.served, *second.served])
    assert not found.faults, "\n".join(found.cases)
    return asked[0], first, second


async def test_mid_stream_failure_is_gone_on_with_by_a_model_that_can(fault: Fault) -> None:
    asked, first, second = await broken(fault, continues=True, replaces=False)
    assert asked.answered
    assert asked.shown.startswith(first.served[0].text)
    assert asked.shown == second.served[-1].begun + second.served[-1].text


async def test_mid_stream_failure_is_replaced_where_the_channel_can_take_back_what_it_showed(fault: Fault) -> None:
    asked, _, second = await broken(fault, continues=False, replaces=True)
    assert asked.answered
    assert asked.replaced == 1
    assert asked.shown == second.served[0].text
    assert "alpha" not in asked.shown


async def test_mid_stream_failure_ends_honestly_where_nothing_else_can_be_done(fault: Fault) -> None:
    asked, first, second = await broken(fault, continues=False, replaces=False)
    assert asked.broke
    assert asked.shown == first.served[0].text
    assert not second.served
