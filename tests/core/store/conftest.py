"""Every engine the store's promises hold on: SQLite in memory and on disk, and PostgreSQL under a bot's role."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest

from core.store.migrate import migrate
from core.store.schema import metadata
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


@pytest.fixture(scope="session")
def shared(template: Template) -> Iterator[str]:
    """One copy for all tests that leave nothing but rows: making a database takes longer than most of them."""
    with template.server.database(template.name) as url:
        yield url


@pytest.fixture
def migrated(template: Template, shared: str) -> str:
    """An empty database with the newest schema, for a role that may not change it."""
    emptied = "; ".join(f"DELETE FROM {table}" for table in metadata.tables)  # noqa: S608 - our own names
    template.server.query(emptied, database=urlsplit(shared).path[1:])
    return template.as_role(shared)


@pytest.fixture
def own(template: Template) -> Iterator[str]:
    """The same, for a test that looks at the database itself."""
    with template.server.database(template.name) as url:
        yield template.as_role(url)


@pytest.fixture(scope="session")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated file, to be copied."""
    made = tmp_path_factory.mktemp("store") / "firstline.db"
    migrate(f"sqlite:///{made}")
    return made


@pytest.fixture(params=["memory", "disk", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "postgres":
        return str(request.getfixturevalue("migrated"))
    if request.param == "memory":
        return "sqlite://"
    return f"sqlite:///{shutil.copy(request.getfixturevalue('file'), tmp_path)}"


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
