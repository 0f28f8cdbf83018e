"""Webhooks through somebody else's Bot API server (PyPI telemelya): dialogues, edits, buttons, and photos both ways.

telemelya keeps its state in fakeredis and moto; tests/peers.sh installs all three, without them: skipped. It knows
neither drafts nor the webhook's secret: a `Relay` between it and us remembers the secret and sends it along as Telegram
does. Its photos carry an empty text beside the caption, which Telegram's never do, so captions are not looked at.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import socket
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

import pytest
from aiohttp import ClientSession, FormData, web

from channels.telegram.channel import TelegramChannel
from channels.telegram.intake import HEADER
from channels.telegram.testing import FakeBotApi
from core.abilities import Media
from core.conversation import Address
from core.markup import convert

if TYPE_CHECKING:
    from tests.end_to_end.conftest import OpenDesk, Shop, TelegramDesk

ROOT = Path(__file__).parents[2]
SAMPLE = ROOT / "tests" / "data" / "tweetsumm" / "dialogues.jsonl"
BIN = Path(os.environ.get("FIRSTLINE_PEERS", ROOT / "build" / "peers")) / "telemelya" / "bin"
REDIS = "import sys; from fakeredis import TcpFakeServer; print('Running on', flush=True);" + (
    "TcpFakeServer(('127.0.0.1', int(sys.argv[1])), server_type='redis').serve_forever()"
)
BUCKET = {"AWS_ACCESS_KEY_ID": "any", "AWS_SECRET_ACCESS_KEY": "any"}
TOKEN = FakeBotApi.token
READY = 30.0  # seconds

pytestmark = [
    pytest.mark.skipif(
        not (BIN / "telemelya-server").exists() or sys.platform == "win32", reason="needs tests/peers.sh to have run"
    ),
    pytest.mark.timeout(90),
]


class Relay:
    """Stands between telemelya and the bot: calls pass unchanged, updates get the secret the bot asked for."""

    def __init__(self, client: ClientSession, telemelya: str) -> None:
        self._client = client
        self._telemelya = telemelya
        self.bot = ""
        self.secret = ""
        self.calls: list[tuple[str, int, bytes]] = []
        self._news = asyncio.Condition()

    def routes(self) -> Sequence[web.RouteDef]:
        return [
            web.route("*", f"/{{path:(file/)?bot{TOKEN}/.*}}", self._call),
            web.post("/{path:telegram/.*}", self._update),
        ]

    async def _call(self, request: web.Request) -> web.Response:
        body, method = await request.read(), request.path.rpartition("/")[2]
        if method == "setWebhook":
            (self.secret,) = parse_qs(body.decode())["secret_token"]
        status, answer = await self._pass(request, f"{self._telemelya}{request.path_qs}", body, {})
        self.calls.append((method, status, body))
        async with self._news:
            self._news.notify_all()
        return answer

    async def called(self, method: str) -> None:
        """Return once this call was made and answered with 200."""
        async with asyncio.timeout(10), self._news:
            await self._news.wait_for(lambda: (method, 200) in {call[:2] for call in self.calls})

    async def _update(self, request: web.Request) -> web.Response:
        body, headers = await request.read(), {HEADER: self.secret} if self.secret else {}
        return (await self._pass(request, f"{self.bot}{request.path_qs}", body, headers))[1]

    async def _pass(
        self, request: web.Request, url: str, body: bytes, more: Mapping[str, str]
    ) -> tuple[int, web.Response]:
        headers = {"Content-Type": request.headers.get("Content-Type", "application/json"), **more}
        async with self._client.request(request.method, url, data=body, headers=headers) as got:
            answer = web.Response(status=got.status, body=await got.read(), content_type=got.content_type)
            return got.status, answer


class Telemelya:
    """The customers' side: what its control API can do."""

    def __init__(self, client: ClientSession) -> None:
        self._client = client

    async def update(self, **about: Any) -> dict[str, Any]:
        """Somebody does something; the update the bot was sent and what the bot answered."""
        async with self._client.post("send_update", params={"bot_token": TOKEN}, json=about) as got:
            told: dict[str, Any] = await got.json()
            assert got.status == 200, told
            return told

    async def photo(self, content: bytes) -> str:
        """A photo on the server; its file_id."""
        form = FormData()
        form.add_field("file", content, filename="lamp.jpg", content_type="image/jpeg")
        async with self._client.post("upload_media", data=form) as got:
            return str((await got.json())["file_id"])

    async def media(self, file_id: str) -> bytes:
        async with self._client.get(f"media/{file_id}") as got:
            return await got.read()

    async def calls(self) -> list[dict[str, Any]]:
        """What the bot did, in order."""
        async with self._client.get("responses") as got:
            calls: list[dict[str, Any]] = (await got.json())["responses"]
            return calls

    async def shown(self, chat: int) -> list[str]:
        """The bot's messages in a chat as its edits left them."""
        texts: dict[int, str] = {}
        for call in await self.calls():
            if call.get("chat_id") == chat and call["method"] in {"sendMessage", "editMessageText"}:
                texts[call["message_id"]] = call["text"]
        return list(texts.values())


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
        return port


@asynccontextmanager
async def process(folder: Path, command: Sequence[str | Path], **variables: str) -> AsyncIterator[None]:
    """A program that says "running on" when it is ready; what it says further is read and forgotten."""
    inherited = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    started = await asyncio.create_subprocess_exec(
        *command,
        cwd=folder,
        env=inherited | variables,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    assert started.stdout is not None
    said: list[str] = []
    try:
        async with asyncio.timeout(READY):
            while not said or "running on" not in said[-1].lower():
                line = await started.stdout.readline()
                assert line, "".join(said)
                said.append(line.decode())
        rest = asyncio.create_task(started.stdout.read())
        yield
    finally:
        if started.returncode is None:
            started.kill()
        async with asyncio.timeout(10):
            await started.wait()
    await rest


async def serve(stack: AsyncExitStack, routes: Sequence[web.RouteDef], listener: socket.socket) -> str:
    """A server on this socket; its address."""
    app = web.Application()
    app.add_routes(routes)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    await web.SockSite(runner, listener).start()
    return "http://{}:{}".format(*listener.getsockname()[:2])


@pytest.fixture
async def peer(tmp_path: Path) -> AsyncIterator[str]:
    """telemelya's address."""
    redis, bucket, port = free_port(), free_port(), free_port()
    settings = {
        "MOCK_SERVER_HOST": "127.0.0.1",
        "MOCK_SERVER_PORT": str(port),
        "REDIS_URL": f"redis://127.0.0.1:{redis}/0",
        "MINIO_ENDPOINT": f"127.0.0.1:{bucket}",
        "STRICT_EDIT": "true",
    }
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(process(tmp_path, [BIN / "python", "-c", REDIS, str(redis)]))
        store = process(tmp_path, [BIN / "moto_server", "-H", "127.0.0.1", "-p", str(bucket)], **BUCKET)
        await stack.enter_async_context(store)
        await stack.enter_async_context(process(tmp_path, [BIN / "telemelya-server"], **settings))
        yield f"http://127.0.0.1:{port}"


class Stand:
    """The real desk behind the relay behind telemelya."""

    def __init__(self, desk: TelegramDesk, relay: Relay, telemelya: Telemelya) -> None:
        self.desk = desk
        self.relay = relay
        self.telemelya = telemelya
        channel = desk.house.channels["telegram"]
        assert isinstance(channel, TelegramChannel)
        self.channel = channel

    async def say(self, chat: int, text: str) -> None:
        told = await self.telemelya.update(chat_id=chat, text=text)
        assert told["delivery"]["status_code"] == 200


@pytest.fixture
async def stand(peer: str, open_desk: OpenDesk, library: str) -> AsyncIterator[Stand]:
    between, ours = (socket.create_server(("127.0.0.1", 0)) for _ in range(2))
    async with AsyncExitStack() as stack:
        client = await stack.enter_async_context(ClientSession(trust_env=False))
        relay = Relay(client, peer)
        address = await serve(stack, relay.routes(), between)
        desk = await stack.enter_async_context(open_desk(address, library=library, webhook=address))
        control = ClientSession(f"{peer}/api/v1/test/", headers={"Authorization": "Bearer any"}, trust_env=False)
        made = Stand(desk, relay, Telemelya(await stack.enter_async_context(control)))
        relay.bot = await serve(stack, made.channel.routes(), ours)
        await relay.called("setWebhook")
        yield made


def customers() -> Mapping[int, Sequence[str]]:
    """Chat number -> what its customer wrote, in order."""
    with SAMPLE.open(encoding="utf-8") as lines:
        dialogues = [json.loads(line)["turns"] for line in lines]
    return {
        chat: [turn["text"] for turn in turns if turn["speaker"] == "customer"]
        for chat, turns in enumerate(dialogues, 1001)
    }


async def test_every_message_of_real_customers_is_answered_once_by_webhook(stand: Stand, shop: Shop) -> None:
    chats = customers()
    said = 0
    for turn in itertools.zip_longest(*chats.values()):
        for chat, text in zip(chats, turn, strict=True):
            if text is not None:
                await stand.say(chat, text)
                said += 1
        await stand.desk.inbox.until(said)
        await stand.desk.settled()
    kept = shop.kept()
    assert kept.states == {"settled": sum(map(len, chats.values()))}
    assert kept.covered.keys() == kept.heard
    assert set(kept.covered.values()) == {1}
    for chat, texts in chats.items():
        settled = await stand.desk.house.store.load(Address("telegram", str(chat)))
        assert [message.text for message in settled.messages] == list(texts)
        assert await stand.telemelya.shown(chat) == [convert(reply.text).text for reply in settled.replies]
        assert len(settled.replies) >= len(texts)
    await stand.relay.called("editMessageText")
    assert {method for method, status, _ in stand.relay.calls if status != 200} <= {"sendMessageDraft"}


async def test_an_update_without_the_secret_is_refused_and_heard_by_nobody(stand: Stand) -> None:
    secret, stand.relay.secret = stand.relay.secret, ""
    assert len(secret) == 64
    for wrong in ("", "x", secret.upper(), secret[:-1]):
        stand.relay.secret = wrong
        told = await stand.telemelya.update(chat_id=7, text="let me in")
        assert told["delivery"]["status_code"] == 403
    assert stand.desk.inbox.heard == 0


async def test_a_photo_comes_in_is_fetched_and_shown_again(stand: Stand, library: str) -> None:
    content = b"\xff\xd8\xff\xe0" + bytes(range(256)) * 1000
    file_id = await stand.telemelya.photo(content)
    await stand.telemelya.update(chat_id=7, photo_file_id=file_id, photo_caption="it arrived broken")
    await stand.desk.inbox.until(1)
    await stand.desk.settled()
    (message,) = (await stand.desk.house.store.load(Address("telegram", "7"))).messages
    (attachment,) = message.attachments
    assert (attachment.kind, attachment.handle) == ("photo", file_id)
    media = await stand.channel.fetch(attachment)
    assert media == Media(content, "image/jpeg", "")
    await stand.channel.show(Address("telegram", "7"), media, "from **a customer**")
    (shown,) = (call for call in await stand.telemelya.calls() if call["method"] == "sendPhoto")
    assert shown["caption"] == "from a customer"
    (sent,) = (body for method, _, body in stand.relay.calls if method == "sendPhoto")
    assert content in sent
    if library == "ptb":  # aiogram names the file attach://, which telemelya takes for a file_id
        assert await stand.telemelya.media(shown["file_id"]) == content


async def test_a_press_on_a_button_is_heard_and_answered(stand: Stand) -> None:
    told = await stand.telemelya.update(chat_id=7, callback_data="take:1", callback_message_id=3)
    await stand.desk.inbox.until(1)
    await stand.desk.settled()
    await stand.relay.called("answerCallbackQuery")
    (answer,) = (call for call in await stand.telemelya.calls() if call["method"] == "answerCallbackQuery")
    assert answer["callback_query_id"] == told["update"]["callback_query"]["id"]
