"""A desk that is not alone: chats lost and won, messages that came by way of another process, and poison."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import select, update

from core.burst import ReplyBox
from core.conversation import Address, Arrival, Author, Customer, Holder, Message, MessageKind
from core.desk import Desk
from core.ending import POISON
from core.errors import Fenced
from core.lane import CAREFUL, Interrupt, Lane
from core.records import Claim, Outcome, Part, PartState, Promise
from core.store.schema import conversation, inbox
from core.store.sql import SqlStore

if TYPE_CHECKING:
    from conftest import House  # type: ignore[import-not-found,unused-ignore]

ANN = Address("memory", "ann")
OPERATORS = Address("memory", "operators")


@pytest.fixture
def other(house: House) -> SqlStore:
    """Another process's view of the same store."""
    return SqlStore(house.store._database, house.store._hints, "other")


@pytest.fixture
async def staffed(house: House) -> House:
    house.desk.policy = replace(house.policy, operators=OPERATORS)
    return house


async def elsewhere(store: SqlStore, message: Message) -> None:
    """The message reaches another process, which has no room for it."""
    await store.admit(Arrival(f"elsewhere-{message.id}", "{}", message), room=False)


async def tried(house: House, times: int, chat: Address = ANN) -> None:
    """So many processes have died of this chat."""
    tries = update(conversation).where(conversation.c.conv == str(chat)).values(attempts=times)
    await house.store._database.write(lambda c: c.execute(tries), str(chat))


async def test_a_message_that_comes_with_the_very_first_piece_does_not_cut_the_answer() -> None:
    lane = Lane(Claim(ANN, 1), stale=False)
    lane.begin(1)

    async def pieces() -> AsyncIterator[str]:
        lane.interrupt(Interrupt.MORE)
        yield "It takes"
        yield " two days."

    source = pieces()
    assert await lane.pull(source) == "It takes"
    lane.show()
    assert await lane.pull(source) == " two days."


async def test_what_another_process_took_in_before_is_answered_before(house: House, other: SqlStore) -> None:
    house.scripts["quick"].gate = asyncio.Event()
    await house.say("one")
    await house.until(lambda: len(house.scripts["quick"].asked) == 1)
    await elsewhere(other, house.message("two"))
    await house.say("three")
    house.scripts["quick"].gate.set()
    assert await house.desk.idle(5)
    said = [m.text for m in (await house.conversation()).messages]
    assert said == ["one", "two", "three"]
    assert await house.unsettled() == []


async def test_what_a_person_asked_for_elsewhere_never_becomes_part_of_the_bots_answer(
    staffed: House, other: SqlStore
) -> None:
    staffed.scripts["quick"].gate = asyncio.Event()
    await staffed.say("one")
    await staffed.until(lambda: len(staffed.scripts["quick"].asked) == 1)
    order = staffed.message("Here I am.", kind=MessageKind.SAY, customer=Customer(""))
    await elsewhere(other, order)
    await staffed.say("three")
    staffed.scripts["quick"].gate.set()
    assert await staffed.desk.idle(5)
    assert "Here I am." in staffed.channel.said["ann"]
    assert (await staffed.conversation()).holder is Holder.PERSON
    assert [m.text for m in (await staffed.conversation()).messages] == ["one", "three"]


async def test_an_answer_to_a_chat_that_was_taken_over_is_neither_planned_nor_settled(
    house: House, other: SqlStore
) -> None:
    house.scripts["quick"].gate = asyncio.Event()
    await house.say("hello")
    await house.until(lambda: len(house.scripts["quick"].asked) == 1)
    gone = update(conversation).values(lease_until=1)
    await house.store._database.write(lambda c: c.execute(gone), str(ANN))
    (claim,) = await other.claim(5, ["memory"])
    assert claim.taken
    house.scripts["quick"].gate.set()
    assert await house.desk.idle(5)
    assert (await house.conversation()).turns == ()
    assert house.desk.counters.total("writes_fenced") == 1
    assert len(await house.unsettled()) == 1


async def test_a_renewal_that_says_the_chat_is_lost_ends_the_answer_under_way(house: House, other: SqlStore) -> None:
    house.scripts["quick"].gate = asyncio.Event()
    await house.say("hello")
    await house.until(lambda: len(house.scripts["quick"].asked) == 1)
    gone = update(conversation).values(lease_until=1)
    await house.store._database.write(lambda c: c.execute(gone), str(ANN))
    await other.claim(5, ["memory"])
    await house.desk._leases.beat()
    assert await house.desk.idle(5)
    assert house.scripts["quick"].closed == 1
    assert house.channel.said["ann"] == []
    assert house.desk.counters.total("leases_lost") == 1


async def test_nothing_joins_a_chat_that_was_given_back_while_it_was_read(
    house: House, other: SqlStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    reading, go_on = asyncio.Event(), asyncio.Event()
    known = house.store.unsettled

    async def slowly(address: Address | None = None) -> Sequence[Promise]:
        reading.set()
        await go_on.wait()
        found: Sequence[Promise] = await known(address)
        return found

    house.scripts["quick"].gate = asyncio.Event()
    await house.say("one")
    lane = house.desk.lanes.get(ANN)
    assert lane is not None
    monkeypatch.setattr(house.store, "unsettled", slowly)
    lane.news += 1
    catching_up = asyncio.create_task(house.desk._leases.catch_up(lane))
    await reading.wait()
    lane.released = True
    await elsewhere(other, house.message("two"))
    go_on.set()
    await catching_up
    assert "two" not in [m.text for m in lane.waiting]
    lane.released = False
    house.scripts["quick"].gate.set()


async def test_what_processes_died_of_is_set_aside_the_customer_told_and_the_chat_goes_on(staffed: House) -> None:
    await elsewhere(staffed.store, staffed.message("boom"))
    await tried(staffed, POISON)
    await staffed.desk.resume()
    assert await staffed.desk.idle(5)
    (parked,) = await staffed.store.parked()
    assert parked.address == ANN
    assert len(staffed.channel.said["ann"]) == 1
    assert staffed.scripts["quick"].asked == []
    await staffed.until(lambda: bool(staffed.channel.cards))
    assert "parked list" in staffed.channel.cards[0][1]
    assert "two days" in await staffed.ask("where is my parcel?")
    receipt = await staffed.store.receipt(ANN, "m1")
    assert receipt is not None
    assert receipt.entry.outcome is Outcome.PARKED


async def test_suspects_are_tried_one_message_at_a_time(house: House) -> None:
    for text in ("one", "two"):
        await elsewhere(house.store, house.message(text))
    await tried(house, CAREFUL)
    await house.desk.resume()
    assert await house.desk.idle(5)
    assert [len(r.turns) for r in [await house.conversation()]] == [4]
    assert len(house.scripts["quick"].asked) == 2


async def test_a_try_is_counted_before_it_can_end_the_process_and_forgotten_with_a_settlement(house: House) -> None:
    house.scripts["quick"].gate = asyncio.Event()
    await elsewhere(house.store, house.message("hello"))
    await house.desk.resume()
    await house.until(lambda: len(house.scripts["quick"].asked) == 1)

    async def count() -> int:
        tries = select(conversation.c.attempts)
        return int(await house.store._database.read(lambda c: c.execute(tries).scalar_one()))

    assert await count() == 1
    house.scripts["quick"].gate.set()
    assert await house.desk.idle(5)
    assert await count() == 0


async def test_a_page_that_asks_twice_with_one_key_is_answered_twice_and_obeyed_once(staffed: House) -> None:
    await staffed.ask("human please")
    await asyncio.gather(*(staffed.desk.people.reply(ANN, "Hello Ann.", "same") for _ in range(2)))
    assert staffed.channel.said["ann"].count("Hello Ann.") == 1


async def test_who_wants_messages_again_gets_them_though_nobody_could_be_called(
    staffed: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    await staffed.ask("STOP", kind=MessageKind.OPT_OUT)

    async def nobody(*_args: object) -> bool:
        return False

    monkeypatch.setattr(staffed.desk._board, "call", nobody)
    await staffed.say("human please")
    await staffed.ask("START", kind=MessageKind.OPT_IN)
    assert (await staffed.conversation()).holder is not Holder.OPTED_OUT


async def test_two_desks_on_one_store_answer_each_message_once(house: House, other: SqlStore) -> None:
    async with Desk(other, {"memory": house.channel}, house.policy, lambda: house.time) as second:
        for n in range(40):
            message = house.message(f"hello {n}", f"chat {n % 8}")
            desk = house.desk if n % 2 else second
            await desk.accept(Arrival(f"k{n}", "{}", message))
        async with asyncio.timeout(10):
            while await house.unsettled():  # noqa: ASYNC110 - two desks have no one event to wait on
                await asyncio.sleep(0.01)
    told = [m.text for n in range(8) for m in (await house.conversation(f"chat {n}")).messages]
    assert sorted(told) == sorted(f"hello {n}" for n in range(40))


async def test_a_message_nobody_can_read_is_parked_and_the_chat_s_others_are_answered(
    house: House, other: SqlStore
) -> None:
    for number in range(3):
        await elsewhere(other, replace(house.message(f"word {number}", "ann"), id=f"{number}"))
    await house.store._database.write(
        lambda c: c.execute(update(inbox).where(inbox.c.message_id == "1").values(message="{")), str(ANN)
    )
    await house.desk.resume()
    assert await house.desk.idle(10)
    assert [parked.key for parked in await house.store.parked()] == ["elsewhere-1"]
    assert house.desk.counters.total("messages_parked") == 1
    assert await house.store.unsettled() == []
    assert len(house.channel.said["ann"]) >= 1


class Marks:
    """A store of which only marks are wanted: each takes so long, and from the second on the chat is another's."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.now = 0.0
        self.marked = 0

    async def mark(self, address: Address, part: Part, claim: Claim | None = None) -> None:
        self.now += self.seconds
        self.marked += 1
        if self.marked > 1:
            raise Fenced("another process answers this chat now")


@pytest.mark.parametrize(("seconds", "marked"), [(0.5, 1), (11.0, 2)])
async def test_a_process_that_stood_still_over_its_mark_asks_again_before_it_sends(
    monkeypatch: pytest.MonkeyPatch, seconds: float, marked: int
) -> None:
    store: Any = Marks(seconds)
    monkeypatch.setattr("core.burst.time", SimpleNamespace(monotonic=lambda: store.now))
    box = ReplyBox(store, Claim(ANN, 1), lambda: pytest.fail("not planned"), lambda: Author.BOT)
    sending = box.mark(Part("r", 0, "Soon.", PartState.SENDING))
    if marked > 1:
        with pytest.raises(Fenced):
            await sending
    else:
        await sending
    assert store.marked == marked


async def test_what_was_sent_is_written_down_once_however_long_that_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    store: Any = Marks(11.0)
    monkeypatch.setattr("core.burst.time", SimpleNamespace(monotonic=lambda: store.now))
    box = ReplyBox(store, Claim(ANN, 1), lambda: pytest.fail("not planned"), lambda: Author.BOT)
    await box.mark(Part("r", 0, "Soon.", PartState.SENT, "7"))
    assert store.marked == 1
