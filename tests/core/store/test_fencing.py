"""Nothing a process writes under a claim counts once another one has the chat, whenever its transaction began."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import replace

import pytest
from sqlalchemy import Connection

from core.conversation import Holder
from core.errors import Fenced
from core.records import Claim, Part, PartState, Progress
from core.store import postgres, work
from core.store.sql import SqlStore
from tests.core.store.fleet import CHANNELS, Fleet, address, answer, arrival, claimed, message, waits

ONE, TWO = message(1), message(2)
ROUNDS = 25

Write = Callable[[SqlStore, Claim], Awaitable[object]]
WRITES: dict[str, Write] = {
    "attempt": lambda store, claim: store.attempt(claim),
    "plan": lambda store, claim: store.plan(answer(ONE, words="zombie"), ["zombie"], claim),
    "plan again": lambda store, claim: store.plan(answer(TWO), ["zombie"], claim),
    "mark": lambda store, claim: store.mark(address(), Part("2", 0, "Soon.", PartState.SENDING), claim),
    "settle": lambda store, claim: store.settle(answer(ONE, words="zombie"), claim),
    "settle as planned": lambda store, claim: store.settle(answer(TWO), claim),
    "settle nothing new": lambda store, claim: store.settle(replace(answer(ONE), messages=(), key="x"), claim),
    "settle a holder": lambda store, claim: store.settle(replace(answer(ONE), holder=Holder.PERSON), claim),
}


async def everything(fleet: Fleet) -> list[object]:
    """Every row of every table a zombie could spoil."""
    tables = ("conversation", "inbox", "reply", "reply_part", "turn", "decision", "ledger", "call")
    return [[tuple(row) for row in await fleet.sql("SELECT * FROM " + table + " ORDER BY 1, 2")] for table in tables]  # noqa: S608


async def taken_over(fleet: Fleet, store: SqlStore, other: SqlStore) -> tuple[Claim, Claim]:
    """What a process still believes, and what the one that took its chat over holds: one message planned, one not."""
    claim = await claimed(store, ONE, TWO)
    await store.plan(answer(TWO), ["Soon."], claim)
    await fleet.pass_time()
    (taken,) = await other.claim(9, CHANNELS)
    return claim, taken


@pytest.mark.parametrize("write", WRITES)
async def test_a_zombie_is_refused_and_changes_nothing(
    fleet: Fleet, store: SqlStore, other: SqlStore, write: str
) -> None:
    claim, taken = await taken_over(fleet, store, other)
    before = await everything(fleet)
    with pytest.raises(Fenced):
        await WRITES[write](store, claim)
    assert await everything(fleet) == before
    await other.settle(answer(TWO), taken)
    assert (await other.settle(answer(ONE), taken)).released


@pytest.mark.parametrize("write", ["attempt", "plan", "mark", "settle"])
async def test_a_zombie_is_refused_also_when_nobody_has_the_chat_now(
    fleet: Fleet, store: SqlStore, other: SqlStore, write: str
) -> None:
    claim, taken = await taken_over(fleet, store, other)
    await other.release([taken], tried=False)
    before = await everything(fleet)
    with pytest.raises(Fenced):
        await WRITES[write](store, claim)
    assert await everything(fleet) == before


@pytest.mark.parametrize("write", ["plan", "mark", "settle"])
async def test_an_old_claim_is_refused_to_a_process_that_won_its_chat_again(
    fleet: Fleet, store: SqlStore, other: SqlStore, write: str
) -> None:
    claim, taken = await taken_over(fleet, store, other)
    await other.release([taken], tried=True)
    (new,) = await store.claim(9, CHANNELS)
    with pytest.raises(Fenced):
        await WRITES[write](store, claim)
    await WRITES[write](store, new)


async def test_what_was_settled_before_may_be_settled_again_by_whoever_did_not_hear_of_it(
    fleet: Fleet, store: SqlStore, other: SqlStore
) -> None:
    claim, taken = await taken_over(fleet, store, other)
    await other.settle(answer(ONE), taken)
    before = await everything(fleet)
    assert (await store.settle(answer(ONE), claim)).released
    assert await everything(fleet) == before


async def test_a_zombie_costs_the_others_of_its_group_nothing(fleet: Fleet, store: SqlStore, other: SqlStore) -> None:
    claim, _ = await taken_over(fleet, store, other)
    done = await asyncio.gather(
        store.admit(arrival(message(1, "a"))),
        store.settle(answer(ONE), claim),
        store.admit(arrival(message(1, "b"))),
        return_exceptions=True,
    )
    assert isinstance(done[1], Fenced)
    assert [await waits(store, chat) for chat in "ab"] == [["1"], ["1"]]
    assert await fleet.is_exact()


@pytest.fixture
async def zombie(several: Fleet) -> AsyncIterator[tuple[SqlStore, SqlStore, Claim, Connection]]:
    """A process that holds a chat, another one, and a transaction of the first that has begun and read."""
    store, other = await several.start(), await several.start()
    claim = await claimed(store, ONE, TWO)
    await store.plan(answer(TWO), ["Soon."], claim)
    with _transaction(several.url) as connection:
        yield store, other, claim, connection


@contextlib.contextmanager
def _transaction(url: str) -> Iterator[Connection]:
    engine = postgres.engine(url)
    with engine.connect() as connection:
        transaction = connection.begin()
        connection.exec_driver_sql("SELECT count(*) FROM conversation")
        yield connection
        if transaction.is_active:
            transaction.rollback()
    engine.dispose()


def _write(connection: Connection, owner: str, claim: Claim, what: str) -> None:
    if what == "plan":
        work.plan(connection, owner, answer(ONE), ["zombie"], claim)
    elif what == "mark":
        work.mark(connection, owner, address(), Part("2", 0, "Soon.", PartState.SENDING), claim)
    else:
        work.settle(connection, owner, answer(ONE), claim)


@pytest.mark.parametrize("what", ["plan", "mark", "settle"])
async def test_a_transaction_that_began_before_the_takeover_is_refused(
    several: Fleet, zombie: tuple[SqlStore, SqlStore, Claim, Connection], what: str
) -> None:
    store, other, claim, connection = zombie
    await several.pass_time()
    assert len(await other.claim(9, CHANNELS)) == 1
    with pytest.raises(Fenced):
        await asyncio.to_thread(_write, connection, store.owner, claim, what)


@pytest.mark.parametrize("what", ["plan", "mark", "settle"])
async def test_nobody_takes_a_chat_over_in_the_middle_of_a_write_under_its_claim(
    several: Fleet, zombie: tuple[SqlStore, SqlStore, Claim, Connection], what: str
) -> None:
    store, other, claim, connection = zombie
    await several.pass_time()
    await asyncio.to_thread(_write, connection, store.owner, claim, what)
    assert await other.claim(9, CHANNELS) == []
    connection.commit()
    (taken,) = await other.claim(9, CHANNELS)
    assert taken.epoch == claim.epoch + 1
    seen = await other.unsettled(address())
    assert {m.id for promise in seen for m in promise.messages} == ({"2"} if what == "settle" else {"1", "2"})
    assert sum(promise.plan is not None for promise in seen) == (2 if what == "plan" else 1)


async def test_a_claim_passes_over_rows_somebody_writes_instead_of_waiting(
    several: Fleet, zombie: tuple[SqlStore, SqlStore, Claim, Connection]
) -> None:
    store, other, _claim, connection = zombie
    await store.admit(arrival(message(1, "free")), room=False)
    await several.pass_time()
    connection.exec_driver_sql("SELECT * FROM conversation WHERE conv = 'telegram:1' FOR UPDATE")
    assert [claim.address.chat for claim in await asyncio.wait_for(other.claim(9, CHANNELS), 5)] == ["free"]


async def test_a_failure_told_while_its_reply_is_settled_is_heard_of_once(several: Fleet) -> None:
    store, other = await several.start(), await several.start()
    for number in range(ROUNDS):
        claim = await claimed(store, message(number))
        (part,) = await store.plan(answer(message(number)), ["Soon."], claim)
        await store.mark(address(), replace(part, state=PartState.SENT, sent_as="9"), claim)
        told = Progress(address(), part.reply, 0, PartState.REJECTED, "9")
        settled, late = await asyncio.gather(store.settle(answer(message(number)), claim), other.advance(told))
        assert len(settled.refused) + (late is not None) == 1


async def test_news_of_a_part_through_two_processes_only_ever_raises_it(several: Fleet) -> None:
    store, other = await several.start(), await several.start()
    claim = await claimed(store, *(message(n) for n in range(ROUNDS)))
    for number in range(ROUNDS):
        (part,) = await store.plan(answer(message(number)), ["Soon."], claim)
        await store.mark(address(), replace(part, state=PartState.SENDING), claim)
        told = [Progress(address(), part.reply, 0, state, "9") for state in (PartState.SENT, PartState.READ)]
        await asyncio.gather(*(each.advance(news) for each, news in zip((store, other), told, strict=True)))
        assert [p.state for p in await store.parts(address(), part.reply)] == [PartState.READ]
