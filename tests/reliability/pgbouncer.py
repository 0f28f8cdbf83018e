"""PgBouncer in transaction mode in front of a server: a client's next transaction may run in another connection."""

from __future__ import annotations

import contextlib
import secrets
import shutil
from collections.abc import Iterator

import psycopg
from psycopg.conninfo import conninfo_to_dict

from tests.reliability.installation import Installation, MissingError, free_port
from tests.reliability.postgres import Server, wait_until

PROGRAM = "pgbouncer"
PATH = "/usr/local/sbin:/usr/sbin:/usr/local/bin:/usr/bin"
CONNECTIONS = 4
CONFIG = """\
[databases]
* = {target}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = {connections}
max_client_conn = 500
query_wait_timeout = 5
server_login_retry = 1
logfile = {folder}/pgbouncer.log
pidfile = {folder}/pgbouncer.pid
"""


@contextlib.contextmanager
def bouncing(installation: Installation, server: Server, connections: int = CONNECTIONS) -> Iterator[Server]:
    """The server as seen through PgBouncer, which opens so many connections to each database. MissingError."""
    program = shutil.which(PROGRAM, path=PATH)
    if program is None:
        raise MissingError(f"{PROGRAM} is not installed")
    to = conninfo_to_dict(server.url())
    target = " ".join(f"{key}={to[key]}" for key in ("host", "port", "user", "password") if key in to)
    port = free_port()
    folder = installation.home / f"pgbouncer-{secrets.token_hex(4)}"
    installation.run("mkdir", str(folder))
    config = folder / "pgbouncer.ini"
    config.write_text(CONFIG.format(target=target, port=port, connections=connections, folder=folder), "utf-8")
    bouncer = Server(f"postgresql://postgres@127.0.0.1:{port}/{to['dbname']}")
    process = installation.start(program, str(config), log=folder / "output")

    def answers() -> bool:
        if process.poll() is not None:
            raise RuntimeError(f"PgBouncer ended:\n{(folder / 'output').read_text('utf-8', 'replace')}")
        with contextlib.suppress(psycopg.OperationalError):
            return bool(bouncer.query("SELECT 1"))
        return False

    try:
        wait_until(answers, lambda: "PgBouncer does not answer")
        yield bouncer
    finally:
        process.terminate()
        process.wait()
