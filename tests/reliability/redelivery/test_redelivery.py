"""Two thousand deliveries on each store; the long run is `python -m tests.reliability.redelivery`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.reliability.redelivery.flood import Flood, Result, run

UPDATES = 450  # each comes three and a half times on average, and once more


def judge(result: Result) -> None:
    """Nothing came of a repeat, and there were some."""
    assert not result.found.faults, "\n".join(result.found.cases[:20])
    assert result.found.counts["settled"] == result.updates
    assert result.delivered > 4 * result.updates


@pytest.mark.timeout(120)
async def test_updates_that_come_several_times_in_any_order_are_answered_once_and_change_nothing_else(
    tmp_path: Path,
) -> None:
    judge(await run(Flood(UPDATES), f"sqlite:///{tmp_path}/firstline.db", 1))


@pytest.mark.timeout(120)
async def test_updates_that_come_several_times_to_either_of_two_processes_are_answered_once(database: str) -> None:
    judge(await run(Flood(UPDATES // 2, seed=2), database, 2))
