"""Updates by webhook: what each request is answered with, over real HTTP on loopback."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
from aiohttp import web

from channels.telegram import build
from channels.telegram.channel import Manners, TelegramChannel
from channels.telegram.intake import HEADER, Door

if TYPE_CHECKING:
    from tests.channels.telegram.conftest import RecordingInbox, ScriptedClient

SECRET = "a-secret"
DOOR = Door("https://bot.example.com", "/telegram/somewhere", SECRET)
UPDATE = {
    "update_id": 5,
    "message": {
        "message_id": 7,
        "date": 1790000000,
        "text": "hello",
        "from": {"id": 42, "is_bot": False, "first_name": "Customer"},
        "chat": {"id": 42, "type": "private"},
    },
}


class Caller:
    """Telegram's side: posts an update and gets a status."""

    def __init__(self, session: aiohttp.ClientSession, port: int) -> None:
        self._session = session
        self.port = port

    async def post(self, body: Any, secret: str | None = SECRET) -> tuple[int, str]:
        headers = {} if secret is None else {HEADER: secret}
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        async with self._session.post(DOOR.path, data=data, headers=headers) as response:
            return response.status, response.headers.get("Retry-After", "")


@pytest.fixture
async def channel(client: ScriptedClient) -> TelegramChannel:
    return TelegramChannel(client, DOOR, Manners())


@pytest.fixture
async def caller(channel: TelegramChannel) -> AsyncIterator[Caller]:
    app = web.Application()
    app.add_routes(channel.routes())
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    port = runner.addresses[0][1]
    async with aiohttp.ClientSession(f"http://127.0.0.1:{port}") as session:
        yield Caller(session, port)
    await runner.cleanup()


@pytest.fixture
async def running(channel: TelegramChannel, client: ScriptedClient, inbox: RecordingInbox) -> AsyncIterator[Any]:
    async with asyncio.TaskGroup() as tasks, asyncio.timeout(10):
        task = tasks.create_task(channel.run(inbox))
        yield await client.webhooks.get()
        task.cancel()


async def test_the_webhook_is_asked_for_with_the_secret(running: tuple[str, str]) -> None:
    assert running == ("https://bot.example.com/telegram/somewhere", "a-secret")


@pytest.mark.usefixtures("running")
async def test_an_update_is_committed_before_200_goes_out(caller: Caller, inbox: RecordingInbox) -> None:
    assert await caller.post(UPDATE) == (200, "")
    assert [message.text for message in inbox.messages] == ["hello"]


@pytest.mark.usefixtures("running")
async def test_an_update_delivered_twice_is_handed_over_once_and_confirmed_twice(
    caller: Caller, inbox: RecordingInbox
) -> None:
    assert [await caller.post(UPDATE), await caller.post(UPDATE)] == [(200, ""), (200, "")]
    assert len(inbox.messages) == 1


@pytest.mark.usefixtures("running")
@pytest.mark.parametrize("secret", [None, "", "a-secre", "a-secret-", "A-SECRET"])
async def test_without_the_secret_nothing_is_read(secret: str | None, caller: Caller, inbox: RecordingInbox) -> None:
    assert await caller.post(UPDATE, secret) == (403, "")
    assert inbox.attempts == []


@pytest.mark.usefixtures("running")
async def test_a_secret_of_any_bytes_is_only_wrong(caller: Caller) -> None:
    async with asyncio.timeout(5):
        reader, writer = await asyncio.open_connection("127.0.0.1", caller.port)
        writer.write(f"POST {DOOR.path} HTTP/1.1\r\nHost: x\r\n{HEADER}: ".encode() + b"\xff\xfe\r\n\r\n")
        assert b" 403 " in await reader.readline()
        writer.close()
        await writer.wait_closed()


@pytest.mark.usefixtures("running")
async def test_while_the_store_is_away_telegram_is_asked_to_come_back(caller: Caller, inbox: RecordingInbox) -> None:
    inbox.failures = 2
    assert [await caller.post(UPDATE) for _ in range(3)] == [(503, "5"), (503, "5"), (200, "")]
    assert len(inbox.messages) == 1


async def test_before_the_channel_runs_telegram_is_asked_to_come_back(caller: Caller) -> None:
    assert await caller.post(UPDATE) == (503, "5")


@pytest.mark.usefixtures("running")
@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"[" * 50_000, b"null", b"{}", b'{"update_id": 5, "message": 1}'])
async def test_trap_20_an_update_that_cannot_be_read_is_parked_and_never_answered_with_410(
    body: bytes, caller: Caller, inbox: RecordingInbox
) -> None:
    assert await caller.post(body) == (200, "")
    (arrival,) = inbox.arrivals.values()
    assert arrival.message is None
    assert arrival.problem


@pytest.mark.usefixtures("running")
async def test_a_press_is_answered_at_once(caller: Caller, client: ScriptedClient) -> None:
    press = {"id": "17", "from": UPDATE["message"]["from"], "data": "x", "message": UPDATE["message"]}  # type: ignore[index]
    await caller.post({"update_id": 6, "callback_query": press})
    async with asyncio.timeout(5):
        assert await client.pressed.get() == "17"


async def test_polling_mounts_no_routes() -> None:
    channel = build(token="99:x")
    assert channel.routes() == []
    await channel.aclose()


async def test_the_path_is_the_same_after_a_restart_and_tells_nothing_of_the_token() -> None:
    first, again, other = (build(token=token, webhook="https://e.com") for token in ("99:x", "99:x", "99:y"))
    paths = [channel.routes()[0].path for channel in (first, again, other)]
    assert paths[0] == paths[1] != paths[2]
    assert "99" not in paths[0].split("/")
    for channel in (first, again, other):
        await channel.aclose()
