"""Rows of a newer firstline: processes of this one take messages in and leave the chats to those who can read them."""

from __future__ import annotations

import pytest

from core.store.leases import VERSION
from core.store.sql import SqlStore
from tests.core.store.fleet import CHANNELS, Fleet, address, answer, arrival, claimed, message, waits

ONE, TWO, THREE = (message(n) for n in (1, 2, 3))
NEWER = VERSION + 1


async def written_by_newer(fleet: Fleet, written: int) -> None:
    """As newer code would leave the message: a value of a shape nobody here knows."""
    await fleet.sql(
        "UPDATE inbox SET version = :newer, message = '{\"v2\": true}' WHERE message_id = :id",
        newer=NEWER,
        id=str(written),
    )
    await fleet.sql("UPDATE conversation SET version = :newer", newer=NEWER)


async def test_a_chat_with_newer_rows_is_never_claimed(fleet: Fleet, store: SqlStore) -> None:
    await store.admit(arrival(ONE), room=False)
    await written_by_newer(fleet, 1)
    assert await store.claim(9, CHANNELS) == []
    admitted = await store.admit(arrival(TWO))
    assert (admitted.new, admitted.claim) == (True, None)
    again = await store.admit(arrival(TWO))
    assert (again.new, again.claim) == (False, None)
    assert (await fleet.row())["owner"] is None
    assert (await fleet.row())["version"] == NEWER
    assert await fleet.is_exact()


async def test_a_dead_newer_process_s_chat_is_left_to_newer_ones(
    fleet: Fleet, store: SqlStore, other: SqlStore
) -> None:
    await claimed(other, ONE)
    await written_by_newer(fleet, 1)
    await fleet.pass_time()
    assert await store.claim(9, CHANNELS) == []
    assert (await store.admit(arrival(TWO))).claim is None


async def test_a_newer_message_that_joins_a_chat_of_ours_ends_what_is_ours_there(fleet: Fleet, store: SqlStore) -> None:
    claim = await claimed(store, ONE, TWO, THREE)
    await written_by_newer(fleet, 2)
    assert await waits(store) == ["1"]
    assert not (await store.settle(answer(ONE), claim)).released
    assert await waits(store) == []
    await store.release([claim], tried=False)
    assert await store.claim(9, CHANNELS) == []
    assert await fleet.is_exact()


async def test_nothing_is_answered_before_a_reply_newer_code_planned(fleet: Fleet, store: SqlStore) -> None:
    claim = await claimed(store, ONE, TWO)
    await store.plan(answer(ONE), ["Soon."], claim)
    await fleet.sql("UPDATE reply SET version = :newer, plan = '{}'", newer=NEWER)
    assert await waits(store) == []


@pytest.mark.parametrize("table", ["conversation", "inbox", "reply"])
async def test_rows_say_which_version_wrote_them(fleet: Fleet, store: SqlStore, table: str) -> None:
    claim = await claimed(store, ONE)
    await store.plan(answer(ONE), ["Soon."], claim)
    rows = await fleet.sql("SELECT version FROM " + table)  # noqa: S608
    assert [row.version for row in rows] == [VERSION]
    await store.settle(answer(ONE), claim)
    assert (await store.load(address())).turns != ()
