"""How long after a message reached us its acknowledgement is begun, durable commit included, at 200 messages a second.

Ours: `Desk.accept` entered -> the channel's `acknowledge` called, on a SQLite file with synchronous=FULL, while the
desk goes on to answer every message from the FAQ. Beside it, in the same run: one INSERT and COMMIT on a bare sqlite3
connection with the same settings in a thread of its own, at the same rate.
"""

from __future__ import annotations

import asyncio
import itertools
import sqlite3
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from benchmarks._harness import ROOT, percentiles, report
from benchmarks._traffic import arrivals, questions
from bots.assembly import open_house
from channels.memory import MemoryChannel
from core.conversation import Message

RATE = 200


class Stopwatch(MemoryChannel):
    """Notes when each acknowledgement began."""

    def __init__(self) -> None:
        super().__init__(parts=True)
        self.begun: dict[str, float] = {}

    async def acknowledge(self, message: Message) -> None:
        self.begun[message.id] = time.perf_counter()


async def at_rate(seconds: float, do: Callable[[], Awaitable[object]]) -> int:
    """Call `do` RATE times a second whatever the calls take; the number of calls."""
    started, tasks = time.perf_counter(), []
    for number in range(int(seconds * RATE)):
        await asyncio.sleep(max(0.0, started + number / RATE - time.perf_counter()))
        tasks.append(asyncio.ensure_future(do()))
    await asyncio.gather(*tasks)
    return len(tasks)


async def ours(folder: Path, seconds: float) -> list[float]:
    channel, received = Stopwatch(), {}
    async with open_house(
        ROOT / "config.yaml", store=f"sqlite:///{folder}/desk.db", channels={"memory": channel}
    ) as house:
        await house.availability.ask()
        messages = arrivals(questions(house), chats=1000)

        async def one() -> None:
            arrival = next(messages)
            assert arrival.message
            received[arrival.message.id] = time.perf_counter()
            await house.desk.accept(arrival)

        await at_rate(seconds, one)
        await house.desk.idle(30)
    return [(channel.begun[name] - at) * 1000 for name, at in received.items()]


async def bare(folder: Path, seconds: float) -> list[float]:
    took: list[float] = []
    numbers = itertools.count()

    def connect() -> sqlite3.Connection:
        connection = sqlite3.connect(folder / "bare.db", isolation_level=None)
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("CREATE TABLE inbox (key TEXT PRIMARY KEY, raw TEXT)")
        return connection

    with ThreadPoolExecutor(1) as thread:
        loop = asyncio.get_running_loop()
        connection = await loop.run_in_executor(thread, connect)

        def commit(number: int) -> None:
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("INSERT INTO inbox VALUES (?, ?)", (str(number), "as the platform sent it"))
            connection.execute("COMMIT")

        async def one() -> None:
            began = time.perf_counter()
            await loop.run_in_executor(thread, commit, next(numbers))
            took.append((time.perf_counter() - began) * 1000)

        await at_rate(seconds, one)
        await loop.run_in_executor(thread, connection.close)
    return took


async def main(seconds: float) -> None:
    with tempfile.TemporaryDirectory(dir=ROOT / "build") as folder:
        peer = await bare(Path(folder), seconds)
        mine = await ours(Path(folder), seconds)
    results = percentiles("firstline", "received to acknowledged", mine, "ms")
    results += percentiles("bare sqlite3", "insert and commit", peer, "ms")
    report("acknowledge", results)


if __name__ == "__main__":
    (ROOT / "build").mkdir(exist_ok=True)
    asyncio.run(main(float(sys.argv[1]) if len(sys.argv) > 1 else 15.0))
