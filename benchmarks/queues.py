"""How many messages a second go from accepted to settled, sends faked: firstline beside procrastinate and DBOS.

One run, one PostgreSQL server, one fresh database after the other, three processes of each engine; the load generator
shares the processors with them. A peer's work on a message is to wait. Ours is the whole desk: keep the message, claim
the chat, read the conversation, decide, ask a provider that waits as long, deliver to a channel in memory, settle.

`in turn`: a chat's next message comes when the last one is settled. `backlog`: as soon as it is accepted; what waits
together our desk answers as one, as it does for customers, so only the first is like for like. `idle`: one message at a
time in all, from the call that accepts it to the start of its work. A message lost or doubled fails the engine's run.

The server is $FIRSTLINE_TEST_POSTGRES where given. Usage: python -m benchmarks.queues [MESSAGES [ENGINE...]]; 2,000
messages a workload and every engine unless given. Without the peers' environment (no network) ours run alone.
"""

from __future__ import annotations

import asyncio
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks._harness import ROOT, Result, report
from benchmarks._queues.load import Engine, Failed, Outcome, Workload, run
from tests.reliability.postgres import Server, serving

FOLDER = ROOT / "build" / "queues"
PEERS, OURS = FOLDER / "venv" / "bin" / "python", Path(sys.executable)

ENGINES = (
    Engine("firstline", OURS, "firstline"),
    Engine("firstline, SQLite file", OURS, "firstline", replicas=1),
    Engine("firstline, shipped bot", OURS, "shipped"),
    Engine("procrastinate", PEERS, "procrastinate_"),
    Engine("DBOS", PEERS, "dbos_"),
)
MESSAGES = 2000
IDLE = Workload("idle", chats=120, messages=1, alone=True)


def workloads(messages: int) -> tuple[Workload, ...]:
    """Those that measure a speed."""
    many, few = max(2, messages // 50), max(2, messages // 200)
    return (
        Workload("no work, in turn", chats=50, messages=many),
        Workload("no work, backlog", chats=50, messages=many, turns=False),
        Workload("0.2 s of work, in turn", chats=200, messages=few, wait=0.2),
        Workload("0.2 s of work, backlog", chats=200, messages=few, wait=0.2, turns=False),
    )


@contextmanager
def fresh(engine: Engine, server: Server) -> Iterator[str]:
    """The URL of an empty database: a file where the engine is alone, else on the server."""
    if engine.replicas > 1:
        with server.database() as url:
            yield url
    else:
        with tempfile.TemporaryDirectory(dir=FOLDER) as folder:
            yield f"sqlite:///{Path(folder) / 'queue.db'}"


def measured(engine: Engine, workload: Workload, server: Server) -> tuple[list[Result], int]:
    """The workload's figures and the inversions; a run that failed is a result of its own."""
    try:
        with fresh(engine, server) as url:
            outcome = asyncio.run(run(engine, url, workload, FOLDER / f"{engine.driver}.log"))
    except Failed as error:
        print(f"{engine.name}, {workload.name}: {error}", file=sys.stderr)
        return [Result(engine.name, workload.name, 0.0, "failed", workload.total)], 0
    if workload.alone:
        return idle(engine, outcome), outcome.inversions
    return [Result(engine.name, workload.name, outcome.speed, "messages/s", workload.total)], outcome.inversions


def idle(engine: Engine, outcome: Outcome) -> list[Result]:
    """How soon work starts where nothing else is going on; nothing where the engine does not tell."""
    ordered = sorted(outcome.starts)
    if not ordered:
        return []
    p95 = ordered[-(-95 * len(ordered) // 100) - 1]
    figures = {"p50": statistics.median(ordered), "p95": p95, "max": ordered[-1]}
    return [Result(engine.name, f"idle, start {w}", s * 1000, "ms", len(ordered)) for w, s in figures.items()]


def engines(names: list[str]) -> list[Engine]:
    """Those named by their driver, else all that can run here."""
    made = subprocess.run([ROOT / "benchmarks" / "peers.sh"], check=False)
    if made.returncode:
        print("no peers: their packages could not be installed", file=sys.stderr)
    wanted = [engine for engine in ENGINES if not names or engine.driver in names]
    return [engine for engine in wanted if engine.interpreter.exists()]


def main(messages: int, names: list[str]) -> int:
    results = []
    FOLDER.mkdir(parents=True, exist_ok=True)
    with serving() as server:
        for engine in engines(names):
            inversions = 0
            for workload in (*workloads(messages), IDLE):
                figures, inverted = measured(engine, workload, server)
                inversions += inverted
                results += figures
            results.append(Result(engine.name, "out of order", inversions, "answers", 4 * messages))
    report("queues", results)
    return int(any(result.unit == "failed" for result in results))


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else MESSAGES, sys.argv[2:]))
