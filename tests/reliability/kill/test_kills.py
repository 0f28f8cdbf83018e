"""Sixty kill -9 on each store, and what the checker says; the long runs are `python -m tests.reliability.kill`."""

from __future__ import annotations

import logging
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.reliability.kill import failover
from tests.reliability.kill.fleet import Fleet, fleet
from tests.reliability.kill.harness import Result, run
from tests.reliability.kill.scene import Plan

log = logging.getLogger(__name__)

KILLS = int(os.environ.get("FIRSTLINE_KILLS", "60"))
ORPHANS = 2.0  # openings a kill may leave behind, on average
PARKED = 0.01  # the share of messages that may be under way at so many deaths that they count as what killed
LEASE = 10.0


@pytest.fixture
async def zygote() -> AsyncIterator[Fleet]:
    async with fleet() as made:
        yield made


def judge(result: Result) -> None:
    """Nothing promised was broken, and there was something to break."""
    found = result.found
    log.info("%s, worst kill %d, %s", dict(found.counts), result.worst, result.seconds)
    assert not found.faults, "\n".join(found.cases[:20])
    assert found.counts["openings left"] <= ORPHANS * result.plan.kills
    assert found.counts["settled"] > result.plan.kills
    assert found.counts["parked"] <= PARKED * found.counts["written"]
    assert found.counts["given up (at most once)"] + found.counts["doubled (at least once)"]


@pytest.mark.timeout(600)
async def test_one_process_on_sqlite_loses_doubles_and_misorders_nothing_over_many_kills(
    zygote: Fleet, tmp_path: Path
) -> None:
    plan = Plan(f"sqlite:///{tmp_path}/shop/data/firstline.db", kills=KILLS, seed=1, polling=True)
    judge(await run(plan, zygote, tmp_path / "shop"))


@pytest.mark.timeout(600)
async def test_three_replicas_on_postgres_lose_double_and_misorder_nothing_over_many_kills(
    zygote: Fleet, tmp_path: Path, database: str
) -> None:
    judge(await run(Plan(database, replicas=3, kills=KILLS, seed=1), zygote, tmp_path / "shop"))


@pytest.mark.timeout(300)
async def test_what_a_dead_replica_held_is_taken_over_within_a_lease_and_two_seconds_and_answered(
    zygote: Fleet, tmp_path: Path, database: str
) -> None:
    plan = Plan(database, replicas=4, kills=4, seed=1, telegram=24, whatsapp=0, posting=0, pace=5.0)
    waits = await failover.run(plan, zygote, tmp_path / "shop")
    log.info("waits: %s", waits.seconds)
    assert not waits.found.faults, "\n".join(waits.found.cases[:20])
    assert waits.seconds
    assert not waits.never
    assert failover.percentile(waits.taken, 0.99) <= LEASE + 2  # answers wait for the processor as well
