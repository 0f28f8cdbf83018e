"""Word between processes on a server: it reaches the others, and whoever never hears any finds everything anyway."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import pytest

from core.conversation import Address
from core.records import Hint, Rumour
from core.store.sql import SqlStore
from tests.core.store.conftest import Template
from tests.core.store.fleet import CHANNELS, Fleet, address, arrival, message

LISTENING = "SELECT count(*) FROM pg_stat_activity WHERE datname = %s AND query LIKE %s"


def hint(chat: str, rumour: Rumour = Rumour.JOINED) -> Hint:
    return Hint(rumour, address(chat))


async def heard(store: SqlStore, until: Hint) -> list[Hint]:
    """What a process is told up to this hint."""
    found: list[Hint] = []
    async with asyncio.timeout(15):
        async for each in store.hints():
            found.append(each)
            if each == until:
                break
    return found


async def listening(template: Template, fleet: Fleet, many: int) -> None:
    """Wait until so many processes listen."""
    name = urlsplit(fleet.url).path[1:]
    async with asyncio.timeout(15):
        while template.server.query(LISTENING, name, "LISTEN%")[0][0] < many:  # noqa: ASYNC110 - nothing tells
            await asyncio.sleep(0.02)


@pytest.fixture
async def several(own: str) -> AsyncIterator[Fleet]:
    """On a database in which nobody else listens."""
    async with Fleet(own) as made:
        yield made


@pytest.fixture
async def pair(template: Template, several: Fleet) -> tuple[SqlStore, SqlStore]:
    """Two processes that listen."""
    stores = await several.start(), await several.start()
    await listening(template, several, 2)
    return stores


async def test_a_hint_reaches_the_other_process_and_not_the_one_that_gave_it(pair: tuple[SqlStore, SqlStore]) -> None:
    one, two = pair
    for rumour in Rumour:
        one.hint(hint("a", rumour))
    one.hint(hint("end"))
    assert await heard(two, hint("end")) == [*(hint("a", rumour) for rumour in Rumour), hint("end")]
    two.hint(hint("back"))
    assert await heard(one, hint("back")) == [hint("back")]


async def test_many_hints_at_once_arrive_whole_and_the_same_one_once(pair: tuple[SqlStore, SqlStore]) -> None:
    one, two = pair
    many = [hint(f"{n}" * 20) for n in range(500)]
    for each in many * 2:
        one.hint(each)
    one.hint(hint("end"))
    assert await heard(two, hint("end")) == [*many, hint("end")]


async def test_a_hint_too_long_to_be_told_costs_the_others_nothing(pair: tuple[SqlStore, SqlStore]) -> None:
    one, two = pair
    for each in (hint("first"), hint("x" * 9000), hint("end")):
        one.hint(each)
    assert await heard(two, hint("end")) == [hint("first"), hint("end")]


async def test_what_others_say_on_the_channel_is_passed_over(
    template: Template, pair: tuple[SqlStore, SqlStore], several: Fleet
) -> None:
    one, two = pair
    for said in (
        "",
        "{",
        "[]",
        "[1, 2]",
        '["x", [["no such rumour", "telegram:1"]]]',
        '["x", [["joined", "nowhere"]]]',
    ):
        await several.sql("SELECT pg_notify('firstline', :said)", said=said)
    one.hint(hint("end"))
    assert await heard(two, hint("end")) == [hint("end")]


@pytest.mark.timeout(60)
async def test_a_listener_that_lost_its_connection_hears_again(
    template: Template, pair: tuple[SqlStore, SqlStore], several: Fleet
) -> None:
    one, two = pair
    name = urlsplit(several.url).path[1:]
    killed = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s AND query LIKE %s"
    template.server.query(killed, name, "LISTEN%")
    one.hint(hint("perhaps lost"))
    await listening(template, several, 2)
    one.hint(hint("end"))
    assert (await heard(two, hint("end")))[-1] == hint("end")


async def test_without_any_hint_a_message_is_found_by_looking(fleet: Fleet, store: SqlStore, other: SqlStore) -> None:
    await store.admit(arrival(message(1)), room=False)
    assert [claim.address for claim in await other.claim(9, CHANNELS)] == [address()]


async def test_where_there_is_one_process_a_hint_is_told_to_nobody() -> None:
    async with Fleet("sqlite://") as fleet:
        store, other = await fleet.start(), await fleet.start()
        store.hint(hint("a"))
        await store.admit(arrival(message(1)))
        waiting = asyncio.ensure_future(anext(aiter(other.hints())))
        await other.renew([])
        assert not waiting.done()
        waiting.cancel()


async def test_hints_of_chats_with_odd_names_arrive_as_they_are(pair: tuple[SqlStore, SqlStore]) -> None:
    one, two = pair
    odd = Hint(Rumour.JOINED, Address("web", "ø:😀'\"\\ %s"))
    one.hint(odd)
    assert await heard(two, odd) == [odd]
