"""What is particular to an Application: groups, updates side by side, frameworks of the host's choice."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest
from telegram import Update
from telegram.ext import ApplicationBuilder, TypeHandler, filters

from channels.telegram.join.ptb import Webhook, join
from channels.telegram.testing import FakeBotApi

if TYPE_CHECKING:
    from tests.channels.telegram.conftest import RecordingInbox
    from tests.channels.telegram.join.conftest import Support


class Fails(filters.MessageFilter):
    def filter(self, message: Any) -> bool:
        raise RuntimeError("the filter's own fault")


def raw(number: int, text: str) -> dict[str, Any]:
    chat = {"id": 7, "type": "private", "first_name": "Customer"}
    person = {"id": 7, "is_bot": False, "first_name": "Customer"}
    message = {"message_id": number, "date": 1790000000, "chat": chat, "from": person, "text": text}
    return {"update_id": number, "message": message}


@pytest.fixture
def builder(api: FakeBotApi) -> Any:
    return ApplicationBuilder().token(api.token).base_url(api.base_url)


async def test_not_even_the_first_group_hears_what_is_ours_or_what_nobody_can_read(
    builder: Any, api: FakeBotApi, support: Support, inbox: RecordingInbox
) -> None:
    seen: list[int] = []

    async def everything(update: Update, _context: Any) -> None:
        seen.append(update.update_id)

    async with support.open() as (channel, _):
        application = join(builder, channel, ours=filters.TEXT & ~filters.COMMAND, concurrent_updates=4)
        application.add_handler(TypeHandler(Update, everything), group=-(2**31))
        assert application.updater is not None
        async with application:
            api.says(7, "hello")
            command = api.says(7, "/start")
            api.update({"message": {"no": "fields"}})
            await application.updater.start_polling(timeout=1)
            await application.start()
            await inbox.until(lambda: len(inbox.arrivals) == 2)
            await api.wait_for(lambda: not api.updates.pending)
            await application.updater.stop()
            await application.stop()
    assert seen == [command]


async def test_a_filter_that_fails_leaves_the_update_to_the_host_and_the_next_one_is_handled(
    builder: Any, support: Support
) -> None:
    seen: asyncio.Queue[int] = asyncio.Queue()

    async def everything(update: Update, _context: Any) -> None:
        seen.put_nowait(update.update_id)

    async with support.open() as (channel, _):
        application = join(builder.updater(None), channel, ours=Fails())
        application.add_handler(TypeHandler(Update, everything))
        async with application:
            await application.start()
            webhook = Webhook(application)
            assert [await webhook.receive(json.dumps(raw(n, "hello")).encode()) for n in (5, 6)] == [200, 200]
            assert [await asyncio.wait_for(seen.get(), 10) for _ in range(2)] == [5, 6]
            await application.stop()
    assert await support.undecided() == []


async def test_what_the_host_queues_itself_is_handled_as_before(builder: Any, support: Support) -> None:
    seen: asyncio.Queue[object] = asyncio.Queue()

    async def everything(update: object, _context: Any) -> None:
        seen.put_nowait(update)

    async with support.open() as (channel, _):
        application = join(builder.updater(None), channel, ours=filters.ALL)
        application.add_handler(TypeHandler(str, everything))
        async with application:
            await application.start()
            await application.update_queue.put("something of the host's")
            assert await asyncio.wait_for(seen.get(), 10) == "something of the host's"
            await application.stop()


async def test_an_application_that_was_not_joined_takes_no_webhooks_from_us(builder: Any) -> None:
    with pytest.raises(TypeError, match="join"):
        Webhook(builder.build())
