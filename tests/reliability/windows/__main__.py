"""The long runs, from the project's root:

    python -m tests.reliability.windows --crashes 50 --seed 1
    python -m tests.reliability.windows --crashes 50 --store postgres --windows W1,W8

W1 to W10 on SQLite are a crash and a restart, on PostgreSQL a crash and a peer that goes on; W11 and W12 are always on
PostgreSQL. Each crash has a fresh store. Prints a table for people, then one line of JSON; the exit status is 1 when a
promise was broken. `--keep` leaves the folder of a crash with faults in place.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import shutil
import sys
import tempfile
from collections import Counter
from contextlib import ExitStack
from pathlib import Path

from tests.reliability.kill.checker import Findings
from tests.reliability.kill.fleet import Fleet
from tests.reliability.postgres import Server, serving
from tests.reliability.windows.run import crash
from tests.reliability.windows.scene import ON_POSTGRES, WINDOWS, Case, MissedError, zygote

COLUMNS = {
    "lost": ("message lost", "answer lost", "parked", "not quiet"),
    "doubled": ("answer doubled", "settled twice"),
    "disordered": ("order violation", "history wrong"),
    "other faults": ("strange text", "orphans"),
}
"""The checker's faults as the table has them; `orphans` is the fault of more openings than a crash may leave."""


def arguments() -> argparse.Namespace:
    """What was asked for."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.reliability.windows", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--crashes", type=int, default=5, help="of each window")
    parser.add_argument("--seed", type=int, default=1, help="the first one")
    parser.add_argument("--windows", default=",".join(WINDOWS))
    parser.add_argument("--store", choices=("sqlite", "postgres"), default="sqlite")
    parser.add_argument("--keep", type=Path, help="where crashes with faults are left")
    return parser.parse_args()


async def one(window: str, seed: int, fleet: Fleet, server: Server | None, keep: Path | None) -> Findings:
    """One crash on a fresh store."""
    folder = Path(tempfile.mkdtemp(prefix="firstline-window-"))
    try:
        with ExitStack() as stack:
            shop = folder / "shop"
            store = stack.enter_context(server.database()) if server else f"sqlite:///{shop}/data/firstline.db"
            found = await crash(Case(window, seed, store, replicas=2 if server else 1), fleet, shop)
            if not found.faults:
                keep = None
        return found
    finally:
        if keep:
            shutil.copytree(folder, keep / f"{window}-seed{seed}")
        shutil.rmtree(folder)


async def window(name: str, given: argparse.Namespace, fleet: Fleet, server: Server | None) -> Counter[str]:
    """All crashes of one window, a line for each fault; its row of the table."""
    row = Counter({"crashes": 0, "missed": 0, "messages": 0} | dict.fromkeys(COLUMNS, 0) | {"orphans": 0, "worst": 0})
    for seed in range(given.seed, given.seed + given.crashes):
        try:
            found = await one(name, seed, fleet, server, given.keep)
        except MissedError as missed:
            out(str(missed))
            row["missed"] += 1
            continue
        for case in found.cases:
            out(f"{name} seed {seed}: {case}")
        row["crashes"] += 1
        row["messages"] += found.counts["written"]
        for column, faults in COLUMNS.items():
            row[column] += sum(found.faults[fault] for fault in faults)
        row["orphans"] += len(found.openings)
        row["worst"] = max(row["worst"], len(found.openings))
    return row


def out(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


async def main() -> int:
    given = arguments()
    logging.getLogger("aiohttp.server").setLevel(logging.CRITICAL)  # a killed client is no news
    asked = [name for name in WINDOWS if name in given.windows.split(",")]
    rows: dict[str, Counter[str]] = {}
    with ExitStack() as stack:
        server = None
        async with zygote() as fleet:
            for name in asked:
                shared = given.store == "postgres" or name in ON_POSTGRES
                if shared and server is None:
                    server = stack.enter_context(serving())
                rows[name] = await window(name, given, fleet, server if shared else None)
                if len(rows) == 1:
                    out("  ".join(["window", *rows[name]]))
                out("  ".join([f"{name:>6}", *(f"{value:>{len(column)}}" for column, value in rows[name].items())]))
    broken = sum(row[column] for row in rows.values() for column in (*COLUMNS, "missed"))
    out(json.dumps({"store": given.store, "seed": given.seed, "windows": rows, "broken": broken}))
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
