"""A model server on loopback whose every byte a test decides, and which sees when the caller hangs up."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from core.tiers import Line, ModelCard, Prompt

WAIT = 5.0


@dataclass
class Request:
    """What the caller sent."""

    method: str
    path: str
    headers: dict[str, str]
    body: Any


@dataclass
class Vendor:
    """The server: `script` plays one answer, `requests` keeps what was asked, `gone` is set when a caller hangs up."""

    script: Callable[[Vendor], Awaitable[None]]
    url: str = ""
    requests: list[Request] = field(default_factory=list)
    connections: int = 0
    gone: asyncio.Event = field(default_factory=asyncio.Event)
    writer: asyncio.StreamWriter = field(init=False)
    reader: asyncio.StreamReader = field(init=False)

    async def head(self, status: int = 200, kind: str = "text/event-stream", **headers: str) -> None:
        """The start of an answer whose body follows in chunks."""
        extra = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
        self.writer.write(
            f"HTTP/1.1 {status} X\r\nContent-Type: {kind}\r\nTransfer-Encoding: chunked\r\n{extra}\r\n".encode()
        )
        await self.writer.drain()

    async def raw(self, data: bytes) -> None:
        """One HTTP chunk of the body."""
        self.writer.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
        await self.writer.drain()

    async def events(self, *events: Any) -> None:
        """Each as one server-sent event; text as it stands, anything else as JSON."""
        for event in events:
            data = event if isinstance(event, str) else json.dumps(event)
            await self.raw(f"data: {data}\n\n".encode())

    async def end(self) -> None:
        """The body is whole; the connection stays."""
        self.writer.write(b"0\r\n\r\n")
        await self.writer.drain()

    async def refuse(self, status: int, body: Any = None, **headers: str) -> None:
        """An answer that is an error."""
        await self.head(status, "application/json", **headers)
        await self.raw(json.dumps(body).encode())
        await self.end()

    async def hang_up(self) -> None:
        """Cut the connection in the middle."""
        self.writer.transport.abort()

    async def wait_until_gone(self) -> None:
        """Say nothing until the caller closes the connection."""
        if await self.reader.read(1) == b"":
            self.gone.set()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.reader, self.writer = reader, writer
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                lines = head.decode().split("\r\n")
                method, path, _ = lines[0].split(" ")
                headers = {k.lower(): v for k, _, v in (line.partition(": ") for line in lines[1:] if line)}
                body = await reader.readexactly(int(headers.get("content-length", "0")))
                self.requests.append(Request(method, path, headers, json.loads(body) if body else None))
                await self.script(self)
        except (asyncio.IncompleteReadError, ConnectionError):
            self.gone.set()
        finally:
            writer.close()


Serving = Callable[[Callable[[Vendor], Awaitable[None]]], Any]


@pytest.fixture
def serving() -> Serving:
    """`async with serving(script) as vendor:` a server that plays the script for every request."""

    @asynccontextmanager
    async def serve(script: Callable[[Vendor], Awaitable[None]]) -> AsyncIterator[Vendor]:
        vendor = Vendor(script)
        server = await asyncio.start_server(vendor._serve, "127.0.0.1", 0)
        vendor.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
        try:
            yield vendor
        finally:
            server.close()
            async with asyncio.timeout(WAIT):
                await server.wait_closed()

    return serve


@pytest.fixture
def prompt() -> Prompt:
    """A short support dialogue with two customer lines in a row."""
    lines = (
        Line("user", "My parcel is late."),
        Line("assistant", "I am sorry. Which order is it?"),
        Line("user", "Number 1007."),
        Line("user", "Where is it? \N{PACKAGE}"),
    )
    return Prompt("You are kind.", lines, "en", max_tokens=64)


@pytest.fixture
def card() -> ModelCard:
    """A model whose name holds a slash."""
    return ModelCard("vendor", "family/small-1")
