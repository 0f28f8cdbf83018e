"""Recorded conversations through the whole desk."""

from __future__ import annotations

import json
from collections.abc import Sequence
from decimal import Decimal
from itertools import pairwise
from typing import Any, Protocol

import pytest

from core.conversation import Conversation, Reply
from core.errors import SettingsError
from core.learning.dialogues import Dialogue, parse
from core.learning.moves import compare
from core.learning.replay import RecordedHistory, feed, timed
from core.learning.tally import Tally, count
from core.ports import Inbox
from core.records import Settlement
from core.rules import Condition, Is, Reading, Rule, Rulebook, Signal
from core.tiers import Prompt, Tier

SIGNALS: dict[str, Signal] = {
    "refund": lambda c: Reading("refund" in c.last.text),
    "human": lambda c: Reading("human" in c.last.text),
}


class Model(Protocol):
    asked: list[Prompt]


class Bench(Protocol):
    history: RecordedHistory
    desk: Inbox
    model: Model


def dialogue(*turns: str, chat: str = "1") -> Dialogue:
    """Turns as `c: ...` and `a: ...`."""
    row = {"id": f"d{chat}", "turns": [{"speaker": t.split(": ")[0], "text": t.split(": ")[1]} for t in turns]}
    (made,) = parse(["\n"] * (int(chat) - 1) + [json.dumps(row)], "f.jsonl", customer="c")
    return made


async def play(bench: Bench, *dialogues: Dialogue) -> Tally:
    steps: list[None] = []
    await feed(dialogues, "memory", bench.desk, bench.history, lambda: steps.append(None))
    messages = sum(d.messages for d in dialogues)
    assert len(steps) == messages
    return count(bench.history.settlements, len(dialogues), messages)


def decided(bench: Bench) -> dict[str, Settlement]:
    return {s.messages[0].text: s for s in bench.history.settlements}


async def test_every_message_is_answered_and_counted_by_tier_rule_and_cost(bench: Bench) -> None:
    tally = await play(
        bench, dialogue("c: hello", "a: hi", "c: refund please", "a: sure", "c: thanks"), dialogue("c: bye", chat="2")
    )
    data = tally.data(2.0)
    assert (data["dialogues"], data["messages"], data["answered"], data["unanswered"]) == (2, 4, 4, 0)
    assert data["tiers"] == {"quick": 2, "expert": 2}, "the second one is held by the rule"
    assert data["rules"] == {"refund": 2}
    assert data["cost"] == {"known": "0.0090", "currency": "USD", "unknown_calls": 0, "currencies": {"USD": "0.0090"}}
    assert data["messages_per_second"] == 2.0


async def test_a_model_is_shown_what_the_recorded_agent_said_and_never_what_ours_did(bench: Bench) -> None:
    await play(bench, dialogue("c: hello", "c: anybody?", "a: hi, how", "a: can I help", "c: a question"))
    last = bench.model.asked[-1]
    assert [line.role for line in last.lines] == ["user", "assistant", "user"]
    assert last.lines[1].text == "hi, how\ncan I help"
    assert "hello" in last.lines[0].text
    assert "anybody?" in last.lines[0].text


async def test_a_hold_is_counted_from_our_own_decision_for_the_burst_before_a_recorded_reply(bench: Bench) -> None:
    await play(bench, dialogue("c: refund", "a: ok", "c: one", "a: ok", "c: two"))
    settled = decided(bench)
    assert [settled[text].decision.tier for text in ("refund", "one", "two")] == [Tier.EXPERT, Tier.EXPERT, Tier.QUICK]  # type: ignore[union-attr]
    assert settled["one"].decision.held == ("refund",)  # type: ignore[union-attr]


async def test_once_handed_over_what_the_customer_sends_is_with_the_person(bench: Bench) -> None:
    tally = await play(bench, dialogue("c: a human please", "a: I am one", "c: finally", "c: refund"))
    assert (tally.answered, tally.with_person, tally.unanswered) == (1, 2, 0)
    assert tally.data(1)["tiers"] == {"person": 1}
    assert tally.data(1)["outcomes"] == {"handed over": 1, "with person": 2}


async def test_a_message_that_is_never_settled_is_unanswered() -> None:
    assert count([], 1, 3).unanswered == 3


async def test_an_unknown_cost_is_counted_and_several_currencies_are_not_added() -> None:
    tally = Tally(1, 1)
    assert tally.data(1)["cost"]["known"] == "0"
    tally.all.unknown = 2
    tally.all.cost |= {"USD": Decimal(1), "EUR": Decimal(2)}
    assert tally.data(1)["cost"] == {
        "known": None,
        "currency": "",
        "unknown_calls": 2,
        "currencies": {"EUR": "2", "USD": "1"},
    }


def test_turns_are_a_minute_apart_and_belong_to_one_customer() -> None:
    turns = list(timed(dialogue("c: one", "a: two", "c: three"), "web"))
    gaps = [(b.at - a.at).total_seconds() for a, b in pairwise(turns)]
    assert gaps == [60, 60]
    assert isinstance(turns[1], Reply)
    assert len({t.customer.id for t in turns if not isinstance(t, Reply)}) == 1


@pytest.mark.parametrize(
    ("lines", "line", "what"),
    [
        (['{"turns": []}', "{"], 2, "not a dialogue"),
        (['{"turns": [{"speaker": "customer"}]}'], 1, "not a dialogue"),
        (['{"turns": [{"speaker": "customer", "text": 1}]}'], 1, "not a dialogue"),
        (["[]"], 1, "not a dialogue"),
        (['{"turns": [{"speaker": "Bob", "text": "hi"}]}'], 1, "nobody in it is called 'customer'"),
    ],
)
def test_a_file_that_is_not_conversations_is_refused_with_its_line(lines: Sequence[str], line: int, what: str) -> None:
    with pytest.raises(SettingsError) as caught:
        parse(lines, "x.jsonl")
    assert (caught.value.problems[0].line, what in caught.value.problems[0].what) == (line, True)


def test_a_file_whose_customers_have_another_name_says_how_to_name_them() -> None:
    with pytest.raises(SettingsError, match="--customer Bob"):
        parse(['{"turns": [{"speaker": "Bob", "text": "hi"}]}'], "x.jsonl")


def book(*rules: Rule) -> Rulebook:
    return Rulebook(rules, SIGNALS)


def rule(name: str, tier: Tier, **more: Any) -> Rule:
    return Rule(name, (Condition(name, Is(True)),), tier, **more)


def test_another_rulebook_shows_who_moves_from_where_to_where() -> None:
    talks = [tuple(timed(dialogue("c: refund", "a: ok", "c: and more", "a: ok", "c: bye"), "web"))]
    moved = compare(
        talks, book(rule("refund", Tier.EXPERT)), book(rule("refund", Tier.STANDARD, lasts=2)), people=True
    ).data()
    assert (moved["messages"], moved["of"]) == (2, 3)
    pairs = {(p["from"], p["to"]): p for p in moved["pairs"]}
    assert pairs["expert", "standard"]["samples"] == [{"id": "1.0", "text": "refund", "rules": ["refund"]}]
    assert pairs["quick", "standard"]["samples"][0]["text"] == "and more", "each book counts its holds by itself"


def test_a_person_who_is_called_keeps_the_conversation_in_a_comparison_too() -> None:
    talks = [tuple(timed(dialogue("c: human", "a: yes?", "c: refund"), "web"))]
    rules = book(rule("human", Tier.PERSON), rule("refund", Tier.EXPERT))
    assert compare(talks, rules, book(rule("refund", Tier.EXPERT)), people=True).data()["messages"] == 2
    assert compare(talks, rules, book(rule("refund", Tier.EXPERT)), people=False).data()["messages"] == 1


def test_the_same_rules_move_nobody() -> None:
    talks = [tuple(timed(dialogue("c: refund", "a: ok", "c: human"), "web"))]
    rules = book(rule("refund", Tier.EXPERT), rule("human", Tier.PERSON))
    assert compare(talks, rules, rules, people=True).data() == {"messages": 0, "of": 2, "pairs": []}


async def test_the_history_of_a_chat_nobody_wrote_in_is_empty(bench: Bench) -> None:
    (message, *_) = timed(dialogue("c: x"), "memory")
    assert await bench.history.load(message.address) == Conversation(message.address)  # type: ignore[union-attr]
