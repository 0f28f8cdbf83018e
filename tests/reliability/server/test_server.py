"""Two crashes of the server and a promotion under load; the long run is `python -m tests.reliability.server`."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.reliability.kill.fleet import Fleet, fleet
from tests.reliability.kill.scene import Plan
from tests.reliability.pair import Pair
from tests.reliability.postgres import Cluster
from tests.reliability.server.harness import Result, run
from tests.reliability.server.outages import promotions, repairs, stops

log = logging.getLogger(__name__)


@pytest.fixture
async def zygote() -> AsyncIterator[Fleet]:
    async with fleet() as made:
        yield made


def plan(store: str, outages: int) -> Plan:
    return Plan(store, replicas=2, kills=outages, seed=1, telegram=16, whatsapp=2, posting=2, pace=1.0, calls=8)


def judge(result: Result) -> None:
    """Nothing promised was broken, and there was something to break."""
    log.info("%s, back after %s, %s", dict(result.found.counts), result.back, result.seconds)
    assert not result.found.faults, "\n".join(result.found.cases[:20])
    assert len(result.back) == result.plan.kills
    assert result.found.counts["settled"] > 10 * result.plan.kills


@pytest.mark.timeout(120)
async def test_two_crashes_of_the_server_lose_double_and_misorder_nothing_and_no_replica_is_restarted(
    zygote: Fleet, tmp_path: Path, cluster: Cluster
) -> None:
    judge(await run(plan(cluster.url(), 2), zygote, tmp_path / "shop", stops(cluster)))


@pytest.mark.timeout(120)
async def test_a_promotion_of_the_standby_loses_doubles_and_misorders_nothing_and_no_replica_is_restarted(
    zygote: Fleet, tmp_path: Path, pair: Pair
) -> None:
    judge(await run(plan(pair.url(), 1), zygote, tmp_path / "shop", promotions(pair), repairs(pair)))
