from __future__ import annotations

import math
from collections.abc import Callable

import pytest

from core.rules import AnyOf, Between, Clause, Condition, Is, Rule
from core.settings import Settings
from core.tiers import Tier

Loader = Callable[..., Settings]


@pytest.fixture
def rules(loaded: Loader) -> dict[str, Rule]:
    return {rule.name: rule for rule in loaded().escalation}


@pytest.mark.parametrize(
    ("typed", "test"),
    [
        ("yes", Is(True)),
        ("true", Is(True)),
        ("on", Is(True)),
        ("Yes", Is(True)),
        ("no", Is(False)),
        ("off", Is(False)),
        ("none", Is(None)),
        ("low", Between(low=0.3)),
        ("medium", Between(low=0.5)),
        ("high", Between(low=0.7)),
        ('"high"', Between(low=0.7)),
        ("0.7", Between(low=0.7)),
        ("0,7", Between(low=0.7)),
        ("6", Between(low=6)),
        ("2 times", Between(low=2)),
        ("1 time", Between(low=1)),
        ("at least 6", Between(low=6)),
        ("at least 2 times", Between(low=2)),
        ("at least 0.25", Between(low=0.25)),
        ("at most 3", Between(high=3)),
        ("at least 10 minutes", Between(low=600)),
        ("1,5 hours", Between(low=5400)),
        ("at most 30 seconds", Between(high=30)),
        ("2 days", Between(low=172_800)),
        ("unknown", Is(None)),
        ("more than 2", Between(low=math.nextafter(2, 3))),
        ("fewer than 3", Between(high=math.nextafter(3, 2))),
        ("less than 0.5", Between(high=math.nextafter(0.5, 0))),
        ("delivery", Is("delivery")),
        ("late_parcel", Is("late_parcel")),
        ('"now"', Is("now")),
        ('"2 for 1"', Is("2 for 1")),
    ],
)
def test_a_value_under_when_is_the_test_it_reads_as(base: str, loaded: Loader, typed: str, test: Is | Between) -> None:
    rule = loaded(base.replace("frustration: high", f"frustration: {typed}")).escalation[1]
    assert rule.unless == (Condition("frustration", test),)


def test_no_under_language_is_norwegian(base: str, loaded: Loader) -> None:
    rule = loaded(base.replace("money: yes", "language: no")).escalation[0]
    assert rule.when == (Condition("language", Is("no")),)


def test_a_rule_carries_everything_written_under_it(rules: dict[str, Rule]) -> None:
    money, words = rules["Money"], rules["Words"]
    assert (money.why, money.tier, money.lasts, money.locked) == ("it is theirs", Tier.EXPERT, 3, True)
    assert money.examples.should_match == ("I want my money back",)
    assert (money.canary, money.shadow) == (1.0, False)
    assert (words.tier, words.channels, words.lasts) == (Tier.PERSON, {"telegram": Tier.EXPERT}, 1)
    assert (words.canary, words.say) == (0.1, {"en": "Sorry about that."})


def test_built_in_conditions_become_signals_of_the_rulebook(loaded: Loader, rules: dict[str, Rule]) -> None:
    wanted: tuple[Clause, ...] = (
        Condition("words of Words", Is(True)),
        Condition("customer_in vip", Is(True)),
        Condition("hours", Is("open")),
    )
    assert rules["Words"].when == wanted
    assert set(loaded().conditions) == {"words of Words", "customer_in vip", "hours"}


def test_any_joins_its_conditions_by_or(rules: dict[str, Rule]) -> None:
    either = AnyOf((Condition("faq", Is(None)), Condition("turns", Between(low=6))))
    assert rules["Nothing we know"].when == (either,)


@pytest.mark.parametrize(
    ("typed", "lasts"), [("this answer", 1), ("1 answer", 1), ("12 answers", 12), ("this conversation", None)]
)
def test_lasts_counts_answers_the_first_included(base: str, loaded: Loader, typed: str, lasts: int | None) -> None:
    assert loaded(base.replace("3 answers", typed)).escalation[0].lasts == lasts


@pytest.mark.parametrize(
    ("typed", "shadow", "canary"),
    [("live", False, 1.0), ("shadow", True, 1.0), ("canary 2,5%", False, 0.025), ("canary 100 %", False, 1.0)],
)
def test_a_mode_is_a_share_of_customers(base: str, loaded: Loader, typed: str, shadow: bool, canary: float) -> None:
    rule = loaded(base.replace("canary 10%", typed)).escalation[1]
    assert (rule.shadow, rule.canary) == (shadow, canary)


@pytest.mark.parametrize("typed", ["off", "false", '"off"'])
def test_a_rule_that_is_off_is_not_in_the_book(base: str, loaded: Loader, typed: str) -> None:
    assert [r.name for r in loaded(base.replace("canary 10%", typed)).escalation] == ["Money", "Nothing we know"]


def test_words_of_two_conditions_in_one_rule_stay_apart(base: str, loaded: Loader) -> None:
    settings = loaded(base.replace("        - faq: none\n", "        - words: [yes, 24]\n        - words: bill\n"))
    either = settings.escalation[2].when[0]
    assert isinstance(either, AnyOf)
    names = [clause.signal for clause in either.conditions]
    assert names == ["words of Nothing we know", "words of Nothing we know again", "turns"]
    assert all(name in settings.conditions for name in names[:2])


def test_words_of_a_rule_whose_name_begins_like_another_stay_apart(base: str, loaded: Loader) -> None:
    settings = loaded(base.replace("money: yes", "words: refund").replace("name: Money", "name: Words and more"))
    assert {"words of Words", "words of Words and more"} <= set(settings.conditions)
