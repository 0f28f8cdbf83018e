"""What the store promises about messages, on every engine: kept once, in order, and `head < tail` says what waits.

Who may answer a chat is in `test_leases`, whose writes are refused in `test_fencing`.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from core.conversation import Arrival
from core.records import Outcome, PartState
from core.store.sql import SqlStore
from tests.core.store.fleet import AT, CHANNELS, Fleet, address, answer, arrival, claimed, message, waits

ONE, TWO, THREE = (message(n) for n in (1, 2, 3))
ROUNDS = 25


async def test_messages_two_processes_committed_inverted_are_answered_as_they_were_written(
    fleet: Fleet, store: SqlStore, other: SqlStore
) -> None:
    await other.admit(arrival(TWO), room=False)
    await store.admit(arrival(THREE), room=False)
    await other.admit(arrival(ONE), room=False)
    assert await waits(store) == ["1", "2", "3"]


async def test_messages_of_one_instant_are_answered_as_they_were_committed(store: SqlStore, other: SqlStore) -> None:
    for number, process in ((7, store), (3, other), (5, store)):
        await process.admit(arrival(replace(message(number), at=AT)), room=False)
    assert await waits(store) == ["7", "3", "5"]


async def test_a_duplicate_is_no_news_and_leaves_every_counter_alone(fleet: Fleet, store: SqlStore) -> None:
    claim = await claimed(store, ONE)
    before = await fleet.row()
    again = await store.admit(arrival(ONE))
    assert (again.new, again.claim) == (False, claim)
    assert await fleet.row() == before
    await store.settle(answer(ONE), claim)
    settled = await fleet.row()
    for room in (True, False):
        again = await store.admit(arrival(ONE), room=room)
        assert (again.new, again.claim) == (False, None)
        after = await fleet.row()
        same = ("tail", "head", "owner", "attempts", "turns", "replies", "holder", "last_at")
        assert {name: after[name] for name in same} == {name: settled[name] for name in same}


async def test_a_duplicate_at_another_process_takes_nothing_from_the_one_that_answers(
    fleet: Fleet, store: SqlStore, other: SqlStore
) -> None:
    claim = await claimed(store, ONE)
    before = await fleet.row()
    again = await other.admit(arrival(ONE))
    assert (again.new, again.claim) == (False, None)
    assert await fleet.row() == before
    assert (await store.settle(answer(ONE), claim)).released


async def test_the_same_update_admitted_by_two_processes_at_one_instant_is_new_to_one(
    fleet: Fleet, store: SqlStore, other: SqlStore
) -> None:
    for number in range(ROUNDS):
        chat = f"{number % 7}"
        same = arrival(message(number, chat))
        admitted = await asyncio.gather(*(process.admit(same) for process in (store, other, store)))
        assert [a.new for a in admitted].count(True) == 1
    assert await fleet.is_exact()
    rows = await fleet.sql("SELECT sum(tail), sum(head) FROM conversation")
    assert rows[0] == (ROUNDS, 0)


async def test_numbers_of_arrivals_are_the_order_of_their_commits(
    fleet: Fleet, store: SqlStore, other: SqlStore
) -> None:
    await asyncio.gather(*((store, other)[n % 2].admit(arrival(message(n))) for n in range(ROUNDS)))
    rows = await fleet.sql("SELECT seq FROM inbox ORDER BY seq")
    assert [row.seq for row in rows] == list(range(1, ROUNDS + 1))


async def test_a_duplicate_while_its_message_is_being_settled_neither_stops_nor_repeats_it(
    fleet: Fleet, store: SqlStore, other: SqlStore
) -> None:
    for number in range(ROUNDS):
        claim = await claimed(store, message(number))
        settled, again = await asyncio.gather(
            store.settle(answer(message(number)), claim), other.admit(arrival(message(number)))
        )
        assert not again.new
        if again.claim is not None:  # it came first and found the chat waiting, or last and must find nothing
            assert not settled.released
        assert await waits(store) == []
        assert await fleet.is_exact()
    assert len((await store.load(address())).turns) == 2 * ROUNDS


async def test_a_chat_is_given_back_exactly_when_nothing_of_it_waits(fleet: Fleet, store: SqlStore) -> None:
    claim = await claimed(store, ONE, TWO, THREE)
    assert not (await store.settle(answer(ONE), claim)).released
    assert (await fleet.row())["owner"] == store.owner
    assert not (await store.settle(answer(TWO), claim)).released
    assert (await store.settle(answer(THREE), claim)).released
    row = await fleet.row()
    assert (row["owner"], row["head"], row["tail"]) == (None, 3, 3)


async def test_a_message_that_comes_while_the_last_one_is_settled_is_never_left_without_an_owner_or_a_claim(
    fleet: Fleet, store: SqlStore, other: SqlStore
) -> None:
    for number in range(ROUNDS):
        old, new = message(2 * number), message(2 * number + 1)
        claim = await claimed(store, old)
        settled, admitted = await asyncio.gather(store.settle(answer(old), claim), other.admit(arrival(new)))
        assert admitted.new
        assert await fleet.is_exact()
        assert settled.released == (admitted.claim is not None)
        kept = admitted.claim or claim
        assert (await (other if admitted.claim else store).settle(answer(new), kept)).released


async def test_a_settlement_of_a_known_key_changes_nothing_and_says_who_has_the_chat(
    fleet: Fleet, store: SqlStore
) -> None:
    claim = await claimed(store, ONE, TWO)
    assert not (await store.settle(answer(ONE), claim)).released
    before = await fleet.row()
    assert not (await store.settle(answer(ONE), claim)).released
    assert await fleet.row() == before
    await store.settle(answer(TWO), claim)
    assert (await store.settle(answer(TWO), claim)).released
    assert len((await store.load(address())).turns) == 4


async def test_a_settlement_counts_only_what_waited(fleet: Fleet, store: SqlStore) -> None:
    claim = await claimed(store, ONE, TWO, THREE)
    await store.settle(answer(ONE, TWO), claim)
    assert not (await store.settle(answer(TWO, key="again"), claim)).released
    assert await fleet.is_exact()
    assert (await store.settle(answer(TWO, THREE, key="last"), claim)).released


async def test_planned_comes_before_waiting_and_is_not_repeated(store: SqlStore) -> None:
    claim = await claimed(store, ONE, TWO, THREE)
    parts = await store.plan(answer(TWO), ["Soon."], claim)
    await store.mark(address(), replace(parts[0], state=PartState.SENT, sent_as="9"), claim)
    planned, waiting = await store.unsettled(address())
    assert planned.plan == answer(TWO)
    assert [(part.state, part.sent_as) for part in planned.parts] == [(PartState.SENT, "9")]
    assert [m.id for m in waiting.messages] == ["1", "3"]


@pytest.mark.parametrize("outcome", [Outcome.ANSWERED, Outcome.PARKED])
async def test_counters_are_exact_whatever_became_of_a_message(fleet: Fleet, store: SqlStore, outcome: Outcome) -> None:
    claim = await claimed(store, ONE, TWO)
    await store.settle(answer(ONE, outcome=outcome), claim)
    assert await fleet.is_exact()
    assert await waits(store) == ["2"]
    assert (await store.settle(answer(TWO, outcome=outcome), claim)).released
    assert [p.key for p in await store.parked()] == (
        [] if outcome is Outcome.ANSWERED else ["telegram:1:2", "telegram:1:1"]
    )


async def test_updates_without_a_message_are_kept_once_and_are_no_work(fleet: Fleet, store: SqlStore) -> None:
    noted, broken = Arrival("service", "{}"), Arrival("broken", "{", problem="not JSON")
    assert [(await store.admit(a)).new for a in (noted, broken, noted, broken)] == [True, True, False, False]
    assert await store.claim(10, [*CHANNELS, ""]) == []
    assert [p.key for p in await store.parked()] == ["broken"]


async def test_chats_do_not_share_counters_claims_or_keys_of_replies(fleet: Fleet, store: SqlStore) -> None:
    first, second = await claimed(store, message(1, "a")), await claimed(store, message(1, "b"))
    assert (await store.settle(answer(message(1, "a")), first)).released
    assert await waits(store, "b") == ["1"]
    assert (await fleet.row("b"))["owner"] == store.owner
    assert (await store.settle(answer(message(1, "b")), second)).released
    assert len((await store.load(address("b"))).turns) == 2
