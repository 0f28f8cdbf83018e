"""The long run, from the project's root:

    python -m tests.reliability.redelivery --updates 100000 --seed 1

On SQLite with one process, then a tenth of it on PostgreSQL with two (none where PostgreSQL is missing). Prints a table
for people, then one line of JSON; the exit status is 1 when a repeat had any effect.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile

from tests.reliability.installation import MissingError
from tests.reliability.kill.__main__ import CASES, out, table
from tests.reliability.kill.checker import Findings
from tests.reliability.postgres import serving
from tests.reliability.redelivery.flood import Flood, Result, run


def arguments() -> argparse.Namespace:
    """What was asked for."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.reliability.redelivery", description=__doc__,
        formatter_class=argparse.RawTextHelpFormatter,
    )  # fmt: skip
    parser.add_argument("--updates", type=int, default=100_000, help="different updates on SQLite")
    parser.add_argument("--postgres", type=int, default=-1, help="different updates on PostgreSQL; a tenth of those")
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


def on_sqlite(flood: Flood) -> Result:
    """One process on a file."""
    with tempfile.TemporaryDirectory() as folder:
        return asyncio.run(run(flood, f"sqlite:///{folder}/firstline.db", 1))


def on_postgres(flood: Flood) -> Result | None:
    """Two processes on a server; None where there is none."""
    try:
        with serving() as server, server.database() as url:
            return asyncio.run(run(flood, url, 2))
    except MissingError as missing:
        out(str(missing))
        return None


def main() -> int:
    """Everything asked for."""
    given = arguments()
    on_server = given.updates // 10 if given.postgres < 0 else given.postgres
    results = {"sqlite": on_sqlite(Flood(given.updates, given.seed))} if given.updates else {}
    if on_server and (made := on_postgres(Flood(on_server, given.seed))):
        results["postgres"] = made
    whole, facts = Findings(), {"seed": given.seed}
    for name, result in results.items():
        whole.add(result.found)
        facts[f"updates, {name}"] = result.updates
        facts[f"deliveries, {name}"] = result.delivered
        facts[f"deliveries a second, {name}"] = round(result.rate)
    facts |= sum((result.counts for result in results.values()), start=type(whole.counts)())
    out(table(whole, facts))
    for case in whole.cases[:CASES]:
        out(case)
    out(json.dumps(facts | {"counts": whole.counts, "faults": whole.faults}))
    return 1 if whole.faults else 0


if __name__ == "__main__":
    sys.exit(main())
