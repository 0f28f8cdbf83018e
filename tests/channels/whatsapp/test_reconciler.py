"""What Twilio has and no webhook brought: found after every gap, admitted once, answered however old it is."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from channels.whatsapp.client import PAGE
from channels.whatsapp.line import LISTED, Rounds
from channels.whatsapp.testing import FakeTwilio, Message
from channels.whatsapp.testing.world import new_sid
from core.conversation import Address, Conversation, Customer, MessageKind
from core.conversation import Message as Heard
from core.fleet import Lone
from tests.channels.whatsapp.conftest import CHAT, QUICK, RecordingInbox, until

OFTEN = replace(QUICK, rounds=Rounds(every=0.05, young=timedelta(0)))
ONCE = replace(QUICK, rounds=Rounds(every=3600, young=timedelta(0)))
OTHER = "+4587654321"


async def rounds(bot: Any, more: int = 2) -> None:
    """So many rounds from now on, the first of which may be under way already."""
    before = bot.count(LISTED)
    await until(lambda: bot.count(LISTED) >= before + more)


def texts(bot: Any) -> list[str]:
    return [message.text for message in bot.inbox.messages]


@pytest.fixture
async def often(start: Any) -> Any:
    return await start(OFTEN)


async def test_a_message_whose_webhook_is_lost_is_found_and_admitted_once(often: Any) -> None:
    often.twilio.webhook_lost = True
    sid = await often.twilio.says(CHAT, "where is my parcel?")
    await until(lambda: often.inbox.messages)
    await rounds(often)
    heard = often.inbox.messages[0]
    assert (heard.id, heard.text, heard.address) == (sid, "where is my parcel?", Address("whatsapp", CHAT))
    assert list(often.inbox.arrivals) == [f"tw:{often.twilio.account}:{sid}"]
    assert often.count("reconciled") == 1


async def test_a_message_that_came_by_webhook_is_the_same_one_in_the_list(start: Any) -> None:
    bot = await start(ONCE)
    await bot.twilio.says(CHAT, "where is my parcel?", name="Kim")
    for _ in range(2):
        bot.channel._reconciler.missed()
        await rounds(bot, 1)
    assert texts(bot) == ["where is my parcel?"]
    assert bot.inbox.messages[0].customer.name == "Kim"
    assert bot.inbox.offered == [*bot.inbox.arrivals] * 2, "once by the webhook and once by the list, under one key"
    assert bot.count("reconciled") == 0


async def test_a_webhook_that_is_late_changes_nothing_of_what_was_listed(often: Any) -> None:
    often.twilio.webhook_lost = True
    sid = await often.twilio.says(CHAT, "where is my parcel?")
    await until(lambda: often.inbox.messages)
    often.twilio.webhook_lost = False
    await often.twilio.says(CHAT, "where is my parcel?", MessageSid=sid)
    assert len(often.inbox.arrivals) == 1
    assert often.twilio.deliveries[-1].status == 200


async def test_a_webhook_under_way_while_the_list_has_the_message_has_one_effect(often: Any) -> None:
    going, accept = asyncio.Event(), often.inbox.accept
    held: list[str] = []

    async def slow(arrival: Any) -> bool:
        if not held:
            held.append(arrival.key)
            await going.wait()
        return bool(await accept(arrival))

    often.inbox.accept = slow
    writing = asyncio.create_task(often.twilio.says(CHAT, "hello"))
    await until(lambda: held)
    await rounds(often)
    assert texts(often) == ["hello"]
    going.set()
    await writing
    assert list(often.inbox.arrivals) == held
    assert often.count("reconciled") == 1


async def test_a_start_finds_what_came_while_nobody_listened_in_the_order_it_was_written(start: Any) -> None:
    first = await start(ONCE)
    now = first.twilio.world.clock()
    for n, hours in enumerate((70, 25, 3)):
        put(first.twilio, f"message {n}", now - timedelta(hours=hours))
    again = await start(ONCE, twilio=first.twilio)
    assert texts(again) == ["message 0", "message 1", "message 2"]
    assert [now - message.at > timedelta(hours=2) for message in again.inbox.messages] == [True] * 3
    assert first.count("reconciled") == 0, "the other one listed before"


async def test_what_is_older_than_the_first_look_back_stays_where_it_is(start: Any) -> None:
    first = await start(ONCE)
    put(first.twilio, "long ago", first.twilio.world.clock() - timedelta(hours=73))
    again = await start(ONCE, twilio=first.twilio)
    assert again.inbox.messages == []


async def test_after_a_start_nothing_that_was_settled_comes_again(start: Any) -> None:
    first = await start(ONCE)
    await first.twilio.says(CHAT, "where is my parcel?")
    again = await start(ONCE, twilio=first.twilio, inbox=first.inbox)
    assert first.inbox.offered == [*first.inbox.arrivals] * 2
    assert (texts(again), again.count("reconciled")) == (["where is my parcel?"], 0)


async def test_a_message_somebody_else_answered_on_this_number_is_not_answered_again(start: Any) -> None:
    first = await start(ONCE)
    now = first.twilio.world.clock()
    put(first.twilio, "answered by another program", now - timedelta(hours=2))
    put(first.twilio, "its answer", now - timedelta(hours=1), inbound=False)
    put(first.twilio, "not answered", now - timedelta(minutes=30))
    put(first.twilio, "of somebody else", now - timedelta(hours=2), chat=OTHER)
    again = await start(ONCE, twilio=first.twilio)
    assert texts(again) == ["of somebody else", "not answered"]
    assert (again.count("left_to_others"), again.count("reconciled")) == (1, 2)


async def test_a_lost_message_is_admitted_though_we_wrote_to_its_customer_since(start: Any) -> None:
    first = await start(ONCE)
    now = first.twilio.world.clock()
    put(first.twilio, "lost", now - timedelta(hours=2))
    put(first.twilio, "our answer to what came after", now - timedelta(hours=1), inbound=False)
    inbox = RecordingInbox(conversation=conversation("what came after"))
    again = await start(ONCE, twilio=first.twilio, inbox=inbox)
    assert texts(again) == ["lost"]


async def test_a_message_of_a_store_that_was_away_too_long_is_found_soon_without_waiting_for_the_round(
    start: Any,
) -> None:
    bot = await start(ONCE)
    bot.twilio.world.webhook["callback_url"] = bot.twilio.world.webhook["callback_url"].partition("#")[0]
    bot.inbox.away = 1
    with pytest.raises(Exception, match="503"):
        await bot.twilio.says(CHAT, "where is my parcel?")
    await until(lambda: bot.inbox.messages)
    assert bot.count("reconciled") == 1


async def test_what_is_young_is_left_to_the_webhook(start: Any) -> None:
    bot = await start(replace(QUICK, rounds=Rounds(every=0.02)))
    bot.twilio.webhook_lost = True
    await bot.twilio.says(CHAT, "just now")
    await rounds(bot)
    assert bot.inbox.messages == []
    for message in bot.twilio.world.messages.values():
        message.created -= timedelta(seconds=31)
    await until(lambda: bot.inbox.messages)


async def test_a_list_that_cannot_be_reached_is_asked_again_from_where_it_was_complete(often: Any) -> None:
    often.twilio.list_away = True
    often.twilio.webhook_lost = True
    await often.twilio.says(CHAT, "where is my parcel?")
    await until(lambda: often.count("reconciler_failures") >= 2)
    assert often.inbox.messages == []
    often.twilio.list_away = False
    await until(lambda: often.inbox.messages)
    assert often.count("reconciled") == 1


async def test_a_store_that_is_away_during_a_round_loses_nothing(often: Any) -> None:
    often.twilio.webhook_lost = True
    often.inbox.away = 3
    for text in ("one", "two"):
        await often.twilio.says(CHAT, text)
    await until(lambda: len(often.inbox.messages) == 2)
    assert texts(often) == ["one", "two"]
    assert often.count("reconciler_failures") >= 1


async def test_a_round_that_breaks_does_not_end_the_listening(often: Any) -> None:
    async def broken(*_: Any) -> bool:
        raise ZeroDivisionError

    accept, often.inbox.accept = often.inbox.accept, broken
    often.twilio.webhook_lost = True
    await often.twilio.says(CHAT, "hello")
    await until(lambda: often.count("reconciler_failures") >= 1)
    often.inbox.accept = accept
    await until(lambda: often.inbox.messages)


async def test_a_file_of_a_listed_message_can_be_fetched(often: Any) -> None:
    often.twilio.webhook_lost = True
    await often.twilio.says(CHAT, "look", media=[(b"\xff\xd8picture", "image/jpeg")])
    await until(lambda: often.inbox.messages)
    attachment = often.inbox.messages[0].attachments[0]
    assert (attachment.kind, attachment.mime) == ("photo", "image/jpeg")
    assert (await often.channel.fetch(attachment)).content == b"\xff\xd8picture"


async def test_a_message_is_the_same_whether_brought_or_listed_where_the_list_tells_enough(start: Any) -> None:
    bot = await start(ONCE)
    await bot.twilio.says(CHAT, "Stop.", media=[(b"x", "audio/ogg")])
    brought = bot.inbox.messages[0]
    bot.inbox.arrivals.clear()
    bot.channel._reconciler.missed()
    await until(lambda: bot.inbox.messages)
    listed = bot.inbox.messages[0]
    assert listed == replace(brought, at=listed.at, customer=Customer(CHAT))
    assert abs(brought.at - listed.at) < timedelta(seconds=5)


async def test_a_file_list_that_fails_long_keeps_its_message_until_it_is_back(start: Any) -> None:
    first = await start(ONCE)
    put(first.twilio, "before the outage", first.twilio.world.clock() - timedelta(hours=5), files=1)
    first.twilio.fail_next("media", 500, times=2)
    again = await start(OFTEN, twilio=first.twilio)
    await until(lambda: again.inbox.messages)
    assert again.count("reconciler_failures") == 2


async def test_a_file_list_that_fails_keeps_its_message_for_the_next_round_and_no_other(often: Any) -> None:
    often.twilio.webhook_lost = True
    often.twilio.fail_next("media", 500)
    await often.twilio.says(CHAT, "look", media=[(b"x", "image/jpeg")])
    await often.twilio.says(OTHER, "hello")
    await until(lambda: len(often.inbox.messages) == 2)
    assert texts(often) == ["hello", "look"]


async def test_a_file_that_is_gone_from_twilio_does_not_hold_its_message_back(often: Any) -> None:
    often.twilio.webhook_lost = True
    often.twilio.fail_next("media", 404, 20404)
    await often.twilio.says(CHAT, "look", media=[(b"x", "image/jpeg")])
    await until(lambda: often.inbox.messages)
    assert [attachment.kind for attachment in often.inbox.messages[0].attachments] == ["other"]


async def test_a_place_the_list_does_not_show_is_still_something_that_came(often: Any) -> None:
    often.twilio.webhook_lost = True
    await often.twilio.says(CHAT, Latitude="55.6", Longitude="12.5")
    await until(lambda: often.inbox.messages)
    assert [attachment.kind for attachment in often.inbox.messages[0].attachments] == ["other"]


async def test_a_lost_stop_is_an_opt_out(often: Any) -> None:
    often.twilio.webhook_lost = True
    await often.twilio.says(CHAT, "STOP")
    await until(lambda: often.inbox.messages)
    assert often.inbox.messages[0].kind is MessageKind.OPT_OUT


async def test_a_listed_message_leads_to_the_chat_its_name_belongs_to(often: Any) -> None:
    await often.twilio.says("US.ABC123", "one", ExternalUserId=f"whatsapp:{CHAT}")
    often.twilio.webhook_lost = True
    await often.twilio.says(CHAT, "two")
    await until(lambda: len(often.inbox.messages) == 2)
    assert {message.address for message in often.inbox.messages} == {Address("whatsapp", "US.ABC123")}


async def test_a_long_list_is_read_page_by_page_and_only_as_far_as_needed(start: Any) -> None:
    bot = await start(ONCE)
    now = bot.twilio.world.clock()
    for n in range(2 * PAGE):
        put(bot.twilio, f"old {n}", now - timedelta(hours=1))
    for n in range(PAGE + 5):
        put(bot.twilio, f"message {n}", now - timedelta(minutes=5) + timedelta(seconds=n // 5))
    bot.channel._reconciler.missed()
    await rounds(bot, 1)
    assert texts(bot) == [f"message {n}" for n in range(PAGE + 5)]
    assert len(bot.twilio.calls("GET", "/Messages.json")) == 3, "the fourth page has nothing new either"


async def test_later_rounds_ask_for_the_time_since_the_last_one(often: Any) -> None:
    await rounds(often)
    since = datetime.now(UTC) - often.channel._reconciler._rounds.overlap
    put(often.twilio, "older than any round looks", since - timedelta(minutes=1))
    put(often.twilio, "within the overlap", since + timedelta(minutes=1))
    await until(lambda: often.inbox.messages)
    await rounds(often)
    assert texts(often) == ["within the overlap"]


async def test_rounds_are_made_in_one_process_of_the_fleet(start: Any) -> None:
    fleet = Taking()
    first = await start(OFTEN, inbox=RecordingInbox(fleet=fleet))
    fleet.free.clear()
    second = await start(OFTEN, twilio=first.twilio, inbox=first.inbox, waits=False)
    await until(lambda: len(fleet.asked) == 2)
    await rounds(first)
    assert second.count(LISTED) == 0
    account, number = first.twilio.account, first.twilio.number.removeprefix("whatsapp:")
    assert set(fleet.asked) == {f"whatsapp:{account}:{number}:reconciler"}
    fleet.free.set()
    await rounds(second)


class Taking(Lone):
    """A fleet in which a name waits until it is free."""

    def __init__(self) -> None:
        super().__init__()
        self.free = asyncio.Event()
        self.free.set()
        self.asked: list[str] = []

    @asynccontextmanager
    async def alone(self, name: str) -> Any:
        self.asked.append(name)
        await self.free.wait()
        yield


def put(twilio: FakeTwilio, text: str, at: datetime, *, inbound: bool = True, chat: str = CHAT, files: int = 0) -> None:
    """Twilio has had this message since then, and nobody was told."""
    ends: Mapping[bool, tuple[str, str]] = {
        True: (twilio.number, f"whatsapp:{chat}"),
        False: (f"whatsapp:{chat}", twilio.number),
    }
    to, sender = ends[inbound]
    status = "received" if inbound else "delivered"
    message = Message(new_sid("SM"), to, sender, text, at.replace(microsecond=0), inbound, status=status, sent_at=at)
    message.media = ("",) * files
    twilio.world.messages[message.sid] = message


def conversation(text: str) -> Conversation:
    chat = Address("whatsapp", CHAT)
    return Conversation(chat, (Heard("SM1", chat, text, datetime.now(UTC), Customer(CHAT)),))
