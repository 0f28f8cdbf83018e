"""The bot's role reads and writes rows and can change nothing else; the role that owns the tables migrates.

The whole conformance suite runs under such a role (`conftest.migrated`).
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

import psycopg
import pytest

from core.errors import StoreError
from core.store.migrate import NEWEST, migrate
from core.store.migrations.run import upgrade
from core.store.postgres import engine
from core.store.schema import metadata
from tests.core.store.conftest import Template
from tests.core.store.fleet import Fleet, address, answer, claimed, message

TABLES = sorted(metadata.tables)


@pytest.fixture
def restricted(template: Template, migrated: str) -> str:
    if not template.role:
        pytest.skip("this server's role may not make another one")
    return migrated


@dataclass(frozen=True, slots=True)
class Roles:
    """An empty database by the URL of its owner and by that of the bot."""

    owner: str
    bot: str
    bot_name: str


@pytest.fixture
def roles(template: Template, database: str) -> Iterator[Roles]:
    """The owner is no superuser and owns nothing but this database; the bot has never been here."""
    if not template.role:
        pytest.skip("this server's role may not make another one")
    server, name = template.server, urlsplit(database).path[1:]
    owner, password = f"owner-{secrets.token_hex(6)}", secrets.token_hex(12)
    server.query(f"CREATE ROLE \"{owner}\" LOGIN PASSWORD '{password}'")
    server.query(f'ALTER DATABASE "{name}" OWNER TO "{owner}"')
    where = urlsplit(database).netloc.rpartition("@")[2]
    as_owner = urlsplit(database)._replace(netloc=f"{owner}:{password}@{where}").geturl()
    yield Roles(as_owner, template.as_role(database), template.role)
    server.query(f'ALTER DATABASE "{name}" OWNER TO CURRENT_USER')
    server.query(f'DROP OWNED BY "{owner}" CASCADE', database=name)
    server.query(f'DROP ROLE "{owner}"')


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE mine (n int)",
        "CREATE INDEX mine ON inbox (at)",
        "ALTER TABLE inbox ADD COLUMN mine int",
        "DROP TABLE duty",
        "TRUNCATE inbox",
        "CREATE FUNCTION mine() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "ALTER TABLE inbox DISABLE TRIGGER ALL",
        "GRANT ALL ON inbox TO PUBLIC",
        "CREATE SCHEMA mine",
        "COPY inbox TO PROGRAM 'cat'",
    ],
)
def test_the_bot_s_role_changes_no_schema(restricted: str, statement: str) -> None:
    with psycopg.connect(restricted) as connection:
        if statement.startswith("GRANT"):  # PostgreSQL only warns, and grants nothing
            connection.execute(statement.encode())
            granted = "SELECT has_table_privilege('public', 'inbox', 'SELECT')"
            assert connection.execute(granted.encode()).fetchone() == (False,)
            return
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(statement.encode())


@pytest.mark.parametrize("table", TABLES)
def test_the_bot_s_role_has_exactly_the_four_rights_it_needs(restricted: str, table: str) -> None:
    asked = {}
    with psycopg.connect(restricted) as connection:
        for right in ("SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER"):
            row = connection.execute("SELECT has_table_privilege(%s, %s)", (table, right)).fetchone()
            asked[right] = row == (True,)
    assert [right for right, has in asked.items() if has] == ["SELECT", "INSERT", "UPDATE", "DELETE"]


@pytest.mark.parametrize("revision", ["", "0001", "0002"])
async def test_an_old_schema_under_the_bot_s_role_is_refused_with_what_to_run(roles: Roles, revision: str) -> None:
    if revision:
        made = engine(roles.owner)
        upgrade(made, revision)
        made.dispose()
        with psycopg.connect(roles.owner) as owner:
            owner.execute(f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {roles.bot_name}".encode())
    with pytest.raises(StoreError) as found:
        await Fleet(roles.bot).start()
    assert "firstline migrate --store URL --grant ROLE" in str(found.value)
    assert (f"schema {revision}" if revision else "no schema this role can see") in str(found.value)
    assert roles.bot not in str(found.value)
    assert roles.bot_name not in str(found.value)


async def test_a_schema_nobody_let_the_bot_see_is_refused_with_what_to_run(roles: Roles) -> None:
    migrate(roles.owner)
    with pytest.raises(StoreError, match="firstline migrate --store URL --grant ROLE"):
        await Fleet(roles.bot).start()


async def test_the_owner_migrates_and_grants_and_then_the_bot_works(roles: Roles) -> None:
    done = migrate(roles.owner, roles.bot_name)
    assert (done.before, done.after) == ("", NEWEST)
    assert [statement.partition(" ON ")[0] for statement in done.granted[:2]] == [
        "GRANT USAGE",
        "GRANT SELECT, INSERT, UPDATE, DELETE",
    ]
    async with Fleet(roles.bot) as fleet:
        store = await fleet.start()
        claim = await claimed(store, message(1))
        assert (await store.settle(answer(message(1)), claim)).released
        assert len((await store.load(address())).turns) == 2
    again = migrate(roles.owner, roles.bot_name)
    assert (again.before, again.granted) == (NEWEST, done.granted)


def test_tables_the_owner_makes_later_are_the_bot_s_to_use_as_well(roles: Roles) -> None:
    migrate(roles.owner, roles.bot_name)
    with psycopg.connect(roles.owner) as owner:
        owner.execute("CREATE TABLE later (n int)")
    with psycopg.connect(roles.bot) as bot:
        bot.execute("INSERT INTO later VALUES (1)")


def test_rights_for_a_role_that_is_not_there_are_refused_in_words(roles: Roles) -> None:
    with pytest.raises(StoreError, match='role "no; such" does not exist'):
        migrate(roles.owner, "no; such")


def test_what_stands_in_the_way_of_a_step_for_long_ends_it_in_words(
    roles: Roles, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.store.migrations.run.PATIENCE", "200ms")
    made = engine(roles.owner)
    upgrade(made, "0002")
    made.dispose()
    with psycopg.connect(roles.owner) as busy:
        busy.execute("SELECT count(*) FROM conversation")
        with pytest.raises(StoreError, match="lock timeout"):
            migrate(roles.owner)
    assert migrate(roles.owner).before == "0002"


def test_a_url_that_cannot_be_read_or_reached_is_told_without_its_password() -> None:
    for url in (
        "postgresql://me:swordfish@127.0.0.1:1/x",
        "postgresql://me:swordfish@[bad/x",
        "mysql://me:swordfish@x",
    ):
        with pytest.raises(StoreError) as found:
            migrate(url)
        assert "swordfish" not in str(found.value)
