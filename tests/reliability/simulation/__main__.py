"""The long run, from the project's root:

    python -m tests.reliability.simulation --seeds 10000 --jobs 2
    python -m tests.reliability.simulation --seeds 1 --first 578      one seed with its whole history

Prints a table for people, then one line of JSON; the exit status is 1 when a promise was broken. A seed that fails is
printed with the command that repeats it and, the first few, with its history.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from tests.reliability.simulation.loop import START
from tests.reliability.simulation.many import everything
from tests.reliability.simulation.run import Result

SHOWN = 3
"""Failed seeds whose whole history is printed."""


def command(seed: int) -> str:
    """What repeats one seed."""
    return f"python -m tests.reliability.simulation --seeds 1 --first {seed}"


def history(result: Result) -> Iterator[str]:
    """A seed's events as lines."""
    for at, who, what, detail in result.events:
        yield f"{at - START:9.3f} {who:6} {what:9} {detail}"


def out(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


@dataclass
class Tally:
    """What all seeds came to."""

    seeds: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    counts: Counter[str] = field(default_factory=Counter)
    broken: dict[int, list[str]] = field(default_factory=dict)

    def add(self, result: Result) -> None:
        """One more."""
        self.seeds += 1
        self.faults += result.faults
        self.counts += result.counts
        if result.broken:
            self.broken[result.seed] = result.broken

    def table(self, seconds: float) -> str:
        """For people, then the line of JSON."""
        facts = {"seeds": self.seeds, "failed": len(self.broken), "faults thrown": self.faults.total()}
        facts["seconds"] = round(seconds)
        rows = [*facts.items(), *sorted(self.counts.items())]
        rows += [(f"fault {name}", times) for name, times in sorted(self.faults.items())]
        width = max(len(name) for name, _ in rows)
        told = json.dumps(facts | {"faults": self.faults, "counts": self.counts, "broken": self.broken})
        return "\n".join([*(f"{name:<{width}}  {value}" for name, value in rows), told])


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.reliability.simulation",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--seeds", type=int, default=1_000)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--brief", action="store_true", help="no histories")
    parser.add_argument("--stop", action="store_true", help="end with the first seed that fails")
    parser.add_argument("--without", type=int, action="append", default=[], help="leave a seed out")
    return parser.parse_args()


def main() -> int:
    given = arguments()
    seeds = [seed for seed in range(given.first, given.first + given.seeds) if seed not in given.without]
    began, tally = time.monotonic(), Tally()
    for result in everything(seeds, 1 if given.stop or len(seeds) == 1 else given.jobs):
        tally.add(result)
        if not given.brief and (len(seeds) == 1 or (result.broken and len(tally.broken) <= SHOWN)):
            out("\n".join(history(result)))
        if result.broken:
            out(f"seed {result.seed} breaks promises; repeat it: {command(result.seed)}")
            out("\n".join(f"    {line}" for line in result.broken))
            if given.stop:
                break
    out(tally.table(time.monotonic() - began))
    return 1 if tally.broken else 0


if __name__ == "__main__":
    sys.exit(main())
