"""Rows that are only ever added: those of all units of work in a group go out together, one statement a table.

Only for rows that no unit of work reads: they are there when the group is committed, not before.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import Connection, Executable

_WAITING = "rows to be added"


def append(c: Connection, statement: Executable, rows: Iterable[Mapping[str, Any]]) -> None:
    """Add these rows with the group that this connection is about to commit."""
    c.info.setdefault(_WAITING, {}).setdefault(statement, []).extend(rows)


def begin(c: Connection) -> None:
    """Forget what a group that was rolled back wanted to add."""
    c.info.pop(_WAITING, None)


def flush(c: Connection) -> None:
    """Add them, the last thing before the commit."""
    for statement, rows in c.info.pop(_WAITING, {}).items():
        if rows:
            c.execute(statement, rows)
