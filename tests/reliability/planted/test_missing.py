"""What no test elsewhere noticed when it was broken on purpose."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy import Connection, Engine, event

from channels.memory import MemoryChannel
from channels.telegram.client import Buttons, Client, Place
from channels.telegram.delivery import Delivery
from channels.telegram.limits import Limits
from channels.telegram.outlet import Outlet
from core.conversation import Address
from core.desk import Desk
from core.markup import Rich
from core.records import Admission, Part, PartState
from core.store import sqlite
from core.store.database import Database
from core.store.hints import Hints
from core.store.migrate import prepare
from core.store.sql import SqlStore, open_store
from tests.core.store.fleet import arrival, message
from tests.reliability.redelivery.processes import Silent, policy


async def test_nobody_is_told_of_a_commit_before_it_is_made() -> None:
    told: list[bool] = []
    waited_for: list[asyncio.Future[Admission]] = []

    def committing(_connection: Connection) -> None:
        for admitted in waited_for:
            asyncio.run_coroutine_threadsafe(_look(admitted, told), loop).result(5)

    def engine(url: str, *pragmas: str) -> Engine:
        made = sqlite.engine(url, *pragmas)
        event.listen(made, "commit", committing)
        return made

    loop = asyncio.get_running_loop()
    async with Database("sqlite://", prepare, engine) as database, Hints(database, "me") as hints:
        store = SqlStore(database, hints, "me")
        waited_for.append(asyncio.ensure_future(store.admit(arrival(message(1)))))
        await waited_for[0]
        assert told == [False]
        waited_for.clear()


async def _look(admitted: asyncio.Future[Admission], told: list[bool]) -> None:
    for _ in range(3):  # whoever was told has had time to hear of it
        await asyncio.sleep(0)
    told.append(admitted.done())


async def test_work_nobody_told_of_is_found_by_looking() -> None:
    channel = MemoryChannel()
    written = replace(message(1), address=Address("memory", "ann"))
    async with open_store("sqlite://") as store, Desk(store, {"memory": channel}, policy()) as desk:
        await store.admit(arrival(written), room=False)
        async with asyncio.timeout(10):
            while not channel.said["ann"]:  # noqa: ASYNC110 - a look tells nobody
                await asyncio.sleep(0.01)
        assert await desk.idle(5)


class Written:
    """An outbox that remembers what was marked."""

    def __init__(self) -> None:
        self.states: list[PartState] = []

    async def plan(self, texts: Sequence[str]) -> Sequence[Part]:
        return [Part("reply", n, text) for n, text in enumerate(texts)]

    async def mark(self, part: Part) -> None:
        self.states.append(part.state)

    async def look(self, part: Part) -> Part:
        return part


class Watched(Silent):
    """A Bot API that notes what the outbox said when it was asked to send."""

    def __init__(self, outbox: Written) -> None:
        self.outbox = outbox
        self.before: list[list[PartState]] = []

    async def send_message(self, place: Place, rich: Rich, reply_to: int = 0, buttons: Buttons = ()) -> str:
        self.before.append(list(self.outbox.states))
        return "1"

    async def edit_message(self, place: Place, message: str, rich: Rich) -> None:
        pass


async def test_an_opening_is_written_down_before_it_is_sent() -> None:
    outbox = Written()
    client = Watched(outbox)
    outlet = Outlet(_as_client(client), Limits())
    await Delivery(outlet, Place(42), outbox).send("It is on its way.")
    assert client.before == [[PartState.SENDING]]


def _as_client(client: object) -> Client:
    return client  # type: ignore[return-value]
