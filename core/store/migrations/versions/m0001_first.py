"""The first schema: inbox, conversations, turns, replies and their parts, decisions, ledger, calls, cards."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create every table."""
    _call()
    _card()
    _conversation()
    _decision()
    _inbox()
    _ledger()
    _reply()
    _reply_part()
    _turn()


def _call() -> None:
    op.create_table(
        "call",
        sa.Column("conv", sa.String(), nullable=False),
        sa.Column("reply", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("provider", sa.String(), nullable=False),
        sa.Column("model", sa.String(), nullable=False),
        sa.Column("outcome", sa.String(), nullable=False),
        sa.Column("seconds", sa.Float(), nullable=False),
        sa.Column("input", sa.Integer(), nullable=True),
        sa.Column("output", sa.Integer(), nullable=True),
        sa.Column("cached", sa.Integer(), nullable=True),
        sa.Column("cost", sa.String(), nullable=True),
        sa.Column("currency", sa.String(), nullable=True),
        sa.Column("free", sa.Boolean(), nullable=False),
        sa.Column("error", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("conv", "reply", "number"),
    )


def _card() -> None:
    op.create_table(
        "card",
        sa.Column("conv", sa.String(), nullable=False),
        sa.Column("desk", sa.String(), nullable=False),
        sa.Column("sent_as", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("conv", "desk", "sent_as"),
    )
    op.create_index("card_sent_as", "card", ["desk", "sent_as"], unique=False)


def _conversation() -> None:
    op.create_table(
        "conversation",
        sa.Column("conv", sa.String(), nullable=False),
        sa.Column("tail", sa.Integer(), nullable=False),
        sa.Column("head", sa.Integer(), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("turns", sa.Integer(), nullable=False),
        sa.Column("replies", sa.Integer(), nullable=False),
        sa.Column("holder", sa.String(), nullable=False),
        sa.Column("held_since", sa.BigInteger(), nullable=True),
        sa.Column("last_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("conv"),
    )


def _decision() -> None:
    op.create_table(
        "decision",
        sa.Column("conv", sa.String(), nullable=False),
        sa.Column("reply", sa.String(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("tier", sa.String(), nullable=False),
        sa.Column("rules", sa.Text(), nullable=False),
        sa.Column("book", sa.String(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("conv", "reply"),
    )


def _inbox() -> None:
    op.create_table(
        "inbox",
        sa.Column("conv", sa.String(), nullable=False),
        sa.Column("source_key", sa.String(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("raw", sa.Text(), nullable=False),
        sa.Column("message_id", sa.String(), nullable=True),
        sa.Column("message", sa.Text(), nullable=True),
        sa.Column("reply", sa.String(), nullable=True),
        sa.Column("problem", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("conv", "source_key"),
    )
    op.create_index(
        "inbox_accepted",
        "inbox",
        ["conv", "seq"],
        unique=False,
        sqlite_where=sa.text("state = 'accepted'"),
        postgresql_where=sa.text("state = 'accepted'"),
    )


def _ledger() -> None:
    op.create_table(
        "ledger",
        sa.Column("conv", sa.String(), nullable=False),
        sa.Column("reply", sa.String(), nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("outcome", sa.String(), nullable=False),
        sa.Column("tier", sa.String(), nullable=False),
        sa.Column("rules", sa.Text(), nullable=False),
        sa.Column("messages", sa.Text(), nullable=False),
        sa.Column("first_text", sa.Float(), nullable=True),
        sa.Column("total", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("conv", "reply"),
    )
    op.create_index("ledger_at", "ledger", ["at"], unique=False)


def _reply() -> None:
    op.create_table(
        "reply",
        sa.Column("conv", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("plan", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("conv", "key"),
    )


def _reply_part() -> None:
    op.create_table(
        "reply_part",
        sa.Column("conv", sa.String(), nullable=False),
        sa.Column("reply", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("sent_as", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("conv", "reply", "number"),
    )


def _turn() -> None:
    op.create_table(
        "turn",
        sa.Column("conv", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("conv", "number"),
    )
