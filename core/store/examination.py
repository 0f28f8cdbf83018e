"""What `doctor` says about a server as a store: whether it is reached, takes writes, and keeps what it confirmed.

Nothing is changed here; a SQLite file is looked at by `doctor` itself.
"""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import Connection, inspect, text
from sqlalchemy.exc import SQLAlchemyError

from core.abilities import Check
from core.errors import StoreError
from core.store.migrate import NEWEST, engine_of

SAFE = frozenset({"on", "remote_apply", "remote_write"})
"""Values of synchronous_commit under which a confirmed commit is on this server's disk at least."""


def examine(url: str) -> list[Check]:
    """What was found out about the server. Never raises."""
    try:
        engine = engine_of(url)(url)
        with engine.connect() as connection:
            return list(_checks(connection))
    except (SQLAlchemyError, StoreError) as error:
        first, *_ = [*str(error).splitlines(), ""]
        return [Check("database", "failed", f"cannot be reached: {first}")]


def _checks(c: Connection) -> Iterator[Check]:
    version = c.execute(text("SHOW server_version")).scalar_one()
    size = c.execute(text("SELECT pg_database_size(current_database())")).scalar_one()
    yield Check("database", "ok", f"PostgreSQL {version}, {size / 2**20:.1f} MB")
    if c.execute(text("SELECT pg_is_in_recovery()")).scalar_one():
        yield Check("writes", "failed", "this server only reads; name the primary, or both with target_session_attrs")
    kept = c.execute(text("SHOW synchronous_commit")).scalar_one()
    fsync = c.execute(text("SHOW fsync")).scalar_one()
    durable = kept in SAFE and fsync == "on"
    yield Check("durability", "ok" if durable else "failed", f"synchronous_commit={kept}, fsync={fsync}")
    names = c.execute(text("SHOW synchronous_standby_names")).scalar_one()
    detail = names or "none: what is confirmed is on one disk only (docs/operators.md)"
    yield Check("standby", "ok" if names else "warning", detail)
    idle = c.execute(text("SHOW idle_in_transaction_session_timeout")).scalar_one()
    unlimited = "0: a process that freezes keeps its chats; set it to 10s for the bot's role (docs/operators.md)"
    yield Check("frozen", "warning" if idle == "0" else "ok", unlimited if idle == "0" else f"given up after {idle}")
    yield _schema(c)


def _schema(c: Connection) -> Check:
    if not inspect(c).has_table("alembic_version"):
        return Check("schema", "warning", "empty: made at the first start, or by `firstline migrate`")
    have = c.execute(text("SELECT version_num FROM alembic_version")).scalar()
    if have == NEWEST:
        return Check("schema", "ok", NEWEST)
    return Check("schema", "warning", f"{have}; this firstline needs {NEWEST}: `firstline migrate`")
