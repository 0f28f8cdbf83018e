"""How much our chain adds to the time to first token, with hundreds of streams open in one process.

A fake model server runs in a process of its own. Streams are opened through the chain and stay open, each receiving a
token every quarter of a second. Beside them short calls start at a steady rate, in turn through our chain and as a bare
aiohttp POST that reads the first bytes and parses nothing; both wait for the same server under the same load, so the
difference of the two is ours. Usage: python -m benchmarks.stream [--open 500] [--rate 20] [--seconds 20]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager

import aiohttp
import uvloop

from benchmarks._harness import Result, percentiles, report
from core.answering.availability import Availability
from core.answering.chain import Chain, Patience
from core.providers import openai_chat
from core.tiers import Line, ModelCard, Prompt, Tier

TOKEN_EVERY = 0.25
SHORT_TOKENS = 4
CARD = ModelCard("fake", "model", free=True)
LINES = tuple(Line("user" if n % 2 == 0 else "assistant", "Where is my parcel? " * 5) for n in range(21))
PROMPT = Prompt("You are a kind support agent. " * 40, LINES)
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"


def _chunk(event: str) -> bytes:
    data = f"data: {event}\n\n".encode()
    return f"{len(data):x}\r\n".encode() + data + b"\r\n"


_BASE = '{"id":"chatcmpl-1","object":"chat.completion.chunk","created":1,"model":"model","choices":[{"index":0,'
TOKEN = _chunk(_BASE + '"delta":{"content":"token "},"finish_reason":null}]}')
LAST = _chunk(_BASE + '"delta":{},"finish_reason":"stop"}]}') + _chunk("[DONE]") + b"0\r\n\r\n"


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """The server's side of one connection: the first token at once, then one every TOKEN_EVERY."""
    try:
        while head := await reader.readuntil(b"\r\n\r\n"):
            length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
            asked = json.loads(await reader.readexactly(length))
            writer.write(HEAD + TOKEN)
            for _ in range(1, asked["max_tokens"]):
                await asyncio.sleep(TOKEN_EVERY)
                writer.write(TOKEN)
                await writer.drain()
            writer.write(LAST)
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()


async def _serve() -> None:
    server = await asyncio.start_server(_answer, "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


@asynccontextmanager
async def _server() -> AsyncIterator[str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "benchmarks.stream", "--serve", stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        port = int(await asyncio.wait_for(process.stdout.readline(), 10))
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        process.kill()
        await process.wait()


async def _through_chain(chain: Chain, prompt: Prompt, first: list[float] | None = None) -> None:
    began = time.perf_counter()
    async with aclosing(chain.answer(prompt, Tier.QUICK).text()) as pieces:
        async for _ in pieces:
            if first is not None:
                first.append((time.perf_counter() - began) * 1000)
                first = None


async def _bare(session: aiohttp.ClientSession, url: str, prompt: Prompt, first: list[float]) -> None:
    messages = [{"role": "system", "content": prompt.system}]
    messages += [{"role": line.role, "content": line.text} for line in prompt.lines]
    body = {"model": "model", "messages": messages, "max_tokens": prompt.max_tokens, "stream": True}
    began = time.perf_counter()
    async with session.post(url + "/chat/completions", json=body) as response:
        await response.content.readany()
        first.append((time.perf_counter() - began) * 1000)
        await response.read()


async def _measure(url: str, opened: int, rate: float, seconds: float) -> dict[str, list[float]]:
    providers = {"fake": openai_chat.build(url=url, key="k")}
    chain = Chain({Tier.QUICK: [CARD]}, providers, Availability(providers), Patience(total=3600.0))
    short = Prompt(PROMPT.system, PROMPT.lines, max_tokens=SHORT_TOKENS)
    lasting = Prompt(PROMPT.system, PROMPT.lines, max_tokens=1_000_000)
    first: dict[str, list[float]] = {"chain": [], "bare": []}
    async with aiohttp.ClientSession() as session, asyncio.TaskGroup() as group:
        held = []
        for _ in range(opened):
            held.append(group.create_task(_through_chain(chain, lasting)))
            await asyncio.sleep(0.005)
        calls = []
        start = time.perf_counter()
        for n in range(int(rate * seconds)):
            call = _through_chain(chain, short, first["chain"]) if n % 2 else _bare(session, url, short, first["bare"])
            calls.append(group.create_task(call))
            await asyncio.sleep(max(0.0, start + (n + 1) / rate - time.perf_counter()))
        await asyncio.gather(*calls)
        alive = sum(not task.done() for task in held)
        if alive != opened:
            raise RuntimeError(f"only {alive} of {opened} streams stayed open")
        for task in held:
            task.cancel()
    await providers["fake"].aclose()
    return first


async def _run(opened: int, rate: float, seconds: float) -> None:
    async with _server() as url:
        first = await _measure(url, opened, rate, seconds)
    metric = f"first token, {opened} open, {rate:g} starts/s,"
    ours, bare = (percentiles(name, metric, first[name], "ms") for name in ("chain", "bare"))
    added = [
        Result("added by the chain", o.metric, o.value - b.value, "ms", o.n) for o, b in zip(ours, bare, strict=True)
    ]
    report("stream", [*ours, *bare, *added[:1]])


def main() -> None:
    """Run the benchmark, or its server with --serve."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--open", type=int, default=500, help="streams kept open")
    parser.add_argument("--rate", type=float, default=20.0, help="calls started a second")
    parser.add_argument("--seconds", type=float, default=20.0, help="how long calls are started")
    options = parser.parse_args()
    uvloop.run(_serve() if options.serve else _run(options.open, options.rate, options.seconds))


if __name__ == "__main__":
    main()
