"""What one call of a model costs beyond the call itself, in milliseconds; beside LiteLLM's Router, in one run.

A fake vendor in a process of its own answers at once with 20 tokens and their usage. Each side runs in a process of its
own and makes, in turn, a bare aiohttp POST that reads the answer to its end and parses nothing, a call that succeeds,
and a call whose first vendor says 503 and whose second answers. `added` is a percentile of the calls less the same
percentile of that side's own bare POSTs. Rounds of ten alternate between the kinds and the sides, so that whatever else
the machine does hits all alike; it should be idle. `requests a second`: 50 calls at once in one process.

LiteLLM runs in an environment of its own (benchmarks/peers.sh routers) and is no part of the product; without it its
rows are left out. Usage: python -m benchmarks.calls [--n 500] [--load 1000]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import subprocess
import sys
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks._calls.vendor import vendor
from benchmarks._harness import ROOT, Result, percentiles, report

PEERS = ROOT / "build" / "routers" / "venv" / "bin" / "python"
ALONE = {**os.environ, "LITELLM_LOCAL_MODEL_COST_MAP": "True", "PYTHONPATH": str(ROOT)}
"""Without the first LiteLLM asks the network for prices when it is imported, and waits for it."""

ROUND = 10
WARM = 5
"""Rounds nobody counts."""

TOGETHER = 50
BLOCK = 250
READY = 60.0
"""Seconds a side may take to be imported."""

BARE = "bare"
LONGEST_LINE = 2**20


@dataclass
class Side:
    """One worker process, and what it has measured so far by kind of call."""

    name: str
    process: asyncio.subprocess.Process
    kinds: Sequence[str] = ()
    first: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    whole: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    seconds: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    done: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    memory: float = 0.0

    async def told(self) -> Any:
        """The worker's next line."""
        assert self.process.stdout is not None
        line = await asyncio.wait_for(self.process.stdout.readline(), READY)
        if not line:
            raise RuntimeError(f"{self.name} ended")
        return json.loads(line)

    async def run(self, kind: str, count: int, together: int = 1) -> Mapping[str, Any]:
        """Have so many calls made."""
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps({"kind": kind, "count": count, "together": together}).encode() + b"\n")
        found: Mapping[str, Any] = await self.told()
        self.memory = found["memory"]
        return found


@asynccontextmanager
async def side(name: str, python: Path | str, module: str, url: str) -> AsyncIterator[Side]:
    """A side that is ready; its process is stopped in the end."""
    process = await asyncio.create_subprocess_exec(
        python, "-m", "benchmarks._calls.worker", module, url,
        cwd=ROOT, env=ALONE, stdin=subprocess.PIPE, stdout=subprocess.PIPE, limit=LONGEST_LINE,
    )  # fmt: skip
    try:
        made = Side(name, process)
        made.kinds = await made.told()
        yield made
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def one_by_one(sides: Sequence[Side], count: int) -> None:
    """Calls one after the other, the kinds and the sides in turn."""
    for number in range(WARM - (-count // ROUND)):
        for one in sides:
            turn = number % len(one.kinds)
            for kind in (*one.kinds[turn:], *one.kinds[:turn]):
                found = await one.run(kind, ROUND)
                if number >= WARM:
                    one.first[kind] += found["first"]
                    one.whole[kind] += found["whole"]


async def together(sides: Sequence[Side], count: int) -> None:
    """As many calls as each process can make, in blocks that take turns."""
    for one in sides:
        for kind in one.kinds:
            await one.run(kind, TOGETHER, TOGETHER)
    for _ in range(max(1, count // BLOCK)):
        for one in sides:
            for kind in one.kinds:
                found = await one.run(kind, BLOCK, TOGETHER)
                one.seconds[kind] += found["seconds"]
                one.done[kind] += BLOCK


def added(name: str, metric: str, calls: Sequence[float], beyond: Sequence[float]) -> list[Result]:
    """The percentiles of the calls less those of the bare POSTs."""
    pairs = zip(percentiles(name, metric, calls, "ms"), percentiles(name, metric, beyond, "ms"), strict=True)
    return [Result(name, ours.metric, ours.value - theirs.value, "ms", ours.n) for ours, theirs in pairs][:2]


def figures(one: Side) -> list[Result]:
    """What one side came to."""
    results = percentiles(one.name, "bare POST", one.whole[BARE], "ms")[:2]
    for kind in (k for k in one.kinds if k != BARE):
        results += percentiles(one.name, kind, one.whole[kind], "ms")[:2]
        results += added(one.name, f"{kind}, added", one.whole[kind], one.whole[BARE])
        results += added(one.name, f"{kind}, added to first text", one.first[kind], one.first[BARE])
    for kind in one.kinds:
        rate = one.done[kind] / one.seconds[kind]
        results.append(Result(one.name, f"{kind}, requests a second", rate, "/s", one.done[kind]))
    return [*results, Result(one.name, "memory in the end", one.memory, "MB", 1)]


async def measure(count: int, load: int) -> list[Result]:
    """Every figure of one run."""
    async with AsyncExitStack() as open_:
        url = await open_.enter_async_context(vendor())
        sides = [await open_.enter_async_context(side("firstline", sys.executable, "firstline", url))]
        try:
            sides.append(await open_.enter_async_context(side("LiteLLM Router", PEERS, "litellm_", url)))
        except (OSError, RuntimeError, TimeoutError) as error:
            print(f"LiteLLM left out: {error or type(error).__name__}; benchmarks/peers.sh routers", file=sys.stderr)
        await one_by_one(sides, count)
        await together(sides, load)
    results = [result for one in sides for result in figures(one)]
    if len(sides) == 2:
        ours, theirs = (one.done["call"] / one.seconds["call"] for one in sides)
        results.append(Result("firstline by LiteLLM", "call, requests a second", ours / theirs, "times", load))
    return results


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--n", type=int, default=500, help="calls of each kind, one after the other")
    parser.add_argument("--load", type=int, default=1000, help="calls of each kind, 50 at once")
    given = parser.parse_args()
    report("calls", asyncio.run(measure(given.n, given.load)))


if __name__ == "__main__":
    main()
