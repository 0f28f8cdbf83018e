"""The store's promises, on SQLite in memory and on disk."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from core.conversation import (
    Address,
    Arrival,
    Attachment,
    Author,
    Customer,
    HandBack,
    Holder,
    Message,
    MessageKind,
    Reply,
)
from core.errors import StoreError
from core.records import Admission, Call, Entry, Outcome, PartState, Settlement
from core.rules import Decision, Reading
from core.store.sql import SqlStore, open_store
from core.tiers import Money, Tier, Usage
from tests.core.store.turns import append

AT = datetime(2026, 3, 2, 12, 0, 0, 123456, tzinfo=UTC)
CHAT = Address("telegram", "-100:7")
MESSAGE = Message(
    "17",
    CHAT,
    "hvor er min pakke? 📦",
    AT,
    Customer("42", "K", "da"),
    MessageKind.TEXT,
    (Attachment("photo", size=10, handle="abc"),),
    reply_to="12",
    album="a",
)
DECISION = Decision(
    Tier.EXPERT, ("Money",), (), ("Money",), (), {"money": Reading(True, "refund", 0.9)}, {"Money": Tier.QUICK}, "hash"
)
CALLS = (
    Call("groq", "llama", "failed", 0.2, error="Busy"),
    Call("openai", "gpt", "answered", 1.5, Usage(100, 20, 5), Money(Decimal("0.000123"), "USD")),
    Call("offline", "faq", "answered", 0.001, Usage(0, 0), free=True),
)


def settlement(message: Message = MESSAGE, key: str = "17", text: str = "It is on its way.") -> Settlement:
    entry = Entry(AT, message.address, (message.id,), Outcome.ANSWERED, "expert", ("Money",), CALLS, 0.21, 1.7)
    reply = Reply(text, AT + timedelta(seconds=2), tier="expert", earned=("Money",))
    return Settlement(key, message.address, (message,), entry, (message,), reply, DECISION)


@pytest.fixture(params=["memory", "disk"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[SqlStore]:
    url = "sqlite://" if request.param == "memory" else f"sqlite:///{tmp_path / 'firstline.db'}"
    async with open_store(url) as opened:
        yield opened


async def test_an_arrival_is_admitted_once_under_its_key(store: SqlStore) -> None:
    assert (await store.admit(Arrival("k", "{}", MESSAGE))).new
    assert not (await store.admit(Arrival("k", "{}", MESSAGE))).new
    assert [p.messages for p in await store.unsettled()] == [(MESSAGE,)]


async def test_what_was_settled_comes_back_as_it_was(store: SqlStore) -> None:
    await store.admit(Arrival("k", "{}", MESSAGE))
    await store.settle(settlement())
    conversation = await store.load(CHAT)
    assert conversation.turns == (MESSAGE, settlement().reply)
    assert not conversation.first_contact
    assert await store.unsettled() == []
    receipt = await store.receipt(CHAT, "17")
    assert receipt is not None
    assert receipt.decision == DECISION
    assert receipt.entry == settlement().entry


async def test_settling_the_same_key_again_changes_nothing(store: SqlStore) -> None:
    await store.admit(Arrival("k", "{}", MESSAGE))
    await store.settle(settlement())
    await store.settle(settlement(text="Something else."))
    assert len((await store.load(CHAT)).turns) == 2
    assert len(await store.entries(AT - timedelta(1), AT + timedelta(1))) == 1


async def test_an_unknown_cost_stays_unknown_and_a_known_one_exact(store: SqlStore) -> None:
    await store.settle(settlement())
    (entry,) = await store.entries(AT, AT + timedelta(seconds=1))
    assert [call.cost for call in entry.calls] == [None, Money(Decimal("0.000123"), "USD"), None]
    assert [call.free for call in entry.calls] == [False, False, True]


async def test_a_planned_reply_comes_back_with_its_parts_until_it_is_settled(store: SqlStore) -> None:
    await store.admit(Arrival("k", "{}", MESSAGE))
    parts = await store.plan(settlement(), ["one", "two"])
    await store.mark(CHAT, replace(parts[0], state=PartState.SENT, sent_as="900"))
    again = await store.plan(settlement(), ["other", "words", "entirely"])
    assert [(p.text, p.state, p.sent_as) for p in again] == [
        ("one", PartState.SENT, "900"),
        ("two", PartState.PLANNED, ""),
    ]
    (promise,) = await store.unsettled()
    assert promise.plan == settlement()
    assert promise.messages == (MESSAGE,)
    assert list(promise.parts) == list(again)
    await store.settle(settlement())
    assert await store.unsettled() == []


async def test_malformed_updates_are_parked_and_others_noted_without_a_message(store: SqlStore) -> None:
    assert (await store.admit(Arrival("bad", "{", problem="not JSON"))).new
    assert (await store.admit(Arrival("service", "{}"))).new
    assert not (await store.admit(Arrival("bad", "{", problem="not JSON"))).new
    assert await store.unsettled() == []


async def test_a_person_s_turns_change_who_holds_the_chat(store: SqlStore) -> None:
    await append(store, CHAT, Reply("hi", AT), Holder.PERSON)
    assert (await store.load(CHAT)).holder is Holder.PERSON
    await append(store, CHAT, HandBack(AT, "sorted out"), Holder.BOT)
    conversation = await store.load(CHAT)
    assert conversation.holder is Holder.BOT
    assert conversation.turns == (Reply("hi", AT), HandBack(AT, "sorted out"))


async def test_waiting_chats_are_listed_first(store: SqlStore) -> None:
    await append(store, Address("web", "new"), Reply("newest", AT + timedelta(hours=1)))
    await append(store, CHAT, replace(MESSAGE), Holder.WAITING)
    listed = await store.chats()
    assert [row.address for row in listed] == [CHAT, Address("web", "new")]
    assert (listed[0].last_text, listed[0].customer) == (MESSAGE.text, "K")


async def test_a_card_leads_back_to_its_conversation(store: SqlStore) -> None:
    desk = Address("telegram", "-1")
    await store.remember_card(CHAT, desk, "77")
    assert await store.card(desk, "77") == CHAT
    assert await store.card(desk, "78") is None


async def test_arrivals_of_one_chat_keep_the_order_they_were_committed_in(store: SqlStore) -> None:
    sent = [replace(MESSAGE, id=str(n)) for n in range(50)]
    await asyncio.gather(*(store.admit(Arrival(f"k{m.id}", "{}", m)) for m in sent))
    (promise,) = await store.unsettled(CHAT)
    assert [m.id for m in promise.messages] == [m.id for m in sent]


async def test_one_bad_unit_of_work_costs_the_others_of_its_group_nothing(store: SqlStore) -> None:
    def bad(_connection: object) -> None:
        raise ZeroDivisionError

    jobs = [store.admit(Arrival(f"k{n}", "{}", replace(MESSAGE, id=str(n)))) for n in range(5)]
    broken = asyncio.ensure_future(store._database.write(bad, str(CHAT)))
    results = await asyncio.gather(*jobs[:3], broken, *jobs[3:], return_exceptions=True)
    assert [r.new for r in results if isinstance(r, Admission)] == [True] * 5
    assert isinstance(results[3], ZeroDivisionError)


async def test_a_second_process_on_the_same_file_is_refused_in_words(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'firstline.db'}"
    async with open_store(url):
        with pytest.raises(StoreError, match="another firstline process"):
            async with open_store(url):
                pass


async def test_commits_are_synced_to_disk_and_readers_cannot_write(tmp_path: Path) -> None:
    async with open_store(f"sqlite:///{tmp_path / 'firstline.db'}") as store:
        database = store._database
        assert await database.write(lambda c: c.exec_driver_sql("PRAGMA synchronous").scalar()) == 2
        assert await database.write(lambda c: c.exec_driver_sql("PRAGMA journal_mode").scalar()) == "wal"
        with pytest.raises(StoreError, match=r"readonly|read-only|query_only|attempt to write"):
            await database.read(lambda c: c.exec_driver_sql("DELETE FROM inbox"))


async def test_a_store_of_a_newer_firstline_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "firstline.db"
    async with open_store(f"sqlite:///{file}"):
        pass
    with sqlite3.connect(file) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(StoreError, match="newer"):
        async with open_store(f"sqlite:///{file}"):
            pass


async def test_what_was_committed_is_there_after_reopening(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'firstline.db'}"
    async with open_store(url) as store:
        await store.admit(Arrival("k", "{}", MESSAGE))
    async with open_store(url) as store:
        assert [p.messages for p in await store.unsettled()] == [(MESSAGE,)]


async def test_a_customer_nobody_could_be_called_for_is_seen_until_a_person_comes(store: SqlStore) -> None:
    await append(store, CHAT, MESSAGE)
    await append(store, CHAT, Reply("nobody is here", AT, Author.DESK, notice="nobody"))
    await append(store, CHAT, Reply("an answer", AT + timedelta(minutes=1)))
    assert [row.unmet_since for row in await store.chats()] == [AT]
    await append(store, CHAT, Reply("here I am", AT + timedelta(minutes=2), Author.PERSON), Holder.PERSON)
    assert [row.unmet_since for row in await store.chats()] == [None]
