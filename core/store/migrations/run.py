"""Runs the revisions on an engine; the only module that imports Alembic's commands."""

from __future__ import annotations

import threading
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Engine, text

TURN = 4_180_305_116
"""Names the advisory lock, whose numbers all programs on a database share: drawn at random."""

PATIENCE = "10s"
"""How long a step waits for a table others use: behind it everybody who comes later waits as well."""

_one = threading.Lock()
"""Alembic keeps what it works on in globals of its module."""


def upgrade(engine: Engine, to: str = "head") -> None:
    """Apply every revision the database does not have yet, in one transaction; who comes meanwhile waits and has none.

    The lock goes with the transaction, so a pooler between transactions does no harm.
    """
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    with _one, engine.begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:turn)"), {"turn": TURN})
            connection.execute(text("SELECT set_config('lock_timeout', :patience, true)"), {"patience": PATIENCE})
        config.attributes["connection"] = connection
        command.upgrade(config, to)
