"""The long run, from the project's root:

    python -m tests.reliability.tiers --requests 10000 --faults 0.3 --scale 1

Random faults on two tiers of three, then a minute without one vendor, refusing and stalling, with and without a hedge.
Prints a table for people, then one line of JSON; the exit status is 1 when a promise was broken. `--scale 0.1` makes
the minute, and every time that is configured, ten times shorter.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import sys
from dataclasses import replace

import uvloop

from tests.reliability.kill.__main__ import CASES, out
from tests.reliability.tiers.customers import Findings, shares
from tests.reliability.tiers.faults import MID_STREAM, Fault
from tests.reliability.tiers.outage import FEW, Outage, Seen, outage
from tests.reliability.tiers.random_faults import Run, run
from tests.reliability.tiers.scene import Times

EXTRA = 0.2
"""Extra calls there may be for each request."""


def arguments() -> argparse.Namespace:
    """What was asked for."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.reliability.tiers", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--requests", type=int, default=10_000)
    parser.add_argument("--faults", type=float, default=0.3, help="share of calls that fail, 0 to 1")
    parser.add_argument("--scale", type=float, default=1.0, help="of the minute and of every configured time")
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


def runs(given: argparse.Namespace) -> dict[str, Run]:
    """The runs with random faults, by name. Models that cannot go on from a begun answer break off, which is said."""
    mixed = Run(given.requests, given.faults, seed=given.seed)
    few = max(1, given.requests // 10)
    return {
        "every fault": mixed,
        "every fault, hedged": replace(mixed, requests=few, hedged=True),
        "broken streams, no model goes on, replaced": replace(
            mixed, requests=few, among=MID_STREAM, continues=False, replaces=True
        ),
        "broken streams, no model goes on, not replaced": replace(
            mixed, requests=few, among=MID_STREAM, continues=False
        ),
    }


def outages(given: argparse.Namespace) -> dict[str, Outage]:
    """The minutes without a vendor, by name."""
    plain = Outage(times=Times(scale=given.scale, first=5.0), seed=given.seed)
    return {
        "a minute of refused connections": plain,
        "a minute of silence": replace(plain, how=Fault.SILENT),
        "a minute of silence, hedged": replace(plain, how=Fault.SILENT, hedged=True),
    }


def kept(name: str, found: Findings) -> bool:
    """Whether what is promised of such a run was kept."""
    told = shares(found)
    honest = name.endswith("not replaced")
    seen = not found.counts["no answer"] if honest else not told["failures a customer saw, share"]
    return not found.faults and seen and told["extra calls a request"] <= EXTRA


def show(name: str, ok: bool, facts: dict[str, float]) -> None:
    """One run's part of the table."""
    out(f"\n{name}: {'kept' if ok else 'BROKEN'}")
    width = max(map(len, facts))
    for what, value in facts.items():
        out(f"  {what.ljust(width)}  {value:>12,.4f}".rstrip("0").rstrip("."))


def facts_of(seen: Seen) -> dict[str, float]:
    """An outage in figures; seconds are at scale 1."""
    return {
        "failed calls until p95 was back": seen.failed,
        "failed calls until 19 of 20 met none": seen.enough,
        "p95 of the first text before, s": seen.normal,
        "p95 of the first text after those calls, s": seen.after,
        "n after those calls": seen.begun_after,
        "slow requests after those calls": seen.later,
        "slow requests in the minute": seen.caught,
        "failed calls in the minute": seen.booked,
        **shares(seen.found),
        **seen.found.counts,
        **{f"FAULT {what}": n for what, n in seen.found.faults.items()},
    }


def main() -> int:
    """Everything asked for."""
    given = arguments()
    logging.disable(logging.ERROR)
    results: dict[str, dict[str, float]] = {}
    broken: list[str] = []
    cases: list[str] = []
    for name, asked in runs(given).items():
        found = uvloop.run(run(asked))
        results[name] = {**shares(found), **found.counts, **{f"FAULT {what}": n for what, n in found.faults.items()}}
        broken += [] if kept(name, found) else [name]
        cases += found.cases[:CASES] + ([] if kept(name, found) else found.seen[:CASES])
        show(name, name not in broken, results[name])
    for name, how in outages(given).items():
        seen = asyncio.run(outage(how))
        results[name] = facts_of(seen)
        well = (
            0 <= seen.failed <= FEW
            and not seen.found.faults
            and not shares(seen.found)["failures a customer saw, share"]
        )
        broken += [] if well else [name]
        cases += seen.found.cases[:CASES]
        show(name, name not in broken, results[name])
    for case in cases:
        out(case)
    out(json.dumps({"run": "tiers", "seed": given.seed, "scale": given.scale, "results": results, "broken": broken}))
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
