"""Conditions that can never hold, or always do, because a signal does not yield what they ask for.

What a signal yields is seen by asking it about a plain sentence; which names an intent has is not known here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

from core.conversation import Address, Conversation, Customer, Message
from core.errors import Problem
from core.rules import AnyOf, Between, Condition, Is, Reading, Rule, Rulebook, decide
from core.settings.source import Document

CHAT = Address("check", "probe")
SENTENCE = "hello, where is my order?"


def faults(book: Rulebook, document: Document, places: Mapping[str, int]) -> Iterator[Problem]:
    """A problem for every condition whose value its signal never has."""
    message = Message("probe", CHAT, SENTENCE, datetime(2026, 1, 5, 12, tzinfo=UTC), Customer("probe"))
    readings = decide(Conversation(CHAT).heard(message), book).readings
    for rule in book.rules:
        for section, condition in _conditions(rule):
            reading = readings.get(condition.signal)
            if reading is None or reading.failed:
                continue
            what, write = _misfit(condition, reading)
            if what:
                path = ("escalation", places.get(rule.name, 0), section, condition.signal)
                yield document.problem(path, what, write)


def _conditions(rule: Rule) -> Iterator[tuple[str, Condition]]:
    for section, clauses in (("when", rule.when), ("unless", rule.unless)):
        for clause in clauses:
            for condition in clause.conditions if isinstance(clause, AnyOf) else (clause,):
                yield section, condition


def _misfit(condition: Condition, reading: Reading) -> tuple[str, str]:
    test, name = condition.test, condition.signal
    if isinstance(reading.value, bool):
        if isinstance(test, Between) or isinstance(test.wanted, str):
            return f"{name} is yes or no", "yes"
    elif isinstance(reading.value, float):
        if isinstance(test, Is):
            return f"{name} is a level: low, medium, high or a number from 0 to 1", "high"
        if (test.low or 0) > 1:
            return f"{name} is never over 1", "high"
    elif isinstance(reading.value, int) and isinstance(test, Is) and isinstance(test.wanted, str):
        return f"{name} is a count", "2 times"
    return "", ""
