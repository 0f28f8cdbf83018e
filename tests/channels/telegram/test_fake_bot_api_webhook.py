"""Our Bot API server delivers to a webhook as Telegram does: secret in the header, in order a chat, until it is 2xx."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from channels.telegram.testing import FakeBotApi


@dataclass
class Hook:
    """A webhook that answers with what `statuses` holds, 200 once it is empty; a chat in `held` waits to be let go."""

    url: str = ""
    statuses: list[int] = field(default_factory=list)
    got: list[tuple[int, str]] = field(default_factory=list)
    secrets: list[str | None] = field(default_factory=list)
    held: dict[int, asyncio.Event] = field(default_factory=dict)
    at_once: dict[int, int] = field(default_factory=dict)
    most_at_once: int = 0
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def answer(self, request: web.Request) -> web.Response:
        message = (await request.json())["message"]
        chat = message["chat"]["id"]
        self.secrets.append(request.headers.get("X-Telegram-Bot-Api-Secret-Token"))
        self.got.append((chat, message["text"]))
        self.at_once[chat] = self.at_once.get(chat, 0) + 1
        self.most_at_once = max(self.most_at_once, self.at_once[chat])
        async with self.changed:
            self.changed.notify_all()
        if chat in self.held:
            await self.held[chat].wait()
        self.at_once[chat] -= 1
        return web.Response(status=self.statuses.pop(0) if self.statuses else 200)

    async def until(self, count: int) -> None:
        async with asyncio.timeout(5), self.changed:
            await self.changed.wait_for(lambda: len(self.got) >= count)


@pytest.fixture
async def hook() -> AsyncIterator[Hook]:
    hook = Hook()
    app = web.Application()
    app.router.add_post("/hook", hook.answer)
    runner = web.AppRunner(app, shutdown_timeout=1.0)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    hook.url = f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
    yield hook
    await runner.cleanup()


@pytest.fixture
async def api() -> AsyncIterator[FakeBotApi]:
    async with FakeBotApi(flood=None, delays=(0.01,)) as server:
        yield server


async def call(api: FakeBotApi, method: str, **params: Any) -> Any:
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{api.base_url}{api.token}/{method}", json=params) as got,
    ):
        return (await got.json())["result"]


async def test_updates_come_with_the_secret_and_are_then_forgotten(api: FakeBotApi, hook: Hook) -> None:
    api.says(7, "before")
    await call(api, "setWebhook", url=hook.url, secret_token="s3cret")
    api.says(7, "after")
    await hook.until(2)
    assert hook.got == [(7, "before"), (7, "after")]
    assert hook.secrets == ["s3cret", "s3cret"]
    await api.wait_for(lambda: not api.updates.pending)
    assert (await call(api, "getWebhookInfo"))["pending_update_count"] == 0


async def test_without_a_secret_there_is_no_header(api: FakeBotApi, hook: Hook) -> None:
    await call(api, "setWebhook", url=hook.url)
    api.says(7, "hello")
    await hook.until(1)
    assert hook.secrets == [None]


async def test_what_is_not_answered_2xx_comes_again_before_anything_else_of_its_chat(
    api: FakeBotApi, hook: Hook
) -> None:
    hook.statuses = [500, 302, 503]
    await call(api, "setWebhook", url=hook.url)
    api.says(7, "one")
    api.says(7, "two")
    await hook.until(5)
    assert [text for _, text in hook.got] == ["one", "one", "one", "one", "two"]


async def test_one_update_a_chat_at_a_time_and_chats_do_not_wait_for_each_other(api: FakeBotApi, hook: Hook) -> None:
    hook.held[7] = asyncio.Event()
    await call(api, "setWebhook", url=hook.url)
    for text in ("one", "two", "three"):
        api.says(7, text)
    await hook.until(1)
    api.says(8, "other")
    await hook.until(2)
    assert hook.got == [(7, "one"), (8, "other")]
    hook.held[7].set()
    await hook.until(4)
    assert [text for chat, text in hook.got if chat == 7] == ["one", "two", "three"]
    assert hook.most_at_once == 1


async def test_a_webhook_nobody_answers_keeps_its_updates_for_polling(api: FakeBotApi) -> None:
    await call(api, "setWebhook", url="http://127.0.0.1:1/hook")
    number = api.says(7, "hello")
    await api.wait_for(lambda: api.updates.failed)
    assert (await call(api, "getWebhookInfo"))["last_error_message"]
    await call(api, "deleteWebhook")
    assert [update["update_id"] for update in await call(api, "getUpdates")] == [number]


async def test_the_same_update_can_be_delivered_again(api: FakeBotApi, hook: Hook) -> None:
    await call(api, "setWebhook", url=hook.url)
    update = {"message": {"message_id": 5, "chat": {"id": 7, "type": "private"}, "text": "twice"}}
    number = api.update(update)
    await hook.until(1)
    await api.wait_for(lambda: not api.updates.pending)
    assert api.update({"update_id": number, **update}) == number
    await hook.until(2)
    assert hook.got == [(7, "twice")] * 2
