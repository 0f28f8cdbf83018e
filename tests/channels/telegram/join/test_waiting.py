"""The file of undecided updates: what a commit is worth, and what a broken file says."""

from __future__ import annotations

import asyncio
import sqlite3
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from channels.telegram.join.waiting import WaitingFile
from core.errors import StoreError

ROOT = Path(__file__).parents[4]
KEEP_AND_DIE = """
import asyncio, os, pathlib, sys
from channels.telegram.join.waiting import WaitingFile
async def main():
    await WaitingFile(pathlib.Path(sys.argv[1])).keep(42, {7: "seven", 8: "eight"})
    os._exit(9)
asyncio.run(main())
"""


@pytest.fixture
async def file(tmp_path: Path) -> AsyncIterator[WaitingFile]:
    file = WaitingFile(tmp_path / "data" / "waiting.db")
    yield file
    await file.aclose()


async def test_what_is_kept_comes_back_in_order_until_it_is_forgotten(file: WaitingFile) -> None:
    await file.keep(42, {9: "nine", 7: "seven"})
    await file.keep(42, {7: "other", 8: "eight"})
    await file.keep(43, {7: "another bot's"})
    assert await file.kept(42) == {7: "seven", 8: "eight", 9: "nine"}
    await file.forget(42, [7, 9, 100])
    assert await file.kept(42) == {8: "eight"}
    assert await file.kept(43) == {7: "another bot's"}


async def test_a_process_that_dies_after_keeping_has_kept(tmp_path: Path, file: WaitingFile) -> None:
    program = (sys.executable, "-c", KEEP_AND_DIE, str(tmp_path / "data" / "waiting.db"))
    process = await asyncio.create_subprocess_exec(*program, cwd=ROOT)
    assert await process.wait() == 9
    assert await file.kept(42) == {7: "seven", 8: "eight"}


async def test_a_batch_is_kept_whole_or_not_at_all(file: WaitingFile) -> None:
    with pytest.raises(StoreError):
        await file.keep(42, {7: "seven", 8: None})  # type: ignore[dict-item]
    assert await file.kept(42) == {}


async def test_a_file_that_cannot_be_used_is_a_store_error_and_is_tried_again(tmp_path: Path) -> None:
    path = tmp_path / "waiting.db"
    path.write_bytes(b"this is no database, " * 100)
    file = WaitingFile(path)
    with pytest.raises(StoreError, match=r"waiting\.db"):
        await file.keep(42, {7: "seven"})
    path.unlink()
    await file.keep(42, {7: "seven"})
    assert await file.kept(42) == {7: "seven"}
    await file.aclose()


async def test_a_call_cancelled_in_the_middle_leaves_the_file_usable(file: WaitingFile) -> None:
    tasks = [asyncio.create_task(file.keep(42, {number: "x"})) for number in range(50)]
    await asyncio.sleep(0)
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
    await file.keep(42, {100: "last"})
    assert (await file.kept(42))[100] == "last"


async def test_no_cursor_leaves_the_thread_it_belongs_to(file: WaitingFile, monkeypatch: pytest.MonkeyPatch) -> None:
    came: list[object] = []
    transaction = file._transaction

    def watched(work: Callable[[sqlite3.Connection], object]) -> object:
        came.append(transaction(work))
        return came[-1]

    monkeypatch.setattr(file, "_transaction", watched)
    await file.keep(42, {7: "seven"})
    await file.kept(42)
    await file.forget(42, [7])
    assert came == [None, [(7, "seven")], None]
