"""What a platform tells about a part, what it takes for it, and the several names of one customer."""

from __future__ import annotations

import itertools
import sqlite3
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from core.conversation import Address, Arrival, Holder, Message, MessageKind, Reply
from core.errors import StoreError
from core.records import Entry, Outcome, Part, PartState, Progress, Settlement
from core.store.sql import SqlStore, open_store
from core.tiers import Fee, Money
from tests.core.store.turns import append

AT = datetime(2026, 11, 21, 9, tzinfo=UTC)
CHAT = Address("whatsapp", "+4512345678")
FEE = Fee("whatsapp out", Money(Decimal("0.0050"), "USD"))
PLAN = Settlement("SM1", CHAT, (), Entry(AT, CHAT, (), Outcome.ANSWERED), reply=Reply("Hello.", AT))
SENT, DELIVERED, READ, REJECTED = PartState.SENT, PartState.DELIVERED, PartState.READ, PartState.REJECTED


@pytest.fixture
async def store() -> AsyncIterator[SqlStore]:
    async with open_store("sqlite://") as opened:
        yield opened


async def planned(store: SqlStore) -> Part:
    (part,) = await store.plan(PLAN, ["Hello."])
    return part


async def sending(store: SqlStore) -> Part:
    """A part that is on its way."""
    part = replace(await planned(store), state=PartState.SENDING)
    await store.mark(CHAT, part)
    return part


async def state(store: SqlStore) -> PartState:
    return (await planned(store)).state


def told(state: PartState, sent_as: str = "SM9") -> Progress:
    return Progress(CHAT, "SM1", 0, state, sent_as)


@pytest.mark.parametrize("order", list(itertools.permutations([SENT, DELIVERED, READ])))
async def test_in_whatever_order_a_platform_tells_the_furthest_state_stands(
    store: SqlStore, order: tuple[PartState, ...]
) -> None:
    await sending(store)
    for each in order:
        await store.advance(told(each))
    assert await state(store) is READ


async def test_what_the_platform_told_before_our_send_ended_is_not_taken_back(store: SqlStore) -> None:
    part = await planned(store)
    await store.mark(CHAT, replace(part, state=PartState.SENDING))
    await store.advance(told(READ))
    await store.mark(CHAT, replace(part, state=SENT, sent_as="SM9", fees=(FEE,)))
    kept = await planned(store)
    assert (kept.state, kept.sent_as, kept.fees) == (READ, "SM9", (FEE,))
    await store.mark(CHAT, replace(part, state=PartState.UNKNOWN, sent_as="SM9"))
    assert await state(store) is READ


async def test_a_failure_beats_sent_but_not_delivered(store: SqlStore) -> None:
    await sending(store)
    await store.advance(told(SENT))
    await store.advance(told(REJECTED))
    assert await state(store) is REJECTED
    await store.advance(told(DELIVERED))
    assert await state(store) is DELIVERED
    await store.advance(told(REJECTED))
    assert await state(store) is DELIVERED


async def test_a_new_attempt_may_begin_after_a_failure(store: SqlStore) -> None:
    part = await sending(store)
    await store.advance(told(REJECTED))
    await store.mark(CHAT, replace(part, state=PartState.SENDING))
    assert await state(store) is PartState.SENDING


async def test_news_of_another_message_than_the_part_was_sent_as_changes_nothing(store: SqlStore) -> None:
    part = await planned(store)
    await store.mark(CHAT, replace(part, state=SENT, sent_as="SM9"))
    assert await store.advance(told(REJECTED, "SM8")) is None
    assert await state(store) is SENT


async def test_only_a_failure_of_a_settled_reply_comes_back_as_news(store: SqlStore) -> None:
    await sending(store)
    assert await store.advance(told(SENT)) is None
    assert await store.advance(told(REJECTED)) is None
    await store.settle(PLAN)
    assert await store.advance(told(REJECTED)) is None
    other = replace(PLAN, key="SM2")
    (part,) = await store.plan(other, ["Goodbye."])
    await store.mark(CHAT, replace(part, state=SENT, sent_as="SM7"))
    await store.settle(other)
    lost = await store.advance(Progress(CHAT, "SM2", 0, REJECTED, "SM7"))
    assert lost is not None
    assert (lost.text, lost.state) == ("Goodbye.", REJECTED)


async def test_news_of_a_part_nobody_planned_changes_nothing(store: SqlStore) -> None:
    assert await store.advance(Progress(CHAT, "SM404", 0, READ, "SM1")) is None


async def test_fees_of_a_ledger_entry_come_back_exactly_and_unknown_stays_unknown(store: SqlStore) -> None:
    fees = (FEE, Fee("whatsapp template"))
    await store.settle(replace(PLAN, entry=replace(PLAN.entry, fees=fees)))
    (entry,) = await store.entries(AT, AT + timedelta(1))
    assert entry.fees == fees
    assert str(entry.fees[0].cost.amount if entry.fees[0].cost else "") == "0.0050"


async def test_a_customer_with_one_name_has_the_chat_of_that_name(store: SqlStore) -> None:
    assert await store.chat_of("whatsapp", ["+4512345678"], AT) == CHAT
    assert await store.names_of(CHAT) == ["+4512345678"]


async def test_names_told_together_once_are_one_chat_for_ever_and_the_last_used_comes_first(store: SqlStore) -> None:
    number, ident = "+4512345678", "US.ABC123"
    assert await store.chat_of("whatsapp", [number, ident], AT) == CHAT
    assert await store.names_of(CHAT) == [number, ident]
    assert await store.chat_of("whatsapp", [ident], AT + timedelta(1)) == CHAT
    assert await store.names_of(CHAT) == [ident, number]
    assert await store.chat_of("whatsapp", ["+4587654321", ident], AT + timedelta(2)) == CHAT
    assert await store.names_of(CHAT) == ["+4587654321", ident, number]
    assert await store.chat_of("whatsapp", [number], AT + timedelta(3)) == CHAT
    assert (await store.names_of(CHAT))[0] == number


async def test_a_chat_begun_under_the_second_name_goes_on_when_the_first_becomes_known(store: SqlStore) -> None:
    ident = Address("whatsapp", "US.ABC123")
    await store.admit(Arrival("k", "{}", Message("SM0", ident, "hi", AT)))
    assert await store.chat_of("whatsapp", ["+4512345678", "US.ABC123"], AT) == ident
    assert await store.names_of(ident) == ["+4512345678", "US.ABC123"]


async def test_a_number_that_was_given_to_somebody_else_opens_a_chat_of_its_own(store: SqlStore) -> None:
    old, new, ann, bob = "+4511", "+4522", "US.ANN", "US.BOB"
    chat = await store.chat_of("whatsapp", [old, ann], AT)
    assert await store.chat_of("whatsapp", [new, ann], AT + timedelta(1)) == chat
    assert await store.chat_of("whatsapp", [old, bob], AT + timedelta(2)) == Address("whatsapp", bob)
    assert await store.chat_of("whatsapp", [old], AT + timedelta(3)) == Address("whatsapp", bob)
    assert await store.chat_of("whatsapp", [new, ann], AT + timedelta(4)) == chat
    assert list(await store.names_of(chat)) == [new, ann]
    assert list(await store.names_of(Address("whatsapp", bob))) == [old, bob]


async def settled(store: SqlStore, chat: Address, holder: Holder, key: str = "SM1") -> None:
    message = Message(key, chat, "hi", AT)
    await store.admit(Arrival(f"k{chat}{key}", "{}", message))
    entry = Entry(AT, chat, (key,), Outcome.NOTED)
    await store.settle(Settlement(key, chat, (message,), entry, (message,), holder=holder))


@pytest.mark.parametrize("opted_out", ["+4511", "US.A"])
async def test_who_opted_out_under_one_name_has_opted_out_under_both(store: SqlStore, opted_out: str) -> None:
    for name in ("+4511", "US.A"):
        await settled(store, Address("whatsapp", name), Holder.OPTED_OUT if name == opted_out else Holder.BOT)
    chat = await store.chat_of("whatsapp", ["+4511", "US.A"], AT)
    assert chat == Address("whatsapp", "US.A")
    assert (await store.load(chat)).holder is Holder.OPTED_OUT


async def test_the_opting_out_of_whoever_had_a_number_before_is_not_the_next_one_s(store: SqlStore) -> None:
    chat = await store.chat_of("whatsapp", ["+4511", "US.ANN"], AT)
    await settled(store, chat, Holder.OPTED_OUT)
    bob = await store.chat_of("whatsapp", ["+4511", "US.BOB"], AT + timedelta(1))
    assert (await store.load(bob)).holder is Holder.BOT


@pytest.mark.parametrize("holder", [Holder.BOT, Holder.PERSON, Holder.WAITING])
async def test_nothing_but_the_customer_s_own_word_ends_an_opting_out(store: SqlStore, holder: Holder) -> None:
    await settled(store, CHAT, Holder.OPTED_OUT)
    await settled(store, CHAT, holder, "SM2")
    await append(store, CHAT, Reply("Are you there?", AT), holder)
    assert (await store.load(CHAT)).holder is Holder.OPTED_OUT
    start = Message("SM3", CHAT, "START", AT, kind=MessageKind.OPT_IN)
    entry = Entry(AT, CHAT, ("SM3",), Outcome.NOTICE)
    await store.settle(Settlement("SM3", CHAT, (start,), entry, (start,), holder=Holder.BOT))
    assert (await store.load(CHAT)).holder is Holder.BOT


async def test_settling_says_which_parts_of_the_reply_were_refused_meanwhile(store: SqlStore) -> None:
    first, _second = await store.plan(PLAN, ["One.", "Two."])
    await store.mark(CHAT, replace(first, state=SENT, sent_as="SM9"))
    assert await store.advance(told(REJECTED)) is None
    assert [part.text for part in (await store.settle(PLAN)).refused] == ["One."]
    assert (await store.settle(PLAN)).refused == ()


async def test_news_of_an_attempt_that_is_over_does_not_reach_the_next_one(store: SqlStore) -> None:
    part = await planned(store)
    await store.mark(CHAT, replace(part, state=SENT, sent_as="SM9"))
    await store.mark(CHAT, replace(part, state=PartState.PLANNED))
    assert await store.advance(told(REJECTED)) is None
    assert await state(store) is PartState.PLANNED


async def test_what_a_customer_wrote_is_in_no_error_of_the_store(tmp_path: Path) -> None:
    file = tmp_path / "firstline.db"
    async with open_store(f"sqlite:///{file}") as store:
        with sqlite3.connect(file) as other:
            other.execute("CREATE TRIGGER no BEFORE INSERT ON inbox BEGIN SELECT RAISE(ABORT, 'no'); END")
        other.close()
        with pytest.raises(StoreError) as found:
            await store.admit(Arrival("k", '{"Body": "my password"}', Message("SM1", CHAT, "my password", AT)))
    assert "password" not in str(found.value)
    assert "+45" not in str(found.value)


async def test_names_of_different_channels_are_different_people(store: SqlStore) -> None:
    await store.chat_of("whatsapp", ["1", "2"], AT)
    assert await store.chat_of("telegram", ["2"], AT) == Address("telegram", "2")
