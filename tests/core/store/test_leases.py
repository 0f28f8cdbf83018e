"""Who may answer a chat, on every engine: one process at a time, and another one once a lease is over.

Time passes by moving leases into the past: only the database's clock counts.
"""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime, timedelta

import pytest

from core.records import Claim
from core.store.leases import LEASE
from core.store.sql import SqlStore
from tests.core.store.fleet import CHANNELS, Fleet, address, answer, arrival, claimed, message

ONE, TWO = message(1), message(2)
ALMOST = timedelta(microseconds=LEASE) - timedelta(seconds=4)


async def waiting(store: SqlStore, *chats: str) -> None:
    """A message in each of these chats, which nobody holds."""
    for chat in chats:
        await store.admit(arrival(message(1, chat)), room=False)


def chats_of(claims: list[Claim]) -> list[str]:
    return [claim.address.chat for claim in claims]


async def test_of_many_that_claim_one_gets_a_chat(fleet: Fleet, store: SqlStore) -> None:
    await waiting(store, *(f"{n}" for n in range(30)))
    processes = [store, *[await fleet.start() for _ in range(3)]]
    for _round in range(4):
        found = await asyncio.gather(*(process.claim(100, CHANNELS) for process in processes * 2))
        claims = [claim for each in found for claim in each]
        assert len({claim.address for claim in claims}) == len(claims) == 30
        assert {(claim.attempts, claim.counted) for claim in claims} == {(0, False)}
        owners = await fleet.sql("SELECT DISTINCT owner FROM conversation")
        assert {row.owner for row in owners} <= {process.owner for process in processes}
        await fleet.pass_time()


async def test_no_more_are_claimed_than_asked_for_and_the_longest_silent_come_first(
    store: SqlStore, other: SqlStore
) -> None:
    for number, chat in enumerate("cadb"):
        await store.admit(arrival(message(number, chat)), room=False)
    assert chats_of(list(await other.claim(1, CHANNELS))) == ["c"]
    assert sorted(chats_of(list(await other.claim(2, CHANNELS)))) == ["a", "d"]
    assert chats_of(list(await other.claim(9, CHANNELS))) == ["b"]


async def test_only_chats_of_the_channels_asked_for_are_claimed(store: SqlStore) -> None:
    await waiting(store, "1")
    assert await store.claim(9, []) == []
    assert await store.claim(9, ["whatsapp", "telegra", "tele_ram", "%", "TELEGRAM"]) == []
    assert len(await store.claim(9, ["whatsapp", "telegram"])) == 1


async def test_who_admits_with_room_has_the_chat_and_without_room_nobody_has(
    fleet: Fleet, store: SqlStore, other: SqlStore
) -> None:
    assert (await store.admit(arrival(message(1, "a")), room=False)).claim is None
    assert (await fleet.row("a"))["owner"] is None
    admitted = await other.admit(arrival(message(2, "a")))
    assert admitted.claim == Claim(address("a"), 1, 1)
    assert not admitted.alone
    assert await store.claim(9, CHANNELS) == []
    more = await store.admit(arrival(message(3, "a")))
    assert (more.new, more.claim) == (True, None)
    assert (await fleet.row("a"))["owner"] == other.owner


async def test_a_dead_process_s_chat_is_taken_over_after_its_lease_and_not_before(
    fleet: Fleet, store: SqlStore, other: SqlStore
) -> None:
    await claimed(store, ONE)
    await fleet.pass_time(ALMOST)
    assert await other.claim(9, CHANNELS) == []
    assert (await other.admit(arrival(TWO))).claim is None
    await fleet.pass_time()
    (taken,) = await other.claim(9, CHANNELS)
    assert taken == Claim(address(), 2, 1, counted=False, taken=True)
    assert (await fleet.row())["owner"] == other.owner
    assert await store.claim(9, CHANNELS) == []


async def test_a_new_message_takes_a_dead_process_s_chat_over_as_well(
    fleet: Fleet, store: SqlStore, other: SqlStore
) -> None:
    await claimed(store, ONE)
    await fleet.pass_time()
    admitted = await other.admit(arrival(TWO))
    assert admitted.claim == Claim(address(), 2, 2)
    assert not admitted.alone


async def test_a_lease_lasts_ten_seconds_of_the_database_s_clock(fleet: Fleet, store: SqlStore) -> None:
    await claimed(store, ONE)
    fresh = (await fleet.row())["lease_until"]
    await fleet.pass_time(ALMOST)
    await store.renew([Claim(address(), 1)])
    again = (await fleet.row())["lease_until"]
    assert 0 <= again - fresh < LEASE
    clock = "(extract(epoch FROM clock_timestamp()) * 1000000)::bigint" if fleet.shared else "now_micros()"
    ((now,),) = await fleet.sql(f"SELECT {clock}")
    assert 0 < again - now <= LEASE


@pytest.mark.parametrize("wrong", [3600, -3600])
async def test_a_process_with_a_wrong_clock_claims_nothing_it_should_not_and_gives_no_wrong_lease(
    several: Fleet, monkeypatch: pytest.MonkeyPatch, wrong: int
) -> None:
    store, other = await several.start(), await several.start()
    await claimed(store, ONE)
    assert await store.hold("report")
    await store.silence("telegram:1", datetime.now(UTC) + timedelta(minutes=1))
    right, right_ns = time.time, time.time_ns
    monkeypatch.setattr("time.time", lambda: right() + wrong)
    monkeypatch.setattr("time.time_ns", lambda: right_ns() + wrong * 1_000_000_000)
    assert await other.claim(9, CHANNELS) == []
    assert (await other.admit(arrival(TWO))).claim is None
    assert not await other.hold("report")
    assert list(await other.silences("telegram:")) == ["telegram:1"]
    await other.renew([])
    await claimed(other, message(1, "else"))
    assert await other.hold("else")
    monkeypatch.undo()
    await store.renew([])
    assert await store.size() == 2
    assert await store.claim(9, CHANNELS) == []
    await several.pass_time()
    assert await store.hold("else")
    assert sorted(chats_of(list(await store.claim(9, CHANNELS)))) == ["1", "else"]


async def test_renewing_says_which_chats_are_still_ours(fleet: Fleet, store: SqlStore, other: SqlStore) -> None:
    kept, lost = await claimed(store, message(1, "kept")), await claimed(store, message(1, "lost"))
    done = await claimed(store, message(1, "done"))
    await store.settle(answer(message(1, "done")), done)
    await fleet.pass_time(chat="lost")
    (taken,) = await other.claim(9, CHANNELS)
    assert set(await store.renew([kept, lost, done])) == {address("kept")}
    assert set(await other.renew([taken, kept])) == {address("lost")}
    assert await store.renew([]) == set()


async def test_a_chat_that_was_lost_and_won_again_is_not_ours_under_the_old_claim(
    fleet: Fleet, store: SqlStore, other: SqlStore
) -> None:
    old = await claimed(store, ONE)
    await fleet.pass_time()
    (theirs,) = await other.claim(9, CHANNELS)
    await other.release([theirs], tried=True)
    (new,) = await store.claim(9, CHANNELS)
    assert new.epoch == old.epoch + 2
    assert await store.renew([old]) == set()
    assert set(await store.renew([new])) == {address()}


async def test_a_late_renewal_keeps_a_chat_nobody_took_and_then_nobody_gets_it(
    fleet: Fleet, store: SqlStore, other: SqlStore
) -> None:
    claim = await claimed(store, ONE)
    await fleet.pass_time()
    assert set(await store.renew([claim])) == {address()}
    assert await other.claim(9, CHANNELS) == []


async def test_a_chat_given_back_is_free_at_once_and_not_counted_as_tried(
    fleet: Fleet, store: SqlStore, other: SqlStore
) -> None:
    claim = await claimed(store, ONE)
    await store.release([claim], tried=False)
    (again,) = await other.claim(9, CHANNELS)
    assert again == Claim(address(), 2, 0, counted=False)
    await other.release([again], tried=False)
    (third,) = await store.claim(9, CHANNELS)
    await store.release([await store.attempt(third)], tried=True)
    (fourth,) = await other.claim(9, CHANNELS)
    assert fourth == Claim(address(), 4, 1, counted=False)


async def test_giving_back_what_another_process_took_over_changes_nothing(
    fleet: Fleet, store: SqlStore, other: SqlStore
) -> None:
    claim = await claimed(store, ONE)
    await fleet.pass_time()
    await other.claim(9, CHANNELS)
    before = await fleet.row()
    await store.release([claim], tried=False)
    assert await fleet.row() == before


async def test_attempts_grow_whenever_work_begins_and_a_settlement_ends_them(
    fleet: Fleet, store: SqlStore, other: SqlStore
) -> None:
    claim = await claimed(store, ONE, TWO)
    for attempt, process in enumerate((other, store, other, store), 2):
        await fleet.pass_time()
        (claim,) = await process.claim(9, CHANNELS)
        assert (claim.attempts, claim.counted) == (attempt - 1, False)
        claim = await process.attempt(claim)
        assert (claim.attempts, claim.counted) == (attempt, True)
    await store.settle(answer(ONE), claim)
    assert (await fleet.row())["attempts"] == 0
    await fleet.pass_time()
    (claim,) = await other.claim(9, CHANNELS)
    assert (await other.attempt(claim)).attempts == 1
    await other.settle(answer(TWO), claim)
    assert (await claimed(store, message(3))).attempts == 1


async def test_chats_a_process_claimed_and_died_of_another_one_have_not_been_tried(
    fleet: Fleet, store: SqlStore, other: SqlStore
) -> None:
    await waiting(store, "deadly", "innocent")
    claims = {claim.address.chat: claim for claim in await store.claim(9, CHANNELS)}
    await store.attempt(claims["deadly"])
    await fleet.pass_time()
    assert {c.address.chat: c.attempts for c in await other.claim(9, CHANNELS)} == {"deadly": 1, "innocent": 0}


async def test_messages_that_join_a_chat_being_answered_are_no_attempts(fleet: Fleet, store: SqlStore) -> None:
    claims = [(await store.admit(arrival(message(n)))).claim for n in range(1, 6)]
    assert claims == [Claim(address(), 1, 1)] * 5


async def test_a_name_has_one_holder_until_it_leaves_or_its_lease_is_over(
    fleet: Fleet, store: SqlStore, other: SqlStore
) -> None:
    held = await asyncio.gather(*(process.hold("poll") for process in (store, other) for _ in range(10)))
    assert held.count(True) == 10
    first, second = (store, other) if held[0] else (other, store)
    assert await first.hold("poll")
    assert await second.hold("else")
    await second.leave("poll")
    assert not await second.hold("poll")
    await first.leave("poll")
    assert await second.hold("poll")
    await fleet.pass_time(ALMOST)
    assert not await first.hold("poll")
    assert await second.hold("poll")
    await fleet.pass_time()
    assert await first.hold("poll")
    assert not await second.hold("poll")


async def test_a_silence_holds_for_everybody_is_never_shortened_and_ends(
    fleet: Fleet, store: SqlStore, other: SqlStore
) -> None:
    now = datetime.now(UTC).replace(microsecond=0)
    late, soon = now + timedelta(minutes=2), now + timedelta(minutes=1)
    await store.silence("telegram:5:7", late)
    await other.silence("telegram:5:7", soon)
    await other.silence("telegram:5", soon)
    await other.silence("telegram:5:8", now - timedelta(minutes=1))
    await other.silence("whatsapp:5", soon)
    for process in (store, other):
        assert dict(await process.silences("telegram:5")) == {"telegram:5:7": late, "telegram:5": soon}
    await store.silence("tele_ram", soon)
    assert list(await other.silences("tele_")) == ["tele_ram"]


async def test_the_fleet_is_as_many_as_showed_life_within_a_lease_and_never_less_than_one(several: Fleet) -> None:
    processes = [await several.start() for _ in range(3)]
    assert await processes[0].size() == 1
    for process in processes:
        await process.renew([])
    assert await processes[0].size() == 3
    await several.pass_time(ALMOST)
    await processes[0].renew([])
    assert await processes[1].size() == 3
    await several.pass_time()
    assert await processes[1].size() == 1
    await processes[2].renew([])
    await several.pass_time(timedelta(hours=1))
    await processes[0].renew([])
    assert len(await several.sql("SELECT owner FROM replica")) == 1


async def test_a_store_with_one_process_is_a_fleet_of_one(store: SqlStore) -> None:
    await store.renew([])
    assert await store.size() == 1


async def test_a_scheduled_run_is_made_by_one_of_many(fleet: Fleet, store: SqlStore) -> None:
    processes = [store, *[await fleet.start() for _ in range(3)]]
    before = await store.last_due("report")
    assert before is None
    for day in range(1, 8):
        due = datetime(2026, 3, day, 8, tzinfo=UTC)
        made = await asyncio.gather(*(process.due("report", before, due) for process in processes))
        assert made.count(True) == 1
        assert {await process.last_due("report") for process in processes} == {due}
        before = due
    assert await store.last_due("other") is None


async def test_the_newest_instant_of_a_name_is_kept_and_the_one_before_it_told(
    store: SqlStore, other: SqlStore
) -> None:
    first, second, third = (datetime(2026, 3, day, 8, tzinfo=UTC) for day in (1, 2, 3))
    assert await store.passed("telegram", first) is None
    assert await other.passed("telegram", third) == first
    assert await store.passed("telegram", second) == third
    assert await store.passed("telegram", third) == third
    assert await store.passed("other", second) is None
