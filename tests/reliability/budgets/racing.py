"""Processes that race for the last three calls of one account after another, and die in between without a word.

The parent forks and counts; it has no thread and no connection of its own while it does, so that what is forked is
whole. On SQLite there is one process at a time, and its tasks race. What is right is said in `judging`.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import signal
import sys
import threading
import time
import traceback
from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal
from multiprocessing import RawValue
from pathlib import Path
from typing import Any

from core.budgets import Account, Hold
from core.conversation import Address
from core.records import Call, Entry, Outcome, Purpose, Settlement
from core.store.sql import SqlStore, open_store
from core.tiers import Money
from tests.core.store.fleet import AT

AMOUNT = 1000
"""Pico-units each call sets aside."""

FIT = 3
"""Calls that fit an account when everybody pays all of it."""

DAY, MONTH = "day/2999-01-01", "month/2999-01"
ALL = Account("tenant/EUR/all", MONTH, hard=10**15)
TRIES = 3
COSTS = (0, 1, 333, AMOUNT, AMOUNT, None)
LASTS = (0.005, 0.05, 600.0)
"""Seconds money stays set aside: some of it is charged while its process is alive, and corrected."""


@dataclass(frozen=True)
class Plan:
    """So many races at `url`, each of `processes` with `tasks`; a process dies in this share of its races."""

    url: str
    races: int
    processes: int
    tasks: int
    seed: int
    deaths: float
    folder: Path


@dataclass
class Tally:
    """What the parent saw."""

    kills: int = 0
    ends: Counter[int] = field(default_factory=Counter)
    seconds: float = 0.0


def account(race: int) -> Account:
    """What is raced for."""
    return Account(f"customer/EUR/web:{race}", DAY, hard=FIT * AMOUNT)


def run(plan: Plan) -> Tally:
    """Keep so many processes racing until every race was run."""
    now, tally, alive = RawValue("q", 0), Tally(), set[int]()
    began, started = time.monotonic(), 0
    try:
        while now.value < plan.races or alive:
            while now.value < plan.races and len(alive) < plan.processes:
                started += 1
                alive.add(_fork(plan, now, started))
            pid, status = os.wait()
            alive.discard(pid)
            code = os.waitstatus_to_exitcode(status)
            tally.kills += code == -signal.SIGKILL
            tally.ends[code] += 1
            if code not in {0, -signal.SIGKILL}:
                why = "".join(file.read_text("utf-8") for file in plan.folder.glob("*.error"))
                raise RuntimeError(f"a process ended with {code}: {why[-2000:]}")
    finally:
        for pid in alive:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
    tally.seconds = time.monotonic() - began
    return tally


def _fork(plan: Plan, now: Any, number: int) -> int:
    sys.stdout.flush()
    pid = os.fork()
    if not pid:
        status = 1
        try:
            asyncio.run(_live(plan, now, number))
            status = 0
        except BaseException:  # noqa: BLE001 - a child must never go on as its parent
            (plan.folder / f"{number}.error").write_text(traceback.format_exc(), "utf-8")
        finally:
            os._exit(status)
    return pid


async def _live(plan: Plan, now: Any, number: int) -> None:
    """One process: the race that is on, then the next one. Races may be run once more than meant, never less."""
    dice = random.Random(f"{plan.seed} {number}")
    notes = os.open(plan.folder / f"{number}.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    async with open_store(plan.url) as store:
        while (race := now.value) < plan.races:
            if dice.random() < plan.deaths:
                threading.Timer(dice.random() ** 2 * 0.03, os.kill, (os.getpid(), signal.SIGKILL)).start()
            await asyncio.gather(*(_task(store, race, f"{race}-{number}-{n}", dice, notes) for n in range(plan.tasks)))
            if dice.random() < 0.3:
                await store.sweep()
            if now.value <= race:
                now.value = race + 1


async def _task(store: SqlStore, race: int, name: str, dice: random.Random, notes: int) -> None:
    for n in range(TRIES):
        made = f"{name}-{n}-{dice.getrandbits(32):x}"
        hold = Hold(
            made, AMOUNT, (account(race), ALL), "EUR", f"web:{race}", "vendor", "small", lasts=dice.choice(LASTS)
        )
        held = await store.reserve(hold)
        os.write(notes, f"{'refused' if held.refused else 'granted'} {made}\n".encode())
        if held.refused:
            continue
        if dice.random() < 0.3:
            await asyncio.sleep(dice.random() * 0.004)
        if dice.random() < 0.1:
            os.write(notes, f"cancelled {made}\n".encode())
            await store.cancel([made])
            continue
        for _ in range(2 if dice.random() < 0.2 else 1):
            await store.settle(settlement(made, race, dice.choice(COSTS)))


def settlement(made: str, race: int, paid: int | None) -> Settlement:
    """What ends the call made under that reservation."""
    cost = None if paid is None else Money(Decimal(paid).scaleb(-12), "EUR")
    call = Call("vendor", "small", "answered", 0.1, cost=cost, purpose=Purpose.ANSWER, reservation=made)
    where = Address("web", str(race))
    return Settlement(made, where, (), Entry(AT, where, (), Outcome.ANSWERED, calls=(call,)))


async def finish(url: str) -> int:
    """All is over: charge what nobody will settle any more; how many there were."""
    async with open_store(url) as store:
        await store._database.write(_age)
        charged = 0
        with contextlib.suppress(StopAsyncIteration):
            while more := await store.sweep():
                charged += more
        return charged


def _age(connection: Any) -> None:
    connection.exec_driver_sql("UPDATE reservation SET until = at - 1 WHERE state = 'held'")
