"""What the statements of the version before do to the newest schema: docs/decisions/0014-rolling-upgrades.md.

They are those of schema 0002, written out; from 0003 on a release adds here what the one before it did.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, text

from core.conversation import Message
from core.store.codec import MESSAGE
from core.store.codec import text as as_text
from core.store.plain import micros
from core.store.sql import SqlStore
from tests.core.store.fleet import CHANNELS, Fleet, address, answer, arrival, message, waits

ONE, TWO, THREE = (message(n) for n in (1, 2, 3))
NEXT = (
    "INSERT INTO conversation (conv, tail, head, epoch, turns, replies, holder, last_at)"
    " VALUES (:conv, 1, 0, 0, 0, 0, 'bot', :at) ON CONFLICT (conv) DO UPDATE SET tail = conversation.tail + 1"
    " RETURNING tail"
)
ARRIVE = (
    "INSERT INTO inbox (conv, source_key, seq, state, at, raw, message_id, message, problem)"
    " VALUES (:conv, :key, :seq, 'accepted', :at, '{}', :id, :message, '') ON CONFLICT DO NOTHING"
)
PLAN = "INSERT INTO reply (conv, key, state, at, plan) VALUES (:conv, :key, 'planned', 1, :plan) ON CONFLICT DO NOTHING"
PART = (
    "INSERT INTO reply_part (conv, reply, number, text, state, sent_as, fees)"
    " VALUES (:conv, :key, 0, 'Soon.', 'planned', '', '[]')"
)
DONE = "UPDATE inbox SET state = 'settled', reply = :key WHERE conv = :conv AND message_id = :id AND state = 'accepted'"
CLAIM = (
    "INSERT INTO reply (conv, key, state, at, plan) VALUES (:conv, :key, 'settled', 1, NULL)"
    " ON CONFLICT (conv, key) DO UPDATE SET state = 'settled', plan = NULL WHERE reply.state <> 'settled' RETURNING key"
)
GROW = (
    "UPDATE conversation SET turns = turns + 2, replies = replies + 1, head = head + :heads"
    " WHERE conv = :conv RETURNING turns"
)


async def admit(store: SqlStore, written: Message) -> None:
    """As 0002 admits a message."""

    def work(c: Connection) -> None:
        row = {"conv": str(written.address), "at": micros(written.at)}
        seq = c.execute(text(NEXT), row).scalar_one()
        row |= {"key": arrival(written).key, "id": written.id, "message": as_text(MESSAGE, written), "seq": seq}
        c.execute(text(ARRIVE), row)

    await store._database.write(work, str(written.address))


async def settle(store: SqlStore, messages: Sequence[Message]) -> bool:
    """As 0002 settles a burst: nobody is asked whose chat it is, and `head` counts what the settlement names."""

    def work(c: Connection) -> bool:
        row: dict[str, Any] = {"conv": str(messages[0].address), "key": messages[0].id}
        for each in messages:
            c.execute(text(DONE), row | {"id": each.id})
        if c.execute(text(CLAIM), row).first() is None:
            return False
        c.execute(text(GROW), row | {"heads": len(messages)})
        return True

    return await store._database.write(work, str(messages[0].address))


async def test_the_statements_of_the_version_before_work_on_the_newest_schema(fleet: Fleet, store: SqlStore) -> None:
    await admit(store, ONE)
    await admit(store, TWO)
    await fleet.sql(PLAN, conv="telegram:1", key="1", plan="{}")
    await fleet.sql(PART, conv="telegram:1", key="1")
    assert await settle(store, [ONE])
    assert not await settle(store, [ONE])
    assert await fleet.is_exact()
    assert await waits(store) == ["2"]
    assert (await store.load(address())).holder == "bot"


async def test_what_the_version_before_admits_the_new_one_finds_by_looking(fleet: Fleet, store: SqlStore) -> None:
    await admit(store, ONE)
    (claim,) = await store.claim(9, CHANNELS)
    await admit(store, TWO)
    assert not (await store.settle(answer(ONE), claim)).released
    assert (await store.settle(answer(TWO), claim)).released
    assert await fleet.is_exact()


async def test_the_version_before_settles_what_another_process_answers(fleet: Fleet, store: SqlStore) -> None:
    claim = (await store.admit(arrival(ONE))).claim
    assert claim is not None
    assert await settle(store, [ONE])  # no fence: both have answered the customer
    assert (await fleet.row())["owner"] == store.owner
    settled = await store.settle(answer(ONE), claim)
    assert len((await store.load(address())).turns) == 0
    assert settled.released == ((await fleet.row())["owner"] != store.owner)


async def test_the_version_before_can_count_a_chat_done_in_which_something_waits(fleet: Fleet, store: SqlStore) -> None:
    await store.admit(arrival(ONE), room=False)
    await store.admit(arrival(TWO), room=False)
    claim = (await store.claim(9, CHANNELS))[0]
    await store.settle(answer(ONE, key="other"), claim)
    await settle(store, [ONE])
    row = await fleet.row()
    assert (row["head"], row["tail"]) == (2, 2)
    assert await waits(store) == ["2"]
    await fleet.pass_time()
    assert await store.claim(9, CHANNELS) == []  # so these two must never run at once
