"""What is particular to a Dispatcher: tasks side by side, middlewares, other bots, what Telegram is asked for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
from aiogram import Bot, Dispatcher, F
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.telegram import TelegramAPIServer
from aiogram.types import Message, Update

from channels.telegram.join import JoinedChannel
from channels.telegram.join.aiogram import join
from channels.telegram.testing import FakeBotApi
from channels.telegram.updates import KINDS

if TYPE_CHECKING:
    from tests.channels.telegram.conftest import RecordingInbox
    from tests.channels.telegram.join.conftest import Support


@pytest.fixture
async def bot(api: FakeBotApi) -> AsyncIterator[Bot]:
    async with AiohttpSession(api=TelegramAPIServer.from_base(api.url)) as session:
        yield Bot(api.token, session=session)


@asynccontextmanager
async def running(dispatcher: Dispatcher, bot: Bot, **options: Any) -> AsyncIterator[None]:
    options = {"handle_signals": False, "polling_timeout": 5, "close_bot_session": False, **options}
    task = asyncio.create_task(dispatcher.start_polling(bot, **options))
    await asyncio.sleep(0)
    yield
    await dispatcher.stop_polling()
    await task


async def test_a_customers_messages_keep_their_order_however_long_the_filter_takes(
    bot: Bot, api: FakeBotApi, support: Support, inbox: RecordingInbox
) -> None:
    at_once = 0

    async def slow_on_the_first(message: Message) -> bool:
        nonlocal at_once
        at_once += 1
        assert at_once == 1
        for _ in range(1000 if message.text == "question 0" else 1):
            await asyncio.sleep(0)
        at_once -= 1
        return True

    dispatcher = Dispatcher()
    for number in range(20):
        api.says(7, f"question {number}")
    async with support.open() as (channel, _):
        join(dispatcher, bot, channel, ours=slow_on_the_first)
        async with running(dispatcher, bot):
            await inbox.until(lambda: len(inbox.messages) == 20)
    assert [message.text for message in inbox.messages] == [f"question {number}" for number in range(20)]


async def test_telegram_is_asked_for_what_firstline_hears_too(
    bot: Bot, api: FakeBotApi, support: Support, inbox: RecordingInbox
) -> None:
    dispatcher = Dispatcher()
    dispatcher.message.register(lambda message: None, F.photo)
    async with support.open() as (channel, _):
        join(dispatcher, bot, channel, ours=F.text)
        await bot.set_webhook("https://bot.example/", allowed_updates=["message", "poll"])
        await bot.delete_webhook()
        api.says(7, "hello")
        async with running(dispatcher, bot):
            await inbox.until(lambda: bool(inbox.messages))
    assert api.calls("setWebhook")[0].params["allowed_updates"] == [*dict.fromkeys(["message", "poll", *KINDS])]
    assert set(api.calls("getUpdates")[0].params["allowed_updates"]) == set(KINDS)


async def test_an_update_that_a_middleware_of_the_host_drops_is_decided(
    bot: Bot, api: FakeBotApi, support: Support, inbox: RecordingInbox
) -> None:
    async def banned(_handler: object, _event: object, _data: object) -> None:
        return None

    dispatcher = Dispatcher()
    dispatcher.update.outer_middleware(banned)
    async with support.open() as (channel, _):
        join(dispatcher, bot, channel, ours=F.text)
        api.says(7, "hello")
        async with running(dispatcher, bot):
            await api.wait_for(lambda: not api.updates.pending)
    assert not inbox.messages
    assert await support.undecided() == []


async def test_a_filter_that_fails_leaves_the_update_to_the_host(
    bot: Bot, api: FakeBotApi, support: Support, inbox: RecordingInbox
) -> None:
    seen: asyncio.Queue[str | None] = asyncio.Queue()
    dispatcher = Dispatcher()

    @dispatcher.message()
    async def rest(message: Message) -> None:
        seen.put_nowait(message.text)

    async with support.open() as (channel, _):
        join(dispatcher, bot, channel, ours=lambda message: message.no_such_thing)
        api.says(7, "hello")
        async with running(dispatcher, bot):
            assert await asyncio.wait_for(seen.get(), 10) == "hello"
    assert not inbox.messages


async def test_what_was_left_is_not_lost_when_the_first_request_fails(
    bot: Bot, api: FakeBotApi, support: Support, inbox: RecordingInbox, backoff: Any
) -> None:
    async with support.open(listening=False) as (channel, _):
        number = api.says(7, "hello")
        await channel.room.keep([api.updates.pending.pop(number)], lambda raw: raw)
    api.fail_next("getUpdates", 502, "Bad Gateway", times=1)
    async with support.open() as (channel, file):
        file.failures = 1
        api.says(7, "is it late?")
        dispatcher = Dispatcher()
        join(dispatcher, bot, channel, ours=F.text)
        async with running(dispatcher, bot, backoff_config=backoff):
            await inbox.until(lambda: len(inbox.messages) == 2)
    assert [message.text for message in inbox.messages] == ["hello", "is it late?"]
    assert {int(call.params.get("timeout", 0)) for call in api.calls("getUpdates")[:3]} == {0}


async def test_another_bot_of_the_same_dispatcher_is_left_alone(
    bot: Bot, api: FakeBotApi, support: Support, inbox: RecordingInbox
) -> None:
    seen: list[str | None] = []
    dispatcher = Dispatcher()

    @dispatcher.message()
    async def rest(message: Message) -> None:
        seen.append(message.text)

    def fed(channel: JoinedChannel) -> Callable[[Bot], Any]:
        join(dispatcher, bot, channel, ours=F.text)
        raw = {
            "update_id": 5,
            "message": {"message_id": 5, "date": 1, "chat": {"id": 7, "type": "private"}, "text": "a"},
        }
        return lambda one: dispatcher.feed_update(one, Update.model_validate(raw, context={"bot": one}))

    async with support.open() as (channel, _), AiohttpSession() as session:
        await channel.room.keep([{"update_id": 5}], lambda raw: raw)
        await fed(channel)(Bot("43:OTHER", session=session))
        assert channel.room.holds(5)
        channel.room.release(5)
    assert seen == ["a"]


async def test_an_update_is_decided_when_the_host_has_no_error_handler_either(
    bot: Bot, api: FakeBotApi, support: Support
) -> None:
    dispatcher = Dispatcher()

    @dispatcher.message()
    async def boom(_message: Message) -> None:
        raise RuntimeError("the host's own fault")

    async with support.open() as (channel, _):
        join(dispatcher, bot, channel, ours=F.photo)
        api.says(7, "hello")
        async with running(dispatcher, bot):
            await api.wait_for(lambda: not api.updates.pending)
    assert await support.undecided() == []
