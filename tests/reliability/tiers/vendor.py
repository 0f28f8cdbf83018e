"""An OpenAI-compatible vendor on a loopback socket that fails by given odds and keeps books of its own.

Every word it says carries its name and the number of the call, so that text of two calls can be told apart. What it
served is in `served`, one record for each request it read, whatever became of it: the other half of double bookkeeping.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from random import Random
from typing import Any

from tests.reliability.tiers.faults import Fault, Odds, Pace

WORDS = 12
"""Words of an answer unless a vendor is told otherwise."""

STATUS = {Fault.FAILED: 503, Fault.BUSY: 429, Fault.OVERLOADED: 529}
BACKLOG = 1024


@dataclass(slots=True)
class Served:
    """One request as the vendor saw it. `begun`: the answer it was given to go on from; `text`: what it said itself.

    `kept`: it came over a connection that had served another one. `told`: tokens of output its usage spoke of, 0 when
    it never came to that. `left`: the caller closed the connection before the answer was whole.
    """

    question: str
    vendor: str
    fault: Fault
    kept: bool
    begun: str = ""
    text: str = ""
    told: int = 0
    left: bool = False

    @property
    def repeated(self) -> bool:
        """Whether the caller may send it again as the same call: the connection might have been closed before it."""
        return self.fault is Fault.HANG_UP and self.kept


@dataclass
class Vendor:
    """The server. `odds` and `pace` may be changed while it runs; `down` says what every call gets meanwhile.

    Its answers have `words` words. A fault in the middle comes after `after` of them, 0: after as many as chance says.
    """

    name: str
    odds: Odds = field(default_factory=Odds)
    pace: Pace = field(default_factory=Pace)
    seed: int = 0
    url: str = ""
    served: list[Served] = field(default_factory=list)
    down: Fault = Fault.NONE
    words: int = WORDS
    after: int = 0

    def __post_init__(self) -> None:
        self._chance = Random(f"{self.name} {self.seed}")
        self._server: asyncio.Server | None = None
        self._port = 0
        self._open: set[asyncio.StreamWriter] = set()

    async def start(self) -> None:
        """Listen, on the same port as before."""
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", self._port, backlog=BACKLOG)
        self._port = self._server.sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{self._port}/v1"

    def refuse(self) -> None:
        """No connection is taken any more (ECONNREFUSED), and those there are end."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for writer in self._open:
            writer.transport.abort()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        kept = False
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
                asked = json.loads(await reader.readexactly(length))
                await self._answer(self._book(asked, kept), reader, writer)
                kept = True
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self._open.discard(writer)
            writer.close()

    def _book(self, asked: dict[str, Any], kept: bool) -> Served:
        turns = asked["messages"]
        begun = turns.pop()["content"] if turns[-1]["role"] == "assistant" else ""
        fault = self.down if self.down is not Fault.NONE else self.odds.draw(self._chance)
        record = Served(turns[-1]["content"], self.name, fault, kept, begun)
        self.served.append(record)
        return record

    async def _answer(self, record: Served, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if record.fault is Fault.HANG_UP:
            writer.transport.abort()
            raise ConnectionError
        if record.fault is Fault.SILENT:
            await self._wait_until_gone(record, reader)
        if status := STATUS.get(record.fault):
            writer.write(self._refusal(status))
            return
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
        words = [] if record.fault is Fault.EMPTY else self._words(record)
        whole = record.fault in (Fault.NONE, Fault.SLOW, Fault.EMPTY)
        said = words if whole else words[: self.after or self._chance.randint(1, self.words - 1)]
        await asyncio.sleep(self.pace.slow if record.fault is Fault.SLOW else self.pace.first)
        for word in said:
            if writer.is_closing():
                record.left = True
                raise ConnectionError
            writer.write(event({"index": 0, "delta": {"content": word}, "finish_reason": None}))
            record.text += word
            await asyncio.sleep(self.pace.between)
        await self._end(record, reader, writer)

    async def _end(self, record: Served, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if record.fault is Fault.STALL:
            await self._wait_until_gone(record, reader)
        if record.fault is Fault.CUT:
            await writer.drain()
            await asyncio.sleep(0.001)  # so that what was said goes out before the reset takes the rest along
            writer.transport.abort()
            raise ConnectionError
        if record.fault is Fault.MALFORMED:
            writer.write(chunk('{"choices": [{"delta": {"content": "torn'))
        elif record.fault is not Fault.SHORT:
            record.told = len(record.text.split())
            writer.write(event({"index": 0, "delta": {}, "finish_reason": "stop"}, record.told) + chunk("[DONE]"))
        writer.write(b"0\r\n\r\n")
        await writer.drain()

    def _words(self, record: Served) -> list[str]:
        number = len(self.served)
        return [(" " if record.begun or n else "") + f"{self.name}-{number}-{n}" for n in range(self.words)]

    def _refusal(self, status: int) -> bytes:
        asks = f"Retry-After: {self.pace.asks}\r\n" if status == 429 and self.pace.asks is not None else ""
        body = '{"error":{"message":"no","type":"server_error"}}'
        head = f"HTTP/1.1 {status} X\r\nContent-Type: application/json\r\n{asks}Content-Length: {len(body)}\r\n\r\n"
        return (head + body).encode()

    async def _wait_until_gone(self, record: Served, reader: asyncio.StreamReader) -> None:
        await reader.read(1)
        record.left = True
        raise ConnectionError


def chunk(data: str) -> bytes:
    """One server-sent event as a chunk of the body."""
    line = f"data: {data}\n\n".encode()
    return f"{len(line):x}\r\n".encode() + line + b"\r\n"


def event(choice: dict[str, Any], told: int = 0) -> bytes:
    """One event of a completion, with its usage where some was `told`."""
    usage = {"usage": {"prompt_tokens": 7, "completion_tokens": told, "total_tokens": 7 + told}} if told else {}
    return chunk(json.dumps({"id": "c", "object": "chat.completion.chunk", "choices": [choice], **usage}))


@asynccontextmanager
async def vendors(*made: Vendor) -> AsyncIterator[tuple[Vendor, ...]]:
    """All of them, listening."""
    for vendor in made:
        await vendor.start()
    try:
        yield made
    finally:
        for vendor in made:
            vendor.refuse()
