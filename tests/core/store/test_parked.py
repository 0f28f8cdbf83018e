"""What waits for a person to look at it: seen, taken up again as if it came now, or dropped; by one of many at once."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from core.conversation import Arrival, Message, Reply
from core.errors import Unreadable
from core.records import Outcome, PartState, Settlement
from core.store.sql import SqlStore
from tests.core.store.fleet import AT, CHANNELS, Fleet, address, answer, arrival, claimed, message, waits

ONE, TWO, THREE = (message(n) for n in (1, 2, 3))
KEY, OTHER = "telegram:1:1", "telegram:1:2"
ROUNDS = 15


def aside(*messages: Message, key: str = "1") -> Settlement:
    """The settlement that parks these messages, with an honest line to the customer."""
    return answer(*messages, key=key, outcome=Outcome.PARKED, words="Sorry.")


async def parked(store: SqlStore) -> None:
    """Two messages that were set aside as one."""
    claim = await claimed(store, ONE, TWO)
    (part,) = await store.plan(aside(ONE, TWO), ["Sorry."], claim)
    await store.mark(address(), replace(part, state=PartState.SENT, sent_as="77"), claim)
    await store.settle(aside(ONE, TWO), claim)


async def test_what_was_parked_is_listed_with_why_the_newest_first(store: SqlStore) -> None:
    await parked(store)
    await store.admit(Arrival("broken", "{", problem="not JSON"))
    first, second, third = await store.parked()
    assert [(p.key, p.address) for p in (first, second, third)] == [
        (OTHER, address()),
        (KEY, address()),
        ("broken", None),
    ]
    assert (second.at, second.problem, second.raw) == (ONE.at, "given up: whoever tried to answer it died of it", "{}")
    assert (third.problem, third.raw) == ("not JSON", "{")
    assert [p.key for p in await store.parked(limit=1)] == [OTHER]


async def test_a_parked_message_taken_up_again_waits_like_a_new_one(fleet: Fleet, store: SqlStore) -> None:
    await parked(store)
    assert await store.retry(KEY)
    assert await waits(store) == ["1"]
    assert await fleet.is_exact()
    (claim,) = await store.claim(9, CHANNELS)
    assert claim.attempts == 0
    assert (await store.settle(answer(ONE), claim)).released
    assert [p.key for p in await store.parked()] == [OTHER]


async def test_what_is_said_the_second_time_is_a_reply_of_its_own(fleet: Fleet, store: SqlStore) -> None:
    await parked(store)
    assert await store.retry(KEY)
    (claim,) = await store.claim(9, CHANNELS)
    (part,) = await store.plan(answer(ONE), ["Soon."], claim)
    assert (part.text, part.state, part.sent_as) == ("Soon.", PartState.PLANNED, "")
    await store.mark(address(), replace(part, state=PartState.SENT, sent_as="78"), claim)
    assert (await store.settle(answer(ONE), claim)).released
    turns = (await store.load(address())).turns
    assert [t.text for t in turns if isinstance(t, Message | Reply)][2:] == ["Sorry.", ONE.text, "Soon."]
    outcomes = [entry.outcome for entry in await store.entries(AT, AT.replace(year=2027))]
    assert sorted(outcomes) == ["answered", "parked"]


async def test_taking_up_one_of_two_leaves_the_answer_to_the_other_alone(fleet: Fleet, store: SqlStore) -> None:
    await parked(store)
    assert await store.retry(KEY)
    (claim,) = await store.claim(9, CHANNELS)
    (part,) = await store.plan(answer(ONE), ["Soon."], claim)
    assert await store.retry(OTHER)
    assert [p.plan.key for p in await store.unsettled(address()) if p.plan] == ["1"]
    await store.mark(address(), replace(part, state=PartState.SENT, sent_as="78"), claim)
    assert [(p.state, p.sent_as) for p in await store.parts(address(), "1")] == [(PartState.SENT, "78")]
    assert not (await store.settle(answer(ONE), claim)).released
    assert (await store.settle(answer(TWO), claim)).released
    assert await store.unsettled(address()) == []
    receipt = await store.receipt(address(), "1")
    assert receipt is not None
    assert receipt.entry.outcome == "answered"


async def test_a_message_may_be_parked_and_taken_up_again_and_again(fleet: Fleet, store: SqlStore) -> None:
    claim = await claimed(store, ONE)
    for _ in range(4):
        await store.settle(aside(ONE), claim)
        assert await fleet.is_exact()
        assert await store.retry(KEY)
        (claim,) = await store.claim(9, CHANNELS)
    assert (await store.settle(answer(ONE), claim)).released
    assert len(await store.entries(AT, AT.replace(year=2027))) == 5


async def test_a_retried_message_stands_behind_what_came_first_but_is_answered_by_the_time_it_was_written(
    fleet: Fleet, store: SqlStore
) -> None:
    await parked(store)
    claim = await claimed(store, THREE)
    assert await store.retry(KEY)
    assert await waits(store) == ["1", "3"]
    assert not (await store.settle(answer(THREE), claim)).released
    assert (await store.settle(answer(ONE), claim)).released


async def test_a_dropped_message_is_gone_from_the_list_and_stays_known(fleet: Fleet, store: SqlStore) -> None:
    await parked(store)
    assert await store.drop(KEY)
    assert [p.key for p in await store.parked()] == [OTHER]
    assert not (await store.admit(arrival(ONE))).new
    assert await waits(store) == []
    assert await fleet.is_exact()


async def test_only_what_is_parked_is_taken_up_or_dropped(fleet: Fleet, store: SqlStore) -> None:
    claim = await claimed(store, ONE)
    await store.admit(Arrival("service", "{}"))
    for key in (KEY, "service", "never seen"):
        assert not await store.retry(key)
        assert not await store.retry(key, arrival(TWO))
        assert not await store.drop(key)
    assert (await store.settle(answer(ONE), claim)).released
    assert await fleet.is_exact()


async def test_an_update_that_can_be_read_now_takes_the_place_of_the_parked_one(fleet: Fleet, store: SqlStore) -> None:
    await store.admit(Arrival(KEY, "{", problem="not JSON"))
    assert not await store.retry(KEY)
    assert await store.retry(KEY, arrival(ONE))
    assert await store.parked() == []
    assert not (await store.admit(arrival(ONE), room=False)).new
    (claim,) = await store.claim(9, CHANNELS)
    assert (await store.settle(answer(ONE), claim)).released


async def test_of_many_who_take_up_or_drop_one_message_one_does(fleet: Fleet, store: SqlStore, other: SqlStore) -> None:
    for number in range(ROUNDS):
        written = message(number)
        key = arrival(written).key
        claim = await claimed(store, written)
        await store.settle(aside(written, key=written.id), claim)
        done = await asyncio.gather(
            store.retry(key), other.retry(key), store.drop(key), other.retry(key), other.drop(key)
        )
        assert done.count(True) == 1
        assert await fleet.is_exact()
        for claim in await store.claim(9, CHANNELS):
            assert (await store.settle(answer(written), claim)).released


async def test_a_message_whose_row_says_nothing_is_parked_and_the_rest_of_its_chat_goes_on(
    fleet: Fleet, store: SqlStore, other: SqlStore
) -> None:
    claim = await claimed(store, ONE, TWO, THREE)
    await fleet.sql("UPDATE inbox SET message = '{' WHERE message_id = '2'")
    with pytest.raises(Unreadable):
        await store.unsettled(address())
    assert await other.set_aside(claim) == 0
    assert await store.set_aside(claim) == 1
    assert await store.set_aside(claim) == 0
    assert await waits(store) == ["1", "3"]
    assert await fleet.is_exact()
    assert [(p.key, p.problem) for p in await store.parked()] == [(OTHER, "what is kept of it cannot be read")]
    assert (await store.settle(answer(ONE, THREE), claim)).released
    assert await fleet.is_exact()


async def test_a_plan_whose_row_says_nothing_is_made_again_with_the_parts_it_had(fleet: Fleet, store: SqlStore) -> None:
    claim = await claimed(store, ONE)
    await store.plan(answer(ONE), ["Soon."], claim)
    await fleet.sql("UPDATE reply SET plan = '{'")
    (promise,) = await store.unsettled(address())
    assert (promise.plan, promise.messages) == (None, (ONE,))
    (part,) = await store.plan(answer(ONE), ["Later."], claim)
    assert part.text == "Soon."
    assert (await store.settle(answer(ONE), claim)).released
