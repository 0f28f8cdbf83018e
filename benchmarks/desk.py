"""How many messages a second the whole desk takes from accepted to settled, on a durable SQLite file, sends faked.

The shipped bot, its rules, signals and FAQ; answers by the offline provider. `one message` sends each answer as a
platform that can take back does (no plan); `planned parts` writes every part down before and after sending it.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from pathlib import Path

from benchmarks._harness import ROOT, Result, report
from benchmarks._traffic import arrivals, questions
from bots.assembly import open_house
from channels.memory import MemoryChannel

AT_ONCE = 200
"""Messages in the desk at a time."""


async def run(url: str, count: int, *, parts: bool) -> float:
    """Messages a second."""
    channel = MemoryChannel(parts=parts)
    async with open_house(ROOT / "config.yaml", store=url, channels={"memory": channel}) as house:
        await house.availability.ask()
        messages = arrivals(questions(house), chats=AT_ONCE)
        began = time.perf_counter()
        for _ in range(count // AT_ONCE):
            await asyncio.gather(*(house.desk.accept(next(messages)) for _ in range(AT_ONCE)))
            await house.desk.idle(60)
        took = time.perf_counter() - began
    answered = sum(map(len, channel.said.values()))
    assert answered == count // AT_ONCE * AT_ONCE, f"{answered} of {count} answered"
    return answered / took


async def main(count: int) -> None:
    with tempfile.TemporaryDirectory(dir=ROOT / "build") as folder:
        results = []
        for name, parts in (("one message", False), ("planned parts", True)):
            speed = await run(f"sqlite:///{Path(folder)}/{parts}.db", count, parts=parts)
            results.append(Result(f"SQLite file, {name}", "accepted to settled", speed, "messages/s", count))
        speed = await run("sqlite://", count, parts=False)
        results.append(Result("SQLite in memory", "accepted to settled", speed, "messages/s", count))
    report("desk", results)


if __name__ == "__main__":
    (ROOT / "build").mkdir(exist_ok=True)
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 4000))
