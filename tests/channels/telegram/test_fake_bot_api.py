"""Our Bot API server refuses what Telegram would, as python-telegram-bot's own thin client meets it."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from hypothesis import given
from hypothesis import strategies as st
from telegram import Bot, InlineKeyboardButton, InlineKeyboardMarkup, MessageEntity, ReplyParameters
from telegram.error import BadRequest, ChatMigrated, Conflict, Forbidden, InvalidToken, NetworkError, RetryAfter

from channels.telegram.testing import FakeBotApi, Flood
from channels.telegram.testing.description import described
from channels.telegram.testing.methods import EMOJI
from channels.telegram.testing.texts import Text, checked
from core.markup import convert, split

os.environ.setdefault("PTB_TIMEDELTA", "true")  # without it the library warns at every 429

SHARED = Path(os.environ.get("FIRSTLINE_SHARED", Path(__file__).resolve().parents[4] / "shared"))
PUBLISHED = SHARED / "peers" / "bot-api-10.1.json"
needs_the_description = pytest.mark.skipif(not PUBLISHED.exists(), reason="the published description is not at hand")
YOU, GROUP = 7, -1001


@pytest.fixture(params=[None, pytest.param(SHARED, marks=needs_the_description)], ids=["own table", "published"])
async def api(request: pytest.FixtureRequest) -> AsyncIterator[FakeBotApi]:
    async with FakeBotApi(request.param, flood=None) as server:
        server.says(YOU, "hello")
        server.joins(GROUP)
        yield server


@pytest.fixture
async def bot(api: FakeBotApi) -> AsyncIterator[Bot]:
    async with Bot(api.token, base_url=api.base_url, base_file_url=f"{api.url}/file/bot") as client:
        yield client


async def raw(api: FakeBotApi, method: str, body: Any) -> tuple[int, dict[str, Any]]:
    """A call with a JSON body, past every check of a client library."""
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{api.base_url}{api.token}/{method}", json=body) as got,
    ):
        return got.status, await got.json()


async def test_a_message_stands_in_the_chat_with_its_entities(api: FakeBotApi, bot: Bot) -> None:
    sent = await bot.send_message(YOU, "hello you", entities=[MessageEntity("bold", 6, 3)])
    (post,) = api.chat(YOU)
    assert (post.id, post.text, post.edits) == (sent.message_id, "hello you", 0)
    assert post.entities == ({"type": "bold", "offset": 6, "length": 3},)
    assert sent.entities == (MessageEntity("bold", 6, 3),)


async def test_an_edit_replaces_the_text_and_is_counted(api: FakeBotApi, bot: Bot) -> None:
    sent = await bot.send_message(YOU, "Your parcel …")
    await bot.edit_message_text("Your parcel is on its way.", YOU, sent.message_id)
    (post,) = api.chat(YOU)
    assert (post.text, post.edits) == ("Your parcel is on its way.", 1)


async def test_a_white_edge_is_trimmed_and_entities_move_along(api: FakeBotApi, bot: Bot) -> None:
    await bot.send_message(YOU, " \n hello you \n", entities=[MessageEntity("bold", 9, 5)])
    (post,) = api.chat(YOU)
    assert (post.text, post.entities) == ("hello you", ({"type": "bold", "offset": 6, "length": 3},))


async def test_the_same_text_again_is_not_modified(bot: Bot) -> None:
    sent = await bot.send_message(YOU, "one", entities=[MessageEntity("bold", 0, 3)])
    await bot.edit_message_text("one", YOU, sent.message_id)
    with pytest.raises(BadRequest, match=r"^Message is not modified: specified new message content"):
        await bot.edit_message_text(" one ", YOU, sent.message_id)


@pytest.mark.parametrize("number", [0, 99])
async def test_an_unknown_message_cannot_be_edited(bot: Bot, number: int) -> None:
    with pytest.raises(BadRequest, match=r"^Message to edit not found$"):
        await bot.edit_message_text("x", YOU, number)


async def test_a_customers_message_cannot_be_edited(api: FakeBotApi, bot: Bot) -> None:
    (update,) = await bot.get_updates(limit=1)
    assert update.message
    with pytest.raises(BadRequest, match="can't be edited"):
        await bot.edit_message_text("x", YOU, update.message.message_id)


@pytest.mark.parametrize("text", ["", " ", "\n\t"])
async def test_an_empty_text_is_refused(bot: Bot, text: str) -> None:
    with pytest.raises(BadRequest, match=r"^Message text is empty$"):
        await bot.send_message(YOU, text)


async def test_length_is_counted_in_utf_16_units(bot: Bot) -> None:
    assert await bot.send_message(YOU, "📦" * 2048)
    for text in ("📦" * 2049, "x" * 4097):
        with pytest.raises(BadRequest, match="too long"):
            await bot.send_message(YOU, text)


@pytest.mark.parametrize(
    ("text", "entities"),
    [
        ("hello", [("bold", 0, 6)]),
        ("hello", [("bold", 5, 1)]),
        ("hello", [("bold", -1, 2)]),
        ("hello", [("bold", 1, 0)]),
        ("📦", [("bold", 0, 1)]),
        ("hello you", [("bold", 0, 5), ("italic", 3, 6)]),
        ("hello", [("bold", 0, 5), ("code", 1, 2)]),
        ("hello", [("code", 0, 5), ("bold", 1, 2)]),
        ("hello", [("pre", 0, 5), ("pre", 0, 5)]),
        ("hello", [("bold", 0, 5), ("bold", 1, 2)]),
        ("hello", [("blockquote", 0, 5), ("expandable_blockquote", 0, 3)]),
        ("hello", [("text_link", 0, 5)]),
        ("hello", [("loud", 0, 5)]),
    ],
)
async def test_entities_that_make_no_sense_are_refused(bot: Bot, text: str, entities: list[Any]) -> None:
    with pytest.raises(BadRequest, match="Can't parse entities"):
        await bot.send_message(YOU, text, entities=[MessageEntity(*entity) for entity in entities])


async def test_entities_that_make_sense_pass(bot: Bot) -> None:
    entities = [
        MessageEntity("blockquote", 0, 5),
        MessageEntity("code", 0, 2),
        MessageEntity("text_link", 6, 3, url="https://example.com/"),
        MessageEntity("bold", 6, 3),
        MessageEntity("italic", 6, 1),
    ]
    assert len((await bot.send_message(YOU, "hello you", entities=entities)).entities) == 5


async def test_the_101st_entity_is_dropped_without_a_word(api: FakeBotApi, bot: Bot) -> None:
    await bot.send_message(YOU, "x" * 101, entities=[MessageEntity("bold", n, 1) for n in range(101)])
    assert len(api.chat(YOU)[0].entities) == 100


@pytest.mark.parametrize(
    ("method", "body", "status", "why"),
    [
        ("sendMesage", {"chat_id": YOU, "text": "x"}, 404, "Not Found: method not found"),
        ("sendMessage", {"chat_id": YOU, "text": "x", "colour": 1}, 400, 'has no parameter "colour"'),
        ("sendMessage", {"chat_id": YOU}, 400, '"text" is required'),
        ("sendMessage", {"chat_id": YOU, "text": None}, 400, '"text" is required'),
        ("sendMessage", {"chat_id": YOU, "text": 5}, 400, '"text" must be of type String'),
        ("sendMessage", {"chat_id": True, "text": "x"}, 400, '"chat_id" must be of type Integer'),
        ("sendMessage", {"chat_id": YOU, "text": "x", "protect_content": "yes"}, 400, "must be of type Boolean"),
        ("sendMessage", {"chat_id": YOU, "text": "x", "entities": {}}, 400, "must be an Array of MessageEntity"),
        ("sendMessage", {"chat_id": YOU, "text": "x", "entities": [{"type": "bold", "offset": 0}]}, 400, "misses"),
        (
            "sendMessage",
            {"chat_id": YOU, "text": "x", "entities": [{"type": "bold", "offset": "0", "length": 1}]},
            400,
            "has a wrong MessageEntity.offset",
        ),
        ("sendMessage", {"chat_id": YOU, "text": "x", "reply_parameters": {"id": 1}}, 400, "unknown field"),
        ("sendMessage", {"chat_id": YOU, "text": "x", "reply_markup": {"keys": []}}, 400, "unknown field"),
        ("sendMessage", {"chat_id": YOU, "text": "\ud800"}, 400, "strings must be encoded in UTF-8"),
        ("sendMessage", {"chat_id": YOU, "text": "*x*", "parse_mode": "Markdown"}, 501, "does not imitate parse_mode"),
        ("sendMessage", {"chat_id": "@nobody", "text": "x"}, 400, "Bad Request: chat not found"),
        ("sendMessage", {"chat_id": 404, "text": "x"}, 400, "Bad Request: chat not found"),
        ("sendMessage", ["chat_id"], 400, "JSON object"),
        ("sendMessageDraft", {"chat_id": YOU, "draft_id": 0, "text": "x"}, 400, "draft_id must be non-zero"),
        ("sendMessageDraft", {"chat_id": GROUP, "draft_id": 1, "text": "x"}, 400, "TEXTDRAFT_PEER_INVALID"),
        ("sendChatAction", {"chat_id": YOU, "action": "think"}, 400, "wrong parameter action"),
        ("answerCallbackQuery", {"callback_query_id": "nobody"}, 400, "query is too old"),
        ("getFile", {"file_id": "none"}, 400, "wrong file_id"),
        ("sendPhoto", {"chat_id": YOU, "photo": "/etc/passwd"}, 400, "wrong remote file identifier"),
        ("createForumTopic", {"chat_id": GROUP, "name": "x"}, 400, "the chat is not a forum"),
        ("setWebhook", {"url": "http://localhost/", "secret_token": "a b"}, 400, "unallowed characters"),
        ("deleteMessage", {"chat_id": YOU, "message_id": 99}, 400, "message to delete not found"),
    ],
)
async def test_what_telegram_would_refuse_is_refused(
    api: FakeBotApi, method: str, body: Any, status: int, why: str
) -> None:
    got, answer = await raw(api, method, body)
    assert (got, answer["ok"], answer["error_code"]) == (status, False, status)
    assert why in answer["description"]
    assert api.log[-1].outcome == f"{status} {answer['description']}"
    assert api.chat(YOU) == []


async def test_a_json_body_does_what_a_form_does(api: FakeBotApi) -> None:
    assert await raw(api, "sendMessage", {"chat_id": YOU, "text": "x"}) == (
        200,
        {"ok": True, "result": api.chat(YOU)[0].raw | {"text": "x"}},
    )


async def test_a_wrong_token_is_unauthorized(api: FakeBotApi) -> None:
    with pytest.raises(InvalidToken):
        async with Bot("42:WRONG", base_url=api.base_url):
            pass
    async with aiohttp.ClientSession() as session, session.post(f"{api.base_url}42:WRONG/getMe") as answer:
        assert (answer.status, (await answer.json())["description"]) == (401, "Unauthorized")


async def test_a_draft_grows_and_is_gone_once_a_message_is_sent(api: FakeBotApi, bot: Bot) -> None:
    for text in ("", "It", "It is on"):
        assert await bot.send_message_draft(YOU, 5, text, api_kwargs={"can_stop": True})
    (draft,) = api.drafts(YOU)
    assert (draft.id, draft.text, draft.shown) == (5, "It is on", 3)
    await bot.send_message_draft(YOU, 6, "Another")
    assert [draft.id for draft in api.drafts(YOU)] == [6]
    await bot.send_message(YOU, "It is on its way.")
    assert api.drafts(YOU) == []


async def test_a_draft_lives_thirty_seconds() -> None:
    now = 100.0
    async with FakeBotApi(clock=lambda: now) as api:
        api.says(YOU, "hello")
        async with Bot(api.token, base_url=api.base_url) as bot:
            await bot.send_message_draft(YOU, 5, "It")
        now += 29.9
        assert api.drafts(YOU)
        now += 0.2
        assert api.drafts(YOU) == []


async def test_stop_is_only_there_on_a_draft_that_allows_it(api: FakeBotApi, bot: Bot) -> None:
    await bot.send_message_draft(YOU, 5, "It")
    with pytest.raises(LookupError):
        api.stops(YOU, 5)
    await bot.send_message_draft(YOU, 5, "It is", api_kwargs={"can_stop": True})
    number = api.stops(YOU, 5)
    assert api.updates.pending[number]["stopped_message_generation"] == {
        "chat": api.world.chats[YOU].raw,
        "draft_id": 5,
    }
    assert api.drafts(YOU) == []


async def test_a_button_is_pressed_and_answered_once(api: FakeBotApi, bot: Bot) -> None:
    markup = InlineKeyboardMarkup([[InlineKeyboardButton("Take it", callback_data="take:1")]])
    sent = await bot.send_message(YOU, "A card", reply_markup=markup)
    with pytest.raises(LookupError):
        api.presses(YOU, sent.message_id, "take:2")
    number = api.presses(YOU, sent.message_id, "take:1")
    (update,) = await bot.get_updates(offset=number)
    assert update.callback_query
    assert update.callback_query.data == "take:1"
    assert update.callback_query.message
    assert update.callback_query.message.message_id == sent.message_id
    assert await update.callback_query.answer()
    with pytest.raises(BadRequest, match="Query is too old"):
        await update.callback_query.answer()


async def test_a_button_whose_data_is_too_long_is_refused(bot: Bot) -> None:
    markup = InlineKeyboardMarkup([[InlineKeyboardButton("x", callback_data="x" * 65)]])
    with pytest.raises(BadRequest, match=r"(?i)button_data_invalid"):
        await bot.send_message(YOU, "A card", reply_markup=markup)


async def test_a_reply_hangs_on_its_message_or_is_refused(api: FakeBotApi, bot: Bot) -> None:
    (update, *_) = await bot.get_updates()
    assert update.message
    sent = await bot.send_message(YOU, "x", reply_parameters=ReplyParameters(update.message.message_id))
    assert sent.reply_to_message
    assert sent.reply_to_message.text == "hello"
    with pytest.raises(BadRequest, match="Message to be replied not found"):
        await bot.send_message(YOU, "x", reply_parameters=ReplyParameters(99))
    await bot.send_message(YOU, "y", reply_parameters=ReplyParameters(99, allow_sending_without_reply=True))
    assert [post.text for post in api.chat(YOU)] == ["x", "y"]


async def test_a_topic_has_to_be_there_and_general_has_no_number(api: FakeBotApi, bot: Bot) -> None:
    api.joins(-1002, forum=True)
    topic = await bot.create_forum_topic(-1002, "Parcel 1")
    sent = await bot.send_message(-1002, "x", message_thread_id=topic.message_thread_id)
    assert sent.is_topic_message
    assert sent.message_thread_id == topic.message_thread_id
    api.says(-1002, "from General", message_thread_id=1, is_topic_message=True)
    for chat, thread in ((-1002, 1), (-1002, 99), (GROUP, topic.message_thread_id)):
        with pytest.raises(BadRequest, match="Message thread not found"):
            await bot.send_message(chat, "x", message_thread_id=thread)


async def test_a_reaction_stands_on_its_message(api: FakeBotApi, bot: Bot) -> None:
    sent = await bot.send_message(YOU, "x")
    await bot.set_message_reaction(YOU, sent.message_id, "👀")
    assert api.chat(YOU)[0].reaction == "👀"
    with pytest.raises(BadRequest, match=r"(?i)reaction_invalid"):
        await bot.set_message_reaction(YOU, sent.message_id, "📦")
    await bot.set_message_reaction(YOU, sent.message_id, [])
    assert api.chat(YOU)[0].reaction == ""


async def test_files_go_up_and_come_down(api: FakeBotApi, bot: Bot) -> None:
    sent = await bot.send_document(YOU, b"a,b", caption="Your list", filename="list.csv")
    assert sent.document
    assert (api.chat(YOU)[0].text, sent.caption, sent.document.file_name) == ("Your list", "Your list", "list.csv")
    file = await bot.get_file(sent.document.file_id)
    assert bytes(await file.download_as_bytearray()) == b"a,b"
    photo = api.file(b"from a customer")
    assert bytes(await (await bot.get_file(photo)).download_as_bytearray()) == b"from a customer"
    with pytest.raises(BadRequest, match="too big"):
        await bot.get_file(api.file(bytes((20 << 20) + 1)))
    with pytest.raises(BadRequest, match="caption is too long"):
        await bot.send_photo(YOU, photo, caption="x" * 1025)


async def test_a_blocked_bot_is_forbidden_and_told(api: FakeBotApi, bot: Bot) -> None:
    number = api.blocks(YOU)
    with pytest.raises(Forbidden, match="bot was blocked by the user"):
        await bot.send_message(YOU, "x")
    (update,) = await bot.get_updates(offset=number)
    assert update.my_chat_member
    assert update.my_chat_member.new_chat_member.status == "kicked"


async def test_a_group_that_became_a_supergroup_says_where_it_went(api: FakeBotApi, bot: Bot) -> None:
    api.migrates(GROUP, -2001)
    with pytest.raises(ChatMigrated) as error:
        await bot.send_message(GROUP, "x")
    assert error.value.new_chat_id == -2001
    assert await bot.send_message(-2001, "x")


async def test_an_order_to_fail_is_carried_out_so_many_times(api: FakeBotApi, bot: Bot) -> None:
    api.fail_next("sendMessage", 429, "Too Many Requests: retry after 3", {"retry_after": 3}, times=2)
    for _ in range(2):
        with pytest.raises(RetryAfter) as error:
            await bot.send_message(YOU, "x")
        assert error.value.retry_after == timedelta(seconds=3)
    await bot.send_message(YOU, "x")
    assert [post.text for post in api.chat(YOU)] == ["x"]
    assert [call.outcome[:3] for call in api.calls("sendMessage")] == ["429", "429", "ok"]


@pytest.mark.parametrize("after_effect", [False, True])
async def test_a_cut_connection_leaves_the_client_unsure(api: FakeBotApi, bot: Bot, after_effect: bool) -> None:
    api.fail_next("sendMessage", 0, "", after_effect=after_effect)
    with pytest.raises(NetworkError, match="disconnected"):
        await bot.send_message(YOU, "x")
    assert len(api.chat(YOU)) == after_effect
    assert api.log[-1].outcome == "dropped"


async def test_more_than_the_limits_allow_is_answered_429_until_the_penalty_is_over() -> None:
    now = 0.0
    flood = Flood(bot=(1000.0, 1000.0), chat=(1.0, 2.0), group=(0.1, 1.0), penalty=3)
    async with FakeBotApi(flood=flood, clock=lambda: now) as api, Bot(api.token, base_url=api.base_url) as bot:
        api.says(YOU, "hello")
        api.joins(GROUP)
        sent = await bot.send_message(YOU, "1")
        await bot.edit_message_text("2", YOU, sent.message_id)
        for waited, left in ((0.0, 3), (1.5, 2)):
            now = waited
            with pytest.raises(RetryAfter) as error:
                await bot.send_message(YOU, "3")
            assert error.value.retry_after == timedelta(seconds=left)
        await bot.send_chat_action(YOU, "typing")
        now = 3.0
        await bot.send_message(YOU, "3")
        await bot.send_message(GROUP, "1")
        with pytest.raises(RetryAfter) as error:
            await bot.send_message(GROUP, "2")
        assert error.value.retry_after == timedelta(seconds=10)


async def test_one_bots_limit_counts_over_all_chats() -> None:
    async with FakeBotApi(flood=Flood(bot=(0.1, 2.0))) as api, Bot(api.token, base_url=api.base_url) as bot:
        for chat in (1, 2, 3):
            api.says(chat, "hello")
        await bot.send_message(1, "x")
        await bot.send_message_draft(2, 1, "x")
        with pytest.raises(RetryAfter):
            await bot.send_message(3, "x")


async def test_an_unconfirmed_update_comes_again_and_a_higher_offset_confirms(api: FakeBotApi, bot: Bot) -> None:
    first, *_ = (update.update_id for update in await bot.get_updates())
    second = api.says(YOU, "again")
    assert [u.update_id for u in await bot.get_updates(limit=1)] == [first]
    assert [u.update_id for u in await bot.get_updates(offset=second)] == [second]
    assert [u.update_id for u in await bot.get_updates()] == [second]
    assert await bot.get_updates(offset=second + 1) == ()
    assert await bot.get_updates() == ()


async def test_a_negative_offset_forgets_all_but_the_newest(api: FakeBotApi, bot: Bot) -> None:
    newest = api.says(YOU, "again")
    assert [u.update_id for u in await bot.get_updates(offset=-1)] == [newest]
    assert [u.update_id for u in await bot.get_updates()] == [newest]


async def test_a_long_poll_returns_as_soon_as_something_happens(api: FakeBotApi, bot: Bot) -> None:
    newest = max(api.updates.pending)
    poll = asyncio.create_task(bot.get_updates(offset=newest + 1, timeout=10))
    await api.wait_for(lambda: not api.updates.pending)
    api.says(YOU, "now")
    async with asyncio.timeout(5):
        (update,) = await poll
    assert update.message
    assert update.message.text == "now"


async def test_two_pollers_conflict_and_the_newer_one_stays(api: FakeBotApi, bot: Bot) -> None:
    newest = max(api.updates.pending)
    older = asyncio.create_task(bot.get_updates(offset=newest + 1, timeout=10))
    await api.wait_for(lambda: not api.updates.pending)
    async with Bot(api.token, base_url=api.base_url) as other:
        newer = asyncio.create_task(other.get_updates(offset=newest + 1, timeout=10))
        with pytest.raises(Conflict, match="terminated by other getUpdates request"):
            await older
        api.says(YOU, "now")
        assert len(await newer) == 1


async def test_polling_conflicts_with_a_webhook(api: FakeBotApi, bot: Bot) -> None:
    await bot.set_webhook("http://127.0.0.1:1/hook")
    with pytest.raises(Conflict, match="webhook is active"):
        await bot.get_updates()
    await bot.delete_webhook(drop_pending_updates=True)
    assert await bot.get_updates() == ()


async def test_kinds_nobody_asked_for_do_not_come(api: FakeBotApi, bot: Bot) -> None:
    api.updates.pending.clear()
    api.update({"message_reaction": {"chat": {"id": YOU, "type": "private"}}})
    assert await bot.get_updates() == ()
    await bot.get_updates(allowed_updates=["message_reaction"])
    await bot.get_updates()
    kept = api.update({"message_reaction": {"chat": {"id": YOU, "type": "private"}}})
    api.says(YOU, "not heard")
    assert list(api.updates.pending) == [kept]


async def test_a_malformed_update_is_delivered_as_it_is(api: FakeBotApi) -> None:
    number = api.update({"message": {"chat": "?"}})
    _, answer = await raw(api, "getUpdates", {"offset": number})
    assert answer["result"] == [{"update_id": number, "message": {"chat": "?"}}]


async def test_every_call_is_in_the_log_and_can_be_read_from_outside(api: FakeBotApi, bot: Bot) -> None:
    await bot.send_message(YOU, "x", entities=[MessageEntity("bold", 0, 1)])
    await bot.send_document(YOU, b"abc", filename="list.csv")
    async with aiohttp.ClientSession() as session, session.get(f"{api.url}/log") as answer:
        log = await answer.json()
    assert [(call["method"], call["outcome"]) for call in log] == [
        ("getMe", "ok"),
        ("sendMessage", "ok"),
        ("sendDocument", "ok"),
    ]
    assert log[1]["params"] == {"chat_id": YOU, "text": "x", "entities": [{"type": "bold", "offset": 0, "length": 1}]}
    assert log[2]["params"]["document"] == "<list.csv, 3 bytes>"
    assert log[1]["at"] <= log[2]["at"]


async def test_waiting_for_what_never_happens_ends(api: FakeBotApi) -> None:
    with pytest.raises(TimeoutError):
        await api.wait_for(lambda: api.chat(YOU), timeout=0.05)


@needs_the_description
def test_our_own_table_says_what_the_published_description_says() -> None:
    own, published = described(None), described(SHARED)
    for method, fields in own.methods.items():
        assert fields == published.methods[method], method
    for kind, fields in own.types.items():
        assert fields == published.types[kind], kind
    for union, parts in own.unions.items():
        assert parts == published.unions[union]
    types = json.loads(PUBLISHED.read_text(encoding="utf-8"))["types"]
    (about,) = (f["description"] for f in types["ReactionTypeEmoji"]["fields"] if f["name"] == "emoji")
    assert frozenset(about.split('"')[1::2]) == EMOJI


@given(st.text(alphabet=st.sampled_from("ab_*`[]()#> |-\n~.é📦\u200d1\ud800"), max_size=200), st.integers(20, 60))
def test_what_our_converter_makes_is_never_refused(markdown: str, limit: int) -> None:
    for part in split(convert(f"[x](https://e.com/) {markdown}"), limit):
        more = ("url", "language")
        entities = [
            {"type": e.kind, "offset": e.offset, "length": e.length}
            | {name: value for name in more if (value := getattr(e, name))}
            for e in part.entities
        ]
        assert checked(part.text, entities, limit) == Text(part.text, tuple(entities))
