"""Whatever a customer writes is kept on every engine, costs nobody else a commit, and is in no error."""

from __future__ import annotations

import asyncio
import traceback
from dataclasses import replace

import pytest

from core.conversation import Arrival, Attachment, Customer, Reply
from core.errors import FirstlineError, StoreError, Unreadable
from core.records import PartState
from core.store.sql import SqlStore
from tests.core.store.fleet import AT, Fleet, address, answer, arrival, claimed, message, waits

ODD = {
    "a NUL": "before\0after",
    "half of a pair": "before\ud83dafter",
    "the other half": "\udce4",
    "both halves the wrong way round": "\ude00\ud83d",
    "controls": "".join(map(chr, range(1, 32))),
    "no character": "\uffff\ufffe\U0010ffff",
    "quotes": "'; DROP TABLE inbox; -- \" \\ %s :name {} $1",
    "directions": "\u202eabc\u200f",
    "nothing": "",
    "much": "ø" * 100_000,
}


@pytest.mark.parametrize("odd", ODD)
async def test_any_text_is_kept_planned_settled_and_read_again(fleet: Fleet, store: SqlStore, odd: str) -> None:
    words = ODD[odd]
    file = Attachment("photo", name=words[:50], handle=words[:50])
    written = replace(message(1, words=words), customer=Customer("5", words[:50]), attachments=(file,))
    admitted = await store.admit(Arrival("telegram:1:1", words, written))
    claim = admitted.claim
    assert claim is not None
    (kept,) = (await store.unsettled(address()))[0].messages
    settlement = replace(answer(kept, words=words), holder=None)
    (part,) = await store.plan(settlement, [words], claim)
    await store.mark(address(), replace(part, state=PartState.SENT, sent_as="9"), claim)
    assert (await store.settle(settlement, claim)).released
    heard, said = (await store.load(address())).turns
    plain = words.encode("utf-8", "replace").decode()
    assert isinstance(said, Reply)
    for text in (getattr(heard, "text", None), said.text):
        assert text in {plain, plain.replace("\0", "\ufffd")}
    await store.admit(Arrival("broken", words, problem=words or "?"))
    assert [p.key for p in await store.parked()] == ["broken"]


@pytest.mark.parametrize("odd", ["a NUL", "half of a pair"])
async def test_a_key_no_database_takes_costs_the_others_of_its_group_nothing(
    fleet: Fleet, store: SqlStore, odd: str
) -> None:
    bad = Arrival(ODD[odd], "{}", replace(message(9), id=ODD[odd]))
    done = await asyncio.gather(
        store.admit(arrival(message(1))), store.admit(bad), store.admit(arrival(message(2))), return_exceptions=True
    )
    assert not isinstance(done[0], BaseException)
    assert not isinstance(done[2], BaseException)
    assert isinstance(done[1], FirstlineError) or not isinstance(done[1], BaseException)
    assert {"1", "2"} <= set(await waits(store))
    assert await fleet.is_exact()


SECRET = "my password is swordfish"


@pytest.mark.parametrize("column", ["inbox.raw", "turn.body", "reply_part.text", "ledger.messages"])
async def test_customers_words_are_in_no_error(database: str, column: str) -> None:
    table, name = column.split(".")
    written = replace(message(1, words=SECRET), id=SECRET)
    async with Fleet(database) as fleet:
        store = await fleet.start()
        await fleet.sql(f"ALTER TABLE {table} ADD CONSTRAINT no CHECK (length({name}) < 12)")
        with pytest.raises(StoreError) as found:
            await _all_of_it(store, Arrival("telegram:1:1", SECRET if table == "inbox" else "{}", written))
    told = "".join(traceback.format_exception(found.value))
    assert "swordfish" not in told
    assert "violates check constraint" in told


async def _all_of_it(store: SqlStore, coming: Arrival) -> None:
    assert coming.message is not None
    claim = (await store.admit(coming)).claim
    await store.plan(answer(coming.message, words=SECRET), [SECRET], claim)
    await store.settle(answer(coming.message, words=SECRET), claim)


async def test_rows_that_cannot_be_read_are_told_without_their_words(
    fleet: Fleet, store: SqlStore, caplog: pytest.LogCaptureFixture
) -> None:
    claim = await claimed(store, message(1, words=SECRET))
    await store.settle(answer(message(1, words=SECRET)), claim)
    await claimed(store, message(2, words=SECRET))
    await fleet.sql("UPDATE inbox SET message = replace(message, '\"text\"', '\"words\"')")
    await fleet.sql("UPDATE turn SET body = replace(body, '\"text\"', '\"words\"')")
    with pytest.raises(Unreadable) as found:
        await store.unsettled(address())
    assert "swordfish" not in "".join(traceback.format_exception(found.value))
    assert (await store.load(address())).turns == ()
    assert "a turn cannot be read" in caplog.text
    assert "swordfish" not in caplog.text


async def test_what_a_database_says_of_a_time_no_column_takes_is_a_store_error(store: SqlStore) -> None:
    far = replace(message(1), at=AT.replace(year=9999))
    assert (await store.admit(arrival(far))).new
    assert await waits(store) == ["1"]
