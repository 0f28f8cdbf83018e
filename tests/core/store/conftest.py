"""Every engine the store's promises hold on: SQLite in memory and on disk, and PostgreSQL under a bot's role."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest

from core.store.migrate import migrate
from core.store.sql import SqlStore
from tests.core.store.fleet import Fleet
from tests.reliability.conftest import cluster, database, installation, pgbouncer, postgres
from tests.reliability.postgres import Server

__all__ = ["cluster", "database", "installation", "pgbouncer", "postgres"]


@dataclass(frozen=True, slots=True)
class Template:
    """A migrated database to be copied, and a role that may only read and write in the copies."""

    server: Server
    name: str
    role: str
    password: str

    def as_role(self, url: str) -> str:
        """The same place, seen by the role."""
        parts = urlsplit(url)
        where = parts.netloc.rpartition("@")[2]
        return parts._replace(netloc=f"{self.role}:{self.password}@{where}" if self.role else parts.netloc).geturl()


@pytest.fixture(scope="session")
def template(postgres: Server) -> Iterator[Template]:
    role, password = f"firstline_{secrets.token_hex(6)}", secrets.token_hex(12)
    try:
        postgres.query(f"CREATE ROLE {role} LOGIN PASSWORD '{password}'")
    except psycopg.errors.InsufficientPrivilege:  # a server that was given: then everything is done as its one role
        role = ""
    with postgres.database() as url:
        migrate(url, role)
        yield Template(postgres, urlsplit(url).path[1:], role, password)
    if role:
        postgres.query(f"DROP ROLE {role}")


@pytest.fixture
def migrated(template: Template) -> Iterator[str]:
    """A database with the newest schema, for a role that may not change it."""
    with template.server.database(template.name) as url:
        yield template.as_role(url)


@pytest.fixture(params=["memory", "disk", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "postgres":
        return str(request.getfixturevalue("migrated"))
    return "sqlite://" if request.param == "memory" else f"sqlite:///{tmp_path / 'firstline.db'}"


@pytest.fixture
async def fleet(url: str) -> AsyncIterator[Fleet]:
    async with Fleet(url) as made:
        yield made


@pytest.fixture
async def several(migrated: str) -> AsyncIterator[Fleet]:
    """Processes that really run beside one another: only where a server takes more than one."""
    async with Fleet(migrated) as made:
        yield made


@pytest.fixture
async def store(fleet: Fleet) -> SqlStore:
    return await fleet.start()


@pytest.fixture
async def other(fleet: Fleet, store: SqlStore) -> SqlStore:
    """A second process on the store."""
    return await fleet.start()
