"""How many openings a kill leaves without their answer, and who may send when a chat is another process's."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import pytest

from channels.telegram import openings as module
from channels.telegram import outlet as outlet_module
from channels.telegram.client import Buttons, Place, Reason, Refused
from channels.telegram.counts import Count
from channels.telegram.delivery import Delivery
from channels.telegram.limits import Limits, Rates
from channels.telegram.openings import MOST, Openings
from channels.telegram.outlet import Outlet
from core.errors import ChannelError, Fenced, NotSent, StoreError, Throttled, Unconfirmed
from core.markup import Rich
from core.records import Part, PartState

if TYPE_CHECKING:
    from tests.channels.telegram.conftest import RecordingOutbox, ScriptedClient

ANSWER = "Your parcel left our warehouse this morning. It will reach you on Friday, before five in the afternoon."
CHATS = range(1, 51)
STANDS = {PartState.OPEN, PartState.SENT}


async def until(true: Callable[[], object]) -> None:
    async with asyncio.timeout(10):
        while not true():  # noqa: ASYNC110 - what is waited for has no event
            await asyncio.sleep(0)


def free() -> Limits:
    return Limits(Rates(bot=(100_000, 1.0), chat=(100_000, 100_000), group=(100_000, 1.0)))


@dataclass
class World:
    """Telegram and the store as they are seen from outside; a process may die between any two of their steps.

    `posts` are the texts of each chat by number, `parts` what is committed. After `life` steps nothing moves any more.
    """

    chance: random.Random
    life: float = float("inf")
    posts: dict[int, dict[str, str]] = field(default_factory=lambda: {chat: {} for chat in CHATS})
    parts: dict[int, Part] = field(default_factory=dict)
    steps: int = 0
    unmarked: int = 0
    sending: int = 0
    dead: asyncio.Event = field(default_factory=asyncio.Event)

    async def pause(self) -> None:
        """Between any two steps others have their turn; the dead never have one again."""
        for _ in range(self.chance.randrange(1, 6)):
            await asyncio.sleep(0)
        if self.steps >= self.life:
            self.dead.set()
            await asyncio.Event().wait()

    def stepped(self) -> None:
        """One thing more is done: what a kill at this instant would leave."""
        self.steps += 1
        marked = {chat: part.sent_as for chat, part in self.parts.items() if part.state in STANDS}
        orphans = sum(len(posts.keys() - {marked.get(chat)}) for chat, posts in self.posts.items())
        self.unmarked = max(self.unmarked, orphans)
        self.sending = max(self.sending, sum(part.state is PartState.SENDING for part in self.parts.values()))


@dataclass
class Telegram:
    """One process's client: every fifth call fails before anything was sent."""

    world: World
    bot: int = 99
    calls: int = 0

    async def send_message(self, place: Place, rich: Rich, reply_to: int = 0, buttons: Buttons = ()) -> str:
        self.calls += 1
        if self.calls % 5 == 0:
            raise NotSent("no connection")
        await self.world.pause()
        posts = self.world.posts[place.chat]
        posts[number := str(len(posts) + 1)] = rich.text
        self.world.stepped()
        await self.world.pause()
        return number

    async def edit_message(self, place: Place, message: str, rich: Rich) -> None:
        await self.world.pause()
        self.world.posts[place.chat][message] = rich.text
        self.world.stepped()
        await self.world.pause()


@dataclass
class Committed:
    """The outbox of one chat."""

    world: World
    chat: int

    async def plan(self, texts: Sequence[str]) -> Sequence[Part]:
        await self.world.pause()
        return (self.world.parts.setdefault(self.chat, Part("reply", 0, texts[0])),)

    async def mark(self, part: Part) -> None:
        await self.world.pause()
        self.world.parts[self.chat] = part
        self.world.stepped()
        await self.world.pause()

    async def look(self, part: Part) -> Part:
        return self.world.parts[self.chat]


@pytest.fixture
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outlet_module, "pause", lambda failures: 0.0)


async def answer_everybody(world: World) -> Outlet:
    """One life of a process that answers in all chats at once."""
    outlet = Outlet(Telegram(world), free())  # type: ignore[arg-type]
    async with asyncio.TaskGroup() as tasks:
        work = [tasks.create_task(Delivery(outlet, Place(chat), Committed(world, chat)).send(ANSWER)) for chat in CHATS]
        killed = tasks.create_task(world.dead.wait())
        while any(not task.done() for task in work) and not killed.done():
            await asyncio.wait({*work, killed}, return_when=asyncio.FIRST_COMPLETED)
            work = [task for task in work if not task.done()]
        for task in (*work, killed):
            task.cancel()
    return outlet


@pytest.mark.usefixtures("no_pauses")
async def test_at_no_instant_would_a_kill_leave_more_than_two_openings_over_50_chats() -> None:
    world = World(random.Random(1))
    outlet = await answer_everybody(world)
    assert (world.unmarked, world.sending) == (2, 2)
    assert all(posts == {"1": ANSWER} for posts in world.posts.values())
    assert (outlet.counts[Count.OPENINGS_SENT], outlet.counts[Count.ORPHANS]) == (50, 0)


@pytest.mark.usefixtures("no_pauses")
@pytest.mark.parametrize("seed", range(20))
async def test_after_a_kill_every_chat_gets_one_whole_answer_and_two_have_an_orphan_at_most(seed: int) -> None:
    chance = random.Random(seed)
    world = World(chance, life=chance.randrange(1, 200))
    await answer_everybody(world)
    left = sum(len(posts) for posts in world.posts.values())
    world.life, world.dead = float("inf"), asyncio.Event()
    outlet = await answer_everybody(world)
    texts = [list(posts.values()) for posts in world.posts.values()]
    orphans = [text for chat in texts for text in chat if text != ANSWER]
    assert left <= len(CHATS)
    assert all(chat.count(ANSWER) == 1 for chat in texts)
    assert all(text.endswith(" …") for text in orphans)
    assert len(orphans) <= outlet.counts[Count.ORPHANS] <= 2


@dataclass
class Hanging:
    """Telegram of which the calls to some chats are never answered."""

    hangs: frozenset[int]
    bot: int = 99
    told: Counter[int] = field(default_factory=Counter)

    async def send_message(self, place: Place, rich: Rich, reply_to: int = 0, buttons: Buttons = ()) -> str:
        self.told[place.chat] += 1
        if place.chat in self.hangs:
            await asyncio.Event().wait()
        return "1"

    async def edit_message(self, place: Place, message: str, rich: Rich) -> None: ...


async def test_openings_that_hang_are_counted_and_hold_up_nobody(outbox: RecordingOutbox) -> None:
    outlet = Outlet(Hanging(frozenset({1, 2, 3, 4})), free())  # type: ignore[arg-type]
    outlet.openings = Openings(outlet.counts, latest=0.02)
    async with asyncio.TaskGroup() as tasks:
        hanging = [tasks.create_task(Delivery(outlet, Place(n), type(outbox)()).send(ANSWER)) for n in range(1, 5)]
        await asyncio.sleep(0)
        async with asyncio.timeout(5):
            await Delivery(outlet, Place(5), outbox).send(ANSWER)
        await until(lambda: outlet.counts[Count.OPENINGS_SLOW] >= 4)
        for task in hanging:
            task.cancel()
    assert outbox.states[-1] is PartState.SENT
    assert outlet.counts[Count.OPENINGS_SLOW] == 4


def test_an_opening_holds_its_place_for_two_seconds_at_most() -> None:
    assert (module.MOST, module.LATEST) == (2, 2.0)


async def test_an_opening_whose_mark_took_all_its_time_waits_for_a_place_again_before_it_is_sent(
    outbox: RecordingOutbox,
) -> None:
    telegram = Hanging(frozenset({1, 2}))
    outlet = Outlet(telegram, free())  # type: ignore[arg-type]
    outlet.openings = Openings(outlet.counts, latest=0.02)
    committing, stores_back = asyncio.Event(), asyncio.Event()

    class Slow(type(outbox)):  # type: ignore[misc]
        async def mark(self, part: Part) -> None:
            committing.set()
            await stores_back.wait()
            await super().mark(part)

    async with asyncio.TaskGroup() as tasks, asyncio.timeout(5):
        late = tasks.create_task(Delivery(outlet, Place(3), Slow()).send(ANSWER))
        await committing.wait()
        await until(lambda: outlet.counts[Count.OPENINGS_SLOW])
        outlet.openings.latest = 3600.0
        others = [tasks.create_task(Delivery(outlet, Place(n), type(outbox)()).send(ANSWER)) for n in (1, 2)]
        await until(lambda: len(telegram.told) == MOST)
        stores_back.set()
        for _ in range(20):
            await asyncio.sleep(0)
        assert telegram.told[3] == 0
        others[0].cancel()
        await late
        others[1].cancel()
    assert telegram.told[3] == 1


@pytest.mark.parametrize("error", [Throttled("slow down", 0.01), NotSent("no connection")])
async def test_an_opening_that_has_to_be_repeated_is_planned_again_and_waits_without_a_place(
    error: ChannelError, client: ScriptedClient, outbox: RecordingOutbox
) -> None:
    outlet = Outlet(client, free())
    client.errors = [error, error]
    async with asyncio.TaskGroup() as tasks, asyncio.timeout(10):
        waiting = [tasks.create_task(Delivery(outlet, Place(n), type(outbox)()).send(ANSWER)) for n in (1, 2)]
        await until(lambda: not client.errors)
        await Delivery(outlet, Place(3), outbox).send(ANSWER)
        assert not any(task.done() for task in waiting)
    assert outbox.states == [PartState.SENDING, PartState.OPEN, PartState.SENT]
    assert outlet.counts[Count.ORPHANS] == 0


async def test_an_opening_found_in_the_middle_of_its_way_is_counted_and_sent_again(
    client: ScriptedClient, outbox: RecordingOutbox
) -> None:
    outlet = Outlet(client, free())
    await outbox.plan([ANSWER])
    outbox.parts[0] = replace(outbox.parts[0], state=PartState.SENDING)
    await Delivery(outlet, Place(42), outbox).send(ANSWER)
    assert [kind for kind, _, _ in client.calls] == ["send", "edit"]
    assert outlet.counts[Count.ORPHANS] == 1


async def test_an_unconfirmed_opening_is_counted_once_though_another_process_goes_on_with_it(
    client: ScriptedClient, outbox: RecordingOutbox
) -> None:
    first, second = Outlet(client, free()), Outlet(client, free())
    client.errors, client.arrives_anyway = [Unconfirmed("no answer")], True
    task = asyncio.create_task(Delivery(first, Place(42), outbox).send(ANSWER))
    await until(lambda: outbox.states[-1:] == [PartState.UNKNOWN])
    task.cancel()
    await asyncio.wait({task})
    await Delivery(second, Place(42), outbox).send(ANSWER)
    assert (first.counts[Count.ORPHANS], second.counts[Count.ORPHANS]) == (1, 0)
    assert len(client.chat) == 2


async def test_an_abandoned_part_is_left_as_it_is_and_the_next_one_is_sent(
    client: ScriptedClient, outbox: RecordingOutbox
) -> None:
    await outbox.plan(["First.", "Second."])
    outbox.parts[0] = replace(outbox.parts[0], state=PartState.ABANDONED)
    await Delivery(Outlet(client, free()), Place(42), outbox).send(ANSWER)
    assert [rich.text for rich in client.chat.values()] == ["Second."]
    assert [part.state for part in outbox.parts] == [PartState.ABANDONED, PartState.SENT]


FENCES: list[tuple[list[Exception | None], int, int]] = [
    ([], 1, 0),  # before the opening
    ([], 2, 1),  # after the opening
    ([], 3, 2),  # after the edit
    ([Throttled("slow down", 0.0)], 2, 1),
    ([NotSent("no connection")], 2, 1),
    ([Unconfirmed("no answer")], 2, 1),
    ([Refused("no", Reason.OTHER)], 2, 1),
    ([None, Refused("gone", Reason.NO_MESSAGE)], 3, 2),
]


@pytest.mark.parametrize("raised", [Fenced, StoreError])
@pytest.mark.parametrize(("errors", "mark", "calls"), FENCES)
async def test_once_a_mark_is_refused_nothing_more_is_sent(
    raised: type[Exception],
    errors: list[Exception | None],
    mark: int,
    calls: int,
    client: ScriptedClient,
    outbox: RecordingOutbox,
) -> None:
    refused: list[PartState] = []

    class Guarded(type(outbox)):  # type: ignore[misc]
        async def mark(self, part: Part) -> None:
            if len(self.states) + 1 >= mark:
                refused.append(part.state)
                raise raised("not any more")
            await super().mark(part)

    client.errors = list(errors)
    async with asyncio.timeout(5):
        with pytest.raises(raised):
            await Delivery(Outlet(client, free()), Place(42), Guarded()).send(ANSWER)
    assert (len(client.calls), len(refused)) == (calls, 1)
