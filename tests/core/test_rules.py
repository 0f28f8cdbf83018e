"""decide(): what must hold for every rulebook and every conversation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from core.conversation import Address, Author, Conversation, Customer, HandBack, Message, Reply
from core.rules import (
    WHOLE_CONVERSATION,
    AnyOf,
    Between,
    Condition,
    Is,
    Reading,
    Rule,
    Rulebook,
    decide,
)
from core.tiers import Tier

START = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
CHAT = Address("memory", "ann")
WORDS = ("refund", "human", "lamp", "angry")

SIGNALS = {word: (lambda c, w=word: Reading(w in c.asked)) for word in WORDS}


def said(text: str, minute: int = 0) -> Message:
    return Message(f"m{minute}", CHAT, text, START + timedelta(minutes=minute), Customer("ann"))


def talk(texts: Sequence[str], earned: Sequence[Sequence[str]]) -> Conversation:
    """A conversation whose answers earned those rules, ending with an unanswered message."""
    conversation = Conversation(CHAT)
    for minute, (text, names) in enumerate(zip(texts, earned, strict=True)):
        conversation = conversation.heard(said(text, minute))
        conversation = conversation.answered(Reply("ok", START, earned=tuple(names)))
    return conversation.heard(said("hello lamp", len(texts)))


rules = st.builds(
    Rule,
    name=st.sampled_from([f"rule {n}" for n in range(6)]),
    when=st.lists(st.builds(Condition, st.sampled_from(WORDS), st.builds(Is, st.booleans())), min_size=1).map(tuple),
    tier=st.sampled_from(Tier),
    unless=st.lists(st.builds(Condition, st.sampled_from(WORDS), st.builds(Is, st.booleans())), max_size=2).map(tuple),
    lasts=st.sampled_from([1, 2, 3, WHOLE_CONVERSATION]),
    canary=st.sampled_from([0.0, 0.5, 1.0]),
    shadow=st.booleans(),
)
rule_lists = st.lists(rules, max_size=6, unique_by=lambda rule: rule.name)
conversations = st.lists(
    st.tuples(
        st.sampled_from(["hi", "refund", "human angry"]), st.lists(st.sampled_from([f"rule {n}" for n in range(6)]))
    )
).map(lambda pairs: talk([p[0] for p in pairs], [p[1] for p in pairs]))


@given(rule_lists, conversations, st.randoms())
def test_the_order_of_the_rules_never_changes_the_outcome(
    book: list[Rule], talked: Conversation, random: Random
) -> None:
    shuffled = list(book)
    random.shuffle(shuffled)
    one = decide(talked, Rulebook(tuple(book), SIGNALS))
    other = decide(talked, Rulebook(tuple(shuffled), SIGNALS))
    assert one.tier == other.tier
    assert set(one.rules) == set(other.rules)
    assert one.without == other.without


@given(rule_lists, rules, conversations)
def test_adding_a_rule_never_weakens_the_outcome(book: list[Rule], added: Rule, talked: Conversation) -> None:
    more = [*book, replace(added, name="added")]
    before = decide(talked, Rulebook(tuple(book), SIGNALS))
    assert decide(talked, Rulebook(tuple(more), SIGNALS)).tier >= before.tier


@given(rule_lists, conversations)
def test_without_says_what_the_tier_would_be_had_the_rule_not_been_there(
    book: list[Rule], talked: Conversation
) -> None:
    decision = decide(talked, Rulebook(tuple(book), SIGNALS))
    for name, tier in decision.without.items():
        rest = tuple(rule for rule in book if rule.name != name)
        assert decide(talked, Rulebook(rest, SIGNALS)).tier == tier


@given(rule_lists, conversations)
def test_every_stronger_tier_than_the_start_has_a_rule_that_asked_for_it(
    book: list[Rule], talked: Conversation
) -> None:
    decision = decide(talked, Rulebook(tuple(book), SIGNALS))
    named = {rule.name: rule.tier for rule in book}
    votes = [named[name] for name in (*decision.rules, *decision.held)]
    assert decision.tier == max([Tier.QUICK, *votes])


@given(st.integers(1, 6))
def test_a_hold_ends_by_its_count(lasts: int) -> None:
    rule = Rule("refund", (Condition("refund", Is(True)),), Tier.EXPERT, lasts=lasts)
    book = Rulebook((rule,), SIGNALS)
    talked = Conversation(CHAT)
    tiers = []
    for minute, text in enumerate(["refund", *["hello"] * 8]):
        talked = talked.heard(said(text, minute))
        decision = decide(talked, book)
        tiers.append(decision.tier)
        talked = talked.answered(Reply("ok", START, earned=decision.rules))
    assert tiers == [Tier.EXPERT] * lasts + [Tier.QUICK] * (9 - lasts)


def test_a_hold_for_the_conversation_ends_with_it_and_with_a_hand_back() -> None:
    rule = Rule("human", (Condition("human", Is(True)),), Tier.PERSON, lasts=WHOLE_CONVERSATION)
    book = Rulebook((rule,), SIGNALS)
    talked = Conversation(CHAT).heard(said("human")).answered(Reply("ok", START, earned=("human",)))
    assert decide(talked.heard(said("hello", 9)), book).tier is Tier.PERSON
    back = replace(talked, turns=(*talked.turns, HandBack(START)))
    assert decide(back.heard(said("hello", 9)), book).tier is Tier.QUICK
    later = talked.resumed(START + timedelta(hours=25), timedelta(hours=24))
    assert decide(later.heard(said("hello", 9)), book).tier is Tier.QUICK


def test_a_person_s_own_replies_do_not_use_up_a_hold() -> None:
    rule = Rule("refund", (Condition("refund", Is(True)),), Tier.EXPERT, lasts=2)
    talked = Conversation(CHAT).heard(said("refund")).answered(Reply("ok", START, earned=("refund",)))
    talked = talked.answered(Reply("I am here", START, Author.PERSON))
    assert decide(talked.heard(said("hello", 3)), Rulebook((rule,), SIGNALS)).tier is Tier.EXPERT


def test_a_signal_that_raises_is_reported_and_decides_nothing() -> None:
    def broken(_conversation: Conversation) -> Reading:
        raise RuntimeError("no dictionary")

    rules_ = (
        Rule("on none", (Condition("broken", Is(None)),), Tier.PERSON),
        Rule("on no", (Condition("broken", Is(False)),), Tier.PERSON),
        Rule("refund", (Condition("refund", Is(True)),), Tier.EXPERT),
    )
    decision = decide(talk([], []).heard(said("refund", 1)), Rulebook(rules_, SIGNALS | {"broken": broken}))
    assert decision.tier is Tier.EXPERT
    assert "no dictionary" in decision.readings["broken"].note


def test_a_channel_of_its_own_can_be_sent_elsewhere() -> None:
    rule = Rule("lamp", (Condition("lamp", Is(True)),), Tier.STANDARD, channels={"memory": Tier.PERSON})
    assert decide(talk([], []), Rulebook((rule,), SIGNALS)).tier is Tier.PERSON


def test_a_shadow_rule_is_recorded_and_never_acts() -> None:
    rule = Rule("lamp", (Condition("lamp", Is(True)),), Tier.PERSON, shadow=True)
    decision = decide(talk([], []), Rulebook((rule,), SIGNALS))
    assert (decision.tier, decision.shadow) == (Tier.QUICK, ("lamp",))


def test_a_canary_acts_on_about_its_share_of_customers_and_always_on_the_same_ones() -> None:
    rule = Rule("lamp", (Condition("lamp", Is(True)),), Tier.EXPERT, canary=0.1)
    acting = [rule.acts_on(f"customer {n}") for n in range(10_000)]
    assert 850 < sum(acting) < 1150
    assert acting == [rule.acts_on(f"customer {n}") for n in range(10_000)]


def test_any_needs_one_and_unless_needs_all() -> None:
    both = (Condition("lamp", Is(True)), Condition("angry", Is(True)))
    either = Rulebook((Rule("either", (AnyOf(both),), Tier.EXPERT),), SIGNALS)
    assert decide(talk([], []), either).tier is Tier.EXPERT
    excused = Rulebook((Rule("excused", (Condition("lamp", Is(True)),), Tier.EXPERT, unless=both),), SIGNALS)
    assert decide(talk([], []), excused).tier is Tier.EXPERT


def test_a_level_is_compared_with_the_score_and_a_count_with_the_value() -> None:
    assert Between(low=0.7).holds(Reading("angry", score=0.8))
    assert not Between(low=0.7).holds(Reading("angry", score=0.6))
    assert Between(low=2).holds(Reading(2))
    assert not Between(low=2).holds(Reading(None))
    assert not Between(high=2).holds(Reading(True))
