"""How long something is tried again, and who is told."""

from __future__ import annotations

import pytest

from core import patience
from core.errors import NotSent, Throttled
from core.patience import patiently


@pytest.fixture
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long was waited; nothing is waited for."""
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    monkeypatch.setattr(patience, "asyncio", type("Loop", (), {"sleep": staticmethod(sleep)}))
    return waits


class Away:
    """Something that fails so often."""

    def __init__(self, times: int, error: Exception) -> None:
        self.times = times
        self.error = error

    async def work(self) -> str:
        if self.times:
            self.times -= 1
            raise self.error
        return "done"


async def test_it_is_tried_for_ever_at_the_last_pause_and_somebody_is_told_once(slept: list[float]) -> None:
    told: list[Exception] = []

    async def tired(error: Exception) -> None:
        told.append(error)

    assert await patiently("an answer", Away(50, NotSent("x")).work, NotSent, tired=tired) == "done"
    assert slept[: len(patience.PAUSES)] == list(patience.PAUSES)
    assert set(slept[len(patience.PAUSES) :]) == {patience.PAUSES[-1]}
    assert len(slept) == 50
    assert len(told) == 1


async def test_who_is_told_may_end_it(slept: list[float]) -> None:
    async def tired(error: Exception) -> None:
        raise error

    with pytest.raises(NotSent):
        await patiently("an answer", Away(50, NotSent("x")).work, NotSent, tired=tired)
    assert slept == list(patience.PAUSES)


async def test_a_platform_that_asks_for_more_time_gets_it(slept: list[float]) -> None:
    await patiently("an answer", Away(1, Throttled("x", 40.0)).work, Throttled)
    assert slept == [40.0]


async def test_what_is_not_waited_for_passes_through_at_once(slept: list[float]) -> None:
    with pytest.raises(KeyError):
        await patiently("an answer", Away(1, KeyError("x")).work, NotSent)
    assert slept == []
