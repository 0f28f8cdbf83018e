"""Fees: exact, dated, and unknown rather than zero."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from channels.whatsapp.fees import read
from core.plugins import PluginError
from core.tiers import Fee, Money

TABLE: dict[str, Any] = {
    "in": "0.005",
    "out": "0.005",
    "template": "0.0135",
    "currency": "USD",
    "dated": "2026-11-01",
    "source": "https://example.com/prices",
}


@pytest.mark.parametrize("table", [None, {}])
def test_without_a_table_every_fee_is_unknown_and_none_is_zero(table: dict[str, Any] | None) -> None:
    fees = read(table)
    assert fees.received() == (Fee("whatsapp in", None),)
    assert fees.sent(template=True) == (Fee("whatsapp out", None), Fee("whatsapp template", None))
    assert (fees.dated, fees.source) == (None, "")


def test_a_message_in_and_out_costs_what_the_table_says() -> None:
    fees = read(TABLE)
    assert fees.received() == (Fee("whatsapp in", Money(Decimal("0.005"), "USD")),)
    assert fees.sent(template=False) == (Fee("whatsapp out", Money(Decimal("0.005"), "USD")),)
    assert (fees.dated, fees.source) == (date(2026, 11, 1), "https://example.com/prices")


def test_a_template_costs_its_own_fee_on_top() -> None:
    assert read(TABLE).sent(template=True)[1:] == (Fee("whatsapp template", Money(Decimal("0.0135"), "USD")),)


def test_a_number_keeps_the_digits_somebody_wrote() -> None:
    assert read(TABLE | {"in": 0.1}).received()[0].cost == Money(Decimal("0.1"), "USD")


def test_zero_is_said_by_whoever_vouches_for_it() -> None:
    assert read(TABLE | {"in": 0}).received()[0].cost == Money(Decimal(0), "USD")


@pytest.mark.parametrize("name", ["in", "out", "template"])
def test_one_fee_may_be_unknown_or_left_out(name: str) -> None:
    without = {key: value for key, value in TABLE.items() if key != name}
    for table in (TABLE | {name: "unknown"}, without):
        fees = read(table)
        assert [fee.what for fee in (*fees.received(), *fees.sent(template=True)) if fee.cost is None] == [
            f"whatsapp {name}"
        ]


def test_a_table_of_unknown_fees_needs_no_currency() -> None:
    assert read({"dated": "2026-11-01", "source": "nobody"}).received() == (Fee("whatsapp in"),)


@pytest.mark.parametrize("day", [date(2026, 11, 1), datetime(2026, 11, 1, 8, tzinfo=UTC), "2026-11-01"])
def test_a_day_is_read_as_yaml_gives_it(day: object) -> None:
    assert read(TABLE | {"dated": day}).dated == date(2026, 11, 1)


@pytest.mark.parametrize("name", ["dated", "source"])
def test_a_table_without_day_or_source_is_refused_by_name(name: str) -> None:
    for table in ({k: v for k, v in TABLE.items() if k != name}, TABLE | {name: ""}, TABLE | {name: None}):
        with pytest.raises(PluginError, match=f"fees does not say '{name}'") as found:
            read(table)
        assert found.value.option == "fees"


@pytest.mark.parametrize(
    "wrong",
    [
        {"in": "a lot"}, {"in": "-0.01"}, {"in": "nan"}, {"in": "inf"}, {"in": True}, {"in": None}, {"in": [1]},
        {"currency": None}, {"currency": "dollars"}, {"currency": "usd"}, {"currency": 840},
        {"dated": "November"}, {"dated": 2026}, {"inn": "0.005"},
    ],
)  # fmt: skip
def test_what_is_no_amount_currency_or_day_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(PluginError, match="fees"):
        read(TABLE | wrong)


def test_a_list_is_no_table() -> None:
    with pytest.raises(PluginError, match="fees must be a table"):
        read([TABLE])  # type: ignore[arg-type]
