"""The tiers in front of other people's vendors: llmock and aimock fail, llama.cpp with a real small model lives.

They live outside the product's lock: `tests/peers.sh` makes their environment, without it these tests are skipped.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import aiohttp
import pytest

from core.tiers import ModelCard, Tier
from tests.core.providers.test_peers import PEERS, PYTHON, SMALL_MODEL, TEXT, running
from tests.reliability.tiers.customers import Asked, ask
from tests.reliability.tiers.scene import PRICE, Scene, Times, served_by

AIMOCK = PEERS / "node" / "node_modules" / "@copilotkit" / "aimock" / "dist" / "cli.js"
NODE = shutil.which("node")
FIXED = "a fixed answer of several words"

FAULTS: list[dict[str, Any]] = [
    {"type": "fail", "status": 503},
    {"type": "fail", "status": 429, "retry_after": 0},
    {"type": "fail", "status": 529},
    {"type": "slow_first_token", "seconds": 2},
    *({"type": "stream_fault", "kind": kind, "after_chunks": 0} for kind in ("disconnect", "truncate", "malformed")),
    {"type": "stream_fault", "kind": "stall", "after_chunks": 0, "stall_seconds": 2},
]

peers = pytest.mark.skipif(not PYTHON.exists(), reason=f"no peers in {PEERS}: run tests/peers.sh")


@pytest.fixture(scope="module")
def llmock(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    log = tmp_path_factory.mktemp("llmock") / "log"
    with running(log, str(PYTHON.parent / "llmock"), "serve", "--host", "127.0.0.1", "--port", "0") as url:
        yield url


@pytest.fixture(scope="module")
def small_model(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running(tmp_path_factory.mktemp("model") / "log", str(PYTHON), "-c", SMALL_MODEL) as url:
        yield url


@pytest.fixture
def aimock(tmp_path: Path) -> Iterator[str]:
    if NODE is None or not AIMOCK.exists():
        pytest.skip(f"no aimock in {PEERS}: run tests/peers.sh")
    (tmp_path / "fixed.json").write_text(
        json.dumps({"fixtures": [{"match": {"userMessage": "question"}, "response": {"content": FIXED}}]})
    )
    chaos = ("--chaos-drop", "0.15", "--chaos-malformed", "0.15", "--journal-max", "0")
    with running(tmp_path / "log", NODE, str(AIMOCK), "-p", "0", "-f", str(tmp_path), *chaos) as url:
        yield url


def stage(vendor: str, living: str) -> Scene:
    """One vendor in the quick tier, and one above it."""
    cards = {Tier.QUICK: [ModelCard("vendor", "small-1", PRICE)], Tier.STANDARD: [ModelCard("living", "m", PRICE)]}
    return served_by(cards, {"vendor": vendor + "/v1", "living": living + "/v1"}, Times(scale=0.1))


def booked(asked: list[Asked], provider: str) -> int:
    """Calls of that provider in the ledger."""
    return sum(call.provider == provider for one in asked for call in one.calls)


@peers
async def test_every_fault_of_llmock_is_hidden_by_a_real_model_one_tier_up(llmock: str, small_model: str) -> None:
    chance = Random(7)
    asked = []
    async with stage(llmock, small_model) as made, aiohttp.ClientSession(llmock) as control:
        for number in range(25):
            script = [{"type": "reply", "text": TEXT, "times": None}]
            script += [chance.choice(FAULTS)] if chance.random() < 0.3 else []
            (await control.post("/_llmock/reset")).release()
            (await control.post("/_llmock/scenario", json={"behaviors": script})).release()
            asked.append(await ask(made.chain, f"question {number}"))
            async with control.get("/_llmock/requests") as answer:
                served = (await answer.json())["requests"]
            assert len(served) == booked(asked[-1:], "vendor")
            assert sum(one["completed"] and not one["fault"] for one in served) == sum(
                one.shown == TEXT for one in asked[-1:]
            )
    assert all(one.answered for one in asked)
    assert 2 <= booked(asked, "living") < 25


@peers
async def test_random_chaos_of_aimock_is_hidden_by_a_real_model_one_tier_up(aimock: str, small_model: str) -> None:
    async with stage(aimock, small_model) as made:
        asked = [await ask(made.chain, f"question {number}") for number in range(40)]
    async with aiohttp.ClientSession() as control, control.get(aimock + "/v1/_requests") as answer:
        journal = await answer.json()
    assert all(one.answered for one in asked)
    assert len(journal) == booked(asked, "vendor")
    assert sum(one.shown == FIXED for one in asked) >= 1
    assert booked(asked, "living") >= 1
    assert all(FIXED not in one.shown or one.shown == FIXED for one in asked)
