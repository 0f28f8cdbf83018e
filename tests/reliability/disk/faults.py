"""The worker under strace, which makes one of its calls to the disk fail or be the last; and what is found afterwards.

strace counts the calls of each thread by itself; the store writes from one thread, so the n-th call is the n-th write.
What fails here fails before the kernel does it: no data are spoilt by it, and a kill leaves the page cache whole. What
a loss of power would leave is shown by `power`. No verdict is made here but `check`'s.
"""

from __future__ import annotations

import asyncio
import json
import random
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from itertools import count
from pathlib import Path

from core.errors import FirstlineError
from core.store.sql import open_store
from tests.reliability.disk import check, worker

ROOT = Path(__file__).parents[3]
CALLS = ("fdatasync", "pwrite64", "pread64", "ftruncate", "openat")
LARGE = 8
"""So many chats of so many bursts each: enough that SQLite writes its log back into the file in the middle of the work
(after 1,000 pages)."""

SMALL = 5
"""Enough for a log, with the writing back at the end only."""

LONGEST = 60.0
"""Seconds a run may take as a safety net; one without faults takes about two."""

SHARE = 0.7
"""Faults fall into so much of a usual run: how many commits a run makes depends on its timing."""


@dataclass(frozen=True)
class Fault:
    """What happens to which call: `injections` as strace's `inject=` wants them; to calls on files ending in `on`."""

    name: str
    injections: tuple[str, ...]
    on: tuple[str, ...] = ("", "-wal", "-shm")

    @property
    def kills(self) -> bool:
        return any("signal=KILL" in injection for injection in self.injections)

    @property
    def fails(self) -> bool:
        return any("error=" in injection for injection in self.injections)


@dataclass(frozen=True)
class Bench:
    """Where runs take place: a store without rows that each begins with a copy of, and how much each has to do."""

    folder: Path
    size: int

    @property
    def template(self) -> Path:
        return self.folder / "template.db"


@dataclass
class Run:
    """One run and what was found: `injected` calls that failed, `refused` answers of the store, `wrong` in words."""

    fault: Fault
    killed: bool
    injected: int
    lines: list[check.Line]
    wrong: list[str]

    @property
    def refused(self) -> int:
        return sum(line[0] == "refused" for line in self.lines)

    @property
    def hit(self) -> bool:
        """Whether all of the fault fell into the run."""
        return (self.killed or not self.fault.kills) and (self.injected > 0 or not self.fault.fails)


@cache
def missing() -> str:
    """Why no fault can be injected on this machine; empty when it can."""
    if not shutil.which("strace"):
        return "strace is not installed"
    for more in ([], ["--seccomp-bpf"]):
        command = ["strace", "-f", "-qq", *more, "-o", "/dev/null", "-e", "trace=fdatasync", "true"]
        tried = subprocess.run(command, capture_output=True, text=True)
        if tried.returncode:
            return f"strace may not trace here: {tried.stderr.strip()[:200]}"
    return ""


def bench(folder: Path, size: int) -> Bench:
    """A bench in a new folder."""
    folder.mkdir()
    made = Bench(folder, size)

    async def create() -> None:
        async with open_store(f"sqlite:///{made.template}"):
            pass

    asyncio.run(create())
    return made


def calls(bench: Bench) -> Counter[str]:
    """How many calls of each kind the thread that makes most of them makes in a run without faults."""
    run = bench.folder / "counted"
    traced(bench, run, ["-e", f"trace={','.join(CALLS)}", *_paths(run, Fault("", ()))], seed=0)
    seen = Counter(re.findall(r"^(\d+) +(\w+)\(", (run / "trace").read_text(errors="replace"), re.MULTILINE))
    return Counter({call: max((n for (_, name), n in seen.items() if name == call), default=0) for call in CALLS})


def kills(chance: random.Random, counted: Counter[str]) -> Iterator[Fault]:
    """SIGKILL at the n-th fdatasync, anywhere in the work, for ever."""
    while True:
        n = chance.randint(1, round(counted["fdatasync"] * SHARE))
        yield Fault("fdatasync: SIGKILL", (f"fdatasync:signal=KILL:when={n}",))


def errors(chance: random.Random, counted: Counter[str]) -> Iterator[Fault]:
    """EIO and ENOSPC once, for a while, again and again, and for a while before a kill; for ever."""
    writes = counted["pwrite64"] / counted["fdatasync"]
    for turn in count():
        for call, error, most in (("fdatasync", "EIO", 30), ("pwrite64", "ENOSPC", 300), ("pwrite64", "EIO", 300)):
            n = chance.randint(1, round(counted[call] * SHARE))
            last = n + chance.randint(1, most)
            yield Fault(f"{call}: {error} once", (f"{call}:error={error}:when={n}",))
            yield Fault(f"{call}: {error} for a while", (f"{call}:error={error}:when={n}..{last}",))
            yield Fault(f"{call}: {error} again and again", (f"{call}:error={error}:when={n}+{most // 10 + last - n}",))
        n = chance.randint(1, round(counted["fdatasync"] * SHARE))
        kill = f"pwrite64:signal=KILL:when={round((n + 2) * writes) + chance.randint(1, 40)}"
        yield Fault("fdatasync: EIO, then SIGKILL", (f"fdatasync:error=EIO:when={n}..{n + 9}", kill))
        yield Fault("pread64: EIO once", (f"pread64:error=EIO:when={chance.randint(1, counted['pread64'])}",))
        yield Fault("ftruncate: EIO once", (f"ftruncate:error=EIO:when={1 + turn % max(1, counted['ftruncate'])}",))
        yield Fault("openat of the log: EIO once", (f"openat:error=EIO:when={1 + turn % 2}",), ("-wal",))


def traced(bench: Bench, folder: Path, options: Sequence[str], seed: int) -> tuple[int, list[check.Line], str]:
    """A worker from its start to its end: strace's status, what the worker said, and its last words if it broke."""
    folder.mkdir()
    shutil.copy(bench.template, folder / "store.db")
    work = [sys.executable, "-m", worker.__name__, f"{folder / 'store.db'}", *map(str, (seed, bench.size, bench.size))]
    command = ["strace", "-f", "-qq", "-o", f"{folder / 'trace'}", *options, *work]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=LONGEST)
    return done.returncode, [json.loads(line) for line in done.stdout.splitlines()], done.stderr.strip()[-300:]


def run(bench: Bench, fault: Fault, seed: int) -> Run:
    """The worker with this fault; then the file is read, opened again by the product, gone on with, and read again."""
    folder = bench.folder / f"run-{seed}"
    options = [] if fault.kills else ["--seccomp-bpf"]  # faster, but delivers no signals
    names = sorted({injection.partition(":")[0] for injection in fault.injections})
    options += ["-e", f"trace={','.join(names)}", *_paths(folder, fault)]
    options += [word for injection in fault.injections for word in ("-e", f"inject={injection}")]
    status, lines, last_words = traced(bench, folder, options, seed)
    injected = (folder / "trace").read_text(errors="replace").count("(INJECTED)")
    killed = status in {-9, 137}
    wrong = [] if killed or (status == 0 and lines[-1:] == [["end"]]) else [f"ended with {status}: {last_words}"]
    wrong += afterwards(folder / "store.db", lines, ended=not killed)
    if not wrong:
        shutil.rmtree(folder)
    return Run(fault, killed, injected, lines, wrong)


def many(bench: Bench, kinds: Iterator[Fault], wanted: int, seed: int) -> list[Run]:
    """As many runs as it takes until so many faults fell into one; two at once, at most twice as many as wanted."""
    runs: list[Run] = []
    with ThreadPoolExecutor(2) as pool:
        while (missed := wanted - sum(r.hit for r in runs)) > 0 and len(runs) < 2 * wanted:
            batch = [(next(kinds), seed + len(runs) + n) for n in range(missed)]
            runs += pool.map(lambda one: run(bench, *one), batch)
    return runs


def afterwards(file: Path, lines: list[check.Line], *, ended: bool) -> list[str]:
    """What is wrong with the file as it was left, and after the product went on with it."""
    copy = file.with_name("copy.db")
    for ending in ("", "-wal"):
        if (left := file.with_name(file.name + ending)).exists():
            shutil.copy(left, copy.with_name(copy.name + ending))
    wrong = check.faults(copy, lines, ended=ended)
    if wrong:
        return wrong
    try:
        more = asyncio.run(_go_on(file))
    except FirstlineError as error:
        return [f"the product does not go on: {error}"]
    if waiting := check.unfinished(file):
        wrong = [f"{waiting} messages are still not settled"]
    return wrong + check.faults(file, [*lines, *more])


async def _go_on(file: Path) -> list[check.Line]:
    """Settle what was left, then do a little of what is done every day."""
    said: list[check.Line] = []
    async with open_store(f"sqlite:///{file}") as store:
        await worker.catch_up(store)
        await worker.work(store, 1, 2, 1, names="later", say=lambda *what: said.append(list(what)))
    return said


def _paths(folder: Path, fault: Fault) -> list[str]:
    return [word for ending in fault.on for word in ("-P", f"{folder / 'store.db'}{ending}")]
