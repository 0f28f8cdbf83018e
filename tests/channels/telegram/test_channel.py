"""The whole channel against the strict Bot API server, over HTTP: intake, previews, answers, floods, cuts and moves."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from aiohttp import web

from channels.telegram import build
from channels.telegram.channel import TelegramChannel
from channels.telegram.testing import Call, FakeBotApi, Flood
from core.abilities import Button
from core.conversation import Address, Message, MessageKind
from core.errors import Unreachable
from core.markup import convert
from core.plugins import PluginError
from core.records import PartState
from core.text import utf16_length

if TYPE_CHECKING:
    from tests.channels.telegram.conftest import RecordingInbox, RecordingOutbox

SHARED = Path(os.environ.get("FIRSTLINE_SHARED", Path(__file__).parents[4] / "shared"))
PRIVATE, GROUP = Address("telegram", "42"), Address("telegram", "-1001")
ANSWER = "Your parcel left our warehouse **this morning**. " * 4 + "It will reach you on Friday, before five."
STANDS = ANSWER.replace("**", "")


@pytest.fixture
async def api() -> AsyncIterator[FakeBotApi]:
    async with FakeBotApi(SHARED if (SHARED / "peers").exists() else None) as api:
        yield api


@pytest.fixture
async def channel(api: FakeBotApi, library: str) -> AsyncIterator[TelegramChannel]:
    channel = build(token=api.token, library=library, base_url=api.url)
    yield channel
    await channel.aclose()


@asynccontextmanager
async def listening(channel: TelegramChannel, inbox: RecordingInbox) -> AsyncIterator[None]:
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(channel.run(inbox))
        yield
        task.cancel()


async def said(*pieces: str) -> AsyncIterator[str]:
    for piece in pieces:
        yield piece


async def hear(channel: TelegramChannel, inbox: RecordingInbox) -> Message:
    """The first message that comes in."""
    async with listening(channel, inbox):
        await inbox.until(lambda: bool(inbox.messages))
    return inbox.messages[0]


def refused(api: FakeBotApi) -> list[Call]:
    return [call for call in api.log if call.outcome != "ok"]


async def test_a_question_is_heard_acknowledged_previewed_and_answered_without_a_single_refusal(
    api: FakeBotApi, channel: TelegramChannel, inbox: RecordingInbox, outbox: RecordingOutbox
) -> None:
    async def grows() -> AsyncIterator[str]:
        yield ANSWER[:60]
        await api.wait_for(lambda: any(draft.text for draft in api.drafts(42)))
        yield ANSWER[60:]

    api.says(42, "where is my order?")
    message = await hear(channel, inbox)
    await channel.acknowledge(message)
    assert [(draft.text, draft.can_stop) for draft in api.drafts(42)] == [("", True)]
    assert await channel.deliver(PRIVATE, grows(), outbox) == ANSWER
    (post,) = api.chat(42)
    assert (post.text, post.edits, api.drafts(42)) == (STANDS, 1, [])
    assert [entity["type"] for entity in post.entities] == ["bold"] * 4
    assert refused(api) == []
    assert "drop_pending_updates" not in {name for call in api.log for name in call.params}


async def test_trap_01_an_update_is_heard_once_though_the_store_failed_twice(
    api: FakeBotApi, channel: TelegramChannel, inbox: RecordingInbox
) -> None:
    inbox.failures = 2
    number = api.says(42, "hello")
    async with listening(channel, inbox):
        await api.wait_for(lambda: number not in api.updates.pending)
    assert [call.params.get("offset") for call in api.calls("getUpdates")][:3] == [0, 0, 0]
    assert [message.text for message in inbox.messages] == ["hello"]


async def test_trap_02_one_malformed_update_spoils_no_other(
    api: FakeBotApi, channel: TelegramChannel, inbox: RecordingInbox
) -> None:
    api.says(42, "one")
    api.update({"message": {"message_id": "two", "chat": 5}})
    last = api.says(42, "three")
    async with listening(channel, inbox):
        await api.wait_for(lambda: last not in api.updates.pending)
    assert [message.text for message in inbox.messages] == ["one", "three"]
    assert len(inbox.arrivals) == 3


async def test_trap_03_the_stop_button_of_the_draft_ends_the_answer(
    api: FakeBotApi, channel: TelegramChannel, inbox: RecordingInbox, outbox: RecordingOutbox
) -> None:
    stop = asyncio.Event()
    inbox.on_stop = lambda _address: stop.set()

    async def text() -> AsyncIterator[str]:
        yield "Your parcel left"
        await api.wait_for(lambda: any(draft.text for draft in api.drafts(42)))
        api.stops(42, api.drafts(42)[0].id)
        async with asyncio.timeout(5):
            await stop.wait()

    api.says(42, "where is my order?")
    async with listening(channel, inbox):
        await inbox.until(lambda: bool(inbox.messages))
        await channel.deliver(PRIVATE, text(), outbox)
    assert inbox.stopped == [PRIVATE]
    assert [post.text for post in api.chat(42)] == ["Your parcel left"]


async def test_trap_04_drafts_that_fail_never_become_edits(
    api: FakeBotApi, channel: TelegramChannel, outbox: RecordingOutbox
) -> None:
    async def text() -> AsyncIterator[str]:
        yield ANSWER[:60]
        await api.wait_for(lambda: len(api.calls("sendMessageDraft")) == 1)
        assert api.calls("editMessageText") == api.calls("sendMessage") == []
        yield ANSWER[60:]

    api.says(42, "hello")
    api.fail_next("sendMessageDraft", 400, "Bad Request: TEXTDRAFT_PEER_INVALID", times=9)
    await channel.deliver(PRIVATE, text(), outbox)
    assert [post.edits for post in api.chat(42)] == [1]


async def test_trap_05_after_a_flood_nothing_goes_to_the_chat_until_its_time_and_then_the_full_text(
    api: FakeBotApi, channel: TelegramChannel, inbox: RecordingInbox, outbox: RecordingOutbox
) -> None:
    api.says(42, "hello")
    api.says(43, "hello")
    message = await hear(channel, inbox)
    api.fail_next("sendMessage", 429, "Too Many Requests: retry after 2", {"retry_after": 2})
    async with listening(channel, inbox), asyncio.TaskGroup() as tasks:
        tasks.create_task(channel.deliver(PRIVATE, said(ANSWER), outbox))
        await api.wait_for(lambda: len(refused(api)) == 1)
        await channel.acknowledge(message)
        await channel.deliver(Address("telegram", "43"), said("Another chat is not held up."), type(outbox)())
        assert len(api.chat(43)) == 1
    (flood,) = refused(api)
    after = [call.at - flood.at for call in api.log if call.params.get("chat_id") == 42 and call.at > flood.at]
    assert min(after) >= 2.4
    assert [post.text for post in api.chat(42)] == [STANDS]


async def test_trap_08_a_send_that_was_done_and_never_answered_leaves_an_opening_and_one_whole_answer(
    api: FakeBotApi, channel: TelegramChannel, outbox: RecordingOutbox
) -> None:
    api.says(42, "hello")
    api.fail_next("sendMessage", 0, "", after_effect=True)
    await channel.deliver(PRIVATE, said(ANSWER), outbox)
    orphan, whole = (post.text for post in api.chat(42))
    assert len(orphan) <= 80
    assert orphan.endswith(" …")
    assert whole == STANDS
    assert channel.counts()["orphans"] == 1
    assert PartState.UNKNOWN in outbox.states


async def test_trap_08_an_edit_that_was_done_and_never_answered_is_found_to_stand(
    api: FakeBotApi, channel: TelegramChannel, outbox: RecordingOutbox
) -> None:
    api.says(42, "hello")
    api.fail_next("editMessageText", 0, "", after_effect=True)
    await channel.deliver(PRIVATE, said(ANSWER), outbox)
    assert [(post.text, post.edits) for post in api.chat(42)] == [(STANDS, 1)]
    assert "message is not modified" in api.calls("editMessageText")[-1].outcome
    assert channel.counts()["orphans"] == 0


async def test_trap_11_general_is_answered_without_a_thread_and_a_topic_inside_it(
    api: FakeBotApi, channel: TelegramChannel, inbox: RecordingInbox, outbox: RecordingOutbox
) -> None:
    api.joins(-1001, forum=True)
    api.says(-1001, "@firstline_test_bot help", message_thread_id=1, is_topic_message=True)
    api.says(-1001, "@firstline_test_bot help", message_thread_id=31, is_topic_message=True)
    async with listening(channel, inbox):
        await inbox.until(lambda: len(inbox.messages) == 2)
    for message in inbox.messages:
        await channel.acknowledge(message)
    for message in inbox.messages:
        await channel.deliver(message.address, said(ANSWER), type(outbox)())
    general, topic = api.chat(-1001)
    assert (general.raw.get("message_thread_id"), topic.raw.get("message_thread_id")) == (None, 31)
    assert general.raw["reply_to_message"]["text"] == "@firstline_test_bot help"
    assert [call.params.get("message_thread_id") for call in api.calls("sendChatAction")] == [None, 31]
    assert refused(api) == []


async def test_trap_13_a_group_that_moves_between_question_and_answer_gets_it_once_in_the_new_chat(
    api: FakeBotApi, channel: TelegramChannel, inbox: RecordingInbox, outbox: RecordingOutbox
) -> None:
    api.says(-1001, "@firstline_test_bot help")
    await hear(channel, inbox)
    api.migrates(-1001, -1002)
    assert await channel.deliver(GROUP, said(ANSWER), outbox) == ANSWER
    assert (api.chat(-1001), [post.text for post in api.chat(-1002)]) == ([], [STANDS])


async def test_trap_15_a_long_answer_arrives_whole_in_order_and_in_messages_that_fit(
    api: FakeBotApi, channel: TelegramChannel, outbox: RecordingOutbox
) -> None:
    family = "\U0001f468\u200d\U0001f469\u200d\U0001f467"
    text = "\n\n".join(f"Step {number}: {family} press **the button** and `wait`. " * 25 for number in range(6))
    api.says(42, "hello")
    await channel.deliver(PRIVATE, said(text), outbox)
    posts = [post.text for post in api.chat(42)]
    assert len(posts) == len(outbox.parts) > 1
    assert all(utf16_length(post) <= 4096 for post in posts)
    assert "".join("".join(posts).split()) == "".join(convert(text).text.split())
    assert refused(api) == []


async def test_a_customer_who_blocked_the_bot_is_unreachable(
    api: FakeBotApi, channel: TelegramChannel, outbox: RecordingOutbox
) -> None:
    api.blocks(42)
    with pytest.raises(Unreachable):
        await channel.deliver(PRIVATE, said(ANSWER), outbox)
    assert outbox.states[-1] is PartState.REJECTED


async def test_a_card_has_buttons_and_a_press_comes_back_and_is_answered(
    api: FakeBotApi, channel: TelegramChannel, inbox: RecordingInbox
) -> None:
    api.joins(-1001)
    async with listening(channel, inbox):
        card = await channel.post(
            GROUP, "**A customer waits**", [Button("Take over", "take:42"), Button("Leave", "no")]
        )
        api.presses(-1001, int(card), "take:42")
        await api.wait_for(lambda: bool(api.calls("answerCallbackQuery")))
    (press,) = inbox.messages
    assert (press.kind, press.text, press.reply_to) == (MessageKind.PRESS, "take:42", card)
    assert api.world.queries == set()


async def test_by_webhook_every_update_arrives_once_though_the_store_was_away(
    api: FakeBotApi, inbox: RecordingInbox
) -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    address = f"http://127.0.0.1:{listener.getsockname()[1]}/"
    channel = build(token=api.token, base_url=api.url, webhook=address)
    app = web.Application()
    app.add_routes(channel.routes())
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.SockSite(runner, listener).start()
    inbox.failures = 2
    for number in range(20):
        api.says(42, f"message {number}")
    async with listening(channel, inbox):
        await api.wait_for(lambda: not api.updates.pending)
    assert [message.text for message in inbox.messages] == [f"message {number}" for number in range(20)]
    assert len(inbox.attempts) == 22
    await channel.aclose()
    await runner.cleanup()


async def test_a_burst_of_answers_stays_within_what_telegram_allows(outbox: RecordingOutbox) -> None:
    async with FakeBotApi(flood=Flood(chat=(1.0, 3.0), bot=(25.0, 25.0))) as api:
        channel = build(token=api.token, base_url=api.url)
        for chat in range(1, 16):
            api.says(chat, "hello")
        async with asyncio.TaskGroup() as tasks:
            for chat in range(1, 16):
                tasks.create_task(channel.deliver(Address("telegram", str(chat)), said(ANSWER), type(outbox)()))
        assert all([post.text for post in api.chat(chat)] == [STANDS] for chat in range(1, 16))
        assert refused(api) == []
        await channel.aclose()


@pytest.mark.parametrize(
    ("options", "wrong"),
    [({"library": "ptbb"}, "'ptb'"), ({"groups": "some"}, "mentioned or all"), ({"stopped": "x"}, "keep or drop")],
)
def test_an_option_that_does_not_fit_says_what_to_write(options: dict[str, str], wrong: str) -> None:
    with pytest.raises(PluginError, match=wrong):
        build(token="42:TEST", **options)
