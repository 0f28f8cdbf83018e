"""`firstline parked`: with the store at hand, and beside a process that has it."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from bots.parked import NotParked, Shelf
from channels.memory import MemoryChannel
from core.conversation import Address, Arrival, Message
from core.records import Claim, Entry, Outcome, Settlement
from core.store.sql import SqlStore, open_store

AT = datetime(2026, 3, 2, 12, tzinfo=UTC)
CHAT = Address("memory", "ann")
CONFIG = """
version: 1
bot: minimal
channels: {web: {}}
store: sqlite:///data/firstline.db
server: {port: PORT}
providers: {offline: {}}
tiers: {quick: [offline/faq]}
signals: {faq: {file: faq.yaml}}
"""


class Mended(MemoryChannel):
    """A channel whose program can read by now what it could not read before."""

    def reread(self, key: str, raw: str) -> Arrival:
        if raw == "{}":
            return Arrival(key, raw)
        return Arrival(
            key, raw, Message("7", CHAT, raw, AT) if "hello" in raw else None, "" if "hello" in raw else "no"
        )


async def poisoned(store: SqlStore, name: str = "1") -> None:
    message = Message(name, CHAT, "boom", AT)
    admission = await store.admit(Arrival(f"k{name}", "{}", message))
    entry = Entry(AT, CHAT, (name,), Outcome.PARKED)
    await store.settle(Settlement(name, CHAT, (message,), entry), admission.claim)


async def test_what_nobody_could_answer_is_listed_and_waits_again_after_a_retry() -> None:
    async with open_store("sqlite://") as store:
        await poisoned(store)
        shelf = Shelf(store, {"memory": Mended()})
        (parked,) = await shelf.shown()
        assert (parked.key, parked.address) == ("k1", CHAT)
        assert "waits" in await shelf.retry("k1")
        assert [p.messages[0].text for p in await store.unsettled()] == ["boom"]
        assert await shelf.shown() == []
        (claim,) = await store.claim(5, ["memory"])
        assert isinstance(claim, Claim)


async def test_what_can_be_read_by_now_takes_its_place_in_line() -> None:
    async with open_store("sqlite://") as store:
        await store.admit(Arrival("u1", '"hello"', None, "no update"))
        await store.admit(Arrival("u2", "???", None, "no update"))
        await store.admit(Arrival("u3", "{}", None, "no update"))
        shelf = Shelf(store, {"memory": Mended()})
        assert "waits" in await shelf.retry("u1")
        assert "nothing" in await shelf.retry("u3")
        with pytest.raises(NotParked, match="still cannot be read"):
            await shelf.retry("u2")
        assert [parked.key for parked in await shelf.shown()] == ["u2"]
        (promise,) = await store.unsettled()
        assert promise.messages[0].text == '"hello"'


async def test_what_is_dropped_is_gone_and_a_wrong_key_is_refused_in_words() -> None:
    async with open_store("sqlite://") as store:
        await poisoned(store)
        shelf = Shelf(store, {})
        await shelf.drop("k1")
        assert await shelf.shown() == []
        for act in (shelf.drop, shelf.retry):
            with pytest.raises(NotParked, match="parked list"):
                await act("k1")


def firstline(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "bots", *arguments, "--config", str(folder / "config.yaml"), "--json"]
    return subprocess.run(command, capture_output=True, text=True, cwd=folder, env=environment())


def environment() -> dict[str, str]:
    return os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}


@pytest.fixture
def folder(tmp_path: Path, unused_tcp_port: int) -> Path:
    (tmp_path / "minimal").mkdir()
    made = tmp_path / "minimal"
    (made / "config.yaml").write_text(CONFIG.replace("PORT", str(unused_tcp_port)), "utf-8")
    source = Path(__file__).parents[2] / "bots" / "minimal"
    for name in ("faq.yaml", "persona.md"):
        (made / name).write_text((source / name).read_text("utf-8"), "utf-8")
    (tmp_path / "models.yaml").write_text("offline/faq: {price: free, pinned: no}\n", "utf-8")
    return made


@pytest.mark.timeout(60)
async def test_the_command_works_on_the_store_alone_and_beside_a_process_that_runs(folder: Path) -> None:
    async with open_store(f"sqlite:///{folder}/data/firstline.db") as store:
        await poisoned(store, "1")
        await poisoned(store, "2")
    listed = await asyncio.to_thread(firstline, folder, "parked", "list")
    assert [row["key"] for row in json.loads(listed.stdout)["parked"]] == ["k1", "k2"], listed.stderr
    dropped = await asyncio.to_thread(firstline, folder, "parked", "drop", "k1")
    assert json.loads(dropped.stdout) == {"done": "nobody will answer it"}
    running = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bots", "run", "--config", str(folder / "config.yaml"), "--json"),
        cwd=folder, env=environment(), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        assert running.stdout is not None
        ready: dict[str, Any] = json.loads(await running.stdout.readline())
        assert ready["ready"]
        listed = await asyncio.to_thread(firstline, folder, "parked")
        assert [row["key"] for row in json.loads(listed.stdout)["parked"]] == ["k2"], listed.stderr
        wrong = await asyncio.to_thread(firstline, folder, "parked", "retry", "k9")
        assert (wrong.returncode, "parked list" in wrong.stderr) == (1, True), wrong.stderr
        retried = await asyncio.to_thread(firstline, folder, "parked", "retry", "k2")
        assert "waits" in json.loads(retried.stdout)["done"], retried.stderr
    finally:
        running.terminate()
        await running.communicate()
