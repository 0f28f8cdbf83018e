# ruff: noqa: T201 - a command prints
"""The product whole, answering on Telegram, whose disk is away for a while:  --seconds 60

    python -m tests.reliability.disk.outage --seconds 60

A fault is attached to the running process and taken away again; customers write before, meanwhile and afterwards. The
status is 1 when anybody has no answer or two, or when the store does not add up.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import shutil
import signal
import sqlite3
import sys
import tempfile
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path

from channels.telegram.testing import FakeBotApi
from tests.reliability.disk import check

ROOT = Path(__file__).parents[3]
CALLS = ("pwrite64", "pread64", "fdatasync", "fsync", "ftruncate")
QUESTION = "Where is my order?"
FIRST = 1001
BEFORE, MEANWHILE, AFTERWARDS = range(FIRST, FIRST + 40), range(FIRST + 40, FIRST + 50), range(FIRST + 50, FIRST + 60)
"""Chats by when they ask; the first ones at once, so that a bot that may send 30 messages a second is at it a while."""

CHATS = range(BEFORE.start, AFTERWARDS.stop)

LONGEST = 60.0
"""Seconds everything may take once the disk is back; a platform that was sent away asks again after 30 at most."""


@dataclass(frozen=True)
class Seen:
    """What came of it.

    `under_way` messages were not settled when the disk went, `refusals` are the store's by the log, `answers` counts
    chats by how often the answer stands there, `orphans` are openings without an end, `wrong` is what the store keeps.
    """

    under_way: int
    refusals: int
    answers: Counter[int]
    orphans: int
    wrong: list[str]


async def outage(folder: Path, seconds: float) -> Seen:
    """Let every chat ask once, most of them before and some during and after so many seconds without a disk."""
    log, store = folder / "log", folder / "data" / "firstline.db"
    async with FakeBotApi(None, flood=None) as api:
        async with _started(_shop(folder, api.url), api.token, log) as process:
            await _ask(api, BEFORE, 0)
            await api.wait_for(lambda: len(api.calls("sendMessage")) >= 3, LONGEST)
            async with _without_disk(process.pid, store):
                under_way = check.unfinished(store)
                await _ask(api, MEANWHILE, seconds)
            await _ask(api, AFTERWARDS, 0.1)
            await api.wait_for(lambda: not api.updates.pending and all(_answers(api).values()), LONGEST)
            process.send_signal(signal.SIGTERM)
            async with asyncio.timeout(LONGEST):
                await process.wait()
        answers = Counter(_answers(api).values())
        orphans = sum(post.text.endswith(" …") for chat in CHATS for post in api.chat(chat))
    return Seen(under_way, log.read_text("utf-8").count("the store could not do it"), answers, orphans, _wrong(store))


def _answers(api: FakeBotApi) -> dict[int, int]:
    return {chat: sum(not post.text.endswith(" …") for post in api.chat(chat)) for chat in CHATS}


def _wrong(store: Path) -> list[str]:
    with closing(sqlite3.connect(store)) as db:
        kept = Counter(row[0] for row in db.execute("SELECT conv FROM inbox WHERE state = 'settled'"))
    lost = [f"not settled once: {chat}" for chat in CHATS if kept[f"telegram:{chat}"] != 1]
    return check.faults(store, []) + lost


async def _ask(api: FakeBotApi, some: range, seconds: float) -> None:
    for chat in some:
        api.says(chat, QUESTION)
        await asyncio.sleep(seconds / len(some))


def _shop(folder: Path, telegram: str) -> Path:
    """The shipped bot, answering offline, on Telegram at this address; its config.yaml."""
    shutil.copytree(ROOT / "bots" / "shop", folder / "bots" / "shop")
    for name in ("config.yaml", "models.yaml"):
        shutil.copy(ROOT / name, folder / name)
    config = folder / "config.yaml"
    lines = config.read_text("utf-8").splitlines()
    tiers = ("  quick: [", "  standard: [", "  expert: [")
    lines = [f"{line.partition('[')[0]}[offline/faq]" if line.startswith(tiers) else line for line in lines]
    lines = [f"{line}\n    base_url: {telegram}" if line.startswith("    library: ptb") else line for line in lines]
    config.write_text("\n".join(lines), "utf-8")
    return config


@asynccontextmanager
async def _started(config: Path, token: str, log: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    program = Path(sys.executable).with_name("firstline")
    with log.open("wb") as words:
        process = await asyncio.create_subprocess_exec(
            *(program, "run", "--config", config, "--port", "0", "--json"),
            cwd=config.parent,
            env={**os.environ, "PYTHONPATH": f"{ROOT}", "TELEGRAM_TOKEN": token},
            stdout=asyncio.subprocess.PIPE,
            stderr=words,
        )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(LONGEST):
            ready = await process.stdout.readline()
        assert ready, "firstline did not start"
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


@asynccontextmanager
async def _without_disk(pid: int, store: Path) -> AsyncIterator[None]:
    """Every call to the store's files fails for as long as this lasts."""
    paths = [word for ending in ("", "-wal", "-shm") for word in ("-P", f"{store}{ending}")]
    options = ["-f", "-o", "/dev/null", "-e", f"trace={','.join(CALLS)}", *paths]
    options += ["-e", f"inject={','.join(CALLS)}:error=EIO"]
    strace = await asyncio.create_subprocess_exec("strace", *options, "-p", f"{pid}", stderr=asyncio.subprocess.PIPE)
    assert strace.stderr is not None
    try:
        first = (await strace.stderr.readline()).decode()
        if "attached" not in first:
            raise PermissionError(first)
        yield
    finally:
        if strace.returncode is None:
            strace.send_signal(signal.SIGTERM)
        await strace.communicate()


def main() -> int:
    """One outage; its figures as the last line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60.0)
    seconds = parser.parse_args().seconds
    with tempfile.TemporaryDirectory(prefix="outage-") as folder:
        seen = asyncio.run(outage(Path(folder), seconds))
    print(*seen.wrong, sep="\n", end="\n" if seen.wrong else "")
    doubled = sum(chats for answers, chats in seen.answers.items() if answers > 1)
    figures = {"seconds": seconds, "chats": len(CHATS), "under_way": seen.under_way, "refusals": seen.refusals}
    figures |= {"lost": seen.answers[0], "doubled": doubled, "orphans": seen.orphans, "wrong": len(seen.wrong)}
    print(json.dumps(figures))
    return int(seen.answers != {1: len(CHATS)} or bool(seen.wrong))


if __name__ == "__main__":
    sys.exit(main())
