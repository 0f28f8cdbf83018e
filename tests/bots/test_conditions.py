"""Conditions that can never hold are told from those that can."""

from __future__ import annotations

import pytest

from bots.conditions import faults
from core.rules import AnyOf, Between, Condition, Is, Reading, Rule, Rulebook
from core.settings import source
from core.tiers import Tier

SIGNALS = {
    "money": lambda _c: Reading(False),
    "frustration": lambda _c: Reading(0.2, score=0.2),
    "rephrase": lambda _c: Reading(0),
    "intent": lambda _c: Reading("track_order", score=0.9),
}
TEXT = "escalation:\n  - name: A rule\n    when:\n      {signal}: x\n"


def told(condition: Condition) -> list[str]:
    rule = Rule("A rule", (AnyOf((condition,)),), Tier.EXPERT)
    document = source.read(TEXT.format(signal=condition.signal), "config.yaml")
    return [f"{p.line}: {p.what}" for p in faults(Rulebook((rule,), SIGNALS), document, {"A rule": 0})]


@pytest.mark.parametrize(
    ("condition", "what"),
    [
        (Condition("money", Between(low=0.7)), "money is yes or no"),
        (Condition("money", Is("maybe")), "money is yes or no"),
        (Condition("frustration", Is(True)), "frustration is a level"),
        (Condition("frustration", Between(low=7)), "frustration is never over 1"),
        (Condition("rephrase", Is("two times")), "rephrase is a count"),
    ],
)
def test_a_value_the_signal_never_has_is_named_with_its_line(condition: Condition, what: str) -> None:
    (problem,) = told(condition)
    assert problem.startswith("4: ")
    assert what in problem


@pytest.mark.parametrize(
    "condition",
    [
        Condition("money", Is(True)),
        Condition("frustration", Between(low=0.7)),
        Condition("rephrase", Between(low=2)),
        Condition("intent", Is(None)),
        Condition("intent", Is("refund")),
        Condition("not_there", Is(True)),
    ],
)
def test_a_value_the_signal_can_have_is_left_alone(condition: Condition) -> None:
    assert told(condition) == []
