"""Shows that the simulation finds mistakes: each one is made in a copy and seeds are played there until one fails.

    python -m tests.reliability.simulation.planted --seeds 400
    python -m tests.reliability.simulation.planted --only fence

Seeds that fail without any mistake notice nothing and are left out. Prints a table, then one line of JSON; the exit
status is 1 when a mistake was not found.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.reliability.planted.plant import copied, planted
from tests.reliability.simulation.__main__ import out
from tests.reliability.simulation.mistakes import MISTAKES

PATIENCE = 1_800.0
"""Seconds all seeds of one mistake may take."""


@dataclass(frozen=True)
class Found:
    """The first seed that failed and what it said; -1 when none did."""

    seed: int
    said: str


def seeds_in(folder: Path, seeds: int, without: tuple[int, ...] = (), *, stop: bool = True) -> dict[int, list[str]]:
    """Seeds of the copy that fail, the first one or all."""
    options = ["--seeds", str(seeds), "--jobs", "1", "--brief", *(["--stop"] if stop else [])]
    left_out = [option for seed in without for option in ("--without", str(seed))]
    done = subprocess.run(
        (sys.executable, "-m", "tests.reliability.simulation", *options, *left_out),
        cwd=folder, env=os.environ | {"PYTHONPATH": str(folder)}, capture_output=True, text=True, timeout=PATIENCE,
    )  # fmt: skip
    if done.returncode not in {0, 1} or not done.stdout.strip():
        raise RuntimeError(done.stderr[-2_000:])
    return {int(seed): said for seed, said in json.loads(done.stdout.splitlines()[-1])["broken"].items()}


def first_found(folder: Path, seeds: int, without: tuple[int, ...]) -> Found:
    """The first seed that notices."""
    for seed, said in seeds_in(folder, seeds, without).items():
        return Found(seed, said[0])
    return Found(-1, "nothing was noticed")


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tests.reliability.simulation.planted",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--seeds", type=int, default=400)
    parser.add_argument("--only", default="", help="those with this in their name")
    given = parser.parse_args()
    found: dict[str, Found] = {}
    with copied() as folder:
        clean = tuple(seeds_in(folder, given.seeds, stop=False))
        out(f"without a mistake {len(clean)} of {given.seeds} seeds fail")
        for bug in (bug for bug in MISTAKES if given.only in bug.name):
            with planted(folder, bug):
                found[bug.name] = first_found(folder, given.seeds, clean)
            seed, said = found[bug.name].seed, found[bug.name].said
            out(f"{f'seed {seed}' if seed >= 0 else 'NOT FOUND':<10} {bug.name}: {said[:160]}")
    missed = [name for name, one in found.items() if one.seed < 0]
    out(json.dumps({"planted": len(found), "found": len(found) - len(missed), "missed": missed}))
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
