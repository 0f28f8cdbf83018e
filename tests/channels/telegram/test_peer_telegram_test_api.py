"""Real dialogues through somebody else's Bot API server (npm telegram-test-api): every customer message, one answer.

The server and its repairs are in the shared folder, the package is installed by tests/peers.sh; without them: skipped.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import socket
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest

from channels.telegram import build
from channels.telegram.limits import Limits, Rates
from channels.telegram.outlet import Outlet
from core.conversation import Message
from core.markup import convert

if TYPE_CHECKING:
    from channels.telegram.channel import TelegramChannel
    from tests.channels.telegram.conftest import RecordingInbox, RecordingOutbox

ROOT = Path(__file__).parents[3]
SHARED = Path(os.environ.get("FIRSTLINE_SHARED", ROOT.parent / "shared"))
SERVER = SHARED / "peers" / "tta_server_fixed.js"
DIALOGUES = SHARED / "data" / "tweetsumm" / "dialogues.jsonl"
NODE = Path(os.environ.get("FIRSTLINE_PEERS", ROOT / "build" / "peers")) / "node"
TOKEN = "42:TEST"
COUNT = 60  # dialogues, each a private chat of its own


def missing() -> str:
    """Why the peer cannot run here; empty when it can."""
    wanted = {"node": shutil.which("node"), str(SERVER): SERVER.exists(), str(DIALOGUES): DIALOGUES.exists()}
    wanted["tests/peers.sh to have run"] = (NODE / "node_modules" / "telegram-test-api").exists()
    return ", ".join(name for name, there in wanted.items() if not there)


pytestmark = pytest.mark.skipif(bool(missing()), reason=f"needs {missing()}")


@pytest.fixture
async def peer() -> AsyncIterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    process = await asyncio.create_subprocess_exec(
        "node", str(SERVER), str(port), cwd=NODE, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(10):
            assert await process.stdout.readline() == b"ready\n"
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        async with asyncio.timeout(10):
            await process.communicate()


@pytest.fixture
async def channel(peer: str, library: str) -> AsyncIterator[TelegramChannel]:
    channel = build(token=TOKEN, library=library, base_url=peer)
    channel._outlet = Outlet(channel._client, Limits(Rates(bot=(5000, 1.0), chat=(1000, 1000), pace=0.001)))
    yield channel
    await channel.aclose()


def customer_turns() -> dict[int, list[str]]:
    """Chat number -> what its customer wrote, in order."""
    with DIALOGUES.open(encoding="utf-8") as lines:
        dialogues = [json.loads(line) for _, line in zip(range(COUNT), lines, strict=False)]
    return {
        chat: [turn["text"] for turn in dialogue["turns"] if turn["speaker"] == "customer"]
        for chat, dialogue in enumerate(dialogues, 1001)
    }


def update(chat: int, text: str) -> dict[str, Any]:
    return {
        "botToken": TOKEN,
        "date": int(time.time()),
        "text": text,
        "from": {"id": chat, "first_name": "Customer", "is_bot": False},
        "chat": {"id": chat, "type": "private", "first_name": "Customer"},
    }


def answer_to(text: str) -> str:
    return f"You wrote the following to us, and here it is again so that you can check it: {text} That is all."


class EchoDesk:
    """Answers every message of the inbox once, each chat in its order."""

    def __init__(self, channel: TelegramChannel, outbox: type[RecordingOutbox], tasks: asyncio.TaskGroup) -> None:
        self._channel = channel
        self._outbox = outbox
        self._tasks = tasks
        self._locks: dict[str, asyncio.Lock] = {}

    def hear(self, message: Message) -> None:
        self._tasks.create_task(self._answer(message))

    async def _answer(self, message: Message) -> None:
        async with self._locks.setdefault(message.address.chat, asyncio.Lock()):
            await self._channel.acknowledge(message)
            await self._channel.deliver(message.address, self._words(message.text), self._outbox())

    async def _words(self, text: str) -> AsyncIterator[str]:
        for word in answer_to(text).split(" "):
            yield f"{word} "
            await asyncio.sleep(0)


async def history(client: aiohttp.ClientSession, chat: int) -> list[dict[str, Any]]:
    async with client.post("/getUpdatesHistory", json={"token": TOKEN}) as response:
        items = (await response.json())["result"]
    return [item["message"] for item in items if str(item["message"].get("chat_id")) == str(chat)]


@pytest.mark.timeout(120)
async def test_every_customer_message_of_real_dialogues_is_answered_once(
    peer: str, channel: TelegramChannel, inbox: RecordingInbox, outbox: RecordingOutbox
) -> None:
    chats = customer_turns()
    async with aiohttp.ClientSession(peer) as client, asyncio.TaskGroup() as tasks:
        for turn in range(max(map(len, chats.values()))):
            for chat, texts in chats.items():
                if turn < len(texts):
                    (await client.post("/sendMessage", json=update(chat, texts[turn]))).close()
        async with asyncio.TaskGroup() as answers:
            inbox.on_message = EchoDesk(channel, type(outbox), answers).hear
            listening = tasks.create_task(channel.run(inbox))
            await inbox.until(lambda: len(inbox.messages) == sum(map(len, chats.values())))
        for chat, texts in chats.items():
            shown = [message["text"] for message in await history(client, chat)]
            assert shown == [convert(answer_to(text)).text for text in texts]
        listening.cancel()
