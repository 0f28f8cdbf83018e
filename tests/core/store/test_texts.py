"""Whatever a customer writes is kept on every engine, costs nobody else a commit, and is in no error."""

from __future__ import annotations

import asyncio
import traceback
from dataclasses import replace

import pytest

from core.conversation import Arrival, Attachment, Customer, Reply
from core.errors import FirstlineError, StoreError
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
    assert plain == plain.replace("?", "") or "?" in plain
    assert isinstance(said, Reply)
    for text in (getattr(heard, "text", None), said.text):
        assert text in {plain, plain.replace("\0", "\ufffd")}
    await store.admit(Arrival("broken", words, problem=words))
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


@pytest.mark.parametrize("where", ["inbox", "turn", "reply_part", "ledger"])
async def test_customers_words_are_in_no_error(template: object, database: str, where: str, tmp_path: object) -> None:
    fleet = Fleet(database)
    async with fleet:
        store = await fleet.start()
        column = {"inbox": "raw", "turn": "body", "reply_part": "text", "ledger": "messages"}[where]
        await fleet.sql(f"ALTER TABLE {where} ADD CONSTRAINT no CHECK (length({column}) < 12)")
        written = replace(message(1, words=SECRET), id=SECRET)
        with pytest.raises(StoreError) as found:
            admitted = await store.admit(Arrival("telegram:1:1", SECRET if where == "inbox" else "{}", written))
            await store.plan(answer(written, words=SECRET), [SECRET], admitted.claim)
            await store.settle(answer(written, words=SECRET), admitted.claim)
        told = "".join(traceback.format_exception(found.value))
        assert "swordfish" not in told
        assert "violates check constraint" in told


async def test_rows_that_cannot_be_read_are_an_error_without_their_words(fleet: Fleet, store: SqlStore) -> None:
    claim = await claimed(store, message(1, words=SECRET))
    await store.settle(answer(message(1, words=SECRET)), claim)
    await claimed(store, message(2, words=SECRET))
    for table, column in (("inbox", "message"), ("turn", "body")):
        await fleet.sql(f"UPDATE {table} SET {column} = replace({column}, '\"text\"', '\"words\"')")
    for reading in (store.unsettled(address()), store.load(address())):
        with pytest.raises(StoreError) as found:
            await reading
        assert "swordfish" not in "".join(traceback.format_exception(found.value))


async def test_what_a_database_says_of_a_time_no_column_takes_is_a_store_error(store: SqlStore) -> None:
    far = replace(message(1), at=AT.replace(year=9999))
    assert (await store.admit(arrival(far))).new
    assert await waits(store) == ["1"]
