"""Budget races with kills, from the project's root:

    python -m tests.reliability.budgets --store sqlite --races 10000
    python -m tests.reliability.budgets --store postgres --races 10000

In each race processes (one on SQLite) and their tasks want more calls than the three an account has left. Some are
killed with kill -9 at any moment between. Prints a table, then one line of JSON; the exit status is 1 when more was
spent or set aside than the limit at any committed moment, or anything was booked twice, not at all, or wrongly.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import shutil
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

from core.store.migrate import migrate
from tests.reliability.budgets.judging import judge, watch
from tests.reliability.budgets.racing import Plan, finish, run
from tests.reliability.postgres import serving

FAULTS = (
    "overshoot",
    "booked twice",
    "granted and never booked",
    "spent is not what was booked",
    "sum of all is wrong",
    "left set aside",
)


def arguments() -> argparse.Namespace:
    """What was asked for."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.reliability.budgets", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--store", choices=("sqlite", "postgres"), default="sqlite")
    parser.add_argument(
        "--url", default="", help="an empty database on a running server, instead of a server of our own"
    )
    parser.add_argument("--races", type=int, default=10_000)
    parser.add_argument("--processes", type=int, default=0, help="3 on postgres, always 1 on sqlite")
    parser.add_argument("--tasks", type=int, default=6, help="of one process in one race")
    parser.add_argument("--deaths", type=float, default=0.05, help="the share of its races a process dies in")
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


def main() -> int:
    given = arguments()
    processes = 1 if given.store == "sqlite" else given.processes or 3
    with ExitStack() as stack:
        folder = Path(tempfile.mkdtemp(prefix="firstline-budgets-"))
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        url = f"sqlite:///{folder}/firstline.db"
        if given.url:
            url = given.url
        elif given.store == "postgres":
            url = stack.enter_context(stack.enter_context(serving()).database())
        migrate(url)
        watch(url)
        plan = Plan(url, given.races, processes, given.tasks, given.seed, given.deaths, folder)
        tally = run(plan)
        charged = asyncio.run(finish(url))
        counts, faults = judge(url, folder)
    rows = {"store": given.store, "races": given.races, "processes": processes, "tasks": given.tasks}
    rows |= {"kills": tally.kills, "seconds": round(tally.seconds), "charged at the end": charged}
    rows |= dict(sorted(counts.items())) | {name: faults[name] for name in FAULTS}
    width = max(map(len, rows))
    sys.stdout.write("".join(f"{name:<{width}}  {value}\n" for name, value in rows.items()))
    sys.stdout.write(f"{json.dumps(rows)}\n")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
