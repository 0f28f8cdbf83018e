"""The tables, and nothing else. Instants are microseconds since 1970 in UTC; values are JSON texts of the core's own.

Every primary key of what belongs to a conversation begins with `conv`, its address, so the same schema can be sharded.
The columns follow the state machines in docs/decisions/0003-store.md.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Float, Index, Integer, MetaData, String, Table, Text, literal_column

metadata = MetaData()

inbox = Table(
    "inbox",
    metadata,
    Column("conv", String, primary_key=True),
    Column("source_key", String, primary_key=True),
    Column("seq", Integer, nullable=False),
    Column("state", String, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("raw", Text, nullable=False),
    Column("message_id", String),
    Column("message", Text),
    Column("reply", String),
    Column("problem", Text, nullable=False, default=""),
    Column("version", Integer, nullable=False, server_default="1"),
    Index("inbox_source_key", "source_key", unique=True),
)
"""One row an arrival. `state`: accepted, settled, noted (nothing to answer) or parked (a person has to look).

`version` is that of the writer's values: who knows only older ones leaves the chat to newer processes.
"""

IS_ACCEPTED = inbox.c.state == literal_column("'accepted'")
"""Written as a literal, because a bound value keeps SQLite from using the partial index."""

Index("inbox_accepted", inbox.c.conv, inbox.c.seq, sqlite_where=IS_ACCEPTED, postgresql_where=IS_ACCEPTED)

IS_PARKED = inbox.c.state == literal_column("'parked'")

Index("inbox_parked", inbox.c.at, sqlite_where=IS_PARKED, postgresql_where=IS_PARKED)

conversation = Table(
    "conversation",
    metadata,
    Column("conv", String, primary_key=True),
    Column("tail", Integer, nullable=False, default=0),
    Column("head", Integer, nullable=False, default=0),
    Column("epoch", Integer, nullable=False, default=0),
    Column("turns", Integer, nullable=False, default=0),
    Column("replies", Integer, nullable=False, default=0),
    Column("holder", String, nullable=False, default="bot"),
    Column("held_since", BigInteger),
    Column("last_at", BigInteger, nullable=False, default=0),
    Column("owner", String),
    Column("lease_until", BigInteger),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("version", Integer, nullable=False, server_default="1"),
)
"""One row a chat. `tail` numbers arrivals, `head` counts settled ones; `turns` and `replies` count.

`owner` is the process that answers it until `lease_until`, by the database's clock; `epoch` moves on with every owner,
so that whoever was owner once is refused. `attempts` are claims since something of it was settled last. Nothing else
says that there is work: `head < tail` on this one row (research: reliability, trap 1).
"""

HAS_WORK = conversation.c.head < conversation.c.tail

Index("conversation_work", conversation.c.last_at, sqlite_where=HAS_WORK, postgresql_where=HAS_WORK)

turn = Table(
    "turn",
    metadata,
    Column("conv", String, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("kind", String, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("body", Text, nullable=False),
)

reply = Table(
    "reply",
    metadata,
    Column("conv", String, primary_key=True),
    Column("key", String, primary_key=True),
    Column("state", String, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("plan", Text),
    Column("version", Integer, nullable=False, server_default="1"),
)
"""One row a planned or settled reply. `plan` is the settlement to be made once every part has been sent."""

part = Table(
    "reply_part",
    metadata,
    Column("conv", String, primary_key=True),
    Column("reply", String, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("text", Text, nullable=False),
    Column("state", String, nullable=False),
    Column("sent_as", String, nullable=False, default=""),
    Column("fees", Text, nullable=False, server_default="[]"),
)

decision = Table(
    "decision",
    metadata,
    Column("conv", String, primary_key=True),
    Column("reply", String, primary_key=True),
    Column("at", BigInteger, nullable=False),
    Column("tier", String, nullable=False),
    Column("rules", Text, nullable=False),
    Column("book", String, nullable=False),
    Column("body", Text, nullable=False),
)
"""Everything a decision read: `rules` the names that applied, `book` the rulebook's hash, `body` the whole of it."""

ledger = Table(
    "ledger",
    metadata,
    Column("conv", String, primary_key=True),
    Column("reply", String, primary_key=True),
    Column("channel", String, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("outcome", String, nullable=False),
    Column("tier", String, nullable=False),
    Column("rules", Text, nullable=False),
    Column("messages", Text, nullable=False),
    Column("first_text", Float),
    Column("total", Float, nullable=False),
    Column("fees", Text, nullable=False, server_default="[]"),
    Index("ledger_at", "at"),
)
"""One row a burst or an unasked reply. `fees`: what the platform takes for its messages, in and out, as JSON."""

call = Table(
    "call",
    metadata,
    Column("conv", String, primary_key=True),
    Column("reply", String, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("provider", String, nullable=False),
    Column("model", String, nullable=False),
    Column("outcome", String, nullable=False),
    Column("seconds", Float, nullable=False),
    Column("input", Integer),
    Column("output", Integer),
    Column("cached", Integer),
    Column("cost", String),
    Column("currency", String),
    Column("free", Boolean, nullable=False),
    Column("error", String, nullable=False, default=""),
    Column("purpose", String, nullable=False, server_default="answer"),
    Column("tier", String, nullable=False, server_default=""),
    Column("at", BigInteger),
    Column("first", Float),
    Column("verdict", Text, nullable=False, server_default=""),
    Column("draft", Text, nullable=False, server_default=""),
    Column("reservation", String, nullable=False, server_default=""),
)
"""One row a model call. `cost` is an exact decimal text; NULL means unknown, never zero.

`draft` is a text no customer saw, part of the conversation: it goes when that goes, and is for no log.
"""

budget = Table(
    "budget",
    metadata,
    Column("account", String, primary_key=True),
    Column("period", String, primary_key=True),
    Column("spent", BigInteger, nullable=False),
    Column("reserved", BigInteger, nullable=False),
    Index("budget_period", "period"),
)
"""One row an account and period, in pico-units (1e-12 of a currency unit) or whole answers (core/budgets.py)."""

reservation = Table(
    "reservation",
    metadata,
    Column("id", String, primary_key=True),
    Column("conv", String, nullable=False),
    Column("provider", String, nullable=False),
    Column("model", String, nullable=False),
    Column("purpose", String, nullable=False),
    Column("currency", String, nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("accounts", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("until", BigInteger, nullable=False),
    Column("state", String, nullable=False),
    Index("reservation_until", "until"),
)
"""One row for money set aside and not settled. `accounts` are those it is part of, as JSON: [[account, period], ...].

`state`: held, charged (nobody settled it in time: it counts as spent until somebody does) or counted (spent at once).
"""

card = Table(
    "card",
    metadata,
    Column("conv", String, primary_key=True),
    Column("desk", String, primary_key=True),
    Column("sent_as", String, primary_key=True),
    Index("card_sent_as", "desk", "sent_as"),
)
"""Which conversation a card in the operators' chat (`desk`, `sent_as`) is about."""

alias = Table(
    "alias",
    metadata,
    Column("conv", String, primary_key=True),
    Column("chat", String, nullable=False),
    Column("at", BigInteger, nullable=False),
    Index("alias_chat", "chat"),
)
"""Another name (`conv`, written as an address) of the chat `chat`, last written from at `at`."""

duty = Table(
    "duty",
    metadata,
    Column("name", String, primary_key=True),
    Column("owner", String, nullable=False),
    Column("lease_until", BigInteger, nullable=False),
)
"""What only one process of the fleet does at a time, and which one does it now."""

replica = Table(
    "replica",
    metadata,
    Column("owner", String, primary_key=True),
    Column("seen", BigInteger, nullable=False),
)
"""The processes of the fleet and their last sign of life."""

silence = Table(
    "silence",
    metadata,
    Column("scope", String, primary_key=True),
    Column("until", BigInteger, nullable=False),
)
"""Until when a platform wants to hear nothing from us, by chat or bot."""

run = Table(
    "run",
    metadata,
    Column("name", String, primary_key=True),
    Column("at", BigInteger, nullable=False),
)
"""When each scheduled report was due last: who writes it down first is who sends it."""
