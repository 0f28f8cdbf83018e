"""A process that has imported everything once and forks `firstline run` on order: a start costs milliseconds.

Orders come as lines of JSON on standard input, news leave so on standard output: a process started, is ready, ended.
When the input ends, so do all its children. No thread and no event loop may exist here: only what is forked has them.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import gc
import importlib
import json
import os
import select
import signal
import sys
import traceback
from pathlib import Path
from typing import Any

import phonenumbers
import uvloop

import channels
import core.providers
from bots import logs
from bots.service import Started, serve
from channels import whatsapp
from channels.telegram import limits
from channels.whatsapp.line import Timing
from core.plugins import names

PLUGINS = Path(__file__).parent / "plugins"
EARLY = (
    "anyio._backends._asyncio",
    "channels.at_least_once",
    "channels.at_most_once",
    "channels.telegram.libraries.ptb",
    "channels.web",
    "core.providers.offline",
    "core.providers.scripted",
    "httpcore",
    "phonenumbers",
    "psycopg",
    "vaderSentiment.vaderSentiment",
    *(f"core.signals.{name}" for name in names("core.signals")),
)
"""What a process imports only once it is told what for."""
DIES_WITH_PARENT = 1  # PR_SET_PDEATHSIG


def prepare() -> None:
    """Import what a process would, make plug-ins of ours known, and lift limits that only the real platforms need."""
    core.providers.__path__.append(str(PLUGINS / "providers"))
    channels.__path__.append(str(PLUGINS / "channels"))
    for name in EARLY:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    phonenumbers.PhoneMetadata.load_all()
    rates = limits.Rates(bot=(10_000, 1.0), group=(10_000, 1.0), chat=(1_000.0, 1_000.0))
    vars(limits)["Rates"] = lambda: rates
    vars(whatsapp)["Timing"] = lambda: Timing(callback=5.0, lists=(0.5, 2.0))


def tell(news: dict[str, Any], out: int = 1) -> None:
    """One line; short enough to be written whole, whoever else writes."""
    os.write(out, json.dumps(news).encode() + b"\n")


def live(order: dict[str, Any]) -> None:
    """The life of one process: the real `serve`, as the command runs it. Never returns."""
    status = 1
    out = os.dup(1)
    try:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        ctypes.CDLL(None).prctl(DIES_WITH_PARENT, signal.SIGKILL)
        log = os.open(order["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        for stream in (1, 2):
            os.dup2(log, stream)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.environ.update(order["env"])
        logs.configure(order["env"].values())

        def announce(started: Started) -> None:
            tell({"ready": os.getpid(), "url": started.url}, out)

        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(serve(Path(order["config"]), port=0, announce=announce))
        status = 0
    except BaseException:  # noqa: BLE001 - a child must never go on as its parent
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(status)


def bury(children: set[int]) -> None:
    """Tell of every child that has ended."""
    while children:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if not pid:
            return
        children.discard(pid)
        tell({"ended": pid, "status": os.waitstatus_to_exitcode(status)})


def main() -> None:
    """Serve until the input ends."""
    prepare()
    gc.collect()
    gc.freeze()
    news, wake = os.pipe()
    os.set_blocking(news, False)
    os.set_blocking(wake, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wake)
    children: set[int] = set()
    pending = b""
    tell({"up": os.getpid()})
    while True:
        readable, _, _ = select.select([0, news], [], [])
        if news in readable:
            os.read(news, 4096)
            bury(children)
        if 0 in readable:
            given = os.read(0, 65536)
            if not given:
                break
            *lines, pending = (pending + given).split(b"\n")
            for line in lines:
                order = json.loads(line)
                pid = os.fork()
                if not pid:
                    live(order)
                children.add(pid)
                tell({"started": pid, "name": order["name"]})
    for pid in children:
        os.kill(pid, signal.SIGKILL)
    for pid in children:
        os.waitpid(pid, 0)


if __name__ == "__main__":
    main()
