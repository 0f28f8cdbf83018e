"""Promises kept: SQLAlchemy Core over SQLite (one process) and, later, PostgreSQL (many).

`open_store` is all other code needs. Nothing here knows a channel, a rule's meaning or a model.
"""

from __future__ import annotations

from core.store.books import ChatRow, Receipt
from core.store.sql import SqlStore, open_store

__all__ = ["ChatRow", "Receipt", "SqlStore", "open_store"]
