"""The room by itself: what is kept, claimed, released and forgotten, and in which order."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from channels.telegram.join import build
from channels.telegram.join.room import WaitingRoom, last_number
from channels.telegram.updates import Heard
from core.errors import StoreError
from core.plugins import PluginError

if TYPE_CHECKING:
    from tests.channels.telegram.conftest import RecordingInbox, ScriptedClient
    from tests.channels.telegram.join.conftest import FaultyFile

CHAT = {"id": 7, "type": "private", "first_name": "Customer"}
PERSON = {"id": 7, "is_bot": False, "first_name": "Customer"}


def says(number: int, text: str = "hello") -> dict[str, Any]:
    body = {"message_id": number, "date": 1790000000, "chat": CHAT, "from": PERSON, "text": text}
    return {"update_id": number, "message": body}


def as_it_is(raw: Any) -> Any:
    return raw


def only_messages(raw: Any) -> Any:
    return raw["message"]["text"]


@pytest.fixture
async def file(faulty: type[FaultyFile], tmp_path: Path) -> AsyncIterator[FaultyFile]:
    file = faulty(tmp_path / "waiting.db")
    yield file
    await file.aclose()


@pytest.fixture
def heard() -> list[Heard]:
    return []


@pytest.fixture
def room(client: ScriptedClient, file: FaultyFile, heard: list[Heard]) -> WaitingRoom:
    async def react(one: Heard, _new: bool) -> None:
        heard.append(one)

    return WaitingRoom(client, react, file, 99, ["-1001"])


@asynccontextmanager
async def at_work(room: WaitingRoom, inbox: RecordingInbox) -> AsyncIterator[None]:
    task = asyncio.create_task(room.run(inbox))
    yield
    async with asyncio.timeout(10):
        await room.quiet()
    task.cancel()
    await asyncio.wait({task})


async def test_nothing_is_given_to_the_host_that_is_not_committed(room: WaitingRoom, file: FaultyFile) -> None:
    file.failures = 1
    with pytest.raises(StoreError):
        await room.keep([says(5), says(6)], as_it_is)
    assert not room.holds(5)
    assert await file.kept(99) == {}
    assert [raw["update_id"] for raw, _ in await room.keep([says(5), says(6)], as_it_is)] == [5, 6]
    assert list(await file.kept(99)) == [5, 6]


async def test_a_claimed_update_stays_in_the_file_until_the_inbox_has_it(
    room: WaitingRoom, file: FaultyFile, inbox: RecordingInbox
) -> None:
    await room.keep([says(5), says(6)], as_it_is)
    assert await room.claim(5, True)
    assert not room.holds(5)
    room.release(6)
    assert list(await file.kept(99)) == [5, 6]
    inbox.failures = 1
    async with at_work(room, inbox):
        pass
    assert list(inbox.arrivals) == ["tg:99:5"]
    assert await file.kept(99) == {}


async def test_an_update_brought_twice_at_once_is_claimed_once_and_never_the_hosts(room: WaitingRoom) -> None:
    await room.keep([says(5)], as_it_is)
    assert [await room.claim(5, True), await room.claim(5, False)] == [True, True]
    assert len(room._claimed) == 1


async def test_a_claimed_update_that_never_reached_the_inbox_comes_again(
    room: WaitingRoom, file: FaultyFile, client: ScriptedClient, inbox: RecordingInbox
) -> None:
    inbox.failures = 1_000_000
    await room.keep([says(5)], as_it_is)
    await room.claim(5, True)
    task = asyncio.create_task(room.run(inbox))
    await asyncio.wait({task}, timeout=0.1)
    task.cancel()
    await asyncio.wait({task})
    assert inbox.attempts
    again = WaitingRoom(client, room._react, file, 99, [])
    assert [raw for raw, _ in await again.left(as_it_is)] == [says(5)]


async def test_claimed_messages_reach_the_inbox_in_the_order_they_came_in(
    room: WaitingRoom, inbox: RecordingInbox
) -> None:
    batch = [says(number, f"question {number}") for number in range(1, 251)]
    await room.keep(batch, as_it_is)
    for update in batch:
        await room.claim(update["update_id"], True)
    async with at_work(room, inbox):
        pass
    assert [message.text for message in inbox.messages] == [f"question {number}" for number in range(1, 251)]


async def test_what_could_not_be_forgotten_is_forgotten_later(
    room: WaitingRoom, file: FaultyFile, inbox: RecordingInbox
) -> None:
    file.forgetting_fails = True
    await room.keep([says(5)], as_it_is)
    room.release(5)
    task = asyncio.create_task(room.run(inbox))
    await asyncio.wait({task}, timeout=0.1)
    assert list(await file.kept(99)) == [5]
    file.forgetting_fails = False
    async with asyncio.timeout(10):
        await room.quiet()
    assert await file.kept(99) == {}
    task.cancel()
    await asyncio.wait({task})


async def test_decisions_made_just_before_the_end_are_written_down(
    room: WaitingRoom, file: FaultyFile, inbox: RecordingInbox
) -> None:
    async with at_work(room, inbox):
        await room.keep([says(5)], as_it_is)
    task = asyncio.create_task(room.run(inbox))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    room.release(5)
    task.cancel()
    await asyncio.wait({task})
    assert await file.kept(99) == {}


@pytest.mark.parametrize(
    "unreadable", ["text", None, 5, {}, {"update_id": 8}, {"update_id": True}, {"update_id": 2**70}]
)
async def test_what_the_host_cannot_read_is_kept_for_people_and_goes_to_nobody(
    unreadable: Any, room: WaitingRoom, file: FaultyFile, inbox: RecordingInbox
) -> None:
    given = await room.keep([says(5), unreadable, says(6)], only_messages)
    assert [made for _, made in given] == ["hello", "hello"]
    assert len(await file.kept(99)) == 3
    async with at_work(room, inbox):
        pass
    assert [bool(arrival.problem) for arrival in inbox.arrivals.values()] == [True]
    assert sorted(await file.kept(99)) == [5, 6]


async def test_what_we_could_read_but_the_host_could_not_is_not_answered(
    room: WaitingRoom, inbox: RecordingInbox
) -> None:
    def refuses(_raw: Any) -> Any:
        raise KeyError("date")

    assert await room.keep([says(5)], refuses) == []
    async with at_work(room, inbox):
        pass
    assert inbox.arrivals["tg:99:5"].message is None
    assert "library" in inbox.arrivals["tg:99:5"].problem


@pytest.mark.parametrize(
    "body",
    [
        {"stopped_message_generation": {"chat": CHAT, "draft_id": 5}},
        {"message": {"message_id": 5, "date": 1, "chat": {"id": -7, "type": "group"}, "migrate_to_chat_id": -1007}},
    ],
)
async def test_stops_and_moved_groups_are_heard_by_both_sides(
    body: dict[str, Any], room: WaitingRoom, heard: list[Heard]
) -> None:
    await room.keep([{"update_id": 5, **body}], as_it_is)
    assert not await room.claim(5, True)
    assert room.holds(5)
    assert len(heard) == 1
    assert heard[0].stop or heard[0].moved


async def test_in_the_operators_chat_only_what_is_said_to_the_bot_is_heard_but_nothing_is_the_hosts(
    room: WaitingRoom, inbox: RecordingInbox
) -> None:
    chat = {"id": -1001, "type": "supergroup", "title": "Operators"}
    batch = [says(5, "lunch?"), says(6, "@shop_bot done")]
    for update in batch:
        update["message"]["chat"] = chat
    await room.keep(batch, as_it_is)
    assert [await room.claim(5, False), await room.claim(6, False)] == [True, True]
    async with at_work(room, inbox):
        pass
    assert [message.text for message in inbox.messages] == ["done"]


async def test_an_update_that_came_again_after_a_crash_is_not_kept_a_second_time(
    room: WaitingRoom, file: FaultyFile, inbox: RecordingInbox
) -> None:
    await file.keep(99, {5: '{"update_id": 5}'})
    async with at_work(room, inbox):
        assert len(await room.left(as_it_is)) == 1
        room.release(5)
    file.failures = 1
    with pytest.raises(StoreError):
        await room.keep([{"update_id": 5}, says(6)], as_it_is)
    given = await room.keep([{"update_id": 5}, says(6)], as_it_is)
    assert [raw["update_id"] for raw, _ in given] == [6]
    assert list(await file.kept(99)) == [6]
    assert [raw["update_id"] for raw, _ in await room.keep([{"update_id": 5}], as_it_is)] == [5]


def test_the_last_number_is_that_of_the_last_update_that_has_one() -> None:
    assert last_number([says(5), says(6), "text", {"update_id": "7"}]) == 6
    assert last_number(["text"]) is None


async def test_a_channel_is_built_from_a_token_and_knows_its_own_chats(tmp_path: Path) -> None:
    channel = build(token="99:TEST", waiting=tmp_path / "waiting.db", own=["7"])
    await channel.room.keep([says(5)], as_it_is)
    assert await channel.room.claim(5, False)
    channel.check(99)
    with pytest.raises(ValueError, match="another"):
        channel.check(98)
    await channel.aclose()


@pytest.mark.parametrize("options", [{"token": "no token"}, {"token": "99:TEST", "stopped": "sometimes"}])
def test_an_option_that_does_not_fit_is_named(options: dict[str, str], tmp_path: Path) -> None:
    with pytest.raises(PluginError):
        build(**options, waiting=tmp_path / "waiting.db")
