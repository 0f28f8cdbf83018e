"""A model vendor that never varies: an OpenAI-compatible server whose answers are decided by the URL it is asked at.

`/20/5/v1` answers with 20 tokens, 5 milliseconds apart (0: all at once), and their usage; `/20/whole/v1` with one JSON
object instead of a stream; `/down/v1` with 503. What is asked is not read, so that the server's own time is as small as
it can be. A process of its own; prints its port.
Usage: python -m benchmarks._calls.vendor
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from typing import cast

import uvloop

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
_SORRY = b'{"error":{"message":"overloaded","type":"overload"}}'
DOWN = b"HTTP/1.1 503 X\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(_SORRY) + _SORRY
BACKLOG = 1024


def _chunk(event: str) -> bytes:
    data = f"data: {event}\n\n".encode()
    return f"{len(data):x}\r\n".encode() + data + b"\r\n"


_BASE = '{"id":"chatcmpl-1","object":"chat.completion.chunk","created":1,"model":"model","choices":['
TOKEN = _chunk(_BASE + '{"index":0,"delta":{"content":"token "},"finish_reason":null}]}')
STOP = _chunk(_BASE + '{"index":0,"delta":{},"finish_reason":"stop"}]}')


def _usage(tokens: int) -> str:
    return f'"usage":{{"prompt_tokens":300,"completion_tokens":{tokens},"total_tokens":{300 + tokens}}}'


@cache
def _end(tokens: int) -> bytes:
    return STOP + _chunk(f"{_BASE}],{_usage(tokens)}}}") + _chunk("[DONE]") + b"0\r\n\r\n"


@cache
def _whole(tokens: int) -> bytes:
    message = f'"message":{{"role":"assistant","content":"{"token " * tokens}"}}'
    base = _BASE.replace(".chunk", "")
    body = f'{base}{{"index":0,{message},"finish_reason":"stop"}}],{_usage(tokens)}}}'.encode()
    return b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body) + body


class _Connection(asyncio.Protocol):
    """One client's connection; one request at a time, as HTTP/1.1 has it."""

    def __init__(self) -> None:
        self._got = b""
        self._due: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def connection_lost(self, error: Exception | None) -> None:
        if self._due is not None:
            self._due.cancel()

    def data_received(self, data: bytes) -> None:
        self._got += data
        head, blank, body = self._got.partition(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0] or 0)
        if blank and len(body) >= length:
            self._got = b""
            self._answer(head.split(b" ", 2)[1].decode())

    def _answer(self, path: str) -> None:
        tokens, pace, *_ = path.strip("/").split("/")
        if tokens == "down":
            self._transport.write(DOWN)
        elif pace == "whole":
            self._transport.write(_whole(int(tokens)))
        elif pace == "0":
            self._transport.write(HEAD + TOKEN * int(tokens) + _end(int(tokens)))
        else:
            self._transport.write(HEAD)
            self._say(int(tokens), int(tokens), int(pace) / 1000)

    def _say(self, left: int, tokens: int, pace: float) -> None:
        if not left:
            self._transport.write(_end(tokens))
            return
        self._transport.write(TOKEN)
        self._due = asyncio.get_running_loop().call_later(pace, self._say, left - 1, tokens, pace)


async def _serve() -> None:
    server = await asyncio.get_running_loop().create_server(_Connection, "127.0.0.1", 0, backlog=BACKLOG)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


@asynccontextmanager
async def vendor() -> AsyncIterator[str]:
    """The base URL of a vendor in a process of its own, stopped in the end."""
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", __name__, stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    try:
        port = int(await asyncio.wait_for(process.stdout.readline(), 10))
        yield f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        await process.wait()


if __name__ == "__main__":
    uvloop.run(_serve())
