"""Two hundred races on each store; ten thousand are `python -m tests.reliability.budgets`."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import pytest

RACES = "200"
FAULTS = (
    "overshoot",
    "booked twice",
    "granted and never booked",
    "spent is not what was booked",
    "sum of all is wrong",
    "left set aside",
)


async def races(*arguments: str) -> dict[str, Any]:
    """What a run of its own came to: it forks, so it has to be a process without threads."""
    command = (sys.executable, "-m", "tests.reliability.budgets", "--races", RACES, *arguments)
    root = Path(__file__).parents[3]
    done = await asyncio.create_subprocess_exec(*command, cwd=root, stdout=asyncio.subprocess.PIPE)
    out, _ = await done.communicate()
    found: dict[str, Any] = json.loads(out.splitlines()[-1])
    return found


def judge(found: dict[str, Any]) -> None:
    assert {name: found[name] for name in FAULTS} == dict.fromkeys(FAULTS, 0)
    assert found["accounts"] == found["races"]
    assert min(found[name] for name in ("kills", "granted", "refused", "settled", "orphans charged")) > 0
    assert found["accounts spent to the last"] > 0


@pytest.mark.timeout(300)
async def test_budget_races_with_kills_on_sqlite_never_pass_a_limit_and_lose_no_cent() -> None:
    judge(await races("--store", "sqlite", "--deaths", "0.2"))


@pytest.mark.timeout(300)
async def test_budget_races_with_kills_on_postgres_never_pass_a_limit_and_lose_no_cent(database: str) -> None:
    judge(await races("--store", "postgres", "--url", database, "--deaths", "0.1", "--tasks", "4"))
