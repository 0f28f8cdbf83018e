"""The fault proxy between a real client and a real server: HTTP and PostgreSQL."""

from __future__ import annotations

import asyncio
from contextlib import closing
from urllib.parse import urlsplit

import aiohttp
import psycopg
import pytest
from aiohttp import web

from tests.reliability.proxy import FaultProxy, Toxic

BODY = bytes(range(256)) * 400


async def test_an_http_answer_cut_in_its_body_is_seen_as_that() -> None:
    async def page(_: web.Request) -> web.Response:
        return web.Response(body=BODY)

    app = web.Application()
    app.router.add_get("/", page)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        async with FaultProxy(runner.addresses[0][1]) as proxy, aiohttp.ClientSession() as session:
            proxy.to_client.toxic = Toxic(delay=0.01, piece=5_000)
            async with session.get(f"http://127.0.0.1:{proxy.port}/") as response:
                assert await response.read() == BODY
            proxy.to_client.toxic = Toxic(at=b"200 OK", after=1_000)
            async with session.get(f"http://127.0.0.1:{proxy.port}/") as response:
                assert response.status == 200
                with pytest.raises(aiohttp.ClientError):
                    await response.read()
    finally:
        await runner.cleanup()


@pytest.mark.parametrize(("way", "committed"), [("to_server", []), ("to_client", [(1,)])])
async def test_a_connection_may_be_lost_inside_commit_before_or_after_it_counts(
    database: str, way: str, committed: list[tuple[int]]
) -> None:
    port = urlsplit(database).port
    assert port is not None

    def lose(url: str) -> None:
        with closing(psycopg.connect(url)) as connection:
            connection.execute("CREATE TABLE kept (number int)")
            connection.commit()
            connection.execute("INSERT INTO kept VALUES (1)")
            getattr(proxy, way).toxic = Toxic(at=b"COMMIT", after=0)
            with pytest.raises(psycopg.OperationalError):
                connection.commit()

    async with FaultProxy(port) as proxy:
        await asyncio.to_thread(lose, database.replace(f":{port}/", f":{proxy.port}/"))
    with closing(psycopg.connect(database)) as connection:
        assert connection.execute("SELECT number FROM kept").fetchall() == committed
