"""The long runs, from the project's root:

    python -m tests.reliability.kill --store sqlite --kills 500 --seed 1
    python -m tests.reliability.kill --store postgres --replicas 3 --kills 2000
    python -m tests.reliability.kill --fail-over --kills 100

Rounds of at most ROUND kills, each on a fresh store with fresh platforms, so that a fault is found near its seed.
Prints a table for people, then one line of JSON; the exit status is 1 when a promise was broken. `--keep` leaves the
folder of a round with faults, and its tables as text, in place.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from tests.reliability.kill import failover
from tests.reliability.kill.checker import FAULTS, Findings, query
from tests.reliability.kill.fleet import Fleet, fleet
from tests.reliability.kill.harness import Result, run
from tests.reliability.kill.scene import Plan
from tests.reliability.postgres import Server, serving

ROUND = 60
"""Kills of one round."""

LEASE = 10.0
"""Seconds a chat belongs to a process without a sign of life; a peer must have answered 2 s later."""

TELEGRAM, PACE = 24, 5.0
"""Chats of the fail-over run and their pace: what waits for a lease is measured, not what waits for a processor."""

CASES = 10
"""Cases of each fault that are shown."""

TABLES = ("inbox", "conversation", "reply", "reply_part", "ledger", "turn")


def arguments() -> argparse.Namespace:
    """What was asked for, with what follows from the store."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.reliability.kill", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--store", choices=("sqlite", "postgres"), default="sqlite")
    parser.add_argument("--replicas", type=int, default=0, help="1 on sqlite, 3 on postgres")
    parser.add_argument("--kills", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--polling", action="store_true", help="getUpdates instead of webhooks (always on sqlite)")
    parser.add_argument("--fail-over", action="store_true", help="leave the dead dead and measure who takes over when")
    parser.add_argument("--keep", type=Path, help="where rounds with faults are left")
    given = parser.parse_args()
    if given.fail_over:
        given.store = "postgres"
    if given.store == "sqlite":
        given.replicas, given.polling = 1, True
    given.replicas = given.replicas or (5 if given.fail_over else 3)
    return given


@contextmanager
def fresh(server: Server | None) -> Iterator[tuple[Path, str]]:
    """A folder and an empty store for one round; both are gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="firstline-kill-"))
    try:
        if server is None:
            yield folder, f"sqlite:///{folder}/data/firstline.db"
        else:
            with server.database() as url:
                yield folder, url
    finally:
        shutil.rmtree(folder)


def keep(given: argparse.Namespace, plan: Plan, folder: Path) -> None:
    """Leave what is needed to understand a fault."""
    place = given.keep / f"{given.store}-{plan.seed}"
    shutil.copytree(folder, place)
    for name in TABLES:
        rows = query(plan.store, f"select * from {name}")  # noqa: S608 - ours
        (place / f"{name}.txt").write_text("\n".join(map(str, rows)), "utf-8")


async def kills(given: argparse.Namespace, made: Fleet, server: Server | None) -> tuple[dict[str, Any], Findings]:
    """Every round, its line printed as it ends: what it came to, and everything the checker found."""
    results: list[Result] = []
    whole, left = Findings(), given.kills
    plan = Plan("", given.replicas, 0, given.seed, given.polling)
    while left > 0:
        with fresh(server) as (folder, store):
            plan = replace(plan, store=store, kills=min(ROUND, left))
            results.append(await run(plan, made, folder))
            whole.add(results[-1].found)
            say(results[-1])
            if results[-1].found.faults and given.keep:
                keep(given, plan, folder)
        left, plan = left - plan.kills, replace(plan, seed=plan.seed + 1)
    return {
        "killed before ready": sum(result.deaths.early for result in results),
        "openings a kill": round(whole.counts["openings left"] / given.kills, 3),
        "openings a kill, worst": max(result.worst for result in results),
        "seconds": round(sum(sum(result.seconds) for result in results)),
    }, whole


async def fail_over(given: argparse.Namespace, made: Fleet, server: Server | None) -> tuple[dict[str, Any], Findings]:
    """One long round, on Telegram alone: the other platforms have waits of their own after a crash."""
    with fresh(server) as (folder, store):
        plan = Plan(store, given.replicas, given.kills, given.seed, telegram=TELEGRAM, whatsapp=0, posting=0, pace=PACE)
        waits = await failover.run(plan, made, folder)
        if waits.found.faults and given.keep:
            keep(given, plan, folder)
    p99 = failover.percentile(waits.seconds, 0.99)
    if p99 > LEASE + 2 or waits.never or not waits.seconds:
        waits.found.fault("taken over late", f"p99 {p99:.2f} s, {waits.never} never, of {len(waits.seconds)} chats")
    return {
        "chats in dead hands": len(waits.seconds) + waits.never,
        "never taken over": waits.never,
        "taken over, p50 seconds": round(failover.percentile(waits.taken, 0.5), 2),
        "taken over, p99 seconds": round(failover.percentile(waits.taken, 0.99), 2),
        "answered, p50 seconds": round(failover.percentile(waits.seconds, 0.5), 2),
        "answered, p99 seconds": round(p99, 2),
        "answered, longest": round(max(waits.seconds, default=0.0), 2),
    }, waits.found


def say(result: Result) -> None:
    """One line a round, and one for each fault."""
    counts, faults = result.found.counts, sum(result.found.faults.values())
    out(
        f"seed {result.plan.seed}: {result.plan.kills} kills in {result.seconds[0]:.0f} s, quiet after"
        f" {result.seconds[1]:.1f} s; {counts['written']} messages, {counts['openings left']} openings left,"
        f" {faults} faults"
    )


def table(found: Findings, more: Mapping[str, object]) -> str:
    """For people: every count, every fault with its 0."""
    rows: list[tuple[str, object]] = [*more.items(), *sorted(found.counts.items())]
    rows += [(name, found.faults[name]) for name in FAULTS]
    width = max(len(name) for name, _ in rows)
    return "\n".join(f"{name:<{width}}  {value}" for name, value in rows)


def out(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


async def main() -> int:
    given = arguments()
    logging.getLogger("aiohttp.server").setLevel(logging.CRITICAL)  # a killed client is no news
    with ExitStack() as stack:
        server = stack.enter_context(serving()) if given.store == "postgres" else None
        async with fleet() as made:
            facts, found = await (fail_over if given.fail_over else kills)(given, made, server)
    facts = {"store": given.store, "replicas": given.replicas, "kills": given.kills} | facts
    out(table(found, facts))
    for name in found.faults:
        for case in [case for case in found.cases if case.startswith(f"{name}: ")][:CASES]:
            out(case)
    out(json.dumps(facts | {"counts": found.counts, "faults": found.faults}))
    return 1 if found.faults else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
