"""Real conversations through other people's code on both sides: a Telegram library here, a Bot API server there.

Every message of every customer is played to the real desk on a SQLite file, those written in one go as one burst; each
must be answered once and be settled. The server is our own strict one, and npm telegram-test-api where it is installed.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import shutil
import socket
import time
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import pytest
from aiohttp import ClientSession

from channels.telegram.testing import FakeBotApi
from core.conversation import Address
from core.markup import convert
from core.records import Outcome

if TYPE_CHECKING:
    from tests.end_to_end.conftest import OpenDesk, Shop, TelegramDesk

ROOT = Path(__file__).parents[2]
SHARED = Path(os.environ.get("FIRSTLINE_SHARED", ROOT.parent / "shared"))
COLLECTION = SHARED / "data" / "tweetsumm" / "dialogues.jsonl"
SAMPLE = ROOT / "tests" / "data" / "tweetsumm" / "dialogues.jsonl"
SERVER = SHARED / "peers" / "tta_server_fixed.js"
NODE = Path(os.environ.get("FIRSTLINE_PEERS", ROOT / "build" / "peers")) / "node"
COUNT = 40
ANSWERS = {Outcome.ANSWERED, Outcome.NOTICE, Outcome.HANDED_OVER}

Bursts = Sequence[Sequence[str]]


def missing() -> str:
    """What the npm server needs and is not here."""
    wanted = {"node": shutil.which("node"), str(SERVER): SERVER.exists()}
    wanted["tests/peers.sh to have run"] = (NODE / "node_modules" / "telegram-test-api").exists()
    return ", ".join(name for name, there in wanted.items() if not there)


def dialogues(file: Path) -> Mapping[int, Bursts]:
    """Chat number -> what its customer wrote, in order, each time between two turns of the agent's."""
    with file.open(encoding="utf-8") as lines:
        turns = [json.loads(line)["turns"] for line in itertools.islice(lines, COUNT)]
    return {
        chat: [
            [turn["text"] for turn in run]
            for speaker, run in itertools.groupby(dialogue, key=lambda turn: turn["speaker"])
            if speaker == "customer"
        ]
        for chat, dialogue in enumerate(turns, 1001)
    }


class Server(Protocol):
    """A Bot API server and the customers' side of it."""

    url: str

    async def say(self, chat: int, text: str) -> None:
        """A customer writes."""
        ...

    async def shown(self, chat: int) -> list[str]:
        """The bot's messages as they stand in a chat."""
        ...


class Strict:
    """Ours: refuses what Telegram would, and counts nothing against the bot."""

    def __init__(self, api: FakeBotApi) -> None:
        self.api = api
        self.url = api.url

    async def say(self, chat: int, text: str) -> None:
        self.api.says(chat, text)

    async def shown(self, chat: int) -> list[str]:
        return [post.text for post in self.api.chat(chat)]


class Npm:
    """Npm telegram-test-api, run by Node."""

    def __init__(self, url: str, client: ClientSession) -> None:
        self.url = url
        self._client = client

    async def say(self, chat: int, text: str) -> None:
        update = {
            "botToken": FakeBotApi.token,
            "date": int(time.time()),
            "text": text,
            "from": {"id": chat, "first_name": "Customer", "is_bot": False},
            "chat": {"id": chat, "type": "private", "first_name": "Customer"},
        }
        async with self._client.post("/sendMessage", json=update) as answer:
            assert answer.status == 200

    async def shown(self, chat: int) -> list[str]:
        async with self._client.post("/getUpdatesHistory", json={"token": FakeBotApi.token}) as answer:
            messages: list[dict[str, Any]] = [item["message"] for item in (await answer.json())["result"]]
        return [message["text"] for message in messages if str(message.get("chat_id")) == str(chat)]


@asynccontextmanager
async def npm() -> AsyncIterator[Npm]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    process = await asyncio.create_subprocess_exec(
        "node", str(SERVER), str(port), cwd=NODE, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(10):
            assert await process.stdout.readline() == b"ready\n"
        url = f"http://127.0.0.1:{port}"
        async with ClientSession(url) as client:
            yield Npm(url, client)
    finally:
        process.terminate()
        async with asyncio.timeout(10):
            await process.communicate()


async def play(server: Server, desk: TelegramDesk, chats: Mapping[int, Bursts]) -> None:
    """All customers at once; each writes on when the answer stands."""
    said = 0
    for bursts in itertools.zip_longest(*chats.values(), fillvalue=()):
        for texts in itertools.zip_longest(*bursts):
            for chat, text in zip(chats, texts, strict=True):
                if text is not None:
                    await server.say(chat, text)
                    said += 1
        await desk.inbox.until(said)
        await desk.settled()


async def check(server: Server, desk: TelegramDesk, chats: Mapping[int, Bursts], shop: Shop) -> None:
    """Every message in one settled line of the ledger, and each line one message of the bot's in the chat."""
    kept, entries = shop.kept(), await desk.entries()
    assert kept.states == {"settled": sum(len(burst) for bursts in chats.values() for burst in bursts)}
    assert kept.covered.keys() == kept.heard
    assert set(kept.covered.values()) == {1}
    assert {entry.outcome for entry in entries} <= ANSWERS
    answers = Counter(entry.address.chat for entry in entries)
    for chat, bursts in chats.items():
        shown = await server.shown(chat)
        settled = await desk.house.store.load(Address("telegram", str(chat)))
        assert shown == [convert(reply.text).text for reply in settled.replies]
        assert [message.text for message in settled.messages] == [text for burst in bursts for text in burst]
        assert len(bursts) <= len(shown) == answers[str(chat)]
        assert not [text for text in shown if text.endswith(" …")]


@pytest.mark.parametrize(
    "file",
    [
        pytest.param(SAMPLE, id="sample"),
        pytest.param(
            COLLECTION, id="collection", marks=pytest.mark.skipif(not COLLECTION.exists(), reason=f"needs {COLLECTION}")
        ),
    ],
)
async def test_every_message_of_real_customers_is_answered_once_by_a_server_that_refuses_what_telegram_would(
    api: FakeBotApi, open_desk: OpenDesk, shop: Shop, file: Path, library: str
) -> None:
    chats = dialogues(file)
    async with open_desk(api.url, library=library) as desk:
        await play(Strict(api), desk, chats)
        await check(Strict(api), desk, chats, shop)
    assert [call for call in api.log if call.outcome != "ok"] == []


@pytest.mark.skipif(bool(missing()), reason=f"needs {missing()}")
async def test_every_message_of_real_customers_is_answered_once_through_npm_telegram_test_api(
    open_desk: OpenDesk, shop: Shop, library: str
) -> None:
    chats = dialogues(COLLECTION if COLLECTION.exists() else SAMPLE)
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(npm())
        desk = await stack.enter_async_context(open_desk(server.url, library=library))
        await play(server, desk, chats)
        await check(server, desk, chats, shop)
