"""Brings a database to the newest schema. Alembic is loaded only when there is something to do."""

from __future__ import annotations

import importlib

from sqlalchemy import Engine, inspect, text

from core.errors import StoreError
from core.store.schema import metadata

NEWEST = "0002"
"""The revision this code reads and writes; a test compares it with the migrations folder."""


def prepare(engine: Engine) -> None:
    """Create or upgrade the schema. StoreError when the database is from a newer firstline."""
    if engine.url.database in {None, "", ":memory:"}:
        metadata.create_all(engine)
        return
    with engine.connect() as connection:
        known = inspect(connection).has_table("alembic_version")
        have = connection.execute(text("SELECT version_num FROM alembic_version")).scalar() if known else None
    if have == NEWEST:
        return
    if have is not None and have > NEWEST:
        raise StoreError(f"the store has schema {have}, newer than this firstline knows ({NEWEST}); update firstline")
    importlib.import_module("core.store.migrations.run").upgrade(engine)
