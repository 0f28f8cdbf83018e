"""`head < tail` says what waits, after every sequence of what can happen to a chat: a machine against a small model.

FIRSTLINE_EXAMPLES sets how many sequences are tried on SQLite; a server gets a fifth of them.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Coroutine, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar, cast

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test
from sqlalchemy import Connection, select, text

from core.conversation import Address, Message
from core.errors import Fenced
from core.records import Admission, Claim, Outcome, Promise, Settlement
from core.store import inbox
from core.store.database import Database
from core.store.hints import Hints
from core.store.migrate import engine_of, prepare
from core.store.schema import conversation
from core.store.sql import SqlStore
from tests.core.store.fleet import AT, LATER, answer, arrival

EXAMPLES = int(os.environ.get("FIRSTLINE_EXAMPLES", "200"))
T = TypeVar("T")
chats = st.sampled_from("ab")
which = st.integers(0, 1)
numbers = itertools.count()


class Direct:
    """Does at once, in this thread, what `Database` queues up: the same units of work, a hundred times as fast."""

    shared = False

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def write(self, work: Callable[[Connection], T], _chat: str | None = None) -> T:
        with self._connection.begin():
            return work(self._connection)

    read = write


class World:
    """A store with two processes."""

    def __init__(self, url: str) -> None:
        self._engine = engine_of(url)(url)
        prepare(self._engine)
        self.connection = self._engine.connect()
        theirs = self.connection if url.startswith("sqlite") else self._engine.connect()
        self._connections = (self.connection, theirs)
        direct = [cast("Database", Direct(connection)) for connection in self._connections]
        self.processes = [
            SqlStore(database, Hints(database, owner), owner)
            for owner, database in zip(("one", "two"), direct, strict=True)
        ]

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """What it returns; nothing of it waits."""
        try:
            work.send(None)
        except StopIteration as done:
            return cast("T", done.value)
        raise AssertionError("it waits for something")

    def sql(self, statement: str, **values: object) -> None:
        with self.connection.begin():
            self.connection.execute(text(statement), values)

    def close(self) -> None:
        for connection in self._connections:
            connection.close()
        self._engine.dispose()


@dataclass
class Chat:
    """What must be true of a chat. `told` are the claims each process was given last."""

    waiting: list[Message] = field(default_factory=list)
    planned: dict[str, Settlement] = field(default_factory=dict)
    parked: list[Message] = field(default_factory=list)
    known: list[Message] = field(default_factory=list)
    owner: int | None = None
    over: bool = False
    epoch: int = 0
    attempts: int = 0
    told: dict[int, Claim] = field(default_factory=dict)

    @property
    def free(self) -> bool:
        return self.owner is None or self.over

    def take(self, process: int, address: Address, *, begins: bool) -> Claim:
        taken = self.owner is not None and not begins
        if self.owner != process:
            self.epoch += 1
        self.owner, self.over, self.attempts = process, False, self.attempts + begins
        self.told[process] = Claim(address, self.epoch, self.attempts, counted=begins, taken=taken)
        return self.told[process]

    def holds(self, process: int) -> bool:
        claim = self.told.get(process)
        return claim is not None and self.owner == process and claim.epoch == self.epoch

    def let_go(self) -> None:
        self.owner, self.over = None, False


class Machine(RuleBasedStateMachine):
    """Two processes and two chats of a channel of their own."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self.world = world
        self.channel = f"m{next(numbers)}"
        self.chats = {chat: Chat() for chat in "ab"}
        self.count = itertools.count()

    def address(self, chat: str) -> Address:
        return Address(self.channel, chat)

    def store(self, process: int) -> SqlStore:
        return self.world.processes[process]

    def fenced(self, chat: str, process: int, work: Coroutine[Any, Any, T]) -> T | None:
        """Run it; it must be refused exactly when the process does not hold the chat."""
        holds = self.chats[chat].holds(process)
        try:
            done = self.world.run(work)
        except Fenced:
            assert not holds
            return None
        assert holds
        return done

    @rule(chat=chats, process=which, room=st.booleans(), early=st.booleans())
    def admit(self, chat: str, process: int, room: bool, early: bool) -> None:
        number = next(self.count)
        at = AT if early else AT.replace(microsecond=number)
        written = Message(str(number), self.address(chat), "hi", at)
        model = self.chats[chat]
        alone = not model.waiting
        model.waiting.append(written)
        model.known.append(written)
        admission = self.world.run(self.store(process).admit(arrival(written), room=room))
        assert admission == Admission(True, self._claim(chat, process, room), alone)

    def _claim(self, chat: str, process: int, room: bool) -> Claim | None:
        model = self.chats[chat]
        if room and model.free:
            return model.take(process, self.address(chat), begins=True)
        if model.owner == process:
            model.told[process] = Claim(self.address(chat), model.epoch, model.attempts)
            return model.told[process]
        return None

    @rule(chat=chats, process=which, room=st.booleans(), data=st.data())
    def admit_again(self, chat: str, process: int, room: bool, data: st.DataObject) -> None:
        model = self.chats[chat]
        if not model.known:
            return
        written = data.draw(st.sampled_from(model.known), "known")
        expected = None
        if model.waiting:
            expected = self._claim(chat, process, room)
        elif room and model.owner is None:
            model.epoch += 1  # taken and given back at once
        admission = self.world.run(self.store(process).admit(arrival(written), room=room))
        assert admission == Admission(False, expected, alone=False)

    @rule(process=which, most=st.integers(1, 3))
    def claim(self, process: int, most: int) -> None:
        claims = self.world.run(self.store(process).claim(most, [self.channel]))
        found = {claim.address.chat: claim for claim in claims}
        may = {chat for chat, model in self.chats.items() if model.waiting and model.free}
        assert set(found) <= may
        assert len(found) == min(most, len(may))
        for chat, claim in found.items():
            assert claim == self.chats[chat].take(process, self.address(chat), begins=False)

    @rule(chat=chats, process=which)
    def attempt(self, chat: str, process: int) -> None:
        model = self.chats[chat]
        if process in model.told:
            claim = self.fenced(chat, process, self.store(process).attempt(model.told[process]))
            if claim is not None:
                model.attempts += 1
                assert claim == replace(model.told[process], attempts=model.attempts, counted=True)
                model.told[process] = claim

    @rule(chat=chats, process=which, most=st.integers(1, 3), outcome=st.sampled_from(["answered", "parked"]))
    def settle(self, chat: str, process: int, most: int, outcome: str) -> None:
        model = self.chats[chat]
        if process not in model.told or not model.waiting:
            return
        loose = [m for m in model.waiting if not any(m in plan.messages for plan in model.planned.values())]
        plan = next(iter(model.planned.values()), None)
        ended = plan or answer(*loose[:most], key=self._key(loose[0]))
        ended = replace(ended, entry=replace(ended.entry, outcome=Outcome(outcome)))
        done = self.fenced(chat, process, self.store(process).settle(ended, model.told[process]))
        if done is None:
            return
        model.planned.pop(ended.key, None)
        model.waiting = [m for m in model.waiting if m not in ended.messages]
        model.parked += ended.messages if outcome == "parked" else ()
        model.attempts = 0
        assert done.released == (not model.waiting)
        if done.released:
            model.let_go()

    def _key(self, written: Message) -> str:
        return written.id

    @rule(chat=chats, process=which)
    def plan(self, chat: str, process: int) -> None:
        model = self.chats[chat]
        loose = [m for m in model.waiting if not any(m in plan.messages for plan in model.planned.values())]
        if process not in model.told or not loose:
            return
        planned = answer(loose[0], key=self._key(loose[0]))
        if self.fenced(chat, process, self.store(process).plan(planned, ["One.", "Two."], model.told[process])):
            model.planned[planned.key] = planned

    @rule(chat=chats, process=which, tried=st.booleans())
    def release(self, chat: str, process: int, tried: bool) -> None:
        model = self.chats[chat]
        if process not in model.told:
            return
        holds = model.holds(process)
        self.world.run(self.store(process).release([model.told[process]], tried=tried))
        if holds:
            model.attempts = max(0, model.attempts - (model.told[process].counted and not tried))
            model.let_go()

    @rule(chat=chats, process=which)
    def renew(self, chat: str, process: int) -> None:
        model = self.chats[chat]
        if process in model.told:
            ours = self.world.run(self.store(process).renew([model.told[process]]))
            assert set(ours) == ({self.address(chat)} if model.holds(process) else set())
            model.over = model.over and not ours

    @precondition(lambda self: any(model.owner is not None for model in self.chats.values()))
    @rule()
    def pass_time(self) -> None:
        micros = LATER.total_seconds() * 1_000_000
        moved = "UPDATE conversation SET lease_until = lease_until - :by WHERE conv LIKE :these"
        self.world.sql(moved, by=int(micros), these=f"{self.channel}:%")
        for model in self.chats.values():
            model.over = model.owner is not None

    @precondition(lambda self: any(model.parked for model in self.chats.values()))
    @rule(data=st.data(), process=which, again=st.booleans())
    def look_at_parked(self, data: st.DataObject, process: int, again: bool) -> None:
        chat = data.draw(st.sampled_from([chat for chat, model in self.chats.items() if model.parked]), "chat")
        model = self.chats[chat]
        written = data.draw(st.sampled_from(model.parked), "parked")
        do: Callable[[str], Coroutine[Any, Any, bool]] = (
            self.store(process).retry if again else self.store(process).drop
        )
        assert self.world.run(do(arrival(written).key))
        assert not self.world.run(do(arrival(written).key))
        model.parked.remove(written)
        if again:
            model.waiting.append(written)
            model.attempts = 0

    @invariant()
    def the_store_says_of_every_chat_what_must_be_true(self) -> None:
        for chat, model in self.chats.items():
            row, promises = self.look(chat)
            owner = None if model.owner is None else self.store(model.owner).owner
            assert row in {None, (len(model.waiting), owner, model.epoch, model.attempts)}
            assert (row is None) == (not model.known)
            assert {p.plan.key for p in promises if p.plan} == set(model.planned)
            waiting = sorted(int(m.id) for p in promises for m in p.messages)
            assert waiting == sorted(int(m.id) for m in model.waiting)

    def look(self, chat: str) -> tuple[tuple[Any, ...] | None, Sequence[Promise]]:
        """The chat's one row, as far as the model knows it, and what waits."""
        one, connection = conversation.c, self.world.connection
        query = select(one.tail - one.head, one.owner, one.epoch, one.attempts)
        with connection.begin():
            row = connection.execute(query.where(one.conv == str(self.address(chat)))).first()
            return None if row is None else tuple(row), inbox.unsettled(connection, self.address(chat))


@pytest.fixture
def world(request: pytest.FixtureRequest, made: str) -> Iterator[World]:
    url = "sqlite://" if made == "memory" else request.getfixturevalue("migrated")
    world = World(url)
    yield world
    world.close()


@pytest.mark.timeout(1200)
@pytest.mark.parametrize("made", ["memory", "postgres"])
def test_head_and_tail_say_exactly_what_waits_whatever_happens(world: World, made: str) -> None:
    run_state_machine_as_test(
        lambda: Machine(world),  # type: ignore[arg-type]
        settings=settings(
            max_examples=EXAMPLES if made == "memory" else EXAMPLES // 5,
            stateful_step_count=20,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            database=None,
        ),
    )
