"""What the cost report says, and what it refuses to make up."""

from __future__ import annotations

import csv
import io
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import count
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.conversation import Address
from core.documents import Document
from core.periods import Window, days
from core.records import Call, Entry, Outcome
from core.reports._money import adding_up, digits_for, rounded, shown
from core.reports.cost import build
from core.tiers import Fee, Money, Usage

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
COPENHAGEN = ZoneInfo("Europe/Copenhagen")
DAY = days(date(2026, 11, 20), date(2026, 11, 20), COPENHAGEN)
USAGE = Usage(100, 20)
_numbers = count()


def paid(amount: str, currency: str = "USD") -> Call:
    return Call("vendor", "model", "answered", 0.5, USAGE, Money(Decimal(amount), currency))


FREE = Call("offline", "faq", "answered", 0.01, None, free=True)
NO_USAGE = Call("vendor", "model", "cancelled", 0.5)
NO_PRICE = Call("vendor", "new", "answered", 0.5, USAGE)


def entry(*calls: Call, chat: str = "web:1", at: datetime = NOON, messages: int = 1, **more: Any) -> Entry:
    ids = tuple(f"m{next(_numbers)}" for _ in range(messages))
    return Entry(
        at,
        Address.parse(chat),
        ids,
        more.pop("outcome", Outcome.ANSWERED),
        more.pop("tier", "quick"),
        calls=calls,
        **more,
    )


def report(*entries: Entry, window: Window = DAY, **options: Any) -> Document:
    return build(**options)(entries, window)


def test_amounts_are_exact_however_many_are_added() -> None:
    document = report(*(entry(paid("0.0000001")) for _ in range(3)), entry(paid("12345678901234567890.1")))
    assert document.data["total"]["cost"] == {"USD": "12345678901234567890.1000003"}


def test_known_free_and_unknown_calls_are_never_mixed() -> None:
    document = report(entry(paid("0.25"), FREE), entry(NO_USAGE), entry(NO_PRICE))
    assert document.data["total"]["calls"] == {"all": 4, "free": 1, "unknown": 2}
    assert document.data["total"]["cost"] == {"USD": "0.25"}
    assert "cost at least 0.25 USD" in document.text
    assert "vendor/model (cancelled) 1, vendor/new (no price) 1" in document.text


def test_what_a_platform_takes_is_part_of_the_cost_and_told_apart_from_the_models() -> None:
    fees = (Fee("whatsapp in", Money(Decimal("0.005"), "USD")), Fee("whatsapp out", Money(Decimal("0.005"), "USD")))
    document = report(entry(paid("0.25"), chat="whatsapp:1", fees=fees), entry(FREE))
    assert document.data["total"]["cost"] == {"USD": "0.260"}
    assert document.data["total"]["fees"] == {"messages": 2, "unknown": {}, "cost": {"USD": "0.010"}}
    assert "of it 0.01 USD for 2 messages on the platform, 0 of unknown fee" in document.text
    rows = {row["channel"]: row for row in csv.DictReader(io.StringIO(document.csv))}
    assert (rows["whatsapp"]["cost"], rows["whatsapp"]["fees"], rows["whatsapp"]["charged_messages"]) == (
        "0.260",
        "0.010",
        "2",
    )
    assert rows["web"]["charged_messages"] == "0"


def test_a_fee_nobody_wrote_down_makes_the_cost_incomplete_and_is_never_nothing() -> None:
    document = report(entry(FREE, chat="whatsapp:1", fees=(Fee("whatsapp out"), Fee("whatsapp out"))))
    assert "cost unknown" in document.text
    assert "messages: whatsapp out 2." in document.text
    assert document.data["total"]["fees"]["unknown"] == {"whatsapp out": 2}
    some = report(entry(paid("1"), chat="whatsapp:1", fees=(Fee("whatsapp out"),)))
    assert "cost at least 1.00 USD" in some.text


def test_an_unknown_cost_alone_is_unknown_and_not_nothing() -> None:
    document = report(entry(NO_PRICE))
    assert "cost unknown" in document.text
    assert document.data["total"]["cost"] == {}


def test_free_answers_are_called_free() -> None:
    assert "cost free" in report(entry(FREE)).text


def test_without_a_rate_the_vendors_currency_stands_and_the_reader_is_told_what_to_add() -> None:
    document = report(entry(paid("1.50")), currency="EUR")
    assert "1.50 USD" in document.text
    assert "EUR" not in document.text.split("\n")[3]
    assert "Add USD with rate, dated and source to rates:" in document.text
    assert document.data["currency"] == "USD"


def test_a_rate_somebody_wrote_down_is_used_and_printed_with_its_date() -> None:
    rates = {"usd": {"rate": 0.5, "dated": date(2026, 11, 19), "source": "ECB"}}
    document = report(entry(paid("1.50")), entry(paid("0.25", "EUR")), currency="eur", rates=rates)
    assert document.data["total"]["cost"] == {"EUR": "1.000"}
    assert document.data["currency"] == "EUR"
    assert "1 USD = 0.5 EUR (ECB, 2026-11-19)." in document.text


@pytest.mark.parametrize(
    "row", [{"rate": "x", "dated": 1, "source": 1}, {"rate": 1}, {"rate": 0, "dated": 1, "source": 1}, 0.9]
)
def test_a_rate_without_number_date_or_source_is_refused(row: Any) -> None:
    with pytest.raises(ValueError, match="rates: USD"):
        build(currency="EUR", rates={"USD": row})


def test_two_currencies_stay_two() -> None:
    document = report(entry(paid("1")), entry(paid("2", "CHF")))
    assert document.data["total"]["cost"] == {"CHF": "2", "USD": "1"}
    assert document.data["currency"] == ""
    assert "2.00 CHF + 1.00 USD" in document.text


def test_channels_as_printed_add_up_to_the_total_as_printed() -> None:
    thirds = [entry(paid("0.335"), chat=f"c{i}:1") for i in range(3)]
    text = report(*thirds).text
    amounts = [Decimal(line.split()[1]) for line in text.splitlines() if line.startswith("  cost ")]
    assert amounts == [Decimal("0.34"), Decimal("0.33"), Decimal("0.33"), Decimal("1.00")]


def test_less_than_a_cent_is_shown_with_more_digits() -> None:
    assert "cost 0.00042 USD" in report(entry(paid("0.00042"))).text
    assert "cost < 0.00000001 USD" in report(entry(paid("0.0000000001"))).text


@given(st.lists(st.decimals(min_value=0, max_value=10**6, places=9), min_size=1, max_size=8))
def test_rounded_amounts_always_add_up_and_none_is_off_by_a_unit(amounts: list[Decimal]) -> None:
    digits = digits_for(amounts)
    rows = adding_up(amounts, digits)
    assert sum(rows) == rounded(sum(amounts, Decimal()), digits)
    assert all(abs(row - amount) < Decimal(1).scaleb(-digits) for row, amount in zip(rows, amounts, strict=True))
    assert all(
        Decimal(shown(r, a, "X").split()[-2].replace(",", "")) > 0
        for r, a in zip(rows, amounts, strict=True)
        if a and r
    )


def test_only_what_lies_in_the_window_counts() -> None:
    before, after = DAY.start - timedelta(seconds=1), DAY.end
    document = report(entry(paid("1"), at=before), entry(paid("2"), at=DAY.start), entry(paid("4"), at=after))
    assert document.data["total"]["cost"] == {"USD": "2"}
    assert "2026-11-20 00:00 +01:00 to 2026-11-21 00:00 +01:00, Europe/Copenhagen" in document.text


def test_a_chat_is_a_new_conversation_after_a_long_silence_only() -> None:
    window = days(date(2026, 11, 20), date(2026, 11, 23), COPENHAGEN)
    times = [NOON, NOON + timedelta(hours=20), NOON + timedelta(hours=45)]
    document = report(*(entry(FREE, at=at) for at in times), entry(FREE, chat="web:2"), window=window)
    assert document.data["total"]["conversations"] == 3


def test_a_burst_counts_every_message_and_what_a_person_wrote_counts_none() -> None:
    person = entry(chat="web:1", messages=0, outcome=Outcome.PERSON, tier="person")
    document = report(entry(paid("1"), messages=3, tier="expert"), entry(FREE), person)
    assert document.data["total"]["answered"] == {"quick": 1, "standard": 0, "expert": 3, "person": 0, "desk": 0}
    assert document.data["total"]["messages"] == 4
    assert "quick 1 (25%), expert 3 (75%)" in document.text
    assert "0.50 USD" not in document.text


def test_cost_per_conversation_divides_by_conversations() -> None:
    document = report(entry(paid("1")), entry(paid("2")), entry(FREE, chat="web:2"))
    assert "cost 3.00 USD, 1.50 USD a conversation" in document.text


def test_rules_are_named_by_how_often_they_applied() -> None:
    document = report(entry(FREE, rules=("Money",)), entry(FREE, rules=("Money", "Frustrated")))
    assert "Rules that applied most: Money 2, Frustrated 1" in document.text


def test_the_sheet_has_one_row_for_each_channel_and_day_and_stable_columns() -> None:
    window = days(date(2026, 11, 20), date(2026, 11, 21), COPENHAGEN)
    late = datetime(2026, 11, 20, 23, 30, tzinfo=UTC)  # already the 21st in Copenhagen
    document = report(
        entry(paid("1"), paid("3", "CHF"), rules=("Money",)),
        entry(NO_USAGE, at=late),
        entry(FREE, chat="telegram:1"),
        window=window,
    )
    rows = list(csv.DictReader(io.StringIO(document.csv)))
    assert [(r["day"], r["channel"], r["currency"], r["cost"], r["unknown_calls"], r["escalations"]) for r in rows] == [
        ("2026-11-20", "telegram", "", "", "0", "0"),
        ("2026-11-20", "web", "CHF", "3", "0", "1"),
        ("2026-11-20", "web", "USD", "1", "", ""),
        ("2026-11-21", "web", "", "", "1", "0"),
    ]
    assert list(rows[0]) == list(csv.DictReader(io.StringIO(report().csv)).fieldnames or [])


def test_a_day_on_which_nobody_wrote_says_so() -> None:
    document = report()
    assert "Nobody wrote." in document.text
    assert document.data["channels"] == {}
