"""Who answers which chat, what only one process does, silences, scheduled runs, and versions of rows."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add columns, indexes and tables, and count anew what waits in each chat."""
    op.add_column("conversation", sa.Column("owner", sa.String(), nullable=True))
    op.add_column("conversation", sa.Column("lease_until", sa.BigInteger(), nullable=True))
    op.add_column("conversation", sa.Column("attempts", sa.Integer(), nullable=False, server_default="0"))
    for table in ("conversation", "inbox", "reply"):
        op.add_column(table, sa.Column("version", sa.Integer(), nullable=False, server_default="1"))
    _count()
    has_work, is_parked = sa.text("head < tail"), sa.text("state = 'parked'")
    op.create_index("conversation_work", "conversation", ["last_at"], sqlite_where=has_work, postgresql_where=has_work)
    op.create_index("inbox_parked", "inbox", ["at"], sqlite_where=is_parked, postgresql_where=is_parked)
    op.execute(
        "UPDATE inbox SET source_key = source_key || ' in ' || conv WHERE EXISTS (SELECT 1 FROM inbox AS other"
        " WHERE other.source_key = inbox.source_key AND other.conv < inbox.conv)"
    )
    op.create_index("inbox_source_key", "inbox", ["source_key"], unique=True)
    op.create_table(
        "duty",
        sa.Column("name", sa.String(), primary_key=True),
        sa.Column("owner", sa.String(), nullable=False),
        sa.Column("lease_until", sa.BigInteger(), nullable=False),
    )
    op.create_table(
        "replica", sa.Column("owner", sa.String(), primary_key=True), sa.Column("seen", sa.BigInteger(), nullable=False)
    )
    op.create_table(
        "silence",
        sa.Column("scope", sa.String(), primary_key=True),
        sa.Column("until", sa.BigInteger(), nullable=False),
    )
    op.create_table(
        "run", sa.Column("name", sa.String(), primary_key=True), sa.Column("at", sa.BigInteger(), nullable=False)
    )


def _count() -> None:
    """Before, `head` was counted from what a settlement named; from now on `head < tail` is what says there is work.

    What a person of ours said without being asked was in no inbox, and its chat need not have had a row.
    """
    op.execute(
        "UPDATE conversation SET head = tail - (SELECT count(*) FROM inbox"
        " WHERE inbox.conv = conversation.conv AND inbox.state = 'accepted')"
    )
    op.execute(
        "INSERT INTO conversation (conv, tail, head, epoch, turns, replies, holder, last_at)"
        " SELECT DISTINCT reply.conv, 0, 0, 0, 0, 0, 'bot', 0 FROM reply"
        " WHERE reply.state = 'planned' AND reply.key LIKE 'desk-%'"
        " AND NOT EXISTS (SELECT 1 FROM conversation WHERE conversation.conv = reply.conv)"
    )
    op.execute(
        "UPDATE conversation SET tail = tail + (SELECT count(*) FROM reply WHERE reply.conv = conversation.conv"
        " AND reply.state = 'planned' AND reply.key LIKE 'desk-%')"
    )
