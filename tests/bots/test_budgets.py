"""`firstline budgets`: rows of what is spent and set aside, from the store beside whoever has it."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from bots.budgets import rows, wanted
from core.budgets import Balance, Budget, Hold, Per, Scope, Spender, accounts
from core.store.sql import open_store
from tests.bots.conftest import Bot

AT = datetime(2026, 11, 21, 12, tzinfo=UTC)
CUSTOMERS = Budget(Scope.CUSTOMER, soft=Decimal("0.50"), hard=Decimal("2.00"), currency="EUR")
SHOP = Budget(Scope.TENANT, "tiny", Per.MONTH, soft=Decimal(10), currency="EUR")
UPGRADES = Budget(Scope.UPGRADES, hard=Decimal(20))
CONFIG = """\
budgets:
  - {of: customer, per: day, soft: "0.50", hard: "2.00", currency: EUR, unpriced: allow}
  - {of: tenant, per: month, soft: "10", currency: EUR}
reports:
"""


def balance(budget: Budget, name: str, spent: int, reserved: int) -> Balance:
    return Balance(budget.prefix + name, wanted(budget, AT, UTC)[1], spent, reserved)


def test_a_budget_shows_its_accounts_with_exact_amounts_and_the_share_that_is_gone() -> None:
    spent = [balance(CUSTOMERS, "telegram:42", 499_999_999_999, 1), balance(CUSTOMERS, "web:1", 2 * 10**12, 0)]
    (row,) = rows([CUSTOMERS], {wanted(CUSTOMERS, AT, UTC): spent}, AT, UTC)
    assert (row["scope"], row["unit"], row["period"], row["soft"], row["hard"]) == (
        "customer", "EUR", "day/2026-11-21", "0.5", "2",
    )  # fmt: skip
    assert row["accounts"] == [
        {"name": "telegram:42", "spent": "0.499999999999", "reserved": "0.000000000001", "used": 0.25, "reached": ""},
        {"name": "web:1", "spent": "2", "reserved": "0", "used": 1.0, "reached": "hard"},
    ]


def test_a_soft_budget_is_shown_against_its_soft_limit_and_upgrades_as_whole_answers() -> None:
    found = {
        wanted(SHOP, AT, UTC): [balance(SHOP, "tiny", 10**13, 0)],
        wanted(UPGRADES, AT, UTC): [balance(UPGRADES, "telegram:42", 7, 0)],
    }
    shop, upgrades = rows([SHOP, UPGRADES], found, AT, UTC)
    assert shop["accounts"][0] == {"name": "tiny", "spent": "10", "reserved": "0", "used": 1.0, "reached": "soft"}
    assert (upgrades["unit"], upgrades["hard"], upgrades["accounts"][0]["spent"]) == ("answers", "20", "7")
    assert upgrades["accounts"][0]["used"] == 0.35


def test_a_budget_nobody_has_used_and_one_of_nothing_are_shown_too() -> None:
    nothing = Budget(Scope.TENANT, hard=Decimal(0), currency="EUR")
    empty, zero = rows([SHOP, nothing], {wanted(nothing, AT, UTC): [balance(nothing, "x", 0, 0)]}, AT, UTC)
    assert empty["accounts"] == []
    assert (zero["accounts"][0]["used"], zero["accounts"][0]["reached"]) == (None, "hard")


def test_the_command_reads_the_store_even_beside_a_process_that_has_it(bot: Bot) -> None:
    bot.edit("reports:\n", CONFIG, "config.yaml")
    status, _ = bot.run("budgets")
    assert status == 1
    assert "there is no store" in bot.err

    async def spend_and_look() -> tuple[int, str]:
        async with open_store(f"sqlite:///{bot.folder}/data/tiny.db") as store:
            found = accounts(
                [CUSTOMERS], Spender(customer="telegram:42"), datetime.now(UTC), ZoneInfo("Europe/Copenhagen")
            )
            await store.reserve(Hold("r1", 10**12, found, "EUR"))
            return await asyncio.to_thread(bot.run, "budgets")

    status, screen = asyncio.run(spend_and_look())
    assert status == 0, bot.err
    assert "telegram:42" in screen
    assert "50.0%" in screen
    assert "nobody yet" in screen
    status, told = bot.json("budgets")
    assert [(row["scope"], len(row["accounts"])) for row in told["budgets"]] == [("customer", 1), ("tenant", 0)]


def test_without_budgets_the_command_says_so(bot: Bot) -> None:
    assert bot.run("budgets") == (0, "config.yaml has no budgets.\n")
