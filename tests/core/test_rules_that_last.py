"""Rules that still last: counted from the newest answer that earned them, and never for a rule in shadow."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from core.conversation import Address, Conversation, Customer, Message, Reply
from core.rules import Condition, Is, Reading, Rule, Rulebook, decide
from core.tiers import Tier

AT, CHAT = datetime(2026, 3, 2, 12, tzinfo=UTC), Address("memory", "ann")


def held(earned: list[tuple[str, ...]], *, shadow: bool = False) -> tuple[str, ...]:
    """What is held after answers that earned these rules, by a rule that lasts three answers."""
    rule = Rule("money", (Condition("money", Is(True)),), Tier.EXPERT, lasts=3, shadow=shadow)
    turns = tuple(Reply("ok", AT, earned=names) for names in earned)
    talk = Conversation(CHAT, (*turns, Message("1", CHAT, "hello", AT, Customer("ann"))))
    return decide(talk, Rulebook((rule,), {"money": lambda _: Reading(False)})).held


@pytest.mark.parametrize(
    ("earned", "holds"),
    [
        ([("money",)], True),
        ([("money",), ()], True),
        ([("money",), (), ()], False),
        ([("money",), (), (), ("money",), ()], True),
        ([("money",), ("money",), (), ()], False),
        ([(), ()], False),
    ],
)
def test_a_rule_lasts_from_the_newest_answer_that_earned_it(earned: list[tuple[str, ...]], holds: bool) -> None:
    assert held(earned) == (("money",) if holds else ())


def test_a_rule_that_was_put_in_shadow_is_held_no_longer() -> None:
    assert held([("money",)], shadow=True) == ()
