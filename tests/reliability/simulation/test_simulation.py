"""Three replicas, their store and their platforms on virtual time: seeds in which everything goes wrong."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.reliability.simulation.loop import Process, StuckError, VirtualLoop
from tests.reliability.simulation.many import several

SEEDS = int(os.environ.get("FIRSTLINE_SEEDS", "1000"))
ROOT = Path(__file__).resolve().parents[3]
DIGEST = (
    "import hashlib; from tests.reliability.simulation.many import several;"
    "print(hashlib.sha256(repr([r.events for s in (11, 12, 13) for r in several([s])]).encode()).hexdigest())"
)


def python(*arguments: str, **environment: str) -> str:
    """What a Python of its own prints; whatever its exit status is."""
    environment |= {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        (sys.executable, *arguments), cwd=ROOT, env=os.environ | environment, capture_output=True, text=True
    )
    assert done.stdout, done.stderr
    return done.stdout


@pytest.mark.timeout(600)
def test_no_promise_is_broken_whatever_dies_hangs_repeats_or_comes_late() -> None:
    told = python("-m", "tests.reliability.simulation", "--seeds", str(SEEDS), "--jobs", str(os.cpu_count()), "--brief")
    tally = json.loads(told.splitlines()[-1])
    assert not tally["broken"], told
    assert tally["seeds"] == SEEDS
    assert tally["faults thrown"] > 10 * SEEDS
    assert {"deaths", "stops", "store_loses", "store_repeats", "call_late", "hint_lost"} <= tally["faults"].keys()


@pytest.mark.timeout(120)
def test_the_same_seed_gives_the_same_history_in_every_process() -> None:
    digests = {python("-c", DIGEST, PYTHONHASHSEED=salt) for salt in ("1", "2")}
    assert len(digests) == 1


def test_what_was_played_before_a_seed_changes_nothing_in_it() -> None:
    alone, other = several([21])[0], several([22])[0]
    after_another = several([22, 21, 21])
    assert alone.events
    assert alone.events != other.events
    assert [result.counts for result in after_another] == [other.counts, alone.counts, alone.counts]


def test_time_jumps_to_the_next_timer_and_a_dead_process_takes_no_step() -> None:
    loop = VirtualLoop()
    process, steps = Process("one"), []

    async def living() -> None:
        try:
            await asyncio.sleep(3_600)
            steps.append("alive")
            await asyncio.sleep(3_600)
        finally:
            steps.append("finally")

    async def outside() -> float:
        began = loop.time()
        process.start(living())
        await asyncio.sleep(4_000)
        process.alive = False
        await asyncio.sleep(4_000)
        assert steps == ["alive"]
        process.alive = True
        loop.again(process.go_on())
        await asyncio.sleep(1)
        return loop.time() - began

    assert loop.run_until_complete(outside()) == pytest.approx(8_001)
    assert steps == ["alive", "finally"]
    with pytest.raises(StuckError):
        loop.run_until_complete(loop.create_future())
    loop.close()
