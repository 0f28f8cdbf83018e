"""A store that goes away and comes back: writes fail in words or count once, and nobody opens it anew."""

from __future__ import annotations

import asyncio
import secrets
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import replace
from urllib.parse import urlsplit

import psycopg
import pytest
from sqlalchemy import Connection, Engine, event

from core.conversation import Arrival
from core.errors import Fenced, StoreError
from core.records import Claim, Part, PartState
from core.store import leases, parts, postgres
from core.store.database import Database
from core.store.hints import Hints
from core.store.migrate import prepare
from core.store.sql import SqlStore
from tests.core.store.conftest import Template
from tests.core.store.fleet import AT, CHANNELS, Fleet, address, answer, arrival, claimed, message, waits
from tests.reliability.postgres import Cluster, Server
from tests.reliability.proxy import FaultProxy, Toxic

ONE, TWO = message(1), message(2)
ROUNDS = 12


class Breaks:
    """Loses the connection in the middle of the next commit: after it was made, or before."""

    def __init__(self) -> None:
        self.next = ""

    def on_commit(self, connection: Connection) -> None:
        if how := self.next:
            self.next = ""
            lost = connection.connection.dbapi_connection
            assert lost is not None
            if how == "made":
                lost.commit()
            lost.close()


@pytest.fixture
async def breaking(migrated: str) -> AsyncIterator[tuple[SqlStore, Breaks]]:
    breaks = Breaks()

    def engine(url: str) -> Engine:
        made = postgres.engine(url)
        event.listen(made, "commit", breaks.on_commit)
        return made

    async with Database(migrated, prepare, engine) as database, Hints(database, "me") as hints:
        yield SqlStore(database, hints, "me"), breaks


@pytest.mark.parametrize("how", ["made", "not made"])
async def test_a_connection_lost_in_the_middle_of_a_commit_costs_nothing_and_counts_once(
    breaking: tuple[SqlStore, Breaks], how: str
) -> None:
    store, breaks = breaking
    breaks.next = how
    admitted = await store.admit(arrival(ONE))
    assert admitted.new == (how == "not made")
    assert admitted.claim is not None
    claim = admitted.claim
    breaks.next = how
    (part,) = await store.plan(answer(ONE), ["Soon."], claim)
    breaks.next = how
    await store.mark(address(), replace(part, state=PartState.SENT, sent_as="9"), claim)
    assert [(p.state, p.sent_as) for p in await store.parts(address(), "1")] == [(PartState.SENT, "9")]
    breaks.next = how
    assert set(await store.renew([claim])) == {address()}
    breaks.next = how
    assert await store.hold("poll")
    breaks.next = how
    assert (await store.settle(answer(ONE), claim)).released
    assert breaks.next == ""
    assert len((await store.load(address())).turns) == 2
    assert len(await store.entries(AT, AT.replace(year=2027))) == 1
    assert await waits(store) == []
    breaks.next = how
    await store.admit(arrival(TWO), room=False)
    breaks.next = how
    claims = await store.claim(9, CHANNELS)
    assert how == "not made" or claims == []  # it is ours, and nobody here knows: free when the lease is over
    while how == "not made" and not claims:  # the server may still be about to notice
        claims = await store.claim(9, CHANNELS)


async def test_a_loss_that_only_the_socket_shows_is_a_lost_connection(migrated: str) -> None:
    losses = ["SELECT", "INSERT"]

    def lose(_cursor: object, statement: str, *_: object) -> None:
        if losses and statement.startswith(losses[-1]):
            losses.pop()
            raise psycopg.OperationalError("connection socket closed")

    def engine(url: str) -> Engine:
        made = postgres.engine(url)
        event.listen(made, "do_execute", lose)
        return made

    async with Database(migrated, prepare, engine) as database, Hints(database, "me") as hints:
        store = SqlStore(database, hints, "me")
        assert (await store.admit(arrival(ONE))).new
        assert await waits(store) == ["1"]
    assert losses == []


@pytest.mark.parametrize("how", ["made", "not made"])
async def test_a_group_whose_commit_was_lost_is_committed_whole(breaking: tuple[SqlStore, Breaks], how: str) -> None:
    store, breaks = breaking
    breaks.next = how
    await asyncio.gather(*(store.admit(arrival(message(n))) for n in range(50)))
    assert breaks.next == ""
    assert await waits(store) == [str(n) for n in range(50)]
    rows = await store._database.read(lambda c: c.exec_driver_sql("SELECT tail, head FROM conversation").all())
    assert [tuple(row) for row in rows] == [(50, 0)]


async def _through(proxy: FaultProxy, url: str) -> str:
    parts = urlsplit(url)
    return parts._replace(netloc=f"{parts.netloc.rpartition(':')[0]}:{proxy.port}").geturl()


async def _heal_after_cut(proxy: FaultProxy) -> None:
    before = proxy.accepted
    while proxy.accepted == before:  # noqa: ASYNC110 - nothing tells
        await asyncio.sleep(0)
    await proxy.heal()


@pytest.mark.parametrize("way", ["to_server", "to_client"])
async def test_a_network_that_breaks_at_a_commit_or_at_its_answer_counts_once(
    template: Template, several: Fleet, way: str
) -> None:
    port = urlsplit(several.url).port
    assert port is not None
    async with FaultProxy(port) as proxy:
        store = await several.start(await _through(proxy, several.url))
        await store.admit(arrival(ONE), room=False)
        for number in range(2, 5):
            getattr(proxy, way).toxic = Toxic(at=b"COMMIT", after=0)
            healed = asyncio.create_task(_heal_after_cut(proxy))
            await store.admit(arrival(message(number)), room=False)
            await healed
        (claim,) = await store.claim(9, CHANNELS)
        assert await waits(store) == ["1", "2", "3", "4"]
        getattr(proxy, way).toxic = Toxic(at=b"COMMIT", after=0)
        healed = asyncio.create_task(_heal_after_cut(proxy))
        assert not (await store.settle(answer(ONE), claim)).released
        await healed
        assert await several.is_exact()
        assert len((await store.load(address())).turns) == 2
        await several.stop()


async def test_connections_the_server_ended_are_made_anew_without_a_failure(template: Template, several: Fleet) -> None:
    store = await several.start()
    claim = await claimed(store, ONE)
    killed = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s AND pid <> pg_backend_pid()"
    for number in range(2, 5):
        template.server.query(killed, urlsplit(several.url).path[1:])
        assert (await store.load(address())).turns == ()
        assert (await store.admit(arrival(message(number)))).claim == claim
    assert await waits(store) == ["1", "2", "3", "4"]


Use = Callable[[SqlStore], Awaitable[object]]
USES: list[Use] = [
    lambda store: store.admit(arrival(TWO)),
    lambda store: store.claim(9, CHANNELS),
    lambda store: store.renew([]),
    lambda store: store.hold("poll"),
    lambda store: store.mark(address(), Part("1", 0, "Soon.")),
    lambda store: store.load(address()),
    lambda store: store.unsettled(),
]


@pytest.mark.timeout(90)
async def test_while_the_server_is_away_everything_fails_in_words_and_afterwards_it_works(cluster: Cluster) -> None:
    async with Fleet(cluster.url()) as fleet:
        store = await fleet.start()
        claim = await claimed(store, ONE)
        for mode in ("immediate", "fast"):
            await asyncio.to_thread(cluster.stop, mode)
            for use in USES:
                with pytest.raises(StoreError, match="the store could not do it"):
                    await use(store)
            await asyncio.to_thread(cluster.start)
            assert (await store.load(address())).turns == ()
            assert await waits(store) == ["1"]
        assert (await store.settle(answer(ONE), claim)).released


async def test_a_server_that_takes_no_more_writes_is_left_for_one_that_does(template: Template, own: str) -> None:
    async with Fleet(own) as fleet:
        await _left(template, await fleet.start(), urlsplit(own).path[1:])


async def _left(template: Template, store: SqlStore, name: str) -> None:
    claim = await claimed(store, ONE)
    killed = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s AND pid <> pg_backend_pid()"
    template.server.query(f'ALTER DATABASE "{name}" SET default_transaction_read_only = on')
    template.server.query(killed, name)
    with pytest.raises(StoreError, match="read-only"):
        await store.admit(arrival(TWO))
    template.server.query(f'ALTER DATABASE "{name}" SET default_transaction_read_only = off')
    assert (await store.admit(arrival(TWO))).claim == claim


async def test_a_write_the_database_refuses_fails_alone_and_the_same_works_later(fleet: Fleet, store: SqlStore) -> None:
    if fleet.shared:
        pytest.skip("a role that may change nothing cannot make the database refuse")
    await fleet.sql("CREATE TRIGGER full BEFORE INSERT ON inbox BEGIN SELECT RAISE(ABORT, 'disk is full'); END")
    with pytest.raises(StoreError, match="disk is full"):
        await store.admit(arrival(ONE))
    assert await store.hold("poll")
    await fleet.sql("DROP TRIGGER full")
    assert (await store.admit(arrival(ONE))).new
    assert await fleet.is_exact()


@pytest.fixture
def people(postgres: Server) -> Iterator[str]:
    """A database in which `a` comes before `B`, which is not how processes sort; where the server can."""
    name = f"firstline_{secrets.token_hex(6)}"
    made = f'CREATE DATABASE "{name}" TEMPLATE template0'
    try:
        postgres.query(f"{made} LOCALE_PROVIDER icu ICU_LOCALE 'en-US'")
    except psycopg.errors.FeatureNotSupported:  # built without: then everybody sorts alike
        postgres.query(made)
    yield postgres.url(name)
    postgres.query(f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.mark.timeout(120)
async def test_processes_that_write_to_the_same_chats_in_opposite_order_never_wait_for_each_other(
    postgres: Server, people: str
) -> None:
    chats = [f"{letter}{n}" for n in range(4) for letter in "aBcDeF"]
    async with Fleet(people) as fleet:
        one, two = await fleet.start(), await fleet.start()
        claims = [await claimed(one, message(0, chat)) for chat in chats]
        for number in range(1, ROUNDS):
            forth = [one.admit(arrival(message(number, chat))) for chat in chats]
            back = [two.admit(arrival(message(number, chat))) for chat in reversed(chats)]
            settled = [one.settle(answer(message(number - 1, c.address.chat)), c) for c in reversed(claims)]
            await asyncio.gather(*forth, one.renew(claims), *back, *settled, one.renew(claims[::-1]))
            noted = [Arrival(f"noted {number} {chat}", "{}") for chat in chats]
            await asyncio.gather(*map(one.admit, noted), *map(two.admit, reversed(noted)))
        assert await fleet.is_exact()
    deadlocks = "SELECT deadlocks FROM pg_stat_database WHERE datname = %s"
    assert postgres.query(deadlocks, urlsplit(people).path[1:]) == [(0,)]


def test_chats_are_locked_in_the_order_in_which_processes_sort_them(migrated: str) -> None:
    sent: list[str] = []
    engine = postgres.engine(migrated)
    event.listen(engine, "before_cursor_execute", lambda _c, _cursor, statement, *_rest: sent.append(statement))
    with engine.connect() as connection:
        leases.renew(connection, "me", [Claim(address("b"), 1), Claim(address("B"), 1)])
    engine.dispose()
    assert 'ORDER BY conversation.conv COLLATE "C" FOR UPDATE' in sent[-1]


@pytest.mark.timeout(60)
async def test_a_process_that_freezes_in_the_middle_of_a_write_keeps_no_chat_from_the_others(
    several: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres, "LONGEST_IDLE", 0.5)
    other, frozen = await several.start(), await several.start()
    claim = await claimed(frozen, ONE)
    inside, wakes = threading.Event(), threading.Event()

    def freeze(c: Connection) -> None:
        leases.fence(c, frozen.owner, claim)
        inside.set()
        wakes.wait(30)
        parts.mark(c, address(), Part("1", 0, "Soon."))

    writing = asyncio.ensure_future(frozen._database.write(freeze, str(claim.address)))
    await asyncio.to_thread(inside.wait, 10)
    try:
        async with asyncio.timeout(20):
            await several.pass_time(chat="1")  # waits for the row as anybody does
        assert (await other.admit(arrival(TWO))).claim == Claim(address(), claim.epoch + 1, 2)
    finally:
        wakes.set()
    with pytest.raises(Fenced):
        await writing
    assert await waits(other) == ["1", "2"]
