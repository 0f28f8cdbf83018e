"""The half of the benchmark that runs inside a replica: orders on standard input, events on standard output.

    DRIVER prepare          make the schema
    DRIVER count            print {"settled": how many messages the database calls settled}
    DRIVER work NAME WAIT   answer messages, each with so many seconds of waiting as its work, until input ends

The database's URL is in $FIRSTLINE_QUEUE_URL: it may hold a password, and command lines can be seen by everybody.
An order is {"chat", "number"}: accept that message. An event is {"what", "chat", "number", "at"}, `at` in seconds of
the monotonic clock, which all processes share. Only the standard library: each engine has its own environment.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, Protocol

CALLED, ACCEPTED, STARTED, ANSWERED, SETTLED = "called", "accepted", "started", "answered", "settled"
READY = "ready"
URL = "FIRSTLINE_QUEUE_URL"


class Voice:
    """Tells the load generator; from any thread. Whatever else the engine prints goes to standard error."""

    def __init__(self) -> None:
        self._out = os.dup(sys.stdout.fileno())
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())

    def tell(self, what: str, chat: str = "", number: int = 0) -> None:
        """Something happened to a message just now. A line this short is written whole."""
        line = json.dumps({"what": what, "chat": chat, "number": number, "at": time.monotonic()})
        os.write(self._out, f"{line}\n".encode())


class Accepts(Protocol):
    """The engine's way of taking a message in; when it returns, the message is committed."""

    async def __call__(self, chat: str, number: int) -> None: ...


@dataclass(frozen=True, slots=True)
class Post:
    """What a replica is told: its name among the others, how long a message's work takes, and whom it tells."""

    url: str
    name: str
    wait: float
    tell: Callable[..., None]

    async def work(self, chat: str, number: int) -> None:
        """One message's work, as every peer does it."""
        self.tell(STARTED, chat, number)
        await self.pause(number)
        self.tell(ANSWERED, chat, number)

    async def pause(self, number: int) -> None:
        """A quarter more than `wait`, for every other message a quarter less: what runs at once overtakes."""
        if self.wait:
            await asyncio.sleep(self.wait * (0.75 if number % 2 else 1.25))


class Driver(Protocol):
    """One engine."""

    async def prepare(self, url: str) -> None:
        """Make the schema in an empty database."""
        ...

    async def count(self, url: str) -> int:
        """How many messages its own tables call settled."""
        ...

    def replica(self, post: Post) -> AbstractAsyncContextManager[Accepts]:
        """A replica at work. It tells SETTLED once the end of a message's work is committed."""
        ...


async def _lines() -> AsyncIterator[bytes]:
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin.buffer)
    while line := await reader.readline():
        yield line


async def _work(driver: Driver, post: Post) -> None:
    async def take(chat: str, number: int) -> None:
        post.tell(CALLED, chat, number)
        await accept(chat, number)
        post.tell(ACCEPTED, chat, number)

    async with driver.replica(post) as accept:
        post.tell(READY, post.name)
        async with asyncio.TaskGroup() as group:
            async for line in _lines():
                group.create_task(take(**json.loads(line)))


def main(driver: Driver, run: Callable[[Coroutine[Any, Any, None]], None] = asyncio.run) -> None:
    """The command line of a driver; `run` is how the engine's own programs run their loop."""
    url, (command, *rest) = os.environ[URL], sys.argv[1:]

    async def command_line() -> None:
        if command == "work":
            name, wait = rest
            await _work(driver, Post(url, name, float(wait), Voice().tell))
        elif command == "count":
            print(json.dumps({"settled": await driver.count(url)}))
        else:
            await driver.prepare(url)

    run(command_line())
