"""How long `firstline --help` takes, how long a start takes to the first page, and what the process holds when idle.

The start is `make run` where `make setup` was done here, else the same without make; ours is the shipped config.yaml
with its store in an empty folder. The idle figure is with the web chat and Telegram, the latter polling a Bot API
server on loopback. The import table is python's own (`-X importtime`) for the module `firstline run` loads.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from benchmarks._harness import ROOT, Result, report
from channels.telegram.testing import FakeBotApi

RUNS = int(sys.argv[1]) if len(sys.argv) > 1 else 7
IDLE = 3.0
"""Seconds after the first page until memory is read."""

IMPORTS = 15
FIRSTLINE = Path(sys.executable).with_name("firstline")


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        config = configuration(folder)
        helps = [timed([FIRSTLINE, "--help"]) for _ in range(RUNS)]
        pages = [to_first_page(config) for _ in range(RUNS)]
        memory = asyncio.run(idle_memory(config))
    table()
    start = "make run" if starter()[0] == "make" else "firstline run"
    report(
        "start",
        [
            Result("firstline --help", "wall time p50", statistics.median(helps), "s", RUNS),
            Result("firstline --help", "wall time max", max(helps), "s", RUNS),
            Result(start, "to the first page p50", statistics.median(pages), "s", RUNS),
            Result(start, "to the first page max", max(pages), "s", RUNS),
            Result("web + Telegram", "idle RSS", memory / 1024, "MB", 1),
        ],
    )


def configuration(folder: Path) -> Path:
    """The shipped configuration, its Telegram pointed at `TELEGRAM_API`, beside links to what it names."""
    for name in ("bots", "models.yaml"):
        (folder / name).symlink_to(ROOT / name)
    text = (ROOT / "config.yaml").read_text("utf-8")
    token = "token: ${TELEGRAM_TOKEN}\n"
    assert token in text
    (folder / "config.yaml").write_text(text.replace(token, token + "    base_url: ${TELEGRAM_API}\n"), "utf-8")
    return folder / "config.yaml"


def timed(command: list[str | Path]) -> float:
    began = time.perf_counter()
    subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
    return time.perf_counter() - began


def starter() -> list[str | Path]:
    return ["make", "-s", "run"] if (ROOT / ".venv/ready").exists() else [FIRSTLINE, "run"]


@contextmanager
def running(config: Path, extra: Mapping[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    """A start in a process group of its own; entered once its page is there."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    arguments = ["--config", str(config), "--port", str(port)]
    command = starter()
    made = command[0] == "make"
    command = [*command, f"ARGS={' '.join(arguments)}"] if made else [*command, *arguments]
    quiet = {name: value for name, value in os.environ.items() if name != "TELEGRAM_TOKEN"}
    with (config.parent / "log").open("wb") as log:
        child = subprocess.Popen(
            command,
            cwd=ROOT if made else config.parent,
            env={**quiet, **extra},
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        wait_for(f"http://127.0.0.1:{port}/", child)
        yield child
    except OSError:
        sys.stderr.write((config.parent / "log").read_text("utf-8"))
        raise
    finally:
        with suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGTERM)
        child.wait(15)


def wait_for(url: str, child: subprocess.Popen[bytes]) -> None:
    while child.poll() is None:
        try:
            with urlopen(url, timeout=5) as page:  # noqa: S310 - a loopback address made above
                if page.status == 200:
                    return
        except (URLError, ConnectionError):
            time.sleep(0.005)
    raise OSError(f"firstline ended with {child.returncode} before it showed a page")


def to_first_page(config: Path) -> float:
    began = time.perf_counter()
    with running(config, {}):
        return time.perf_counter() - began


async def idle_memory(config: Path) -> int:
    """Kilobytes of the process that holds most, with Telegram polling."""

    def measure(api: str) -> int:
        with running(config, {"TELEGRAM_TOKEN": FakeBotApi.token, "TELEGRAM_API": api}) as child:
            time.sleep(IDLE)
            return max(resident(child.pid))

    async with FakeBotApi() as api:
        memory = await asyncio.to_thread(measure, api.url)
        if not api.log:  # a poll under way is not in it yet, the calls before the first one are
            raise SystemExit("firstline never called the Bot API: the memory figure would be without Telegram")
    return memory


def resident(group: int) -> list[int]:
    """VmRSS of every process of the group, in kilobytes."""
    found = []
    for status in Path("/proc").glob("[0-9]*/status"):
        try:
            if os.getpgid(int(status.parent.name)) != group:
                continue
            lines = status.read_text("utf-8").splitlines()
        except (ProcessLookupError, FileNotFoundError):
            continue
        found += [int(line.split()[1]) for line in lines if line.startswith("VmRSS")]
    return found


def table() -> None:
    """The slowest imports of `firstline run`, by what each took itself and with everything it imports."""
    command = [sys.executable, "-X", "importtime", "-c", "import bots.commands.run"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    rows = [line.removeprefix("import time:").split("|") for line in done.stderr.splitlines() if "|" in line]
    times = [(int(own), int(total), name.strip()) for own, total, name in rows if own.strip().isdigit()]
    print("import time of firstline run, slowest by itself first (ms itself, ms with what it imports)\n")
    for own, total, name in sorted(times, reverse=True)[:IMPORTS]:
        print(f"{own / 1000:8.1f} {total / 1000:8.1f}  {name}")
    print(f"{sum(own for own, _, _ in times) / 1000:8.1f}           all {len(times)} modules\n")


if __name__ == "__main__":
    main()
