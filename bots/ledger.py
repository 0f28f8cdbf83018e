"""The ledger for reading only, beside a firstline that is running: commands never take the store away from it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from sqlalchemy import create_engine, event
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import NullPool

from core.errors import StoreError
from core.periods import Window
from core.ports import Entry
from core.store import books

SCHEME = "sqlite:///"
QUIET = ("query_only=ON", "wal_autocheckpoint=0", "busy_timeout=5000")
"""This connection neither writes nor checkpoints: two processes doing that can corrupt a WAL file before 3.51.3."""


def file_of(url: str) -> Path | None:
    """The file a store is kept in, None when it lives in memory or on a server."""
    name = url.removeprefix(SCHEME)
    return Path(name) if url.startswith(SCHEME) and name not in {"", ":memory:"} else None


def read_entries(url: str, window: Window) -> Sequence[Entry]:
    """The entries in the window, oldest first. StoreError when there is no store yet or it cannot be read."""
    file = file_of(url)
    if file is None or not file.exists():
        raise StoreError(f"there is no store at {file or url} yet: nothing has been recorded")
    engine = create_engine(url, poolclass=NullPool)

    @event.listens_for(engine, "connect")
    def on_connect(connection: object, _record: object) -> None:
        for pragma in QUIET:
            connection.execute(f"PRAGMA {pragma}")  # type: ignore[attr-defined]

    try:
        with engine.connect() as connection:
            return books.entries(connection, window.start, window.end)
    except SQLAlchemyError as error:
        raise StoreError(f"the store at {file} cannot be read: {type(error).__name__}") from error
    finally:
        engine.dispose()
