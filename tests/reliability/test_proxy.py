"""Each fault of the proxy is seen by the client (and where it matters by the server) as what it stands for."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import socket
import struct
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from tests.reliability.proxy import End, FaultProxy, Toxic

BODY = bytes(range(256)) * 400


class Echo:
    """A server that sends everything back and remembers it."""

    def __init__(self) -> None:
        self.heard = bytearray()
        self.begun = 0
        self.ended: list[str] = []
        self._news = asyncio.Event()

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.begun += 1
        try:
            while data := await reader.read(65_536):
                self.heard += data
                writer.write(data)
                await writer.drain()
                self._tell()
            self.ended.append("closed")
        except OSError:
            self.ended.append("reset")
        finally:
            writer.close()
            self._tell()

    async def until(self, true: Callable[[], bool]) -> None:
        async with asyncio.timeout(10):
            while not true():
                await self._news.wait()

    def _tell(self) -> None:
        self._news.set()
        self._news = asyncio.Event()


@pytest.fixture
async def echo() -> AsyncIterator[tuple[Echo, FaultProxy]]:
    echo = Echo()
    server = await asyncio.start_server(echo.talk, "127.0.0.1", 0)
    async with server, FaultProxy(server.sockets[0].getsockname()[1]) as proxy:
        yield echo, proxy
    await echo.until(lambda: len(echo.ended) == echo.begun)


@asynccontextmanager
async def calling(proxy: FaultProxy) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
    try:
        yield reader, writer
    finally:
        writer.transport.abort()


async def all_of(reader: asyncio.StreamReader) -> tuple[bytes, str]:
    """What came, and how it ended."""
    came = bytearray()
    try:
        while data := await reader.read(65_536):
            came += data
    except ConnectionResetError:
        return bytes(came), "reset"
    return bytes(came), "closed"


async def test_without_a_fault_every_byte_passes_both_ways(echo: tuple[Echo, FaultProxy]) -> None:
    async with calling(echo[1]) as (reader, writer):
        writer.write(BODY)
        writer.write_eof()
        assert await all_of(reader) == (BODY, "closed")
    await echo[0].until(lambda: echo[0].ended == ["closed"])
    assert echo[1].to_server.carried == echo[1].to_client.carried == len(BODY)


async def test_latency_delays_both_ways_and_keeps_the_order(echo: tuple[Echo, FaultProxy]) -> None:
    echo[1].to_server.toxic = echo[1].to_client.toxic = Toxic(delay=0.05, jitter=0.05)
    async with calling(echo[1]) as (reader, writer):
        began = time.monotonic()
        for start in range(0, len(BODY), 10_000):
            writer.write(BODY[start : start + 10_000])
            await asyncio.sleep(0)
        assert await reader.readexactly(len(BODY)) == BODY
        assert time.monotonic() - began >= 0.1


async def test_slices_reach_the_reader_one_by_one(echo: tuple[Echo, FaultProxy]) -> None:
    echo[1].to_client.toxic = Toxic(piece=3)
    async with calling(echo[1]) as (reader, writer):
        writer.write(b"0123456789")
        pieces: list[bytes] = []
        while len(b"".join(pieces)) < 10:
            pieces.append(await reader.read(100))
    assert b"".join(pieces) == b"0123456789"
    assert len(pieces) >= 4


@pytest.mark.parametrize(("end", "seen"), [(End.RESET, "reset"), (End.CLOSE, "closed")])
@pytest.mark.parametrize("after", [0, 1, 70_000])
async def test_an_answer_ends_after_so_many_bytes(
    echo: tuple[Echo, FaultProxy], end: End, seen: str, after: int
) -> None:
    echo[1].to_client.toxic = Toxic(after=after, end=end)
    async with calling(echo[1]) as (reader, writer):
        writer.write(BODY)
        assert await all_of(reader) == (BODY[:after], seen)
    await echo[0].until(lambda: len(echo[0].ended) == 1)


async def test_a_request_ends_after_so_many_bytes(echo: tuple[Echo, FaultProxy]) -> None:
    echo[1].to_server.toxic = Toxic(after=5)
    async with calling(echo[1]) as (reader, writer):
        writer.write(b"0123456789")
        await all_of(reader)
    await echo[0].until(lambda: echo[0].ended == ["reset"])
    assert echo[0].heard == b"01234"


async def test_bytes_are_counted_from_when_the_fault_was_put(echo: tuple[Echo, FaultProxy]) -> None:
    async with calling(echo[1]) as (reader, writer):
        writer.write(b"before")
        assert await reader.readexactly(6) == b"before"
        echo[1].to_client.toxic = Toxic(after=3)
        writer.write(b"behind")
        assert await all_of(reader) == (b"beh", "reset")


async def test_a_fault_may_wait_for_certain_bytes(echo: tuple[Echo, FaultProxy]) -> None:
    echo[1].to_server.toxic = Toxic(at=b"COMMIT", after=0)
    async with calling(echo[1]) as (reader, writer):
        writer.write(b"INSERT")
        assert await reader.readexactly(6) == b"INSERT"
        writer.write(b";COMMIT;")
        assert await all_of(reader) == (b"", "reset")
    await echo[0].until(lambda: len(echo[0].ended) == 1)
    assert echo[0].heard == b"INSERT;"


async def test_only_the_given_share_of_sightings_counts_and_a_seed_repeats_which(echo: tuple[Echo, FaultProxy]) -> None:
    port = echo[1]._target[1]

    async def survived(seed: int) -> list[int]:
        """How many bytes each of eight connections got back before its end."""
        counts = []
        async with FaultProxy(port, seed=seed) as proxy:
            proxy.to_client.toxic = Toxic(at=b"x", after=0, chance=0.2)
            for _ in range(8):
                async with calling(proxy) as (reader, writer):
                    count = -1
                    came = b"x"
                    while came:
                        count += 1
                        writer.write(b"x")
                        with contextlib.suppress(ConnectionResetError):
                            came = b""
                            came = await reader.read(1)
                    counts.append(count)
        return counts

    first = await survived(1)
    assert first == await survived(1)
    assert first != await survived(2)
    assert 0 < sum(first) / len(first) < 15


async def test_a_black_hole_accepts_and_passes_nothing_until_it_is_healed(echo: tuple[Echo, FaultProxy]) -> None:
    server, proxy = echo
    async with calling(proxy) as (reader, writer):
        writer.write(b"a")
        assert await reader.readexactly(1) == b"a"
        proxy.to_server.toxic = Toxic(hole=True)
        writer.write(b"b")
        async with calling(proxy) as (late_reader, late_writer):
            late_writer.write(b"c")
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(asyncio.gather(reader.read(1), late_reader.read(1)), 0.1)
            assert server.heard == b"a"
            assert server.begun == 1
            await proxy.heal()
            assert await reader.readexactly(1) == b"b"
            assert await late_reader.readexactly(1) == b"c"


async def test_an_answer_may_vanish_although_the_request_arrived(echo: tuple[Echo, FaultProxy]) -> None:
    server, proxy = echo
    proxy.to_client.toxic = Toxic(hole=True)
    async with calling(proxy) as (reader, writer):
        writer.write(b"a")
        await server.until(lambda: server.heard == b"a")
        assert proxy.to_client.carried == 0
        await proxy.cut()
        assert await all_of(reader) == (b"", "reset")


@pytest.mark.parametrize(("linger", "ended"), [(0, "closed"), (1, "reset")])
async def test_that_a_client_left_does_not_pass_a_hole_either(
    echo: tuple[Echo, FaultProxy], linger: int, ended: str
) -> None:
    server, proxy = echo
    async with calling(proxy) as (reader, writer):
        writer.write(b"a")
        assert await reader.readexactly(1) == b"a"
        proxy.to_server.toxic = Toxic(hole=True)
        at_once = struct.pack("ii", linger, 0)
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, at_once)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(server.until(lambda: bool(server.ended)), 0.1)
    await proxy.heal()
    await server.until(lambda: server.ended == [ended])


async def test_refused_is_refused_and_open_connections_go_on(echo: tuple[Echo, FaultProxy]) -> None:
    proxy = echo[1]
    async with calling(proxy) as (reader, writer):
        writer.write(b"a")
        assert await reader.readexactly(1) == b"a"
        proxy.refuse()
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", proxy.port)
        writer.write(b"b")
        assert await reader.readexactly(1) == b"b"
        await proxy.heal()
        async with calling(proxy) as (late_reader, late_writer):
            late_writer.write(b"c")
            assert await late_reader.readexactly(1) == b"c"


async def test_a_cut_resets_every_connection_on_both_sides(echo: tuple[Echo, FaultProxy]) -> None:
    server, proxy = echo
    async with calling(proxy) as (reader, writer), calling(proxy) as (other, other_writer):
        for each in (writer, other_writer):
            each.write(b"a")
        await reader.readexactly(1)
        await other.readexactly(1)
        assert proxy.open == 2
        await proxy.cut()
        assert proxy.open == 0
        assert (await all_of(reader), await all_of(other)) == ((b"", "reset"), (b"", "reset"))
        await server.until(lambda: server.ended == ["reset", "reset"])


async def test_a_server_that_is_down_looks_like_a_reset() -> None:
    async with FaultProxy(1) as proxy, calling(proxy) as (reader, _):
        assert await all_of(reader) == (b"", "reset")


async def test_nothing_is_left_behind_when_the_block_ends_in_the_middle(echo: tuple[Echo, FaultProxy]) -> None:
    before = asyncio.all_tasks()
    async with FaultProxy(echo[1]._target[1]) as proxy:
        proxy.to_client.toxic = Toxic(hole=True)
        _, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
        writer.write(BODY)
        await echo[0].until(lambda: len(echo[0].heard) == len(BODY))
        port = proxy.port
    writer.transport.abort()
    await echo[0].until(lambda: len(echo[0].ended) == 1)
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", port)
    gc.collect()
    assert {task for task in asyncio.all_tasks() if "FaultProxy" in repr(task)} <= before
