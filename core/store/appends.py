"""Rows that are only ever added: those of all units of work in a group go out together, one statement a table.

Only for rows that no unit of work reads: they are there when the group is committed, not before.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Executable

_WAITING = "rows to be added"


@contextmanager
def gathered(c: Connection) -> Iterator[None]:
    """Inside a transaction: what is appended goes out at the end, or not at all when the block fails."""
    info = c.info  # a connection that is lost meanwhile cannot be asked for it any more
    waiting = info[_WAITING] = {}
    try:
        yield
        for statement, rows in waiting.items():
            c.execute(statement, rows)
    finally:
        del info[_WAITING]


def append(c: Connection, statement: Executable, rows: Iterable[Mapping[str, Any]]) -> None:
    """Add these rows with the group that is being gathered, at once where none is."""
    if found := list(rows):
        waiting = c.info.get(_WAITING)
        if waiting is None:
            c.execute(statement, found)
        else:
            waiting.setdefault(statement, []).extend(found)
