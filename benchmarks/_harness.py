"""What every benchmark prints: a table for people, then one JSON line for machines. It measures nothing itself.

Run a benchmark from the project's root: `.venv/bin/python -m benchmarks.NAME`.
"""

from __future__ import annotations

import json
import os
import platform
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True, slots=True)
class Result:
    """One figure. `n` is how many measurements stand behind it; `name` is whose figure it is (ours or a peer's)."""

    name: str
    metric: str
    value: float
    unit: str
    n: int


def percentiles(name: str, metric: str, values: Sequence[float], unit: str) -> list[Result]:
    """The median, the 99th percentile and the largest of the values, each as a result. ValueError without values."""
    if not values:
        raise ValueError(f"{name}: nothing was measured for {metric}")
    ordered = sorted(values)
    nearest = ordered[min(len(ordered) - 1, -(-99 * len(ordered) // 100) - 1)]
    figures = {"p50": statistics.median(ordered), "p99": nearest, "max": ordered[-1]}
    return [Result(name, f"{metric} {which}", value, unit, len(ordered)) for which, value in figures.items()]


def machine() -> dict[str, str | int]:
    """What the figures depend on: processors, memory, system and interpreter."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "cpus": os.cpu_count() or 0,
        "cpu": _cpu(),
        "memory_gb": round(memory / 2**30),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
    }


def report(name: str, results: Sequence[Result]) -> None:
    """Print the table, then `{"benchmark", "results", "machine"}` as the last line of standard output."""
    rows = [("", "metric", "value", "unit", "n")]
    rows += [(r.name, r.metric, f"{r.value:,.3f}".rstrip("0").rstrip("."), r.unit, str(r.n)) for r in results]
    widths = [max(len(row[i]) for row in rows) for i in range(5)]
    print(f"{name}\n")
    for row in rows:
        cells = [
            cell.rjust(width) if i in {2, 4} else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        print("  ".join(cells).rstrip())
    print()
    print(json.dumps({"benchmark": name, "results": [asdict(r) for r in results], "machine": machine()}), flush=True)


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())
