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


async def turns(limits: Limits, clock: Clock, chats: list[int]) -> list[float]:
    """Seconds after the start at which answers to these chats may leave, asked for one after another."""
    start, times = clock.now, []
    for chat in chats:
        await limits.turn(chat)
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
    await limits.turn(42)
    async with asyncio.TaskGroup() as tasks:
        waiting = [tasks.create_task(limits.turn(42)) for _ in range(5)]
        await asyncio.sleep(0)
        async with asyncio.timeout(0.5):
            await limits.turn(43)
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
