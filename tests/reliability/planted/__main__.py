"""Every planted mistake, from the project's root:

    python -m tests.reliability.planted
    python -m tests.reliability.planted --only fence

First the tests named are run without any mistake: one that fails then notices nothing and is left out. Then each
mistake is made in a copy and its tests are run there. Prints a table, then one line of JSON; the exit status is 1 when
a mistake was not caught or a test failed without one.
"""

from __future__ import annotations

import argparse
import json
import sys
import time

from tests.reliability.planted.bugs import BUGS
from tests.reliability.planted.plant import Outcome, caught, copied, outcome_of, planted


def main() -> int:
    """All that were asked for."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.reliability.planted", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--only", default="", help="those with this in their name")
    only = parser.parse_args().only
    bugs = [bug for bug in BUGS if only in bug.name]
    began = time.monotonic()
    outcomes: dict[str, Outcome] = {}
    with copied() as folder:
        clean = outcome_of(folder, sorted({test for bug in bugs for test in bug.tests}), most=1000)
        out("\n".join((f"without a mistake: {clean.told}", *clean.failed)))
        for bug in bugs:
            with planted(folder, bug):
                outcomes[bug.name] = outcome_of(folder, bug.tests, clean.failed)
            word = "caught" if caught(outcomes[bug.name]) else "NOT CAUGHT"
            by = ", ".join(name.rpartition("::")[2] for name in outcomes[bug.name].failed) or outcomes[bug.name].told
            out(f"{word:<10}  {bug.name}\n            {by}")
    missed = [name for name, outcome in outcomes.items() if not caught(outcome)]
    seconds = round(time.monotonic() - began)
    out(json.dumps({"planted": len(bugs), "caught": len(bugs) - len(missed), "missed": missed, "seconds": seconds}))
    return 1 if missed or clean.status else 0


def out(line: str) -> None:
    """One line, at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
