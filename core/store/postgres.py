"""A PostgreSQL server, or several of which one takes writes: how it is reached, and word from other processes.

Something is set for a whole session, and statements are prepared on the server, only where no pooler stands between: so
a pooler that changes servers between transactions does no harm. What is done with a connection is in `database`.
"""

from __future__ import annotations

import json
import logging
import selectors
import socket
import threading
from collections.abc import Callable
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict
from sqlalchemy import Connection, Engine, ExceptionContext, create_engine, event, func, select
from sqlalchemy.pool import NullPool

from core.conversation import Address
from core.errors import StoreError
from core.records import Hint, Rumour

log = logging.getLogger(__name__)

REACH: dict[str, Any] = {
    "connect_timeout": 5,
    "tcp_user_timeout": 10_000,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "application_name": "firstline",
}
"""libpq's parameters: a server that is gone without a word is noticed within a lease. Seconds; tcp_user_timeout ms."""

PREPARED_AFTER = 2
"""Times a statement is sent before the server keeps its plan; there are fewer than PREPARED of them."""

PREPARED = 500

LONGEST_IDLE = 10.0
"""Seconds a transaction may stand still before the server ends it: a process that froze in the middle of one would keep
its rows locked, and nobody could take its chats over. As long as a lease; behind a pooler the role has to say so."""

CHANNEL = "firstline"
LONGEST = 7000
"""Bytes of one notification; PostgreSQL takes fewer than 8000."""

AGAIN = 1.0
"""Seconds before a connection that listens is made anew."""


def reach(url: str) -> dict[str, Any]:
    """Parameters of libpq for a URL; of several hosts (`host1,host2:5433`) the one that takes writes. StoreError."""
    try:
        asked = conninfo_to_dict(url)
    except psycopg.ProgrammingError:
        raise StoreError("the store's URL cannot be read; write postgresql://user:password@host/database") from None
    several = {"target_session_attrs": "read-write"} if "," in str(asked.get("host", "")) else {}
    return {**REACH, **several, **asked}


def engine(url: str) -> Engine:
    """An engine without a pool: every thread of the store keeps its one connection. StoreError for a URL of no use."""
    made = create_engine(
        "postgresql+psycopg://",
        poolclass=NullPool,
        hide_parameters=True,  # what customers wrote is for no log
        connect_args={**reach(url), "prepare_threshold": None},
        use_native_hstore=False,
    )
    event.listen(made, "connect", _settle_in)
    event.listen(made, "handle_error", _notice_loss)
    return made


def _notice_loss(context: ExceptionContext) -> None:
    """What fails without an answer of the server is a lost connection, even where libpq has not noticed it yet."""
    error = context.original_exception
    if isinstance(error, psycopg.OperationalError) and error.sqlstate is None:
        context.is_disconnect = True


def _settle_in(connection: psycopg.Connection[Any], _record: object) -> None:
    """A pooler makes up the process id it gives a client; the server itself gives its own."""
    row = connection.execute("SELECT pg_backend_pid()").fetchone()
    if row is not None and row[0] == connection.info.backend_pid:
        connection.execute(f"SET idle_in_transaction_session_timeout = {int(LONGEST_IDLE * 1000)}")
        connection.prepare_threshold = PREPARED_AFTER
        connection.prepared_max = PREPARED
    connection.commit()


def notify(connection: Connection, sender: str, hints: list[Hint]) -> None:
    """Tell the other processes, in as few notifications as fit; committed with the caller's transaction."""
    rows = [[str(hint.rumour), str(hint.address)] for hint in hints]
    while rows:
        count = len(rows)
        while len(body := json.dumps([sender, rows[:count]])) > LONGEST and count > 1:
            count //= 2
        if len(body) <= LONGEST:
            connection.execute(select(func.pg_notify(CHANNEL, body)))
        rows = rows[count:]


class Listener:
    """A connection of its own that hears what other processes tell, in a thread; made anew when it is lost.

    Behind a pooler between transactions nothing is heard; then polling is all there is.
    """

    def __init__(self, url: str, owner: str, heard: Callable[[list[Hint]], None]) -> None:
        self._reach = reach(url)
        self._owner = owner
        self._heard = heard
        self._stop = threading.Event()
        self._end, self._ended = socket.socketpair()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End; where no server is reached it takes as long as that may take."""
        self._stop.set()
        self._end.close()
        self._thread.join()
        self._ended.close()

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self._listen()
            except psycopg.Error as error:
                log.info("hints from other processes are not heard: %s", type(error).__name__)
                self._stop.wait(AGAIN)

    def _listen(self) -> None:
        with psycopg.connect(**self._reach, autocommit=True) as connection:
            connection.execute(f"LISTEN {CHANNEL}")
            with selectors.DefaultSelector() as news:
                news.register(connection, selectors.EVENT_READ)
                news.register(self._ended, selectors.EVENT_READ)
                while not self._stop.is_set():
                    for note in connection.notifies(timeout=0):
                        if hints := _read(note.payload, self._owner):
                            self._heard(hints)
                    news.select()


def _read(payload: str, owner: str) -> list[Hint]:
    """What another process told; nothing of what this one told, or what was not told by us."""
    try:
        sender, rows = json.loads(payload)
        return [] if sender == owner else [Hint(Rumour(rumour), Address.parse(chat)) for rumour, chat in rows]
    except (ValueError, TypeError):
        return []
