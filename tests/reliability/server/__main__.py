"""The long run, from the project's root:

    python -m tests.reliability.server --stops 30 --promotions 10 --seed 1

Rounds of at most ROUND outages, each on servers and platforms of its own, so that a fault is found near its seed.
Prints a table for people, then one line of JSON; the exit status is 1 when a promise was broken.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.reliability.installation import Installation, MissingError, installed
from tests.reliability.kill.__main__ import CASES, keep, out, table
from tests.reliability.kill.checker import Findings
from tests.reliability.kill.fleet import Fleet, fleet
from tests.reliability.kill.scene import Plan
from tests.reliability.pair import Pair
from tests.reliability.postgres import Cluster
from tests.reliability.server.harness import Result, run
from tests.reliability.server.outages import Outage, nothing, promotions, repairs, stops

ROUND = 10
"""Outages of one round."""

Served = tuple[str, Outage, Outage]
"""A store's URL, what happens to its servers, and what is done afterwards."""


def arguments() -> argparse.Namespace:
    """What was asked for."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.reliability.server", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--stops", type=int, default=30)
    parser.add_argument("--promotions", type=int, default=10)
    parser.add_argument("--replicas", type=int, default=3)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", type=Path, help="where the logs and tables of rounds with faults are left")
    return parser.parse_args()


@contextmanager
def alone(installation: Installation) -> Iterator[Served]:
    """One server, which is stopped."""
    cluster = Cluster(installation)
    try:
        cluster.start()
        yield cluster.url(), stops(cluster), nothing
    finally:
        cluster.remove()


@contextmanager
def paired(installation: Installation) -> Iterator[Served]:
    """A primary and its standby, which is promoted."""
    pair = Pair(installation)
    try:
        pair.start()
        yield pair.url(), promotions(pair), repairs(pair)
    finally:
        pair.remove()


async def rounds(given: argparse.Namespace, made: Fleet, installation: Installation) -> dict[str, list[Result]]:
    """Every round, its line printed as it ends."""
    results: dict[str, list[Result]] = {"stops": [], "promotions": []}
    seed = given.seed
    for kind, serving, wanted in (("stops", alone, given.stops), ("promotions", paired, given.promotions)):
        for done in range(0, wanted, ROUND):
            with serving(installation) as (store, outage, repair), tempfile.TemporaryDirectory() as folder:
                plan = Plan(store, given.replicas, min(ROUND, wanted - done), seed, telegram=24, whatsapp=4, posting=4)
                result = await run(plan, made, Path(folder) / "shop", outage, repair)
                if result.found.faults and given.keep:
                    keep(given, plan, Path(folder) / "shop")
            results[kind].append(result)
            say(kind, result)
            seed += 1
    return results


def say(kind: str, result: Result) -> None:
    """One line a round, and one for each of its first faults."""
    counts, faults = result.found.counts, sum(result.found.faults.values())
    out(
        f"seed {result.plan.seed}: {result.plan.kills} {kind} in {result.seconds[0]:.0f} s, quiet after"
        f" {result.seconds[1]:.1f} s; {counts['written']} messages, sending again after"
        f" {max(result.back):.1f} s at most, {faults} faults"
    )
    for case in result.found.cases[:CASES]:
        out(case)


async def main() -> int:
    """Everything asked for."""
    given = arguments()
    given.store = "server"  # what the folders of faults are called after
    logging.getLogger("aiohttp.server").setLevel(logging.CRITICAL)
    try:
        with installed() as installation:
            async with fleet() as made:
                results = await rounds(given, made, installation)
    except MissingError as missing:
        sys.exit(str(missing))
    whole = Findings()
    facts: dict[str, object] = {"replicas": given.replicas, "seed": given.seed}
    for kind, some in results.items():
        for result in some:
            whole.add(result.found)
        back = sorted(seconds for result in some for seconds in result.back)
        facts[kind] = len(back)
        if back:
            facts[f"sending again, {kind}, median seconds"] = round(back[len(back) // 2], 2)
            facts[f"sending again, {kind}, longest"] = round(back[-1], 2)
    out(table(whole, facts))
    out(json.dumps(facts | {"counts": whole.counts, "faults": whole.faults}))
    return 1 if whole.faults else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
