"""Five crashes in each window; fifty are `python -m tests.reliability.windows --crashes 50`."""

from __future__ import annotations

import logging
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.reliability.kill.fleet import Fleet
from tests.reliability.windows.run import crash
from tests.reliability.windows.scene import ON_POSTGRES, WINDOWS, Case, zygote

SEEDS = range(1, int(os.environ.get("FIRSTLINE_CRASHES", "5")) + 1)
WITH_A_PEER = ("W2", "W6", "W8")
"""Windows also tried where a peer goes on; the long run has all of them."""

pytestmark = [pytest.mark.timeout(120), pytest.mark.asyncio(loop_scope="module")]


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def fleet() -> AsyncIterator[Fleet]:
    logging.getLogger("aiohttp.server").setLevel(logging.CRITICAL)  # a killed client is no news
    async with zygote() as made:
        yield made


async def judge(case: Case, fleet: Fleet, folder: Path) -> None:
    found = await crash(case, fleet, folder)
    assert not found.faults, "\n".join(found.cases[:20])
    assert found.counts["settled"] == found.counts["written"] > 0


@pytest.mark.parametrize(
    ("window", "seed"),
    [
        pytest.param(name, seed, id=f"{name}-seed{seed}")
        for name in WINDOWS
        if name not in ON_POSTGRES
        for seed in SEEDS
    ],
)
async def test_window(window: str, seed: int, fleet: Fleet, tmp_path: Path) -> None:
    shop = tmp_path / "shop"
    await judge(Case(window, seed, f"sqlite:///{shop}/data/firstline.db"), fleet, shop)


@pytest.mark.parametrize(
    ("window", "seed"), [pytest.param(name, seed, id=f"{name}-seed{seed}") for name in ON_POSTGRES for seed in SEEDS]
)
async def test_window_on_a_server(window: str, seed: int, fleet: Fleet, tmp_path: Path, database: str) -> None:
    await judge(Case(window, seed, database), fleet, tmp_path / "shop")


@pytest.mark.parametrize("window", WITH_A_PEER)
async def test_window_with_a_peer_that_goes_on(window: str, fleet: Fleet, tmp_path: Path, database: str) -> None:
    await judge(Case(window, 1, database, replicas=2), fleet, tmp_path / "shop")
