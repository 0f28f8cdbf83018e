"""The store behind PgBouncer in transaction mode: the same promises, no hints; looking for work carries everything."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest

from core.records import Hint, Rumour
from tests.core.store.fleet import CHANNELS, Fleet, address, answer, arrival, claimed, message

# Run again here, where `url` is another one.
from tests.core.store.test_conformance import (  # noqa: F401
    test_a_chat_is_given_back_exactly_when_nothing_of_it_waits,
    test_a_duplicate_while_its_message_is_being_settled_neither_stops_nor_repeats_it,
    test_a_message_that_comes_while_the_last_one_is_settled_is_never_left_without_an_owner_or_a_claim,
    test_planned_comes_before_waiting_and_is_not_repeated,
    test_the_same_update_admitted_by_two_processes_at_one_instant_is_new_to_one,
)
from tests.core.store.test_fencing import test_a_zombie_is_refused_and_changes_nothing  # noqa: F401
from tests.core.store.test_leases import (  # noqa: F401
    test_a_dead_process_s_chat_is_taken_over_after_its_lease_and_not_before,
    test_a_name_has_one_holder_until_it_leaves_or_its_lease_is_over,
    test_a_scheduled_run_is_made_by_one_of_many,
    test_of_many_that_claim_one_gets_a_chat,
)
from tests.reliability.postgres import Server


@pytest.fixture
def url(migrated: str, pgbouncer: Server) -> str:
    """A migrated database as PgBouncer shows it, which logs in by its own role."""
    return pgbouncer.url(urlsplit(migrated).path[1:])


async def test_hints_fall_silent_and_a_message_is_found_by_looking(fleet: Fleet) -> None:
    store, other = await fleet.start(), await fleet.start()
    claim = await claimed(store, message(1))
    for _ in range(3):
        store.hint(Hint(Rumour.JOINED, address()))
    await store.settle(answer(message(1)), claim)
    await store.admit(arrival(message(2)), room=False)
    assert len(await other.claim(9, CHANNELS)) == 1


async def test_statements_that_were_sent_often_go_through_whichever_connection_takes_them(fleet: Fleet) -> None:
    processes = [await fleet.start() for _ in range(3)]
    for number in range(12):
        for chat, process in enumerate(processes):
            claim = await claimed(process, message(number, f"{chat}"))
            assert (await process.settle(answer(message(number, f"{chat}")), claim)).released
            assert len((await process.load(address(f"{chat}"))).turns) == 2 * number + 2
    assert await fleet.is_exact()
