"""`firstline migrate`: what it does to a store, and what it says it did."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path

import psycopg
import pytest

from core.store.migrate import NEWEST, engine_of
from core.store.migrations.run import upgrade
from core.store.sql import open_store
from tests.bots.conftest import Bot
from tests.reliability.conftest import database, installation, postgres
from tests.reliability.postgres import Server

__all__ = ["database", "installation", "postgres"]


def revision(file: Path) -> str:
    with sqlite3.connect(file) as connection:
        (found,) = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    connection.close()
    return str(found)


def test_the_store_of_the_configuration_is_made_and_a_second_time_nothing_is(bot: Bot) -> None:
    status, out = bot.run("migrate")
    assert (status, out) == (0, f"The store has schema {NEWEST} now; before it had none.\n")
    assert revision(bot.folder / "data/tiny.db") == NEWEST
    assert bot.run("migrate") == (0, f"The store has schema {NEWEST} already.\n")


def test_an_old_file_is_brought_up_and_machines_are_told(bot: Bot) -> None:
    url = f"sqlite:///{bot.folder / 'old.db'}"
    engine = engine_of(url)(url)
    upgrade(engine, "0001")
    engine.dispose()
    status, data = bot.json("migrate", "--store", "sqlite:///old.db")
    assert (status, data) == (0, {"ok": True, "before": "0001", "after": NEWEST, "granted": []})
    assert revision(bot.folder / "old.db") == NEWEST


def test_a_file_a_bot_works_with_is_left_alone(bot: Bot) -> None:
    async def meanwhile() -> tuple[int, str]:
        async with open_store(f"sqlite:///{bot.folder / 'data/tiny.db'}"):
            return bot.run("migrate")

    assert asyncio.run(meanwhile())[0] == 1
    assert "in use by another firstline process" in bot.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--grant", "bot"], "SQLite has no roles"),
        (["--store", "sqlite://"], "in memory"),
        (["--store", "mysql://me:swordfish@host/x"], "'mysql' is not supported"),
        (["--store", "postgresql://me:swordfish@127.0.0.1:1/x"], "the store was not migrated"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_line_without_secrets(bot: Bot, arguments: list[str], said: str) -> None:
    status, data = bot.json("migrate", *arguments)
    assert (status, data["ok"]) == (1, False)
    assert said in data["error"]
    assert said in bot.err
    assert bot.err.count("\n") == 1
    assert "swordfish" not in bot.err + data["error"]


def test_a_wrong_configuration_is_told_unless_a_store_is_named(bot: Bot) -> None:
    bot.edit("bot: tiny", "bot: [", "config.yaml")
    assert bot.run("migrate")[0] == 1
    assert bot.run("migrate", "--store", "sqlite:///named.db")[0] == 0


def test_on_a_server_the_rights_that_were_granted_are_printed(bot: Bot, postgres: Server, database: str) -> None:
    try:
        postgres.query('CREATE ROLE "a bot" LOGIN')
    except psycopg.errors.InsufficientPrivilege as error:
        pytest.skip(str(error))
    try:
        status, out = bot.run("migrate", "--store", database, "--grant", "a bot")
        assert (status, bot.err) == (0, "")
        first, *granted = out.splitlines()
        assert first == f"The store has schema {NEWEST} now; before it had none."
        assert granted[0] == 'GRANT USAGE ON SCHEMA "public" TO "a bot";'
        assert len(granted) == 3
        status, data = bot.json("migrate", "--store", database, "--grant", "a bot")
        assert (status, data["before"], [f"{statement};" for statement in data["granted"]]) == (0, NEWEST, granted)
    finally:
        name = database.rpartition("/")[2]
        postgres.query('DROP OWNED BY "a bot" CASCADE', database=name)
        postgres.query('DROP ROLE "a bot"')
