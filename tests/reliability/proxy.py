"""TCP between a client and a server, with faults that are switched while it runs: for HTTP, PostgreSQL and the like.

Bytes are carried, not understood. What each fault stands for is said at `Toxic`.
"""

from __future__ import annotations

import asyncio
import contextlib
import enum
import socket
import struct
from dataclasses import dataclass
from random import Random
from types import TracebackType
from typing import Self

from tests.reliability.installation import free_port

SIZE = 65_536
PAUSE = 0.001
"""Seconds between two pieces, so that their reader gets them one by one."""

HELD = 64
"""Reads of one direction that may be under way before the sender is slowed down."""


class End(enum.Enum):
    """How a connection ends: in order, or as by a crash (RST)."""

    CLOSE = enum.auto()
    RESET = enum.auto()


@dataclass(frozen=True, slots=True)
class Toxic:
    """What happens to the bytes of one direction.

    `delay` and up to `jitter` seconds more pass before a byte goes on; order is kept. `piece`: bytes that go on at once
    are so many at most (0: as they come), how many is drawn each time. `hole`: nothing goes on until another toxic is
    put, then everything does, as when lost packets are sent again; new connections wait too.

    `after`: with so many bytes gone on, both sides of the connection `end`. Counted for each connection from when the
    toxic was put, or, with `at`, from where these bytes come by in one read; of those sightings `chance` counts.
    """

    delay: float = 0.0
    jitter: float = 0.0
    piece: int = 0
    hole: bool = False
    after: int | None = None
    at: bytes = b""
    chance: float = 1.0
    end: End = End.RESET


class _EndedError(Exception):
    def __init__(self, end: End) -> None:
        self.end = end


class Way:
    """One direction of all connections. `carried`: bytes that went on."""

    def __init__(self) -> None:
        self.carried = 0
        self._toxic = Toxic()
        self._changed = asyncio.Event()

    @property
    def toxic(self) -> Toxic:
        """What it does to bytes now."""
        return self._toxic

    @toxic.setter
    def toxic(self, toxic: Toxic) -> None:
        self._toxic = toxic
        self._changed.set()
        self._changed = asyncio.Event()

    async def passable(self) -> Toxic:
        """The toxic, once it is no hole."""
        while self._toxic.hole:
            await self._changed.wait()
        return self._toxic


class _Stream:
    """One direction of one connection."""

    def __init__(self, way: Way, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, chance: Random) -> None:
        self._way, self._reader, self._writer, self._chance = way, reader, writer, chance
        self._queue: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(HELD)
        self._toxic: Toxic | None = None
        self._left: int | None = None  # bytes until the connection ends

    async def take(self) -> None:
        """Read, and note when each read is due at the other side; an empty one is the end."""
        data = b"-"
        while data:
            try:
                data = await self._reader.read(SIZE)
            except OSError:
                await self._way.passable()  # not even that the sender is gone comes through a hole
                raise
            toxic = self._way.toxic
            due = asyncio.get_running_loop().time() + toxic.delay + self._chance.uniform(0.0, toxic.jitter)
            await self._queue.put((due, data))

    async def give(self) -> None:
        """Write what is due. _EndedError where the toxic wants the connection to end."""
        while True:
            due, data = await self._queue.get()
            await asyncio.sleep(due - asyncio.get_running_loop().time())
            toxic = await self._way.passable()
            if not data:
                if not self._writer.is_closing():
                    self._writer.write_eof()
                return
            allowed = self._allowed(toxic, data)
            for piece in self._pieces(data[:allowed], toxic.piece):
                self._writer.write(piece)
                await self._writer.drain()
                self._way.carried += len(piece)
                await asyncio.sleep(PAUSE if toxic.piece else 0.0)
            if allowed < len(data) or self._left == 0:
                raise _EndedError(toxic.end)

    def _allowed(self, toxic: Toxic, data: bytes) -> int:
        if toxic is not self._toxic:
            self._toxic, self._left = toxic, None if toxic.at else toxic.after
        begins = 0
        if self._left is None and toxic.at and toxic.after is not None:
            begins = data.find(toxic.at)
            if begins < 0 or self._chance.random() >= toxic.chance:
                return len(data)
            self._left = toxic.after
        if self._left is None:
            return len(data)
        counted = min(len(data) - begins, self._left)
        self._left -= counted
        return begins + counted

    def _pieces(self, data: bytes, most: int) -> list[bytes]:
        pieces = []
        while data:
            size = self._chance.randint(1, most) if most else len(data)
            pieces.append(data[:size])
            data = data[size:]
        return pieces


class FaultProxy:
    """Listens on `port` of 127.0.0.1 while the block lasts and passes everything to the server and back.

    The same seed makes the same draws for the n-th connection. `accepted`: connections there have been.
    """

    def __init__(self, port: int, host: str = "127.0.0.1", seed: int = 0) -> None:
        self.port = free_port()
        self.to_server, self.to_client = Way(), Way()
        self.accepted = 0
        self._target = (host, port)
        self._seed = seed
        self._server: asyncio.Server | None = None
        self._links: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        await self.heal()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        self.refuse()
        await self.cut()

    @property
    def open(self) -> int:
        """Connections there are now."""
        return len(self._links)

    async def heal(self) -> None:
        """No fault any more; connections there are go on."""
        self.to_server.toxic = self.to_client.toxic = Toxic()
        if self._server is None:
            self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port)

    def refuse(self) -> None:
        """No new connections (ECONNREFUSED) until healed; those there are go on."""
        if self._server is not None:
            self._server.close()
            self._server = None

    async def cut(self) -> None:
        """Reset every connection there is, both sides; new ones are welcome."""
        links = list(self._links)
        for link in links:
            link.cancel()
        await asyncio.gather(*links, return_exceptions=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._server is None:  # it was on its way when we stopped listening
            writer.transport.abort()
            return
        self.accepted += 1
        link = asyncio.create_task(self._link(reader, writer, self.accepted))
        self._links.add(link)
        link.add_done_callback(self._links.discard)

    async def _link(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> None:
        writers = [writer]
        end = End.RESET
        try:
            await self.to_server.passable()
            there, back = await asyncio.open_connection(*self._target)
            writers.append(back)
            streams = [
                _Stream(self.to_server, reader, back, Random(f"{self._seed} {number} there")),
                _Stream(self.to_client, there, writer, Random(f"{self._seed} {number} back")),
            ]
            async with asyncio.TaskGroup() as group:
                for stream in streams:
                    group.create_task(stream.take())
                    group.create_task(stream.give())
            end = End.CLOSE
        except* _EndedError as wanted:
            end = next(error.end for error in wanted.exceptions if isinstance(error, _EndedError))
        except* OSError:
            pass  # one side is gone, so the other goes the same way
        finally:
            await _close(writers, end)


async def _close(writers: list[asyncio.StreamWriter], end: End) -> None:
    try:
        for writer in writers:
            if end is End.RESET:
                no_farewell = struct.pack("ii", 1, 0)
                with contextlib.suppress(OSError):
                    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, no_farewell)
                writer.transport.abort()
            else:
                writer.close()
        for writer in writers:
            with contextlib.suppress(OSError):
                await writer.wait_closed()
    finally:
        for writer in writers:
            writer.transport.abort()
