"""What a settled answer tells monitoring and the log: exact amounts, the platform's ids, and nobody's words."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from core.conversation import Address
from core.counters import Counters
from core.records import Call, Entry, Outcome, Purpose
from core.tiers import Money, Usage
from core.told import line, tell

CALLS = (
    Call(
        "cloud", "small", "unfit", 0.4, tier="quick", first=0.2, verdict="policy: '500 euros'", draft="Take 500 euros."
    ),
    Call(
        *("cloud", "large", "answered", 1.25, Usage(100, 20, 40), Money(Decimal("0.0000123"), "USD")),
        tier="standard",
        first=0.3,
    ),
    Call("judge", "j", "answered", 0.5, Usage(9, 1), Money(Decimal("0.001"), "USD"), purpose=Purpose.VALIDATION),
    Call("offline", "faq", "answered", 0.01, free=True),
)
ENTRY = Entry(
    datetime(2026, 3, 2, tzinfo=UTC),
    Address("telegram", "4242"),
    ("m1", "m2"),
    Outcome.ANSWERED,
    "standard",
    ("Money",),
    CALLS,
)


def test_the_line_names_models_rules_and_exact_costs_and_holds_nobody_s_words() -> None:
    told = line(ENTRY)
    assert told["costs"] == {"USD": "0.0010123"}
    assert (told["unknown_costs"], told["messages"], told["tier"]) == (1, ["m1", "m2"], "standard")
    assert told["calls"][:2] == [
        "answer cloud/small unfit (policy) 0.40 s",
        "answer cloud/large answered 1.25 s",
    ]
    written = json.dumps(told)
    assert "500" not in written
    assert "4242" not in written


def test_a_settled_answer_is_one_line_and_its_calls_are_counted(caplog: pytest.LogCaptureFixture) -> None:
    counters = Counters()
    with caplog.at_level(logging.INFO, "core.told"):
        tell(counters, ENTRY)
    [record] = caplog.records
    assert (record.message, record.outcome) == ("settled", Outcome.ANSWERED)  # type: ignore[attr-defined]
    assert counters.total("model_calls") == 4
    assert counters.total("model_tokens") == 100 + 20 + 10
    assert counters.total("model_cost_pico") == 12_300_000 + 1_000_000_000
    assert counters.total("model_cost_unknown") == 1
    assert counters.total("model_texts_unfit") == 1
    times = counters.times()["model_first_text_seconds"]
    assert sorted(total for total, _ in times.values()) == [0.2, 0.3]
