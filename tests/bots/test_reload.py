from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import pytest

from bots.reload import watch
from core.errors import ChannelError, Problem, SettingsError

FIRST = "version: 1\nbot: shop\nlists:\n  vip: lists/vip.csv\n"
SECOND = FIRST.replace("shop", "mini")


class Desk:
    """Stands where the desk applies a text, and where the lead is told."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.applied: list[str] = []
        self.told: list[Sequence[Problem]] = []
        self.error: Exception | None = None
        self._looks = asyncio.Semaphore(0)
        self._waits = asyncio.Event()

    async def apply(self, text: str) -> None:
        if self.error:
            raise self.error
        self.applied.append(text)

    async def tick(self, seconds: float) -> None:
        assert seconds == 1.0
        self._waits.set()
        await self._looks.acquire()

    async def looks(self, times: int = 1) -> None:
        """Let the watcher look that often, and wait until it has dealt with what it saw."""
        for _ in range(times):
            async with asyncio.timeout(5):
                await self._waits.wait()
                self._waits.clear()
                self._looks.release()
                await self._waits.wait()


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    path = tmp_path / "config.yaml"
    path.write_text(FIRST)
    (tmp_path / "lists").mkdir()
    (tmp_path / "lists" / "vip.csv").write_text("42\n")
    (tmp_path / "bots" / "shop").mkdir(parents=True)
    return Desk(path)


class Watched:
    """A watcher running for the length of a `with`."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def __aenter__(self) -> Desk:
        desk = self._desk
        self._task = asyncio.create_task(watch(desk.path, desk.apply, desk.told.append, tick=desk.tick))
        await desk.looks()
        return desk

    async def __aexit__(self, *_: object) -> None:
        assert not self._task.done(), self._task
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task


async def test_an_unchanged_file_is_not_applied(desk: Desk) -> None:
    async with Watched(desk):
        await desk.looks(3)
    assert (desk.applied, desk.told) == ([], [])


async def test_a_change_is_applied_once_after_two_equal_looks(desk: Desk) -> None:
    async with Watched(desk):
        desk.path.write_text(SECOND)
        await desk.looks(1)
        assert desk.applied == []
        await desk.looks(3)
    assert desk.applied == [SECOND]


async def test_a_file_still_being_written_waits(desk: Desk) -> None:
    async with Watched(desk):
        for end in (10, 20, 30):
            desk.path.write_text(SECOND[:end])
            await desk.looks(1)
        assert desk.applied == []
        desk.path.write_text(SECOND)
        await desk.looks(2)
    assert desk.applied == [SECOND]


async def test_a_change_of_the_same_size_and_time_is_seen(desk: Desk) -> None:
    before = desk.path.stat()
    async with Watched(desk):
        desk.path.write_text(SECOND)
        os.utime(desk.path, ns=(before.st_atime_ns, before.st_mtime_ns))
        await desk.looks(2)
    assert desk.applied == [SECOND]


async def test_a_file_replaced_by_another_is_seen(desk: Desk) -> None:
    async with Watched(desk):
        fresh = desk.path.with_name("config.yaml.new")
        fresh.write_text(SECOND)
        fresh.replace(desk.path)
        await desk.looks(2)
    assert desk.applied == [SECOND]


@pytest.mark.parametrize("name", ["lists/vip.csv", "bots/shop/persona.md", "bots/shop/knowledge/new.md", "models.yaml"])
async def test_a_change_of_a_named_file_counts(desk: Desk, name: str) -> None:
    async with Watched(desk):
        file = desk.path.parent / name
        file.parent.mkdir(exist_ok=True)
        file.write_text("another 43\n")
        await desk.looks(3)
    assert desk.applied == [FIRST]


async def test_a_wrong_file_is_told_once_and_the_next_good_one_applies(desk: Desk) -> None:
    problem = Problem("config.yaml", 3, 1, "a fault")
    async with Watched(desk):
        desk.error = SettingsError([problem])
        desk.path.write_text("bad: 1\n")
        await desk.looks(4)
        assert (desk.told, desk.applied) == ([(problem,)], [])
        desk.error = None
        desk.path.write_text(SECOND)
        await desk.looks(2)
    assert desk.applied == [SECOND]


async def test_a_missing_file_is_told_once_and_read_again_when_it_returns(desk: Desk) -> None:
    async with Watched(desk):
        desk.path.unlink()
        await desk.looks(4)
        assert [p[0].what for p in desk.told] == ["the file is gone or cannot be read; the rules stay as they were"]
        desk.path.write_text(FIRST)
        await desk.looks(2)
    assert (len(desk.told), desk.applied) == (1, [FIRST])


async def test_a_file_gone_for_one_look_is_not_told(desk: Desk) -> None:
    async with Watched(desk):
        desk.path.unlink()
        await desk.looks(1)
        desk.path.write_text(FIRST)
        await desk.looks(2)
    assert (desk.told, desk.applied) == ([], [])


async def test_bytes_that_are_no_text_do_not_end_the_watch(desk: Desk) -> None:
    async with Watched(desk):
        desk.path.write_bytes(b"\xff\xfe\x00")
        await desk.looks(2)
        assert len(desk.told) == 1
        desk.path.write_text(SECOND)
        await desk.looks(2)
    assert desk.applied == [SECOND]


@pytest.mark.parametrize("error", [ChannelError("no such chat"), ZeroDivisionError("42 secret")])
async def test_any_failure_to_apply_is_told_and_the_watch_goes_on(desk: Desk, error: Exception) -> None:
    async with Watched(desk):
        desk.error = error
        desk.path.write_text(SECOND)
        await desk.looks(3)
        assert len(desk.told) == 1
        assert "secret" not in str(desk.told[0][0])
        desk.error = None
        desk.path.write_text(FIRST + "# again\n")
        await desk.looks(2)
    assert desk.applied == [FIRST + "# again\n"]
