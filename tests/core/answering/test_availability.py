"""Who can be asked now."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from core.answering import availability
from core.answering.availability import Availability


class Slow:
    """Says what it lacks once told to go on; `asked` is set when it has been asked `after` times."""

    def __init__(self, after: int = 1) -> None:
        self.after = after
        self.times = 0
        self.asked = asyncio.Event()
        self.go = asyncio.Event()
        self.missing = ""

    async def ready(self) -> str:
        self.times += 1
        if self.times >= self.after:
            self.asked.set()
        await self.go.wait()
        return self.missing


class Broken:
    """Raises, against its contract."""

    async def ready(self) -> str:
        raise OSError("secret words")


async def test_the_state_says_what_each_provider_lacks(puppet: Any) -> None:
    providers = {"a": puppet(), "b": puppet(missing="no key"), "c": Broken()}
    known = Availability(providers)
    assert known.state() == {"a": "", "b": "", "c": ""}
    await known.ask()
    assert known.state() == {"a": "", "b": "no key", "c": "cannot be asked (OSError)"}
    assert [known.is_ready(name) for name in providers] == [True, False, False]


async def test_all_are_asked_at_once_and_a_silent_one_does_not_hold_up_the_start(
    monkeypatch: pytest.MonkeyPatch, puppet: Any
) -> None:
    monkeypatch.setattr(availability, "ASK_WITHIN", 0.05)
    silent = {f"s{n}": Slow() for n in range(20)}
    known = Availability({**silent, "a": puppet()})  # type: ignore[dict-item]
    loop = asyncio.get_running_loop()
    began = loop.time()
    await known.ask()
    assert loop.time() - began < 0.5
    assert known.state()["s7"] == "no word within 0.05 seconds"
    assert known.is_ready("a")


async def test_those_not_ready_are_asked_again_until_they_are() -> None:
    late, there = Slow(after=3), Slow()
    late.missing = "nothing answers"
    late.go.set()
    there.go.set()
    known = Availability({"late": late, "there": there}, every=0.001)  # type: ignore[dict-item]
    task = asyncio.create_task(known.run())
    async with asyncio.timeout(5):
        await late.asked.wait()
        assert known.state() == {"late": "nothing answers", "there": ""}
        late.missing, late.times, late.after, late.asked = "", 0, 1, asyncio.Event()
        await late.asked.wait()
        await asyncio.sleep(0.02)  # twenty turns of the loop that asks: nobody is asked any more
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert there.times == 1
    assert late.times == 1
