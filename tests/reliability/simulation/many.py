"""Many seeds, in several processes of Python, a portion each. What one seed is is in `run`."""

from __future__ import annotations

import gc
import warnings
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

from tests.reliability.simulation.run import Result, play
from tests.reliability.simulation.store import Server

PORTION = 25
"""Seeds one job takes at a time."""


def several(seeds: Sequence[int]) -> list[Result]:
    """These seeds in this process; only who failed keeps its history."""
    server = Server()
    results = []
    with warnings.catch_warnings():  # a seed ends in the middle: some of what it was about to do was never begun
        warnings.filterwarnings("ignore", "coroutine .* was never awaited", RuntimeWarning)
        for seed in seeds:
            result = play(seed, server)
            if not result.broken and len(seeds) > 1:
                result.events = []
            results.append(result)
        gc.collect()
    return results


def everything(seeds: Sequence[int], jobs: int) -> Iterator[Result]:
    """All seeds, in their order."""
    portions = [seeds[at : at + PORTION] for at in range(0, len(seeds), PORTION)]
    if jobs == 1:
        for portion in portions:
            yield from several(portion)
        return
    # Each process of the pool is a new one: nothing of a seed's depends on what was played before it.
    with ProcessPoolExecutor(jobs, get_context("spawn")) as pool:
        for results in pool.map(several, portions):
            yield from results
