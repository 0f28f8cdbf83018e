"""Brings a database to the newest schema and gives the bot's role its rights. Alembic is loaded only when needed.

Every step only adds, so processes of the version before go on meanwhile (docs/decisions/0014-rolling-upgrades.md).
"""

from __future__ import annotations

import contextlib
import importlib
from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import Engine, inspect, text, update
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from core.errors import StoreError
from core.store import sqlite
from core.store.schema import conversation, duty, metadata, replica

NEWEST = "0004"
"""The revision this code reads and writes; a test compares it with the migrations folder."""

RIGHTS = (
    "GRANT USAGE ON SCHEMA {schema} TO {role}",
    "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {schema} TO {role}",
    "ALTER DEFAULT PRIVILEGES IN SCHEMA {schema} GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {role}",
)
"""All the bot's role needs, for the tables there are and for those that later migrations of the same role make."""

FORBIDDEN = "42501"
"""SQLSTATE insufficient_privilege."""


@dataclass(frozen=True, slots=True)
class Migrated:
    """What was done: the schema before (empty: there was none) and now, and the statements that granted rights."""

    before: str
    after: str
    granted: tuple[str, ...] = ()


def engine_of(url: str) -> Callable[..., Engine]:
    """What makes engines for this URL. StoreError when nothing does."""
    scheme = url.partition(":")[0]
    if scheme == "sqlite":
        return sqlite.engine
    if scheme in {"postgresql", "postgres"}:
        made: Callable[..., Engine] = importlib.import_module("core.store.postgres").engine
        return made
    raise StoreError(
        f"store {scheme!r} is not supported; write sqlite:///data/firstline.db or postgresql://user@host/database"
    )


def prepare(engine: Engine) -> None:
    """Create or upgrade the schema. StoreError when the database is from a newer firstline, or we may not change it."""
    if engine.dialect.name == "sqlite" and sqlite.file_of(str(engine.url)) is None:
        metadata.create_all(engine)
        return
    _upgrade(engine)
    if engine.dialect.name == "sqlite":
        _forget_processes(engine)


def migrate(url: str, role: str = "") -> Migrated:
    """Bring the database to the newest schema, and let a role work with it. InUse for a file somebody works with."""
    make, file = engine_of(url), sqlite.file_of(url) if url.startswith("sqlite:") else None
    if url.startswith("sqlite:") and (role or file is None):
        raise StoreError("SQLite has no roles: leave --grant out" if role else "a store in memory is always the newest")
    with contextlib.ExitStack() as stack:
        if file is not None:
            file.parent.mkdir(parents=True, exist_ok=True)
            stack.enter_context(sqlite.only_process(file))
        engine = make(url)
        stack.callback(engine.dispose)
        try:
            before = _upgrade(engine)
            return Migrated(before, NEWEST, _grant(engine, role) if role else ())
        except SQLAlchemyError as error:
            cause = getattr(error, "orig", None) or error
            raise StoreError(f"the store was not migrated: {str(cause).partition(chr(10))[0]}") from error


def _upgrade(engine: Engine) -> str:
    """Apply what is missing; the schema before."""
    have = ""
    try:
        have = _revision(engine)
        if have > NEWEST:
            raise StoreError(
                f"the store has schema {have}, newer than this firstline knows ({NEWEST}); update firstline"
            )
        if have != NEWEST:
            importlib.import_module("core.store.migrations.run").upgrade(engine)
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", "") != FORBIDDEN:
            raise
        known = f"schema {have}" if have else "no schema this role can see"
        raise StoreError(
            f"the store has {known}, this firstline needs {NEWEST} and its role may not change that; run"
            " `firstline migrate --store URL --grant ROLE` with the URL of the tables' owner and the name of this role"
        ) from None
    return have


def _grant(engine: Engine, role: str) -> tuple[str, ...]:
    with engine.begin() as connection:
        quote = engine.dialect.identifier_preparer.quote_identifier
        schema = connection.execute(text("SELECT current_schema()")).scalar_one()
        done = tuple(right.format(schema=quote(schema), role=quote(role)) for right in RIGHTS)
        for statement in done:
            connection.exec_driver_sql(statement)
        return done


def _revision(engine: Engine) -> str:
    with engine.connect() as connection:
        if not inspect(connection).has_table("alembic_version"):
            return ""
        return connection.execute(text("SELECT version_num FROM alembic_version")).scalar() or ""


def _forget_processes(engine: Engine) -> None:
    """A file has one process, and that is this one: what another had claimed when it died is free."""
    with engine.begin() as connection:
        connection.execute(update(conversation).where(conversation.c.owner.is_not(None)).values(owner=None))
        connection.execute(duty.delete())
        connection.execute(replica.delete())
