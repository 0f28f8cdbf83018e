"""Measures what one customer's message leaves in the store, and computes what a rate of messages needs.

    python tools/sizing.py                                          a SQLite file in a folder of its own
    python tools/sizing.py --store postgresql://user@host/empty     an empty database of yours; it is filled

Messages go through the same statements as in `firstline run`: admitted, planned and marked where the platform wants
that, settled with the decision of the shop's own rules and one model call. Lengths of texts are assumptions: give
your own. `--server-rate` is what one server takes, by default the floor docs/reliability.md promises for two cores.
"""

# ruff: noqa: T201 - a script prints

from __future__ import annotations

import argparse
import asyncio
import json
import math
import tempfile
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

from sqlalchemy import Connection, func, select, text

from bots.parts import Parts, read_settings
from core.conversation import Address, Arrival, Conversation, Customer, Message, Reply
from core.records import Call, Entry, Outcome, Part, PartState, Settlement
from core.rules import Rulebook, decide
from core.store.schema import metadata
from core.store.sql import SqlStore, open_store
from core.tiers import Money, Usage

ROOT = Path(__file__).parent.parent
WORDS = "Where is my parcel? The order number is 4711 and it should have been here on Monday. "
RATES = (0.1, 1.0, 10.0, 100.0, 1_000.0)
DAY, MONTH = 86_400, 30 * 86_400
MARKS = (PartState.SENDING, PartState.OPEN, PartState.SENT)
"""The states of a part on a platform that edits, each a commit."""


@dataclass(frozen=True, slots=True)
class Size:
    """Rows and bytes by table, indexes counted with their tables; where the log stood before and after measuring."""

    rows: Mapping[str, int]
    bytes: Mapping[str, int]
    log: tuple[int, int] = (0, 0)

    def since(self, before: Size) -> Size:
        """What came between."""
        rows = {name: many - before.rows[name] for name, many in self.rows.items()}
        size = {name: many - before.bytes[name] for name, many in self.bytes.items()}
        return Size(rows, size, (0, self.log[0] - before.log[1]))


@dataclass(frozen=True, slots=True)
class Cost:
    """What one message costs on one kind of platform."""

    kind: str
    rows: float
    bytes: float
    log: float
    commits: int


def settlement(asked: Message, answered: str, book: Rulebook) -> Settlement:
    """The end of a burst of one message, as the desk makes it."""
    now, address = datetime.now(UTC), asked.address
    decision = decide(Conversation(address, (asked,)), book)
    usage, cost = Usage(1_200, 120, 800), Money(Decimal("0.00042"), "USD")
    calls = (Call("groq", "llama-3.3-70b-versatile", "answered", 0.812, usage, cost),)
    entry = Entry(now, address, (asked.id,), Outcome.ANSWERED, "quick", decision.rules, calls, 0.412, 1.23)
    reply = Reply(answered, now, tier="quick", earned=decision.rules)
    return Settlement(asked.id, address, (asked,), entry, (asked,), reply, decision)


def raw(asked: Message) -> str:
    """An update as Telegram sends it; a web page's is shorter, WhatsApp's form is longer."""
    person = {"id": 4242424242, "is_bot": False, "first_name": "A", "last_name": "Customer", "language_code": "en"}
    chat = {"id": 4242424242, "first_name": "A", "last_name": "Customer", "type": "private"}
    message = {"message_id": 12345, "from": person, "chat": chat, "date": 1795262400, "text": asked.text}
    return json.dumps({"update_id": 123456789, "message": message}, separators=(",", ":"))


async def one(store: SqlStore, ours: Settlement, *, planned: bool) -> int:
    """Take one message from accepted to settled; how many commits it took."""
    (asked,) = ours.messages
    claim = (await store.admit(Arrival(f"size:{asked.id}", raw(asked), asked))).claim
    commits = 2
    if planned:
        (part,) = await store.plan(ours, [ours.text], claim)
        for state in MARKS:
            await store.mark(ours.address, Part(part.reply, part.index, part.text, state, "123456"), claim)
        commits += 1 + len(MARKS)
    await store.settle(ours, claim)
    return commits


def measure(c: Connection) -> Size:
    """The size of every table now, without the rows that are dead: PostgreSQL is tidied up first."""
    rows = {t.name: c.execute(select(func.count()).select_from(t)).scalar_one() for t in metadata.sorted_tables}
    if c.dialect.name == "sqlite":
        of = "SELECT coalesce(sum(pgsize), 0) FROM dbstat JOIN sqlite_master USING (name) WHERE tbl_name = :t"
        return Size(rows, {name: c.execute(text(of), {"t": name}).scalar_one() for name in rows})
    of, at = (
        "SELECT pg_total_relation_size(to_regclass(:t))",
        text("SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')"),
    )
    before = int(c.execute(at).scalar_one())
    c.execute(text("VACUUM FULL"))
    size = {name: c.execute(text(of), {"t": f'"{name}"'}).scalar_one() for name in rows}
    return Size(rows, size, (before, int(c.execute(at).scalar_one())))


async def fill(store: SqlStore, kind: str, options: argparse.Namespace) -> tuple[Cost, Size]:
    """Messages of one kind of platform, in chats of ten."""
    parts = Parts(read_settings(ROOT / "config.yaml"), ROOT / "config.yaml")
    asked, answered = ((WORDS * 50)[:length] for length in (options.asked, options.answered))
    before, commits = await store._database.read(measure), 0
    first = Message("m", Address(kind, "first"), asked, datetime.now(UTC), Customer("42", "A customer", "en"))
    model = settlement(first, answered, parts.book())
    for chat in range(options.messages // 10):
        for _ in range(10):
            commits = await one(store, moved(model, Address(kind, f"{chat:012}")), planned=kind != "web")
    grown = (await store._database.read(measure)).since(before)
    n = options.messages // 10 * 10
    total = sum(grown.bytes.values())
    return Cost(kind, sum(grown.rows.values()) / n, total / n, grown.log[1] / n, commits), grown


def moved(model: Settlement, address: Address) -> Settlement:
    """The same in another chat, with a message of its own."""
    asked = replace(model.messages[0], id=uuid.uuid4().hex, address=address)
    entry = replace(model.entry, address=address, messages=(asked.id,))
    return replace(model, key=asked.id, address=address, messages=(asked,), heard=(asked,), entry=entry)


def by_table(sizes: Sequence[tuple[Cost, Size]], messages: int) -> None:
    """Rows and bytes of one message, table by table."""
    print("\n| table | " + " | ".join(f"{cost.kind}: rows | bytes" for cost, _ in sizes) + " |")
    print("|---|" + "---:|---:|" * len(sizes))
    for name in sizes[0][1].rows:
        if any(size.rows[name] for _, size in sizes):
            cells = (f"{size.rows[name] / messages:.2f} | {size.bytes[name] / messages:,.0f}" for _, size in sizes)
            print(f"| `{name}` | " + " | ".join(cells) + " |")
    print("| **all** | " + " | ".join(f"**{cost.rows:.2f}** | **{cost.bytes:,.0f}**" for cost, _ in sizes) + " |")
    print("| commits | " + " | ".join(f"{cost.commits} | " for cost, _ in sizes) + " |")
    if any(cost.log for cost, _ in sizes):
        print("| write-ahead log | " + " | ".join(f" | {cost.log:,.0f}" for cost, _ in sizes) + " |")


def by_rate(cost: Cost, options: argparse.Namespace) -> None:
    """What an average rate of messages needs; the peak decides how many servers."""
    print(
        f"\n{cost.kind}, peak {options.peak:g} times the average, a server takes {options.server_rate:g} messages/s:\n"
    )
    print("| messages/s | a day | rows/s | GB a month | commits/s at the peak | log MB/s at the peak | servers |")
    print("|---:|---:|---:|---:|---:|---:|---:|")
    for rate in RATES:
        peak = rate * options.peak
        servers = math.ceil(peak / options.server_rate)
        print(
            f"| {rate:,g} | {rate * DAY:,.0f} | {rate * cost.rows:,.1f} | {rate * MONTH * cost.bytes / 1e9:,.1f} |"
            f" {peak * cost.commits:,.0f} | {peak * cost.log / 1e6:,.2f} | {servers} |"
        )


async def main() -> None:
    """Measure, then print both tables and a line for machines."""
    asks = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asks.add_argument("--store", default="", help="an empty PostgreSQL database")
    asks.add_argument("--messages", type=int, default=2_000)
    asks.add_argument("--asked", type=int, default=120, help="characters of a customer's message")
    asks.add_argument("--answered", type=int, default=400, help="characters of an answer")
    asks.add_argument("--peak", type=float, default=5.0, help="the busiest minute over the average")
    asks.add_argument("--server-rate", type=float, default=300.0, help="messages/s one server takes")
    options = asks.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        async with open_store(options.store or f"sqlite:///{folder}/size.db") as store:
            sizes = [await fill(store, kind, options) for kind in ("web", "telegram")]
    n = options.messages // 10 * 10
    by_table(sizes, n)
    by_rate(sizes[-1][0], options)
    told = {c.kind: {"rows": c.rows, "bytes": c.bytes, "log": c.log, "commits": c.commits} for c, _ in sizes}
    print("\n" + json.dumps({"sizing": told, "messages": n, "engine": "postgresql" if options.store else "sqlite"}))


if __name__ == "__main__":
    asyncio.run(main())
