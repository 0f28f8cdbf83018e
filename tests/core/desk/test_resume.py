"""What was promised and not settled is taken up again at the next start."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from channels.memory import MemoryChannel
from core.conversation import Address, Arrival
from core.desk import Desk
from core.ports import Outbox
from core.store.sql import open_store

if TYPE_CHECKING:
    from conftest import House  # type: ignore[import-not-found,unused-ignore]


async def test_a_message_admitted_and_not_answered_is_answered_at_the_next_start(house: House) -> None:
    message = house.message("hello")
    await house.store.admit(Arrival("k", "{}", message), room=False)
    assert await house.desk.resume() == 1
    await house.desk.idle(5)
    assert len(house.channel.said["ann"]) == 1
    assert await house.unsettled() == []


async def test_a_planned_reply_is_sent_as_planned_without_asking_a_model(house: House, tmp_path: Path) -> None:
    channel = MemoryChannel(parts=True)
    url = f"sqlite:///{tmp_path / 'db'}"

    async with AsyncExitStack() as stack:
        store = await stack.enter_async_context(open_store(url))
        desk = await stack.enter_async_context(Desk(store, {"memory": channel}, house.policy, lambda: house.time))

        async def cut(*_args: object) -> None:
            desk.lanes.cancel()
            await store._database.read(lambda c: None)
            raise RuntimeError("never reached")

        channel._send_parts = _plan_then(cut)  # type: ignore[method-assign, assignment]
        await desk.accept(Arrival("k", "{}", house.message("hello")))
        await desk.idle(5)
        promise = (await store.unsettled())[0]
        assert promise.plan is not None
    asked = len(house.scripts["quick"].asked)
    second = MemoryChannel(parts=True)
    async with AsyncExitStack() as stack:
        store = await stack.enter_async_context(open_store(url))
        desk = await stack.enter_async_context(Desk(store, {"memory": second}, house.policy, lambda: house.time))
        assert await desk.resume() == 1
        await desk.idle(5)
        assert second.said["ann"] == [promise.plan.text]
        assert len(house.scripts["quick"].asked) == asked
        assert await store.unsettled() == []
        conversation = await store.load(Address("memory", "ann"))
        assert [len(conversation.messages), len(conversation.replies)] == [1, 1]
        assert len(await store.entries(house.time.replace(year=2025), house.time.replace(year=2027))) == 1


def _plan_then(cut: Callable[[], Awaitable[None]]) -> Callable[[Address, str, Outbox], Awaitable[None]]:
    async def send(_address: Address, whole: str, outbox: Outbox) -> None:
        await outbox.plan([whole])
        await cut()

    return send


@pytest.mark.parametrize("chats", [50])
async def test_every_chat_under_way_at_a_stop_is_answered_once_after_it(
    house: House, chats: int, tmp_path: Path
) -> None:
    url = f"sqlite:///{tmp_path / 'db'}"
    channel = MemoryChannel(parts=True)
    house.scripts["quick"].gate = asyncio.Event()
    async with open_store(url) as store, Desk(store, {"memory": channel}, house.policy) as desk:
        for n in range(chats):
            await desk.accept(Arrival(f"k{n}", "{}", house.message("hello", f"chat {n}")))
        assert not await desk.idle(0.05)
    house.scripts["quick"].gate.set()
    async with open_store(url) as store, Desk(store, {"memory": channel}, house.policy) as desk:
        assert await desk.resume() == chats
        await desk.idle(10)
        assert await store.unsettled() == []
    assert sorted(map(len, channel.said.values())) == [1] * chats
