"""What was acknowledged is on the disk, whatever the disk does. The long form: python -m tests.reliability.disk"""

from __future__ import annotations

import random
from collections import Counter

import pytest

from tests.reliability.disk import check, faults, power
from tests.reliability.disk.faults import Bench, Run

SEED = 20261121
KILLS = 10
ERRORS = 25
CUTS = 40

pytestmark = pytest.mark.timeout(120)
needs_strace = pytest.mark.skipif(bool(faults.missing()), reason=faults.missing() or "strace is there")


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    return faults.bench(tmp_path_factory.mktemp("disk") / "bench", faults.SMALL)


@pytest.fixture(scope="module")
def counted(bench: Bench) -> Counter[str]:
    return faults.calls(bench)


def wrong(runs: list[Run]) -> list[str]:
    return [f"{run.fault.injections}: {what}" for run in runs for what in run.wrong]


@needs_strace
def test_nothing_acknowledged_is_lost_by_a_kill_at_a_sync(bench: Bench, counted: Counter[str]) -> None:
    runs = faults.many(bench, faults.kills(random.Random(SEED), counted), KILLS, SEED)
    assert sum(run.hit for run in runs) == KILLS
    assert wrong(runs) == []


@needs_strace
def test_nothing_acknowledged_is_lost_by_a_failing_or_full_disk(bench: Bench, counted: Counter[str]) -> None:
    runs = faults.many(bench, faults.errors(random.Random(SEED), counted), ERRORS, 2 * SEED)
    assert sum(run.hit for run in runs) == ERRORS
    assert sum(run.refused for run in runs) > 0, "no fault was so long that the store had to refuse"
    assert wrong(runs) == []


@needs_strace
def test_every_acknowledgement_is_written_after_the_sync_of_its_commit(bench: Bench) -> None:
    cuts = power.many(bench, CUTS, SEED)
    assert cuts.wrong == []
    assert cuts.made == CUTS


def test_the_check_misses_what_was_acknowledged_and_is_not_there(bench: Bench) -> None:
    lines: list[check.Line] = [
        ["admitted", "memory:c", "key-1", "1"],
        ["planned", "memory:c", "c-0", 2],
        ["marked", "memory:c", "c-0", 0, "sent", "7"],
        ["settled", "memory:c", "c-0", ["1"]],
        ["card", "memory:c", "memory:desk", "c-0"],
    ]
    assert len(check.faults(bench.template, lines)) == len(lines)
    assert check.faults(bench.template, [["refused", "admitted", "disk I/O error"]]) == []
