"""The tables, and nothing else. Instants are microseconds since 1970 in UTC; values are JSON texts of the core's own.

Every primary key begins with `conv`, the conversation's address, so the same schema can be sharded by conversation.
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
)
"""One row an arrival. `state`: accepted, settled, noted (nothing to answer) or parked (could not be read)."""

IS_ACCEPTED = inbox.c.state == literal_column("'accepted'")
"""Written as a literal, because a bound value keeps SQLite from using the partial index."""

Index("inbox_accepted", inbox.c.conv, inbox.c.seq, sqlite_where=IS_ACCEPTED)

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
)
"""One row a chat. `tail` numbers arrivals, `head` counts settled ones; `turns` and `replies` count."""

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
)
"""One row a model call. `cost` is an exact decimal text; NULL means unknown, never zero."""

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
