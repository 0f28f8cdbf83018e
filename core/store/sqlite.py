"""A SQLite file: opened durably, by one process at a time. What is done with it is in `database`."""

from __future__ import annotations

import contextlib
import fcntl
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.pool import NullPool, StaticPool

from core.errors import InUse

PRAGMAS = ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "mmap_size=0", "temp_store=MEMORY")
READING = "query_only=ON"


def file_of(url: str) -> Path | None:
    """The file a SQLite URL names; None for one that lives in memory."""
    name = url.partition("://")[2]
    return Path(name[1:]) if name.strip("/") else None


@contextlib.contextmanager
def only_process(file: Path) -> Iterator[None]:
    """Two writing processes can corrupt a WAL file in SQLite before 3.51.3, so the second one is refused. InUse."""
    with file.with_name(file.name + ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise InUse(f"{file} is in use by another firstline process; stop that one first") from error
        yield


def engine(url: str, *pragmas: str) -> Engine:
    """An engine whose connections have PRAGMAS and these."""
    made = create_engine(
        url,
        poolclass=NullPool if file_of(url) else StaticPool,
        hide_parameters=True,  # what customers wrote is for no log
        connect_args={"check_same_thread": False, "isolation_level": None},
    )

    @event.listens_for(made, "connect")
    def on_connect(dbapi_connection: Any, _record: Any) -> None:
        dbapi_connection.create_function("now_micros", 0, lambda: time.time_ns() // 1000)
        for pragma in (*PRAGMAS, *pragmas):
            dbapi_connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(made, "begin")
    def on_begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN")

    return made
