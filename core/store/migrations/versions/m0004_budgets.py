"""What a call was made for and when, what a check said of its text; budgets and the money set aside from them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Add the columns, with values for what was there and for old code's statements, and the tables."""
    op.add_column("call", sa.Column("purpose", sa.String(), nullable=False, server_default="answer"))
    op.add_column("call", sa.Column("tier", sa.String(), nullable=False, server_default=""))
    op.add_column("call", sa.Column("at", sa.BigInteger(), nullable=True))
    op.add_column("call", sa.Column("first", sa.Float(), nullable=True))
    op.add_column("call", sa.Column("verdict", sa.Text(), nullable=False, server_default=""))
    op.add_column("call", sa.Column("draft", sa.Text(), nullable=False, server_default=""))
    op.add_column("call", sa.Column("reservation", sa.String(), nullable=False, server_default=""))
    op.create_table(
        "budget",
        sa.Column("account", sa.String(), primary_key=True),
        sa.Column("period", sa.String(), primary_key=True),
        sa.Column("spent", sa.BigInteger(), nullable=False),
        sa.Column("reserved", sa.BigInteger(), nullable=False),
    )
    op.create_index("budget_period", "budget", ["period"])
    op.create_table(
        "reservation",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("conv", sa.String(), nullable=False),
        sa.Column("provider", sa.String(), nullable=False),
        sa.Column("model", sa.String(), nullable=False),
        sa.Column("purpose", sa.String(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("accounts", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
    )
    op.create_index("reservation_until", "reservation", ["until"])
