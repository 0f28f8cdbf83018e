"""`firstline breakers`: the rows it is made of, and the command beside a process that runs."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession, ClientTimeout, CookieJar

from bots import breakers
from bots.breakers import NoSuchModel
from core.answering.breaker import BreakerRules, Verdict
from core.answering.circuit import Circuits
from core.tiers import ModelCard
from tests.bots.conftest import Bot

ROOT = Path(__file__).parents[2]
CONFIG = """
version: 1
bot: minimal
channels: {web: {}}
store: sqlite:///data/firstline.db
server: {port: PORT}
providers: {cloud: {uses: openai_chat, url: "http://127.0.0.1:CLOSED/v1", key: any}, offline: {}}
tiers: {quick: [cloud/small, offline/faq]}
answering: {breaker: {in_a_row: 2, pause: 1 hour, longest_pause: 1 hour}}
signals: {faq: {file: faq.yaml}}
"""
MODELS = """\
cloud/small: {price: unknown, pinned: no}
offline/faq: {price: free, pinned: no}
"""


@pytest.fixture
def circuits() -> Circuits:
    return Circuits(BreakerRules(in_a_row=2), clock=lambda: 0.0, chance=lambda: 0.0)


def called(circuits: Circuits, model: str, *verdicts: Verdict) -> None:
    circuit = circuits.of(ModelCard("cloud", model))
    for verdict in verdicts:
        permit = circuit.admit()
        assert permit is not None
        circuit.end(permit, verdict, seconds=0.1)


def test_a_model_that_fails_is_shown_open_with_the_time_until_it_is_tried(circuits: Circuits) -> None:
    called(circuits, "small", Verdict.FAILED, Verdict.FAILED)
    (row,) = breakers.rows(circuits)
    assert (row["model"], row["state"], row["reason"]) == ("cloud/small", "open", "2 calls failed in a row")
    assert (row["words"], row["wait"], row["opened"]) == ("open: not called for a while", 5.0, 1)
    assert breakers.summary([row]) == "Not called at the moment: cloud/small."


def test_a_model_whose_key_was_refused_waits_for_a_person_and_not_for_a_time(circuits: Circuits) -> None:
    called(circuits, "small", Verdict.DENIED)
    (row,) = breakers.rows(circuits)
    assert (row["state"], row["wait"]) == ("forced open", None)
    assert row["words"] == "forced open: not called until somebody changes something"


def test_where_all_is_well_one_line_says_so(circuits: Circuits) -> None:
    called(circuits, "small", Verdict.GOOD)
    assert breakers.summary(breakers.rows(circuits)) == "No model is left alone."


@pytest.mark.parametrize("verdicts", [[Verdict.FAILED, Verdict.FAILED], [Verdict.DENIED]])
def test_closing_lets_calls_through_again_and_says_who_did_it(circuits: Circuits, verdicts: list[Verdict]) -> None:
    called(circuits, "small", *verdicts)
    assert circuits.of(ModelCard("cloud", "small")).admit() is None
    breakers.close(circuits, "cloud/small")
    (row,) = breakers.rows(circuits)
    assert (row["state"], row["reason"]) == ("closed", "an operator closed it")
    assert circuits.of(ModelCard("cloud", "small")).admit() is not None


def test_closing_what_nobody_called_says_what_there_is(circuits: Circuits) -> None:
    with pytest.raises(NoSuchModel, match="none was called yet"):
        breakers.close(circuits, "cloud/small")
    called(circuits, "large", Verdict.GOOD)
    with pytest.raises(NoSuchModel, match="there are: cloud/large"):
        breakers.close(circuits, "cloud/small")


@pytest.mark.parametrize("arguments", [["list", "cloud/large"], ["close"]])
def test_the_command_says_how_it_is_written(bot: Bot, arguments: list[str]) -> None:
    status, _ = bot.run("breakers", *arguments)
    assert status == 2
    assert "breakers close PROVIDER/MODEL" in bot.err


def test_without_a_process_that_runs_the_command_says_so(bot: Bot, unused_tcp_port: int) -> None:
    bot.edit("port: 0", f"port: {unused_tcp_port}")
    status, _ = bot.run("breakers")
    assert status == 1
    assert "no firstline that runs answers" in bot.err


def firstline(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "bots", *arguments, "--config", str(folder / "config.yaml")]
    return subprocess.run(command, capture_output=True, text=True, cwd=folder, env=environment())


def environment() -> dict[str, str]:
    return os.environ | {"PYTHONPATH": str(ROOT), "COLUMNS": "160"}


@pytest.fixture
async def running(tmp_path: Path, unused_tcp_port_factory: Any) -> AsyncIterator[tuple[Path, str]]:
    """A firstline whose vendor takes no connection, in a process of its own: its folder, and where it listens."""
    folder, port = tmp_path / "minimal", unused_tcp_port_factory()
    folder.mkdir()
    text = CONFIG.replace("PORT", str(port)).replace("CLOSED", str(unused_tcp_port_factory()))
    (folder / "config.yaml").write_text(text, "utf-8")
    (folder / "models.yaml").write_text(MODELS, "utf-8")
    for name in ("faq.yaml", "persona.md"):
        (folder / name).write_text((ROOT / "bots" / "minimal" / name).read_text("utf-8"), "utf-8")
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bots", "run", "--config", str(folder / "config.yaml"), "--json"),
        cwd=folder, env=environment(), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        assert json.loads(await process.stdout.readline())["ready"]
        yield folder, f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        await process.communicate()


async def write_until_left_alone(client: ClientSession, model: str) -> None:
    """A customer writes until that model is not called any more."""
    async with client.get("/"), asyncio.timeout(20):
        for number in count():
            message = {"id": f"message-{number:04}", "text": "When are you open?"}
            async with client.post("/chat/messages", json=message) as response:
                assert response.status == 202
            async with client.get("/operator/api/breakers") as response:
                rows = (await response.json())["breakers"]
            if any(row["model"] == model and row["state"] == "open" for row in rows):
                return
            await asyncio.sleep(0.1)


@pytest.mark.timeout(60)
async def test_the_command_lists_what_the_process_that_runs_leaves_alone_and_closes_it(
    running: tuple[Path, str],
) -> None:
    folder, url = running
    async with ClientSession(url, cookie_jar=CookieJar(unsafe=True), timeout=ClientTimeout(total=10)) as client:
        await write_until_left_alone(client, "cloud/small")
    listed = await asyncio.to_thread(firstline, folder, "breakers")
    assert "cloud/small" in listed.stdout, listed.stderr
    assert "2 calls failed in a row" in listed.stdout
    assert listed.stdout.endswith("Not called at the moment: cloud/small.\n")
    wrong = await asyncio.to_thread(firstline, folder, "breakers", "close", "cloud/smal")
    assert (wrong.returncode, "there are: cloud/small" in wrong.stderr) == (1, True), wrong.stderr
    closed = await asyncio.to_thread(firstline, folder, "breakers", "close", "cloud/small")
    assert closed.stdout == "cloud/small is called again\n", closed.stderr
    listed = await asyncio.to_thread(firstline, folder, "breakers", "--json")
    told = json.loads(listed.stdout)
    assert {row["model"]: row["state"] for row in told["breakers"]}["cloud/small"] == "closed"
    assert told["summary"] == "No model is left alone."
