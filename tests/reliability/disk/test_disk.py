"""What was acknowledged is on the disk, whatever the disk does. The long form: python -m tests.reliability.disk"""

from __future__ import annotations

import random
import shutil
import sqlite3
from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest

from core.store.sql import open_store
from tests.reliability.disk import check, faults, power, worker
from tests.reliability.disk.faults import Bench, Run

SEED = 20261121
KILLS = 10
ERRORS = 25
CUTS = 40

pytestmark = pytest.mark.timeout(300)
needs_strace = pytest.mark.skipif(bool(faults.missing()), reason=faults.missing() or "strace is there")


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    return faults.bench(tmp_path_factory.mktemp("disk") / "bench", faults.SMALL)


@pytest.fixture(scope="module")
def counted(bench: Bench) -> Counter[str]:
    made = faults.calls(bench)
    assert made["fdatasync"] > 0 < made["pwrite64"], "the store never syncs"
    return made


def wrong(runs: list[Run]) -> list[str]:
    return [f"{run.fault.injections}: {what}" for run in runs for what in run.wrong]


@needs_strace
def test_nothing_acknowledged_is_lost_by_a_kill_at_a_sync(bench: Bench, counted: Counter[str]) -> None:
    runs = faults.many(bench, faults.kills(random.Random(SEED), counted), KILLS, SEED)
    assert sum(run.hit for run in runs) == KILLS
    assert wrong(runs) == []


@needs_strace
def test_nothing_acknowledged_is_lost_by_a_failing_or_full_disk(bench: Bench, counted: Counter[str]) -> None:
    runs = faults.many(bench, faults.errors(random.Random(SEED), counted), ERRORS, 2 * SEED)
    assert sum(run.hit for run in runs) == ERRORS
    assert sum(run.refused for run in runs) > 0, "no fault was so long that the store had to refuse"
    assert wrong(runs) == []


@needs_strace
def test_every_acknowledgement_is_written_after_the_sync_of_its_commit(bench: Bench) -> None:
    cuts = power.many(bench, CUTS, SEED)
    assert cuts.wrong == []
    assert cuts.made == CUTS


def test_the_check_misses_what_was_acknowledged_and_is_not_there(bench: Bench) -> None:
    lines: list[check.Line] = [
        ["admitted", "memory:c", "key-1", "1"],
        ["planned", "memory:c", "c-0", 2],
        ["marked", "memory:c", "c-0", 0, "sent", "7"],
        ["settled", "memory:c", "c-0", ["1"]],
        ["card", "memory:c", "memory:desk", "c-0"],
    ]
    assert len(check.faults(bench.template, lines)) == len(lines)
    assert check.faults(bench.template, [["refused", "admitted", "disk I/O error"]]) == []


@pytest.fixture
async def worked(bench: Bench, tmp_path: Path) -> tuple[Path, list[check.Line]]:
    """A store with work in it, closed, and what was acknowledged of it."""
    file, lines = tmp_path / "store.db", list[check.Line]()
    shutil.copy(bench.template, file)
    async with open_store(f"sqlite:///{file}") as store:
        await worker.work(store, SEED, 4, 4, say=lambda *what: lines.append(list(what)))
    return file, lines


DAMAGE = {
    "an arrival gone": "DELETE FROM inbox WHERE rowid = 1",
    "an arrival not settled": "UPDATE inbox SET state = 'accepted' WHERE rowid = 1",
    "a head behind": "UPDATE conversation SET head = head - 1 WHERE rowid = 1",
    "a tail ahead": "UPDATE conversation SET tail = tail + 1 WHERE rowid = 1",
    "a turn gone": "DELETE FROM turn WHERE rowid = 1",
    "a turn twice": "INSERT INTO turn SELECT conv, number + 1000, kind, at, body FROM turn LIMIT 1",
    "a reply not settled": "UPDATE reply SET state = 'planned' WHERE rowid = 1",
    "a part not sent": "UPDATE reply_part SET state = 'sending' WHERE rowid = 1",
    "a part without its id": "UPDATE reply_part SET sent_as = '' WHERE rowid = 1",
    "an entry gone": "DELETE FROM ledger WHERE rowid = 1",
    "an entry of another's": "UPDATE ledger SET messages = (SELECT messages FROM ledger ORDER BY reply DESC LIMIT 1)",
    "a card gone": "DELETE FROM card WHERE rowid = 1",
}


@pytest.mark.parametrize("statement", DAMAGE.values(), ids=DAMAGE)
def test_the_check_finds(statement: str, worked: tuple[Path, list[check.Line]]) -> None:
    file, lines = worked
    assert check.faults(file, lines, ended=True) == []
    with closing(sqlite3.connect(file)) as db:
        assert db.execute(statement).rowcount > 0
        db.commit()
    assert check.faults(file, lines, ended=True)


def test_the_check_finds_a_page_that_was_overwritten(worked: tuple[Path, list[check.Line]]) -> None:
    file, lines = worked
    body = bytearray(file.read_bytes())
    body[8 * 4096 : 9 * 4096] = bytes(range(256)) * 16
    file.write_bytes(body)
    assert check.faults(file, lines)
