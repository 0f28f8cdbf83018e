"""What all units of work in a group do together at its end, so that it is done once and in one order for all of them.

Rows that are only ever added go out one statement a table; no unit of work may read them, for they are there when the
group is committed, not before. Then comes what locks rows that many chats share, and so has to hold them briefly.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

from sqlalchemy import Connection, Executable

T = TypeVar("T")

_WAITING = "rows to be added"
_LAST = "what comes last"


@contextmanager
def gathered(c: Connection) -> Iterator[None]:
    """Inside a transaction: what is appended or put off is done at the end, or not at all when the block fails."""
    info = c.info  # a connection that is lost meanwhile cannot be asked for it any more
    waiting = info[_WAITING] = {}
    last: dict[Callable[[Connection, list[Any]], object], list[Any]] = {}
    info[_LAST] = last
    try:
        yield
        for statement, rows in waiting.items():
            c.execute(statement, rows)
        for work, items in last.items():
            work(c, items)
    finally:
        del info[_WAITING], info[_LAST]


def append(c: Connection, statement: Executable, rows: Iterable[Mapping[str, Any]]) -> None:
    """Add these rows with the group that is being gathered, at once where none is."""
    if found := list(rows):
        waiting = c.info.get(_WAITING)
        if waiting is None:
            c.execute(statement, found)
        else:
            waiting.setdefault(statement, []).extend(found)


def put_off(c: Connection, work: Callable[[Connection, list[T]], object], items: Iterable[T]) -> None:
    """Do it at the end of the group that is being gathered, for all its units together; at once where none is."""
    if found := list(items):
        last = c.info.get(_LAST)
        if last is None:
            work(c, found)
        else:
            last.setdefault(work, []).extend(found)
