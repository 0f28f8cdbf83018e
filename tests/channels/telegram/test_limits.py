"""When a call may leave, on a clock of the test's own."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import pytest

from channels.telegram import limits as module
from channels.telegram.limits import Limits, Rank, Rates


@dataclass
class Clock:
    """Time that passes only by sleeping."""

    now: float = 1000.0

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()

    class Asyncio:
        sleep = clock.sleep

    monkeypatch.setattr(module, "asyncio", Asyncio)
    return clock


async def turn(limits: Limits, chat: int) -> None:
    """Wait until an answer's call to this chat may leave."""
    await limits.turn(chat)
    while not await limits.leave(chat):
        await limits.turn(chat)


async def turns(limits: Limits, clock: Clock, chats: list[int]) -> list[float]:
    """Seconds after the start at which answers to these chats may leave, asked for one after another."""
    start, times = clock.now, []
    for chat in chats:
        await turn(limits, chat)
        times.append(clock.now - start)
    return times


async def test_a_chat_takes_three_calls_at_once_and_then_one_a_second(clock: Clock) -> None:
    assert await turns(Limits(clock=clock), clock, [42] * 5) == pytest.approx([0, 0, 0, 1, 2])


async def test_a_group_takes_eighteen_calls_a_minute(clock: Clock) -> None:
    times = await turns(Limits(Rates(chat=(100, 100)), clock), clock, [-1] * 20)
    assert times == pytest.approx([0] * 18 + [60, 60])


async def test_a_bot_makes_25_calls_a_second_over_all_chats(clock: Clock) -> None:
    times = await turns(Limits(clock=clock), clock, list(range(1, 51)))
    assert times[24] == 0
    assert times[49] == pytest.approx(1.0)


async def test_a_chat_that_has_to_wait_holds_up_no_other_chat() -> None:
    limits = Limits(Rates(bot=(2, 1.0), chat=(0.01, 1.0)))
    await turn(limits, 42)
    async with asyncio.TaskGroup() as tasks:
        waiting = [tasks.create_task(turn(limits, 42)) for _ in range(5)]
        await asyncio.sleep(0)
        async with asyncio.timeout(0.5):
            await turn(limits, 43)
        for task in waiting:
            task.cancel()


async def test_trap_05_after_a_flood_nothing_leaves_to_that_chat_before_its_time(clock: Clock) -> None:
    limits = Limits(clock=clock)
    limits.hold(42, 30.0)
    clock.now += 30.0
    assert not limits.room(42, Rank.ACKNOWLEDGEMENT)
    assert limits.room(43, Rank.ACKNOWLEDGEMENT)
    assert await turns(limits, clock, [42]) == [0.5]


def test_a_shorter_hold_never_shortens_a_longer_one() -> None:
    clock = Clock()
    limits = Limits(clock=clock)
    limits.hold(42, 30.0)
    limits.hold(42, 1.0)
    clock.now += 29.0
    assert not limits.room(42, Rank.ACKNOWLEDGEMENT)


async def test_previews_leave_room_for_an_opening_and_its_edit(clock: Clock) -> None:
    limits = Limits(clock=clock)
    for _ in range(20):
        limits.room(42, Rank.PREVIEW)
        clock.now += 0.35
    assert await turns(limits, clock, [42, 42]) == [0, 0]


def test_acknowledgements_come_before_previews() -> None:
    clock = Clock()
    limits = Limits(clock=clock)
    assert limits.room(42, Rank.PREVIEW)
    clock.now += 0.75
    assert not limits.room(42, Rank.PREVIEW)
    assert limits.room(42, Rank.ACKNOWLEDGEMENT)


def previews(limits: Limits, clock: Clock, seconds: float) -> int:
    made = 0
    for _ in range(int(seconds * 100)):
        clock.now += 0.01
        made += limits.room(42, Rank.PREVIEW)
    return made


def test_a_flood_halves_the_previews_of_its_chat_until_they_have_stayed_clean() -> None:
    clock = Clock()
    limits = Limits(Rates(chat=(100, 100), bot=(1000, 1.0)), clock)
    before = previews(limits, clock, 70)
    limits.hold(42, 0.0)
    clock.now += 1.0
    after = previews(limits, clock, 14)
    assert before == pytest.approx(100, abs=2)
    assert after == pytest.approx(10, abs=1)
    previews(limits, clock, 300)
    assert previews(limits, clock, 70) == pytest.approx(100, abs=2)


@pytest.mark.parametrize("processes", [1, 2, 3, 7, 25, 40])
async def test_all_processes_together_make_25_calls_a_second(processes: int, clock: Clock) -> None:
    limits = Limits(clock=clock)
    limits.processes = lambda: processes
    times = await turns(limits, clock, list(range(1, 202)))
    assert times[200] - times[100] == pytest.approx(100 * processes / 25, rel=0.1)
    first = sum(time == 0 for time in times)
    assert first == max(1, 25 // processes)


async def test_the_share_follows_the_number_of_processes(clock: Clock) -> None:
    limits, processes = Limits(clock=clock), [5]
    limits.processes = lambda: processes[0]
    assert (await turns(limits, clock, list(range(1, 7))))[5] == pytest.approx(1.0)
    clock.now += 10
    processes[0] = 1
    assert await turns(limits, clock, list(range(1, 26))) == [0] * 25
    processes[0] = 5
    assert await turns(limits, clock, [99]) == pytest.approx([1.0])


async def test_the_rate_of_a_chat_is_whole_however_many_processes_there_are(clock: Clock) -> None:
    limits = Limits(Rates(bot=(1000, 1.0)), clock)
    limits.processes = lambda: 10
    assert await turns(limits, clock, [42] * 5) == pytest.approx([0, 0, 0, 1, 2])


@pytest.mark.parametrize("processes", [1, 3, 25])
def test_previews_and_acknowledgements_keep_their_part_of_the_share(processes: int) -> None:
    clock = Clock()
    limits = Limits(clock=clock)
    limits.processes = lambda: processes
    assert limits.room(1, Rank.PREVIEW)
    clock.now += 10
    shown = sum(limits.room(chat, Rank.PREVIEW) for chat in range(100))
    share = max(1, 25 // processes)
    assert shown == share - 8 * share // 25


async def test_a_chat_refused_alone_silences_nobody_else_though_it_is_refused_again_and_again(clock: Clock) -> None:
    limits = Limits(clock=clock)
    assert [limits.hold(chat, 30.0) for chat in (42, 42, 42, 43)] == [0.0] * 4
    assert limits.room(44, Rank.ACKNOWLEDGEMENT)


async def test_three_chats_refused_side_by_side_silence_the_bot_for_the_shortest_time_they_were_told(
    clock: Clock,
) -> None:
    limits = Limits(clock=clock)
    assert [limits.hold(chat, seconds) for chat, seconds in ((1, 9.5), (2, 40.0), (3, 20.0))] == [0.0, 0.0, 10.0]
    assert not limits.room(4, Rank.ACKNOWLEDGEMENT)
    assert await turns(limits, clock, [4]) == [10.0]
    assert await turns(limits, clock, [3]) == [10.5]


async def test_refusals_far_apart_in_time_are_each_their_chats_own(clock: Clock) -> None:
    limits = Limits(clock=clock)
    for chat in range(6):
        assert limits.hold(chat, 60.0) == 0.0
        clock.now += 5.5


async def test_a_silence_that_begins_while_a_call_waits_for_the_bots_turn_holds_it_back(clock: Clock) -> None:
    limits = Limits(Rates(bot=(1, 1.0)), clock)
    assert await turns(limits, clock, [1]) == [0]
    await limits.turn(2)
    limits.hush(2, 5.0)
    assert not await limits.leave(2)
    assert await turns(limits, clock, [2]) == [pytest.approx(4.0)]
