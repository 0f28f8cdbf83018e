"""A thousand streams open in one process: its memory, and how much later the first token comes than to a bare client.

A fake vendor in a process of its own gives every stream a token each quarter of a second. Streams are opened one after
the other, `--ramp` a second, slowly enough that neither side's queue of new connections is what is measured; then they
stay open. Beside them short calls start, in turn through our chain and as a bare aiohttp POST that reads the first
bytes and parses nothing. When streams and calls start is drawn by a fixed seed, so that they do not fall into step.
Both kinds of call wait for the same vendor under the same load, in the same process, so the difference of the two is
ours. The memory is the whole process's: interpreter, libraries and both clients.

Usage: python -m benchmarks.streams [--open 1000] [--ramp 200] [--rate 20] [--seconds 20]
"""

from __future__ import annotations

import argparse
import asyncio
import time
from collections.abc import Mapping
from random import Random

import aiohttp
import uvloop

from benchmarks._calls.firstline import GOOD, asked, chain, read
from benchmarks._calls.vendor import vendor
from benchmarks._calls.worker import bare, memory, timed
from benchmarks._harness import Result, percentiles, report
from core.answering.deadline import Patience
from core.providers import openai_chat

PACE = 250
"""Milliseconds between two tokens."""

SHORT = 4
LASTING = 1_000_000
"""Tokens of a short call, and of a stream that stays."""


async def measure(given: argparse.Namespace) -> tuple[Mapping[str, list[float]], dict[str, float]]:
    """Milliseconds to the first token by who asked, and MB before the streams, with them, and at the end."""
    chance = Random(1)
    async with vendor() as url, aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        lasting = openai_chat.build(url=f"{url}/{LASTING}/{PACE}/v1", key="k")
        short = openai_chat.build(url=f"{url}/{SHORT}/{PACE}/v1", key="k")
        held = chain([GOOD], {"good": lasting}, Patience(total=3600.0))
        brief = chain([GOOD], {"good": short})
        kinds = {
            "chain": lambda heard: read(asked(brief), heard),
            "bare": bare(session, f"{url}/{SHORT}/{PACE}/v1"),
        }
        first: dict[str, list[float]] = {name: [] for name in kinds}
        used = {"before any stream": memory()}
        async with asyncio.TaskGroup() as group:
            streams = []
            for _ in range(given.open):
                streams.append(group.create_task(read(asked(held), lambda: None)))
                await asyncio.sleep(2 * chance.random() / given.ramp)
            await asyncio.sleep(1.0)
            used[f"{given.open} open"] = memory()
            calls = []
            start = time.perf_counter()
            due = 0.0
            for number in range(int(given.rate * given.seconds)):
                name = ("chain", "bare")[number % 2]
                calls.append((name, group.create_task(timed(kinds[name]))))
                due += 2 * chance.random() / given.rate
                await asyncio.sleep(max(0.0, start + due - time.perf_counter()))
            for name, call in calls:
                first[name].append((await call)[0])
            used["in the end"] = memory()
            alive = sum(not task.done() for task in streams)
            if alive != given.open:
                raise RuntimeError(f"only {alive} of {given.open} streams stayed open")
            for task in streams:
                task.cancel()
        await lasting.aclose()
        await short.aclose()
    return first, used


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--open", type=int, default=1000, help="streams kept open")
    parser.add_argument("--ramp", type=float, default=200.0, help="streams opened a second")
    parser.add_argument("--rate", type=float, default=20.0, help="short calls started a second")
    parser.add_argument("--seconds", type=float, default=20.0, help="how long short calls are started")
    given = parser.parse_args()
    first, used = uvloop.run(measure(given))
    metric = f"first token, {given.open} open, {given.rate:g} starts/s,"
    ours, theirs = (percentiles(name, metric, first[name], "ms") for name in ("chain", "bare"))
    added = [
        Result("added by the chain", o.metric, o.value - b.value, "ms", o.n) for o, b in zip(ours, theirs, strict=True)
    ]
    memories = [Result("process", f"memory, {when}", mb, "MB", 1) for when, mb in used.items()]
    report("streams", [*ours, *theirs, *added[:2], *memories])


if __name__ == "__main__":
    main()
