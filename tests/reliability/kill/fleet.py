"""Replicas of the product in processes of their own, as a harness handles them: start, wait, kill -9, start again."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.reliability.kill.shop import ROOT, Shop

PATIENCE = 30.0  # seconds a start, or the end of a process, may take


@dataclass(eq=False)
class Replica:
    """One process. `url` is empty until it is ready; `status` is negative for death by a signal."""

    name: str
    pid: int = 0
    url: str = ""
    status: int | None = None
    born: asyncio.Event = field(default_factory=asyncio.Event)
    ready: asyncio.Event = field(default_factory=asyncio.Event)
    ended: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def alive(self) -> bool:
        return bool(self.pid) and self.status is None

    def end(self, number: signal.Signals) -> None:
        """Send it a signal, if it is still there."""
        if self.alive:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)


class Fleet:
    """All replicas that one zygote made."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._numbers = itertools.count(1)
        self._named: dict[str, Replica] = {}
        self._by_pid: dict[int, Replica] = {}

    @property
    def urls(self) -> list[str]:
        """Where those that are ready, and not known to be dead, listen."""
        return [replica.url for replica in self._by_pid.values() if replica.url]

    def caller(self, port: int) -> Replica | None:
        """Who calls from this port, as the system knows it; None for nobody of ours."""
        inode = _inode(port)
        link = f"socket:[{inode}]"
        return next((replica for pid, replica in self._by_pid.items() if inode and link in _links(pid)), None)

    async def start(self, shop: Shop) -> Replica:
        """A further replica of this shop; it is born when this returns, and ready some time later."""
        name = f"r{next(self._numbers)}"
        replica = self._named[name] = Replica(name)
        order = {"name": name, "config": str(shop.config), "log": str(shop.folder / "replicas.log"), "env": shop.env}
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(order).encode() + b"\n")
        async with asyncio.timeout(PATIENCE):
            await replica.born.wait()
        return replica

    async def up(self, replica: Replica) -> None:
        """Return once it serves. RuntimeError when it died instead, TimeoutError after a while."""
        waits = [asyncio.ensure_future(event.wait()) for event in (replica.ready, replica.ended)]
        try:
            async with asyncio.timeout(PATIENCE):
                await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
        if not replica.ready.is_set():
            raise RuntimeError(f"a replica ended with {replica.status} instead of starting")

    async def end(self, replica: Replica, number: signal.Signals) -> int:
        """Send a signal and wait; the exit status."""
        replica.end(number)
        async with asyncio.timeout(PATIENCE):
            await replica.ended.wait()
        return replica.status or 0

    async def listen(self) -> None:
        """Take in the zygote's news until it ends."""
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            self._hear(json.loads(line))

    def _hear(self, news: dict[str, Any]) -> None:
        match news:
            case {"started": pid, "name": name}:
                replica = self._by_pid[pid] = self._named.pop(name)
                replica.pid = pid
                replica.born.set()
            case {"ready": pid, "url": url}:
                if pid in self._by_pid:
                    self._by_pid[pid].url = url.replace("localhost", "127.0.0.1")
                    self._by_pid[pid].ready.set()
            case {"ended": pid, "status": status}:
                replica = self._by_pid.pop(pid)
                replica.status = status
                replica.ended.set()


@asynccontextmanager
async def fleet(zygote: str = "tests.reliability.kill.zygote") -> AsyncIterator[Fleet]:
    """A zygote, the module of that name, ended with all it made on the way out."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", zygote,
        cwd=ROOT, env=environment(), stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdin is not None
    assert process.stdout is not None
    listening = None
    try:
        async with asyncio.timeout(PATIENCE):
            assert b"up" in await process.stdout.readline()
        made = Fleet(process)
        listening = asyncio.create_task(made.listen())
        yield made
    finally:
        process.stdin.close()
        async with asyncio.timeout(PATIENCE):
            await process.wait()
        if listening is not None:
            await listening


def _inode(port: int) -> str:
    """The socket that is bound to this port and connected, empty when there is none."""
    for line in Path("/proc/net/tcp").read_text("ascii").splitlines()[1:]:
        _, local, _, state, *_, inode = line.split()[:10]
        if state == "01" and int(local.partition(":")[2], 16) == port:
            return inode
    return ""


def _links(pid: int) -> set[str]:
    """What a process has open."""
    found = set()
    with contextlib.suppress(OSError):
        for entry in os.scandir(f"/proc/{pid}/fd"):
            with contextlib.suppress(OSError):
                found.add(str(Path(entry.path).readlink()))
    return found


def environment() -> dict[str, str]:
    """This process' variables without secrets: a replica gets its own with each order."""
    secrets = ("_TOKEN", "_KEY", "_SID")
    inherited = {name: value for name, value in os.environ.items() if not name.endswith(secrets)}
    return inherited | {"PYTHONPATH": str(Path(ROOT))}
