"""What a chat's turns look like to whoever reads them again and again, while it and others add to them."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from core.conversation import Message, Turn
from core.errors import Fenced
from core.records import Claim
from core.store.codec import read_turn
from core.store.history import HISTORY, History
from core.store.sql import SqlStore
from tests.core.store.fleet import AT, Fleet, address, answer, arrival, message
from tests.core.store.turns import append


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The body of every turn that is decoded from now on."""
    seen: list[str] = []

    def counting(kind: str, body: str) -> Turn:
        seen.append(body)
        return read_turn(kind, body)

    monkeypatch.setattr("core.store.history.read_turn", counting)
    return seen


async def heard(store: SqlStore, chat: str = "1") -> list[str]:
    return [turn.text for turn in (await store.load(address(chat))).turns if isinstance(turn, Message)]


async def add(store: SqlStore, *numbers: int, chat: str = "1") -> None:
    for number in numbers:
        await append(store, address(chat), message(number, chat, f"{number}"))


async def test_every_turn_is_decoded_once_however_often_its_chat_is_read(store: SqlStore, decoded: list[str]) -> None:
    for number in range(1, 8):
        await add(store, number)
        assert await heard(store) == [str(n) for n in range(1, number + 1)]
        assert await heard(store) == [str(n) for n in range(1, number + 1)]
    assert len(decoded) == 7


async def test_what_another_process_added_is_read_after_what_was_known(store: SqlStore, other: SqlStore) -> None:
    for number in range(1, 20, 3):
        await add(store, number)
        assert (await heard(store))[-1] == str(number)
        await add(other, number + 1, number + 2)
    assert await heard(store) == await heard(other) == [str(n) for n in range(1, 22)]


async def test_nothing_but_the_newest_turns_is_read_by_a_reader_that_knows_the_oldest_or_none(
    store: SqlStore, other: SqlStore
) -> None:
    await add(store, 1, 2)
    assert await heard(store) == ["1", "2"]
    await add(store, *range(3, HISTORY + 6))
    newest = [str(n) for n in range(6, HISTORY + 6)]
    assert await heard(store) == await heard(other) == newest
    await add(store, HISTORY + 6)
    assert await heard(store) == await heard(other) == [*newest[1:], str(HISTORY + 6)]


async def test_a_store_put_back_from_a_backup_is_read_as_it_is_now(fleet: Fleet, store: SqlStore) -> None:
    await add(store, 1, 2, 3)
    assert await heard(store) == ["1", "2", "3"]
    await fleet.sql("DELETE FROM turn WHERE number > 0")
    await fleet.sql("UPDATE conversation SET turns = 1")
    assert await heard(store) == ["1"]
    await add(store, 8, 9, 10)
    assert await heard(store) == ["1", "8", "9", "10"]
    await fleet.sql("DELETE FROM turn")
    await fleet.sql("UPDATE conversation SET turns = 0")
    assert await heard(store) == []


async def test_another_past_of_the_same_length_is_noticed(fleet: Fleet, store: SqlStore) -> None:
    await add(store, 1, 2)
    assert await heard(store) == ["1", "2"]
    await fleet.sql("DELETE FROM turn")
    await fleet.sql("UPDATE conversation SET turns = 0")
    await add(store, 3, 4, 5)
    assert await heard(store) == ["3", "4", "5"]


async def test_the_chats_read_last_stay_in_memory_and_the_others_are_read_again(
    store: SqlStore, decoded: list[str]
) -> None:
    store._history = History(most=5)
    for chat in "abc":
        await add(store, 1, 2, chat=chat)
    for chat in "abab":
        assert await heard(store, chat) == ["1", "2"]
    assert len(decoded) == 4
    assert await heard(store, "c") == ["1", "2"]
    assert await heard(store, "b") == ["1", "2"]
    assert len(decoded) == 6
    assert await heard(store, "a") == ["1", "2"]
    assert len(decoded) == 8


async def test_one_settlement_of_a_group_that_is_refused_adds_nothing_and_the_others_add_theirs_once(
    store: SqlStore,
) -> None:
    chats = [str(number) for number in range(1, 30)]
    await store.admit(arrival(message(1, "refused")), room=False)
    refused = store.settle(answer(message(1, "refused")), Claim(address("refused"), 7, 1))
    settled = [store.settle(answer(message(1, chat))) for chat in chats]
    outcomes = await asyncio.gather(*settled[:9], refused, *settled[9:], return_exceptions=True)
    assert [type(outcome) for outcome in outcomes if isinstance(outcome, Exception)] == [Fenced]
    assert await heard(store, "refused") == []
    for chat in chats:
        assert len(await heard(store, chat)) == 1
    assert len(await store.entries(AT - timedelta(1), AT + timedelta(1))) == len(chats)


async def test_a_turn_whose_row_says_nothing_is_left_out(fleet: Fleet, store: SqlStore) -> None:
    await add(store, 1, 2, 3)
    await fleet.sql("UPDATE turn SET body = '{' WHERE number = 1")
    assert await heard(store) == ["1", "3"]
    await add(store, 4)
    assert await heard(store) == ["1", "3", "4"]
