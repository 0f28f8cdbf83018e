"""One side of the comparison in a process of its own: makes calls when told to and says how long each took.

A side is a module beside this one with `calls(url)`, the kinds of call it can make; the bare POST that every side is
measured against is made here, in the same process on the same event loop. Knows nothing of firstline, because peers
run it in their own environment.

Standard input: a JSON line `{"kind", "count", "together"}`; standard output: one line with the milliseconds to the
first text and to the end of each call, the seconds all of them took and this process's memory. The first line says
which kinds there are. Usage: python -m benchmarks._calls.worker SIDE URL
"""

from __future__ import annotations

import asyncio
import importlib
import json
import logging
import os
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp
import uvloop

Call = Callable[[Callable[[], None]], Awaitable[None]]
"""Makes one call to its end; calls what it is given when the first text is there."""

TOKENS = 20
DIALOGUE = [
    {"role": "system", "content": "You are a kind support agent. " * 40},
    *({"role": "user" if n % 2 == 0 else "assistant", "content": "Where is my parcel? " * 5} for n in range(5)),
]


def bare(session: aiohttp.ClientSession, url: str) -> Call:
    """A POST whose answer is read to its end and not looked at: what any client pays."""
    body = {
        "model": "model",
        "messages": DIALOGUE,
        "max_tokens": 800,
        "stream": True,
        "stream_options": {"include_usage": True},
    }

    async def call(heard: Callable[[], None]) -> None:
        async with session.post(url + "/chat/completions", json=body) as response:
            assert await response.content.readany()
            heard()
            while await response.content.readany():
                pass

    return call


async def timed(call: Call) -> tuple[float, float]:
    """Milliseconds to the first text and to the end."""
    began = time.perf_counter()
    first = 0.0

    def heard() -> None:
        nonlocal first
        first = time.perf_counter() - began

    await call(heard)
    if not first:
        raise RuntimeError("an answer without text")
    return first * 1e3, (time.perf_counter() - began) * 1e3


async def many(call: Call, count: int, together: int) -> dict[str, Any]:
    """So many calls, some of them at once."""
    left = iter(range(count))
    took: list[tuple[float, float]] = []

    async def one_after_the_other() -> None:
        took.extend([await timed(call) for _ in left])

    began = time.perf_counter()
    await asyncio.gather(*(one_after_the_other() for _ in range(together)))
    seconds = time.perf_counter() - began
    return {"first": [f for f, _ in took], "whole": [w for _, w in took], "seconds": seconds, "memory": memory()}


def memory() -> float:
    """This process's resident memory in MB."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


async def serve(side: str, url: str) -> None:
    """Do what standard input says until it ends. Nobody writes log lines here: where they go is not part of a call."""
    logging.disable(logging.ERROR)
    kinds: dict[str, Call] = importlib.import_module(f"benchmarks._calls.{side}").calls(url)
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=1024)) as session:
        kinds["bare"] = bare(session, f"{url}/{TOKENS}/0/v1")
        print(json.dumps(list(kinds)), flush=True)
        while line := await asyncio.to_thread(sys.stdin.readline):
            told = json.loads(line)
            print(json.dumps(await many(kinds[told["kind"]], told["count"], told["together"])), flush=True)


if __name__ == "__main__":
    uvloop.run(serve(sys.argv[1], sys.argv[2]))
