"""Budgets as values: which accounts a call is paid from, what it can cost at most, and where a limit lies."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.budgets import (
    ANSWER,
    FEATURES,
    MOST,
    PICO,
    SHADOW,
    Account,
    Budget,
    Per,
    Scope,
    Spender,
    Unpriced,
    accounts,
    ceiling,
    passed,
    period,
    pico,
    units,
)
from core.records import Purpose
from core.tiers import Price, Usage

AT = datetime(2026, 11, 21, 12, tzinfo=UTC)
EURO = 10**12
WHO = Spender("shop", "telegram:42", "telegram")


def budget(scope: Scope, name: str = "", hard: str = "15", **more: object) -> Budget:
    values = {"per": Per.DAY, "currency": "EUR"} | more
    return Budget(scope, name, hard=Decimal(hard), **values)  # type: ignore[arg-type]


def price(given: str, made: str, cached: str | None = None) -> Price:
    read = Decimal(cached) if cached else None
    return Price(Decimal(given), Decimal(made), "USD", date(2026, 1, 1), "a price list", read)


def keys(*budgets: Budget, spender: Spender = WHO) -> list[str]:
    return [each.key for each in accounts(budgets, spender, AT, UTC)]


def test_each_customer_channel_tenant_and_feature_has_an_account_of_its_own() -> None:
    found = keys(*(budget(scope) for scope in (Scope.TENANT, Scope.CUSTOMER, Scope.CHANNEL, Scope.FEATURE)))
    assert found == [
        "channel/EUR/telegram/day/2026-11-21",
        "customer/EUR/telegram:42/day/2026-11-21",
        "feature/EUR/answer/day/2026-11-21",
        "tenant/EUR/shop/day/2026-11-21",
    ]


def test_a_budget_with_a_name_is_for_that_one_only_and_stands_instead_of_the_one_for_each() -> None:
    every, own = budget(Scope.CUSTOMER), budget(Scope.CUSTOMER, "telegram:42", "99")
    assert [a.hard for a in accounts([every, own], WHO, AT, UTC)] == [99 * EURO]
    assert [a.hard for a in accounts([every, own], Spender(customer="web:1"), AT, UTC)] == [15 * EURO]
    assert keys(budget(Scope.CHANNEL, "web")) == []


def test_a_day_and_a_month_are_two_accounts_and_the_lower_of_two_limits_counts() -> None:
    budgets = [budget(Scope.TENANT, hard="9"), budget(Scope.TENANT, hard="7"), budget(Scope.TENANT, per=Per.MONTH)]
    found = accounts(budgets, WHO, AT, UTC)
    assert [(a.period, a.hard) for a in found] == [("day/2026-11-21", 7 * EURO), ("month/2026-11", 15 * EURO)]


def test_two_currencies_are_never_added() -> None:
    assert keys(budget(Scope.TENANT), budget(Scope.TENANT, currency="USD")) == [
        "tenant/EUR/shop/day/2026-11-21",
        "tenant/USD/shop/day/2026-11-21",
    ]


def test_purposes_are_called_as_the_records_call_them() -> None:
    assert (ANSWER, SHADOW) == (Purpose.ANSWER, Purpose.SHADOW)


def test_shadow_spend_is_not_mixed_with_a_customer_s() -> None:
    budgets = [budget(scope) for scope in (Scope.TENANT, Scope.CUSTOMER, Scope.CHANNEL, Scope.FEATURE)]
    shadow = Spender("shop", "telegram:42", "telegram", Purpose.SHADOW)
    assert keys(*budgets, spender=shadow) == [
        "feature/EUR/shadow/day/2026-11-21",
        "tenant/EUR/shop/day/2026-11-21",
    ]


@pytest.mark.parametrize(
    ("at", "day", "month"),
    [
        ("2026-03-28T22:59:59+00:00", "day/2026-03-28", "month/2026-03"),
        ("2026-03-28T23:00:00+00:00", "day/2026-03-29", "month/2026-03"),
        ("2026-03-29T21:59:59+00:00", "day/2026-03-29", "month/2026-03"),
        ("2026-03-31T22:00:00+00:00", "day/2026-04-01", "month/2026-04"),
        ("2026-12-31T23:00:00+00:00", "day/2027-01-01", "month/2027-01"),
    ],
)
def test_days_and_months_begin_at_midnight_in_the_configured_zone(at: str, day: str, month: str) -> None:
    instant, zone = datetime.fromisoformat(at), ZoneInfo("Europe/Copenhagen")
    assert (period(Per.DAY, instant, zone), period(Per.MONTH, instant, zone)) == (day, month)


def test_budget_fires_early_never_a_limit_is_reached_where_it_stands_and_not_before() -> None:
    (account,) = accounts([budget(Scope.TENANT, soft=Decimal("14.85"))], WHO, AT, UTC)
    for spent, soft, hard in (
        ("0.40", False, False),
        ("14.849999999999", False, False),
        ("14.85", True, False),
        ("14.999999999999", True, False),
        ("15", True, True),
    ):
        found = passed([account], {account.key: (pico(Decimal(spent)), 0)})
        assert (bool(found[0]), bool(found[1])) == (soft, hard), spent
    assert passed([account], {account.key: (0, 15 * EURO)}) == ((), ())
    assert passed([account], {}) == ((), ())


def test_a_limit_is_rounded_down_and_a_cost_up() -> None:
    odd = Decimal("0.0000000000015")
    assert Budget(Scope.TENANT, soft=odd, hard=odd, currency="EUR").limits == (1, 1)
    assert pico(odd) == 2
    assert pico(Decimal(10) ** 40) == MOST
    assert units(pico(Decimal("12.345"))) == Decimal("12.345")


def test_upgrades_are_counted_whole() -> None:
    cap = Budget(Scope.UPGRADES, hard=Decimal(20))
    (account,) = accounts([cap], WHO, AT, UTC)
    assert account == Account("upgrades/answers/telegram:42", "day/2026-11-21", None, 20, refuses=True)


@pytest.mark.parametrize(
    "wrong",
    [
        {"scope": Scope.UPGRADES},
        {"scope": Scope.UPGRADES, "hard": Decimal("1.5")},
        {"scope": Scope.TENANT, "hard": Decimal(1)},
        {"scope": Scope.TENANT, "hard": Decimal(-1), "currency": "EUR"},
        {"scope": Scope.TENANT, "soft": Decimal("NaN"), "currency": "EUR"},
        {"scope": Scope.TENANT, "hard": Decimal(4_000_001), "currency": "EUR"},
    ],
)
def test_a_limit_that_cannot_be_kept_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"limit|upgrades|currency"):
        Budget(**wrong)  # type: ignore[arg-type]


def test_only_a_hard_limit_minds_what_it_cannot_bound_and_only_unless_it_is_told_not_to() -> None:
    soft_only = Budget(Scope.TENANT, soft=Decimal(1), currency="EUR")
    allowed = budget(Scope.TENANT, unpriced=Unpriced.ALLOW)
    assert [accounts([b], WHO, AT, UTC)[0].refuses for b in (budget(Scope.TENANT), soft_only, allowed)] == [
        True, False, False,
    ]  # fmt: skip


tokens = st.integers(0, 2_000_000)
prices = st.decimals(0, 1000, places=6, allow_nan=False)


@given(tokens, tokens, tokens, prices, prices, st.none() | prices)
def test_no_call_within_its_tokens_costs_more_than_its_ceiling(
    most: int, part: int, made: int, given: Decimal, out: Decimal, cached: Decimal | None
) -> None:
    asked = Price(given, out, "USD", date(2026, 1, 1), "a price list", cached)
    usage = Usage(most, made, min(part, most))
    cost = usage.cost(asked)
    assert cost is not None
    assert pico(cost.amount) <= ceiling(asked, most, made)


def test_a_ceiling_is_the_price_of_all_tokens_to_the_last_pico() -> None:
    assert ceiling(price("3", "15"), 1000, 800) == (3000 + 12000) * 10**6
    assert ceiling(price("3", "15", "0.3"), 1000, 800) == (3000 + 12000) * 10**6
    assert ceiling(price("3", "15", "3.75"), 1000, 0) == 3750 * 10**6
    assert ceiling(price("0.0000001", "0"), 1, 0) == 1
    assert ceiling(price("0", "0"), 10**6, 10**6) == 0
    assert Decimal(ceiling(price("2.5", "10"), 1_000_000, 0)) / PICO == Decimal("2.5")


def test_a_feature_is_what_calls_are_made_for() -> None:
    assert list(FEATURES) == list(Purpose)
