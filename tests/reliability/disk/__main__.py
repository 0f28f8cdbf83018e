# ruff: noqa: T201 - a command prints
"""Faults of the disk, as many as wanted:  python -m tests.reliability.disk --kills 200 --errors 500 --seed 1

Prints a table and, as the last line, the figures as JSON. The status is 1 when anything acknowledged was lost.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path

from tests.reliability.disk import check, faults, power
from tests.reliability.disk.faults import Run


def main() -> int:
    """Everything asked for, in a folder of its own."""
    options = _options()
    if why := faults.missing():
        sys.exit(why)
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="disk-", dir=options.folder) as name:
        bench = faults.bench(Path(name) / "kills", faults.LARGE)
        counted = faults.calls(bench)
        print(f"calls of a run: {dict(counted)}", flush=True)
        chance = random.Random(options.seed)
        runs = faults.many(bench, faults.kills(chance, counted), options.kills, options.seed)
        bench = faults.bench(Path(name) / "errors", faults.LARGE)
        runs += faults.many(bench, faults.errors(chance, counted), options.errors, options.seed)
        cuts = power.many(bench, options.cuts, options.seed)
    wrong = [f"{run.fault.injections}: {what}" for run in runs for what in run.wrong] + cuts.wrong
    _table(runs, cuts)
    print(*wrong[:20], sep="\n", end="\n" if wrong else "")
    figures = {
        "kills": sum(run.hit for run in runs if not run.fault.fails),
        "errors": sum(run.hit for run in runs if run.fault.fails),
        "power_cuts": cuts.made,
        "acknowledged": sum(check.acknowledged(run.lines) for run in runs),
        "refused": sum(run.refused for run in runs),
        "lost_or_wrong": len(wrong),
        "seed": options.seed,
        "seconds": round(time.monotonic() - began, 1),
    }
    print(json.dumps(figures))
    return 1 if wrong else 0


def _table(runs: list[Run], cuts: power.Cuts) -> None:
    kinds: defaultdict[str, list[Run]] = defaultdict(list)
    for run in runs:
        kinds[run.fault.name].append(run)
    form = "{:32} {:>6} {:>6} {:>8} {:>8} {:>13} {:>6}"
    print(form.format("fault", "runs", "hit", "calls", "refused", "acknowledged", "wrong"))
    for name, some in sorted(kinds.items()):
        hit, calls, refused = (sum(each) for each in zip(*((r.hit, r.injected, r.refused) for r in some), strict=True))
        said, wrong = sum(check.acknowledged(run.lines) for run in some), sum(len(run.wrong) for run in some)
        print(form.format(name, len(some), hit, calls, refused, said, wrong))
    print(form.format("power cut, replayed", cuts.made, cuts.made, "", "", "", len(cuts.wrong)))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=200, help="runs ended by SIGKILL at the n-th fdatasync")
    parser.add_argument("--errors", type=int, default=500, help="runs with EIO or ENOSPC")
    parser.add_argument("--cuts", type=int, default=500, help="moments at which the power is cut, replayed")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--folder", help="where the files are; the system's temporary folder when not given")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
