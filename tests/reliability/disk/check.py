"""Whether a store's file keeps what was acknowledged, read with plain sqlite3 and none of the product's code.

`lines` are the worker's; a fault found is one sentence. How the file came to be is no concern of this module.
"""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

Line = list[Any]

RANKS = ["planned", "sending", "unknown", "open", "sent", "delivered", "read"]
"""States of a part, from the first to the last."""


def faults(file: Path, lines: Sequence[Line], *, ended: bool = False) -> list[str]:
    """What is wrong. `ended`: the process closed the store itself, so what it gave up must not be there either."""
    with closing(sqlite3.connect(file)) as db:
        try:
            sound = [row[0] for row in db.execute("PRAGMA integrity_check")]
            if sound != ["ok"]:
                return [f"integrity: {fault}" for fault in sound]
            found = [*_books(db), *(f"lost: {json.dumps(line)}" for line in lines if _is_lost(db, line))]
            if ended:
                found += [
                    f"refused and yet kept: {line[2]}" for line in lines if line[0] == "dropped" and _at(db, line)
                ]
        except sqlite3.DatabaseError as error:
            return [f"integrity: {error}"]
    return found


def unfinished(file: Path) -> int:
    """How many arrivals wait for an answer."""
    with closing(sqlite3.connect(file)) as db:
        return int(db.execute("SELECT count(*) FROM inbox WHERE state = 'accepted'").fetchone()[0])


def acknowledged(lines: Sequence[Line]) -> int:
    """How many of these lines the file must answer for."""
    return sum(line[0] in ASKS for line in lines)


def _is_lost(db: sqlite3.Connection, line: Line) -> bool:
    ask = ASKS.get(line[0])
    return ask is not None and not ask(db, *line[1:])


def _at(db: sqlite3.Connection, line: Line) -> bool:
    return _one(db, "SELECT 1 FROM inbox WHERE conv = ? AND source_key = ?", *line[1:3]) is not None


def _one(db: sqlite3.Connection, query: str, *values: object) -> Any:
    row = db.execute(query, values).fetchone()
    return row and row[0]


def _admitted(db: sqlite3.Connection, conv: str, key: str, message: str) -> bool:
    query = "SELECT state FROM inbox WHERE conv = ? AND source_key = ? AND message_id = ?"
    return _one(db, query, conv, key, message) in {"accepted", "settled"}


def _planned(db: sqlite3.Connection, conv: str, key: str, parts: int) -> bool:
    state = _one(db, "SELECT state FROM reply WHERE conv = ? AND key = ?", conv, key)
    kept = _one(db, "SELECT count(*) FROM reply_part WHERE conv = ? AND reply = ?", conv, key)
    return state in {"planned", "settled"} and kept == parts


def _marked(db: sqlite3.Connection, conv: str, key: str, number: int, *what: str) -> bool:
    query = "SELECT state, sent_as FROM reply_part WHERE conv = ? AND reply = ? AND number = ?"
    row = db.execute(query, (conv, key, number)).fetchone()
    state, sent_as = what
    return row is not None and RANKS.index(row[0]) >= RANKS.index(state) and sent_as in {row[1], ""}


def _settled(db: sqlite3.Connection, conv: str, key: str, messages: list[str]) -> bool:
    state = _one(db, "SELECT state FROM reply WHERE conv = ? AND key = ?", conv, key)
    booked = _one(db, "SELECT messages FROM ledger WHERE conv = ? AND reply = ?", conv, key)
    query = "SELECT message_id FROM inbox WHERE conv = ? AND reply = ? AND state = 'settled'"
    kept = {row[0] for row in db.execute(query, (conv, key))}
    return state == "settled" and booked is not None and json.loads(booked) == messages and kept == set(messages)


def _card(db: sqlite3.Connection, conv: str, desk: str, sent_as: str) -> bool:
    query = "SELECT count(*) FROM card WHERE conv = ? AND desk = ? AND sent_as = ?"
    return bool(_one(db, query, conv, desk, sent_as) == 1)


ASKS: dict[str, Callable[..., bool]] = {
    "admitted": _admitted,
    "planned": _planned,
    "marked": _marked,
    "settled": _settled,
    "card": _card,
}
"""What each kind of line has promised, in that state or a later one."""


def _books(db: sqlite3.Connection) -> Iterator[str]:
    """What must add up in every state the file can be found in, whatever was acknowledged."""
    tails = "SELECT conv, count(*), max(seq), count(DISTINCT seq) FROM inbox WHERE message IS NOT NULL GROUP BY conv"
    for conv, *counts in db.execute(tails):
        tail = _one(db, "SELECT tail FROM conversation WHERE conv = ?", conv)
        if counts != [tail] * 3:
            yield f"tail of {conv} is {tail}, its arrivals are numbered {counts}"
    for conv, head, turns, replies in db.execute("SELECT conv, head, turns, replies FROM conversation"):
        settled = _one(db, "SELECT count(*) FROM inbox WHERE conv = ? AND state = 'settled'", conv)
        kinds = dict(db.execute("SELECT kind, count(*) FROM turn WHERE conv = ? GROUP BY kind", (conv,)))
        numbers = [row[0] for row in db.execute("SELECT number FROM turn WHERE conv = ? ORDER BY number", (conv,))]
        if (head, turns, replies) != (settled, sum(kinds.values()), kinds.get("reply", 0)):
            yield f"{conv} counts {head}, {turns}, {replies}; there are {settled} settled and the turns {kinds}"
        if numbers != list(range(len(numbers))):
            yield f"turns of {conv} are numbered {numbers}"
    yield from _twice(db)


def _twice(db: sqlite3.Connection) -> Iterator[str]:
    """What is settled twice, or settled in one place and not in another."""
    settled = set(db.execute("SELECT conv, key FROM reply WHERE state = 'settled'"))
    booked = Counter(db.execute("SELECT conv, reply FROM ledger"))
    if settled != set(booked):
        yield f"settled and booked differ: {sorted(settled ^ set(booked))}"
    rows = db.execute("SELECT conv, messages FROM ledger")
    answered = Counter((conv, message) for conv, body in rows for message in json.loads(body))
    turns = db.execute("SELECT conv, json_extract(body, '$.id') FROM turn WHERE kind = 'message'")
    done = set(db.execute("SELECT conv, message_id FROM inbox WHERE state = 'settled'"))
    for place, found in (("the ledger", answered), ("the turns", Counter(turns))):
        yield from (f"{name} stands {n} times in {place}" for name, n in found.items() if n > 1)
        if set(found) != done:
            yield f"{place} and the inbox differ: {sorted(set(found) ^ done)}"
