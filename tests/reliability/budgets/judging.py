"""What is right after a race, from the tables alone with plain SQL, and a watcher inside the database while it runs.

The watcher is a trigger that writes down every committed moment at which an account stood above its limit.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterable
from contextlib import closing
from decimal import Decimal
from pathlib import Path

import psycopg

from tests.reliability.budgets.racing import ALL, AMOUNT, FIT
from tests.reliability.kill.checker import query

TABLE = "CREATE TABLE overshoot (account VARCHAR, spent BIGINT, reserved BIGINT)"
OVER = f"NEW.account LIKE 'customer/%' AND NEW.spent + NEW.reserved > {FIT * AMOUNT}"
NOTE = "INSERT INTO overshoot VALUES (NEW.account, NEW.spent, NEW.reserved)"
SQLITE = [
    TABLE,
    *(f"CREATE TRIGGER w{on} AFTER {on} ON budget WHEN {OVER} BEGIN {NOTE}; END" for on in ("INSERT", "UPDATE")),
]
POSTGRES = [
    TABLE,
    f"CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN {NOTE}; RETURN NEW; END'",
    f"CREATE TRIGGER watch AFTER INSERT OR UPDATE ON budget FOR EACH ROW WHEN ({OVER}) EXECUTE FUNCTION note()",
]  # fmt: skip


def watch(url: str) -> None:
    """Begin to write down what must not be."""
    if url.startswith("sqlite:///"):
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as file, file:
            for statement in SQLITE:
                file.execute(statement)
        return
    with psycopg.connect(url, autocommit=True) as server:
        for statement in POSTGRES:
            server.execute(statement.encode())


def judge(url: str, folder: Path) -> tuple[Counter[str], Counter[str]]:
    """Counts, and faults by name: a race is right when there are none."""
    counts, faults = Counter[str](), Counter[str]()
    notes = [line.split() for file in folder.glob("*.log") for line in file.read_text("utf-8").splitlines()]
    said = Counter(kind for kind, _ in notes)
    counts += said
    granted, cancelled = ({name for kind, name in notes if kind == which} for which in ("granted", "cancelled"))
    booked = query(url, "SELECT conv, reservation, cost, outcome FROM call")
    _judge_bookings(booked, granted, cancelled, (counts, faults))
    _judge_accounts(url, booked, (counts, faults))
    faults["overshoot"] += len(query(url, "SELECT account FROM overshoot"))
    faults["left set aside"] += len(query(url, "SELECT id FROM reservation WHERE state = 'held'"))
    return counts, +faults


def _judge_bookings(
    booked: Iterable[tuple[str, str, str | None, str]],
    granted: set[str],
    cancelled: set[str],
    found: tuple[Counter[str], Counter[str]],
) -> None:
    """Each reservation that was granted is booked once, settled or lost; only what was cancelled need not be."""
    counts, faults = found
    times = Counter(name for _, name, _, _ in booked)
    counts["settled"] = sum(outcome == "answered" for *_, outcome in booked)
    counts["orphans charged"] = sum(outcome == "lost" for *_, outcome in booked)
    faults["booked twice"] += sum(n > 1 for n in times.values())
    faults["granted and never booked"] += len(granted - cancelled - times.keys())


def _judge_accounts(
    url: str, booked: Iterable[tuple[str, str, str | None, str]], found: tuple[Counter[str], Counter[str]]
) -> None:
    """Every account has spent exactly what the ledger says of it, and the tenant's the sum of all."""
    counts, faults = found
    owed = Counter[str]()
    for conv, _, cost, _ in booked:
        owed[f"customer/EUR/{conv}"] += AMOUNT if cost is None else int(Decimal(cost) * 10**12)
    total = 0
    for account, spent, reserved in query(url, "SELECT account, spent, reserved FROM budget"):
        if account == ALL.account:
            faults["sum of all is wrong"] += spent != owed.total() or reserved != 0
            continue
        total += 1
        faults["spent is not what was booked"] += spent != owed[account]
        faults["left set aside"] += reserved != 0
        faults["overshoot"] += spent > FIT * AMOUNT
        counts["accounts spent to the last"] += spent == FIT * AMOUNT
    counts["accounts"] = total
