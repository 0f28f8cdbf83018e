"""Databases of every earlier schema, made by the migrations themselves, go on where they were; on both engines.

What processes of the version before may do meanwhile is in `test_rolling`.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, Inspector, inspect, text

from core.conversation import Message, MessageKind, Reply
from core.errors import StoreError
from core.records import Call, Entry, Outcome, PartState, Settlement
from core.store.codec import MESSAGE, SETTLEMENT
from core.store.codec import text as as_text
from core.store.migrate import NEWEST, engine_of, migrate
from core.store.migrations.run import upgrade
from core.store.plain import instant
from core.store.schema import metadata
from core.tiers import Money
from tests.core.store.fleet import AT, CHANNELS, Fleet, address, answer, arrival, message, waits

ALL = ["0001", "0002", "0003", "0004"]
OLD = ALL[:2]
"""Schemas whose counters the third step counts anew."""
SAID = Reply("A person here.", AT)
UNASKED = Settlement("desk-7", address("said"), (), Entry(AT, address("said"), (), Outcome.PERSON), reply=SAID)
NOBODY = replace(UNASKED, address=address("never wrote"), entry=replace(UNASKED.entry, address=address("never wrote")))
PLANNED = replace(answer(message(2, "planned")), key="2")


@dataclass(frozen=True, slots=True)
class Old:
    """A database to be brought up step by step."""

    url: str
    engine: Engine

    def run(self, statement: str, **values: object) -> list[Any]:
        with self.engine.begin() as connection:
            done = connection.execute(text(statement), values)
            return list(done.all()) if done.returns_rows else []


@pytest.fixture(params=["disk", "postgres"])
def old(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Old]:
    url = f"sqlite:///{tmp_path / 'old.db'}"
    if request.param == "postgres":
        url = request.getfixturevalue("database")
    engine = engine_of(url)(url)
    yield Old(url, engine)
    engine.dispose()


def insert(old: Old, table: str, **row: object) -> None:
    names = ", ".join(row)
    old.run(f"INSERT INTO {table} ({names}) VALUES ({', '.join(f':{name}' for name in row)})", **row)  # noqa: S608


def put_accepted(old: Old, written: Message, seq: int, state: str = "accepted") -> None:
    come = arrival(written)
    insert(
        old,
        "inbox",
        conv=str(written.address),
        source_key=come.key,
        seq=seq,
        state=state,
        at=1_772_452_800_000_000 + seq,
        raw="{}",
        message_id=written.id,
        message=as_text(MESSAGE, written),
        reply=None if state == "accepted" else written.id,
        problem="",
    )


def put_chat(old: Old, chat: str, **counts: int) -> None:
    blank = {"tail": 0, "head": 0, "epoch": 0, "turns": 0, "replies": 0, "last_at": 5} | counts
    insert(old, "conversation", conv=str(address(chat)), holder="bot", held_since=None, **blank)


def put_plan(old: Old, plan: Settlement, *texts: str) -> None:
    conv = str(plan.address)
    insert(old, "reply", conv=conv, key=plan.key, state="planned", at=7, plan=as_text(SETTLEMENT, plan))
    for number, body in enumerate(texts):
        state = {"state": "sent", "sent_as": "900"} if number == 0 else {"state": "planned", "sent_as": ""}
        insert(old, "reply_part", conv=conv, reply=plan.key, number=number, text=body, **state)


def put_life(old: Old) -> None:
    """A desk that died in the middle of everything: counters as that code left them, which is not exact."""
    put_chat(old, "waiting", tail=2, head=0)
    put_accepted(old, message(1, "waiting"), 1)
    put_accepted(old, message(2, "waiting"), 2)
    put_chat(old, "planned", tail=3, head=1, turns=2, replies=1)
    put_accepted(old, message(1, "planned"), 1, "settled")
    put_accepted(old, message(2, "planned"), 2)
    put_accepted(old, message(3, "planned"), 3)
    put_plan(old, PLANNED, "One.", "Two.")
    put_chat(old, "said", tail=1, head=1, turns=2, replies=1)
    put_accepted(old, message(1, "said"), 1, "settled")
    put_plan(old, UNASKED, SAID.text)
    put_plan(old, NOBODY, SAID.text)
    put_chat(old, "done", tail=1, head=3, turns=2, replies=1)
    put_accepted(old, message(1, "done"), 1, "settled")
    insert(
        old,
        "inbox",
        conv="",
        source_key="broken",
        seq=0,
        state="parked",
        at=0,
        raw="{",
        message_id=None,
        message=None,
        reply=None,
        problem="not JSON",
    )
    for chat in ("waiting", "done"):  # one key in two chats, as two bots could bring it before
        insert(
            old,
            "inbox",
            conv=str(address(chat)),
            source_key="twice",
            seq=9,
            state="settled",
            at=9,
            raw="{}",
            message_id="9",
            message=None,
            reply=None,
            problem="",
        )


@pytest.mark.parametrize("revision", OLD)
async def test_what_was_under_way_in_an_old_store_is_answered_and_nothing_else(old: Old, revision: str) -> None:
    upgrade(old.engine, revision)
    put_life(old)
    async with Fleet(old.url) as fleet:
        store = await fleet.start()
        claims = {claim.address.chat: claim for claim in await store.claim(99, CHANNELS)}
        assert set(claims) == {"waiting", "planned", "said", "never wrote"}
        (rest,) = await store.unsettled(address("waiting"))
        assert [m.id for m in rest.messages] == ["1", "2"]
        assert (await store.settle(answer(*rest.messages), claims["waiting"])).released
        planned, rest = await store.unsettled(address("planned"))
        assert planned.plan == PLANNED
        assert [(p.text, p.state) for p in planned.parts] == [("One.", PartState.SENT), ("Two.", PartState.PLANNED)]
        assert not (await store.settle(PLANNED, claims["planned"])).released
        assert (await store.settle(answer(*rest.messages), claims["planned"])).released
        for plan in (UNASKED, NOBODY):
            (said,) = await store.unsettled(plan.address)
            assert said.plan == plan
            assert [part.text for part in await store.plan(plan, ["other"], claims[plan.address.chat])] == [SAID.text]
            assert (await store.settle(plan, claims[plan.address.chat])).released
        assert await fleet.sql("SELECT conv FROM conversation WHERE head <> tail OR owner IS NOT NULL") == []
        assert await store.claim(99, CHANNELS) == []
        assert await store.unsettled() == []
        assert [(p.key, p.problem) for p in await store.parked()] == [("broken", "not JSON")]
        assert len((await store.load(address("said"))).turns) == 1


async def test_an_old_store_takes_new_messages_and_still_knows_the_old_ones(old: Old) -> None:
    upgrade(old.engine, OLD[-1])
    put_life(old)
    async with Fleet(old.url) as fleet:
        store = await fleet.start()
        for known in (message(1, "waiting"), message(1, "done"), message(3, "planned")):
            assert not (await store.admit(arrival(known), room=False)).new
        admitted = await store.admit(arrival(message(2, "done")))
        assert (admitted.new, admitted.alone) == (True, True)
        assert admitted.claim is not None
        assert (await store.settle(answer(message(2, "done")), admitted.claim)).released
        order = replace(message(5, "waiting"), kind=MessageKind.SAY)
        await store.admit(arrival(order), room=False)
        assert await waits(store, "waiting") == ["1", "2", "5"]


async def test_calls_of_the_schema_before_are_read_with_what_they_do_not_say_left_out(old: Old) -> None:
    upgrade(old.engine, "0003")
    line = {"conv": "telegram:1", "reply": "7"}
    insert(old, "ledger", **line, channel="telegram", at=7, outcome="answered", tier="quick", rules="[]",
           messages='["7"]', total=1.0)  # fmt: skip
    insert(old, "call", **line, number=0, provider="vendor", model="small", outcome="answered", seconds=0.5,
           cost="0.01", currency="USD", free=False, error="")  # fmt: skip
    async with Fleet(old.url) as fleet:
        (entry,) = await (await fleet.start()).entries(instant(0), instant(8))
    assert entry.calls == (Call("vendor", "small", "answered", 0.5, cost=Money(Decimal("0.01"), "USD")),)


def reflected(engine: Engine) -> dict[str, Any]:
    """Tables as the database has them: columns, keys and indexes."""
    found: Inspector = inspect(engine)
    return {
        table: {
            "columns": {
                c["name"]: (str(c["type"]), c["nullable"], str(c["default"])) for c in found.get_columns(table)
            },
            "key": found.get_pk_constraint(table)["constrained_columns"],
            "indexes": {
                str(i["name"]): (i["column_names"], bool(i["unique"]), str(_where(i))) for i in found.get_indexes(table)
            },
        }
        for table in found.get_table_names()
        if table != "alembic_version"
    }


def _where(index: Any) -> str:
    options = index.get("dialect_options", {})
    return next(
        (str(value).strip("()").replace("::text", "") for name, value in options.items() if "where" in name), ""
    )


def test_the_migrations_make_exactly_the_schema_of_the_code(old: Old) -> None:
    upgrade(old.engine)
    migrated = reflected(old.engine)
    assert old.run("SELECT version_num FROM alembic_version") == [(NEWEST,)]
    old.run("DROP TABLE alembic_version")
    metadata.drop_all(old.engine)
    assert reflected(old.engine) == {}
    metadata.create_all(old.engine)
    assert reflected(old.engine) == migrated


def test_every_step_only_adds_so_that_the_version_before_goes_on(old: Old) -> None:
    before: dict[str, Any] = {}
    for revision in ALL:
        upgrade(old.engine, revision)
        after = reflected(old.engine)
        for table, was in before.items():
            assert after[table]["key"] == was["key"]
            assert after[table]["columns"].items() >= was["columns"].items()
            assert after[table]["indexes"].items() >= was["indexes"].items()
            for name in after[table]["columns"].keys() - was["columns"].keys():
                _type, nullable, default = after[table]["columns"][name]
                assert nullable or default != "None", f"{table}.{name} must have a value where old code gives none"
        before = after
    assert ALL[-1] == NEWEST


def test_a_step_that_fails_leaves_the_schema_as_it_was(old: Old) -> None:
    upgrade(old.engine, "0002")
    put_life(old)
    old.run("CREATE TABLE silence (other TEXT)")
    before, rows = reflected(old.engine), old.run("SELECT * FROM conversation ORDER BY conv")
    with pytest.raises(StoreError, match="not migrated"):
        migrate(old.url)
    assert reflected(old.engine) == before
    assert old.run("SELECT * FROM conversation ORDER BY conv") == rows
    old.run("DROP TABLE silence")
    assert migrate(old.url).before == "0002"


def test_a_second_time_there_is_nothing_to_do(old: Old) -> None:
    done = migrate(old.url)
    assert (done.before, done.after, done.granted) == ("", NEWEST, ())
    assert migrate(old.url).before == NEWEST


async def test_a_store_of_a_newer_firstline_is_refused_and_left_alone(old: Old) -> None:
    migrate(old.url)
    old.run("UPDATE alembic_version SET version_num = '9999'")
    before = reflected(old.engine)
    with pytest.raises(StoreError, match="newer than this firstline knows"):
        await Fleet(old.url).start()
    with pytest.raises(StoreError, match="newer than this firstline knows"):
        migrate(old.url)
    assert reflected(old.engine) == before


OPEN = """
import asyncio, sys
from core.store.sql import open_store
async def main():
    async with open_store(sys.argv[1]) as store:
        print(await store.size())
asyncio.run(main())
"""


@pytest.mark.timeout(90)
def test_processes_that_open_an_empty_database_at_once_do_not_trip_over_each_other(database: str) -> None:
    started = [
        subprocess.Popen([sys.executable, "-c", OPEN, database], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for _ in range(3)
    ]
    ended = [process.communicate(timeout=80) for process in started]
    assert [(out.strip(), err) for out, err in ended] == [(b"1", b"")] * 3
    assert [process.returncode for process in started] == [0] * 3
