"""The store for reading only, beside a firstline that is running: commands never take the store away from it.

A SQLite file is opened so that this process neither writes nor checkpoints; a server is simply asked.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import NullPool

from core.conversation import Author, Message, Reply
from core.errors import StoreError
from core.learning.dialogues import Dialogue, Said
from core.periods import Window
from core.records import Entry
from core.store import books
from core.store.migrate import engine_of

T = TypeVar("T")
SCHEME = "sqlite:///"
QUIET = ("query_only=ON", "wal_autocheckpoint=0", "busy_timeout=5000")
"""This connection neither writes nor checkpoints: two processes doing that can corrupt a WAL file before 3.51.3."""


def file_of(url: str) -> Path | None:
    """The file a store is kept in, None when it lives in memory or on a server."""
    name = url.removeprefix(SCHEME)
    return Path(name) if url.startswith(SCHEME) and name not in {"", ":memory:"} else None


def read_entries(url: str, window: Window) -> Sequence[Entry]:
    """The entries in the window, oldest first. StoreError when there is no store yet or it cannot be read."""
    return read(url, lambda connection: books.entries(connection, window.start, window.end))


def read_dialogues(url: str, start: datetime) -> list[Dialogue]:
    """What was said in every chat since then, for a replay; the desk's own notices are left out. StoreError."""
    chats: dict[str, list[Said]] = {}
    for chat, turn in read(url, lambda connection: books.turns_since(connection, start)):
        if isinstance(turn, Message) and turn.text:
            chats.setdefault(chat, []).append(Said(by_customer=True, text=turn.text))
        elif isinstance(turn, Reply) and turn.author is not Author.DESK:
            chats.setdefault(chat, []).append(Said(by_customer=False, text=turn.text))
    return [Dialogue(chat, f"{number}", tuple(said)) for number, (chat, said) in enumerate(chats.items(), 1)]


def read(url: str, work: Callable[[Connection], T]) -> T:
    """What this finds in the store. StoreError when there is none yet or it cannot be read."""
    file = file_of(url)
    here = url.startswith("sqlite:")
    if here and (file is None or not file.exists()):
        raise StoreError(f"there is no store at {file or 'that address'} yet: nothing has been recorded")
    engine = _quiet_engine(url) if here else engine_of(url)(url)
    try:
        with engine.connect() as connection:
            return work(connection)
    except SQLAlchemyError as error:
        raise StoreError(f"the store {file or ''} cannot be read: {type(error).__name__}") from error
    finally:
        engine.dispose()


def _quiet_engine(url: str) -> Engine:
    engine = create_engine(url, poolclass=NullPool)

    @event.listens_for(engine, "connect")
    def on_connect(connection: object, _record: object) -> None:
        for pragma in QUIET:
            connection.execute(f"PRAGMA {pragma}")  # type: ignore[attr-defined]

    return engine
