"""What platforms take for messages, and the further names of a chat."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add the columns, empty for what was there, and the table."""
    for table in ("reply_part", "ledger"):
        op.add_column(table, sa.Column("fees", sa.Text(), nullable=False, server_default="[]"))
    op.create_table(
        "alias",
        sa.Column("conv", sa.String(), nullable=False),
        sa.Column("chat", sa.String(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("conv"),
    )
    op.create_index("alias_chat", "alias", ["chat"], unique=False)
