"""Long polling: what is committed, when the offset moves, and what the channel itself does about an update."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from channels.telegram.channel import Manners, TelegramChannel
from channels.telegram.client import Place, WrongToken
from channels.telegram.intake import Door
from core.conversation import Address, Arrival
from core.fleet import Lone

if TYPE_CHECKING:
    from tests.channels.telegram.conftest import RecordingInbox, RecordingOutbox, ScriptedClient

POLLING = Door("", "", "")
WEBHOOK = Door("https://bot.example.com", "/telegram/somewhere", "a-secret")
PRIVATE = Address("telegram", "42")
WHO = {"id": 42, "is_bot": False, "first_name": "Customer"}
CHAT = {"id": 42, "type": "private"}
ANSWER = "Your parcel left our warehouse this morning. It will reach you on Friday, before five in the afternoon."


def said(number: int, text: Any = "hello") -> dict[str, Any]:
    message = {"message_id": number, "date": 1790000000, "text": text, "from": WHO, "chat": CHAT}
    return {"update_id": number, "message": message}


@asynccontextmanager
async def listening(channel: TelegramChannel, inbox: RecordingInbox) -> AsyncIterator[None]:
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(channel.run(inbox))
        yield
        task.cancel()


class Noticing(Lone):
    """Tells when something was well."""

    def __init__(self) -> None:
        super().__init__()
        self.told = asyncio.Event()

    async def passed(self, name: str, at: datetime) -> datetime | None:
        self.told.set()
        return await super().passed(name, at)


@pytest.fixture
def channel(client: ScriptedClient) -> TelegramChannel:
    return TelegramChannel(client, POLLING, Manners())


async def test_trap_01_a_store_that_fails_twice_is_asked_again_from_the_same_offset_and_hears_once(
    channel: TelegramChannel, client: ScriptedClient, inbox: RecordingInbox
) -> None:
    client.pending, inbox.failures = [said(7)], 2
    async with listening(channel, inbox):
        await client.settle(lambda: len(client.offsets) == 1)
        began = time.monotonic()
        await client.settle(lambda: len(client.offsets) == 2)
        assert time.monotonic() - began >= 0.6
        await client.settle(lambda: client.offsets[-1:] == [8])
    assert client.offsets == [0, 0, 0, 8]
    assert inbox.attempts == ["tg:99:7"] * 3


async def test_trap_02_a_batch_of_three_whose_second_does_not_parse_keeps_three_and_hears_two(
    channel: TelegramChannel, client: ScriptedClient, inbox: RecordingInbox
) -> None:
    client.pending = [said(1, "one"), said(2, ["not", "a", "text"]), said(3, "three")]
    async with listening(channel, inbox):
        await client.settle(lambda: client.offsets[-1:] == [4])
    assert [message.text for message in inbox.messages] == ["one", "three"]
    assert [bool(arrival.problem) for arrival in inbox.arrivals.values()] == [False, True, False]


async def test_updates_reach_the_inbox_in_their_order(
    channel: TelegramChannel, client: ScriptedClient, inbox: RecordingInbox
) -> None:
    client.pending = [said(number) for number in range(1, 101)]
    async with listening(channel, inbox):
        await client.settle(lambda: client.offsets[-1:] == [101])
    assert [message.id for message in inbox.messages] == [str(number) for number in range(1, 101)]


async def test_one_update_of_a_batch_that_is_not_committed_keeps_the_offset_where_it_is(
    channel: TelegramChannel, client: ScriptedClient, inbox: RecordingInbox
) -> None:
    client.pending, inbox.failures = [said(1), said(2), said(3)], 1
    async with listening(channel, inbox):
        await client.settle(lambda: client.offsets[-1:] == [4])
    assert client.offsets == [0, 0, 4]
    assert [message.id for message in inbox.messages] == ["2", "3", "1"]


async def test_an_inbox_that_breaks_in_any_other_way_confirms_nothing_either(
    channel: TelegramChannel, client: ScriptedClient, inbox: RecordingInbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    accept, broken = inbox.accept, [LookupError("a fault of ours")]

    async def breaks(arrival: Arrival) -> bool:
        if broken:
            raise broken.pop()
        return await accept(arrival)

    monkeypatch.setattr(inbox, "accept", breaks)
    client.pending = [said(1)]
    async with listening(channel, inbox):
        await client.settle(lambda: client.offsets[-1:] == [2])
    assert client.offsets == [0, 0, 2]
    assert len(inbox.messages) == 1


@pytest.mark.parametrize(
    ("door", "hours", "gaps"), [(POLLING, 23.9, 0), (POLLING, 24.1, 1), (WEBHOOK, 24.1, 1), (POLLING, 0, 0)]
)
async def test_an_absence_longer_than_telegram_keeps_messages_is_told_once(
    client: ScriptedClient, inbox: RecordingInbox, caplog: pytest.LogCaptureFixture, door: Door, hours: float, gaps: int
) -> None:
    fleet = inbox.fleet = Noticing()
    if hours:
        fleet.well["telegram:99:reached"] = datetime.now(UTC) - timedelta(hours=hours)
    for expected in (gaps, 0):
        channel = TelegramChannel(client, door, Manners())
        client.pending = [said(1)]
        async with listening(channel, inbox), asyncio.timeout(10):
            await fleet.told.wait()
            fleet.told.clear()
        assert channel.counts()["gaps"] == expected
    assert [record.levelname for record in caplog.records if "may be lost" in record.message] == ["ERROR"] * gaps


async def test_a_wrong_token_ends_the_channel_with_words_for_an_operator(
    channel: TelegramChannel, client: ScriptedClient, inbox: RecordingInbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def unknown() -> None:
        raise WrongToken("Telegram does not know this token")

    monkeypatch.setattr(client, "get_me", unknown)
    with pytest.raises(WrongToken):
        await channel.run(inbox)


async def stopped_after(
    channel: TelegramChannel, client: ScriptedClient, inbox: RecordingInbox, outbox: RecordingOutbox, shown: str
) -> tuple[str, float]:
    """An answer of which `shown` was seen when the customer pressed Stop: what stands, and seconds to the end."""
    stop, pressed = asyncio.Event(), 0.0
    inbox.on_stop = lambda _address: stop.set()

    async def text() -> AsyncIterator[str]:
        nonlocal pressed
        yield shown
        await client.settle(lambda: bool(client.drafts))
        pressed = time.monotonic()
        press = {"chat": CHAT, "draft_id": client.drafts[-1][0]}
        await channel._intake._take([{"update_id": 9, "stopped_message_generation": press}])
        await stop.wait()

    async with listening(channel, inbox):
        await client.settle(lambda: bool(client.offsets))
        stands = await channel.deliver(PRIVATE, text(), outbox)
        return stands, time.monotonic() - pressed


async def test_trap_03_stop_ends_the_answer_within_200_ms_and_what_was_shown_is_kept(
    channel: TelegramChannel, client: ScriptedClient, inbox: RecordingInbox, outbox: RecordingOutbox
) -> None:
    stands, seconds = await stopped_after(channel, client, inbox, outbox, "Your parcel")
    assert (stands, [rich.text for rich in client.chat.values()]) == ("Your parcel", ["Your parcel"])
    assert seconds < 0.2
    assert inbox.stopped == [PRIVATE]
    assert inbox.messages == []


async def test_trap_03_what_was_shown_is_dropped_where_that_is_configured(
    client: ScriptedClient, inbox: RecordingInbox, outbox: RecordingOutbox
) -> None:
    channel = TelegramChannel(client, POLLING, Manners(drop_stopped=True))
    stands, _ = await stopped_after(channel, client, inbox, outbox, "Your parcel")
    assert (stands, client.chat, outbox.planned) == ("", {}, 0)


async def test_a_late_stop_of_an_earlier_answer_does_not_end_this_one(
    channel: TelegramChannel, client: ScriptedClient, inbox: RecordingInbox, outbox: RecordingOutbox
) -> None:
    async def text() -> AsyncIterator[str]:
        yield ANSWER
        await client.settle(lambda: bool(client.drafts))
        press = {"chat": CHAT, "draft_id": client.drafts[-1][0] ^ 1}
        await channel._intake._take([{"update_id": 9, "stopped_message_generation": press}])

    async with listening(channel, inbox):
        await client.settle(lambda: bool(client.offsets))
        assert await channel.deliver(PRIVATE, text(), outbox) == ANSWER
    assert inbox.stopped == []


async def test_trap_13_after_a_group_has_moved_answers_go_to_its_new_number(
    channel: TelegramChannel, client: ScriptedClient, inbox: RecordingInbox, outbox: RecordingOutbox
) -> None:
    moved = said(3, None)
    moved["message"] = {**moved["message"], "chat": {"id": -5, "type": "group"}, "migrate_to_chat_id": -1005}
    client.pending = [moved]

    async def text() -> AsyncIterator[str]:
        yield ANSWER

    async with listening(channel, inbox):
        await client.settle(lambda: client.offsets[-1:] == [4])
        await channel.deliver(Address("telegram", "-5"), text(), outbox)
    assert {place for _, place, _ in client.calls} == {Place(-1005)}


async def test_a_card_is_posted_with_its_buttons_and_named(channel: TelegramChannel, client: ScriptedClient) -> None:
    assert await channel.post(Address("telegram", "-7:2"), "**A customer waits**", []) == "1"
    assert client.calls == [("send", Place(-7, 2), "A customer waits")]
