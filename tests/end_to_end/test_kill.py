"""`firstline run` killed (SIGKILL) while fifty Telegram chats are being answered, and started again.

The platform and the model live in this process and see what customers see. An answer is opened with its first clause
and edited to its full text, so a kill may leave an opening behind (it ends with " …"), never an answer twice.
"""

from __future__ import annotations

import asyncio
import json
import logging
import random
import signal
import time
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import pytest
from aiohttp import web

from channels.telegram.testing import FakeBotApi

if TYPE_CHECKING:
    from tests.end_to_end.conftest import Shop, Start

log = logging.getLogger(__name__)

CHATS = range(1001, 1051)
WORDS = 20
SECONDS = 0.3  # one answer of the model takes so long
SEED = 20260302
KILLS = 3
IN_FLIGHT = 0.25
"""Seconds around the kill in which an opening may have arrived without its commit."""


class SlowModel:
    """Any OpenAI-compatible server: about twenty words in a third of a second, the last of them the customer's."""

    def __init__(self) -> None:
        self.begun = 0
        self.news = asyncio.Condition()

    async def models(self, _: web.Request) -> web.Response:
        return web.json_response({"data": [{"id": "slow"}]})

    async def answer(self, request: web.Request) -> web.StreamResponse:
        question = (await request.json())["messages"][-1]["content"]
        async with self.news:
            self.begun += 1
            self.news.notify_all()
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        for word in words(question):
            await response.write(event({"choices": [{"index": 0, "delta": {"content": word}}]}))
            await asyncio.sleep(SECONDS / WORDS)
        await response.write(event({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}))
        await response.write(b"data: [DONE]\n\n")
        return response

    async def until_begun(self) -> None:
        async with asyncio.timeout(10), self.news:
            await self.news.wait_for(lambda: self.begun)


def event(data: object) -> bytes:
    return f"data: {json.dumps(data)}\n\n".encode()


def words(question: str) -> list[str]:
    """The answer to a question, which says whose it is."""
    code = question.rsplit(maxsplit=1)[-1]
    text = "Your parcel left our warehouse this morning, the carrier has it now and it will be with you by Friday noon"
    return [f"{word} " for word in text.split(" ")] + [f"({code})."]


def question(chat: int) -> str:
    return f"where is parcel KK-{chat}"


@pytest.fixture
async def model() -> AsyncIterator[tuple[SlowModel, str]]:
    made = SlowModel()
    app = web.Application()
    app.router.add_get("/v1/models", made.models)
    app.router.add_post("/v1/chat/completions", made.answer)
    runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=1.0)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield made, f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
    await runner.cleanup()


def connect(shop: Shop, telegram: str, model: str) -> None:
    """The shop talks to these servers and no others."""
    shop.edit("    library: ptb", f"    base_url: {telegram}\n    library: ptb")
    shop.edit("  offline: {}\n", f"  offline: {{}}\n  slow: {{uses: openai_chat, url: {model}}}\n")
    shop.use("slow/slow")
    models = shop.folder / "models.yaml"
    models.write_text(models.read_text("utf-8") + "slow/slow: {price: free, pinned: no}\n", "utf-8")


def finals(api: FakeBotApi, chat: int) -> int:
    """How often the whole answer stands in a chat."""
    return sum(post.text.endswith(f"(KK-{chat}).") for post in api.chat(chat))


@pytest.mark.timeout(60)
@pytest.mark.parametrize("kill", range(KILLS))
async def test_every_chat_is_answered_exactly_once_though_the_process_was_killed(
    shop: Shop, start: Start, api: FakeBotApi, model: tuple[SlowModel, str], kill: int
) -> None:
    chance = random.Random(SEED + kill)
    share = 2 * len(CHATS) / KILLS  # every answer is two calls; each kill falls into a part of them of its own
    moment = round(chance.uniform(kill * share + 10, (kill + 1) * share - 5))
    connect(shop, api.url, model[1])
    async with start(TELEGRAM_TOKEN=api.token) as firstline:
        for chat in CHATS:
            api.says(chat, question(chat))
        updates = list(api.updates.pending.values())
        await model[0].until_begun()
        await api.wait_for(lambda: len(api.calls("sendMessage")) + len(api.calls("editMessageText")) >= moment, 20.0)
        killed = time.time()
        assert await firstline.end(signal.SIGKILL) == -signal.SIGKILL
    answered = sum(finals(api, chat) for chat in CHATS)
    assert answered < len(CHATS), "it was killed when all was done"
    for update in updates:
        api.update(update)  # as if the last confirmation had died with the process
    async with start(TELEGRAM_TOKEN=api.token) as firstline:
        await api.wait_for(lambda: all(finals(api, chat) for chat in CHATS) and not api.updates.pending, 30.0)
        assert await firstline.end(signal.SIGTERM) == 0
    posts = {chat: [post.text for post in api.chat(chat)] for chat in CHATS}
    orphans = sum(text.endswith(" …") for chat in CHATS for text in posts[chat])
    in_flight = sum(killed - IN_FLIGHT < call.at < killed + IN_FLIGHT for call in api.calls("sendMessage"))
    log.info("kill at call %d: answered %d, orphans %d, in flight %d", moment, answered, orphans, in_flight)
    assert {chat: finals(api, chat) for chat in CHATS} == dict.fromkeys(CHATS, 1)
    assert sum(map(len, posts.values())) == len(CHATS) + orphans
    assert max(map(len, posts.values())) <= 2
    assert orphans <= in_flight, "an opening that was confirmed is gone on with, not sent again"
    kept = shop.kept()
    assert kept.states == {"settled": len(CHATS)}
    assert kept.covered == dict.fromkeys(kept.heard, 1)
    assert kept.outcomes == {"answered": len(CHATS)}
