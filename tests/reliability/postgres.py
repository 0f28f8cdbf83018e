"""One PostgreSQL server for tests and the databases in it: ours, or the one whose URL was given.

Two servers are in `pair`, PgBouncer is in `pgbouncer`. Everything blocks; a test with an event loop calls
`asyncio.to_thread` where something of its own has to go on meanwhile.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from typing import Any, Literal
from urllib.parse import urlsplit

import psycopg

from tests.reliability.installation import EMPTY, Installation, free_port, installed

GIVEN = "FIRSTLINE_TEST_POSTGRES"
"""Names the variable with the URL of a running server, `postgresql://user:password@host:port/database`, preferred to
one of our own. The user may create databases; each test has its own and drops it."""

PATIENCE = 30.0
"""Seconds a server may take to start or to stop before something is wrong: twenty times what it takes."""

# What was acknowledged is on disk, as in production; memory and background work are cut to what tests need.
SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "200",
    "shared_buffers": "32MB",
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "wal_level": "replica",
    "wal_keep_size": "64MB",
    "timezone": "UTC",
    "log_line_prefix": "%m [%p] %a ",
}

StopMode = Literal["smart", "fast", "immediate"]
SIGNALS: dict[StopMode, signal.Signals] = {"smart": signal.SIGTERM, "fast": signal.SIGINT, "immediate": signal.SIGQUIT}
LOG = "server.log"


class Server:
    """A running server: ours, or one whose URL was given."""

    def __init__(self, url: str) -> None:
        self._url = urlsplit(url)._replace(scheme="postgresql")

    def __repr__(self) -> str:
        return f"<{type(self).__name__} at {self._url.netloc.rpartition('@')[2]}>"

    def url(self, database: str = "") -> str:
        """`postgresql://user@host:port/database`; the one for administration unless named. psycopg takes it too."""
        return self._url._replace(path=f"/{database}").geturl() if database else self._url.geturl()

    def query(self, sql: str, *values: object, database: str = "") -> list[tuple[Any, ...]]:
        """One statement in a connection and a transaction of its own; its rows, if it has any."""
        with psycopg.connect(self.url(database), autocommit=True, connect_timeout=10) as connection:
            done = connection.execute(sql.encode(), values or None)
            return done.fetchall() if done.description else []

    @contextlib.contextmanager
    def database(self, template: str = "template1") -> Iterator[str]:
        """The URL of a new database, a copy of the template's (nobody may be connected to that); dropped afterwards."""
        name = f"firstline_{secrets.token_hex(6)}"
        self.query(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        try:
            yield self.url(name)
        finally:
            self.query(f'DROP DATABASE "{name}" WITH (FORCE)')


class Cluster(Server):
    """One server of ours with its own data. It may be stopped and started as often as a test likes, on one port."""

    def __init__(self, installation: Installation, name: str = "") -> None:
        self.port = free_port()
        super().__init__(f"postgresql://postgres@127.0.0.1:{self.port}/postgres")
        self.name = name or f"cluster-{secrets.token_hex(4)}"
        self.data = installation.home / self.name
        self._installation = installation
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def running(self) -> bool:
        """Whether the server's first process lives."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start it and wait until it takes connections; the first time with an empty database. RuntimeError."""
        if not self.data.exists():
            self._installation.run("cp", "-a", EMPTY, self.name)
        settings = SETTINGS | {"port": str(self.port), "cluster_name": self.name}
        arguments = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        self._process = self._installation.start("postgres", "-D", self.name, *arguments, log=self.data / LOG)
        wait_until(self._answers, lambda: f"{self.name} does not start:\n{self.log()[-2000:]}")

    def stop(self, mode: StopMode = "fast") -> None:
        """`immediate` is a crash: no check point, open transactions are lost, connections are cut."""
        if self._process is not None:
            self._process.send_signal(SIGNALS[mode])
            self._process.wait(PATIENCE)
            self._process = None

    def restart(self, mode: StopMode = "fast") -> None:
        """Stop and start, same port, same data."""
        self.stop(mode)
        self.start()

    def remove(self) -> None:
        """Stop it and throw its data away."""
        self.stop("immediate")
        if self.data.exists():
            shutil.rmtree(self.data)

    def log(self) -> str:
        """What the server wrote."""
        return (self.data / LOG).read_text("utf-8", "replace")

    def _answers(self) -> bool:
        if not self.running:
            raise RuntimeError(f"{self.name} ended:\n{self.log()[-2000:]}")
        try:
            return bool(self.query("SELECT 1"))
        except psycopg.OperationalError:
            return False


def wait_until(true: Callable[[], bool], complaint: Callable[[], str]) -> None:
    """Look every hundredth of a second; RuntimeError with the complaint when it lasts longer than PATIENCE."""
    deadline = time.monotonic() + PATIENCE
    while not true():
        if time.monotonic() > deadline:
            raise RuntimeError(complaint())
        time.sleep(0.01)


@contextlib.contextmanager
def serving() -> Iterator[Server]:
    """The server whose URL was given, else one of our own for as long as the block. MissingError."""
    if given := os.environ.get(GIVEN):
        yield Server(given)
        return
    with installed() as installation:
        cluster = Cluster(installation)
        cluster.start()
        yield cluster
