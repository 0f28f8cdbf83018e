"""The checker itself: what it must find is planted here, one thing at a time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from core.records import Call, Purpose
from core.tiers import Usage
from tests.reliability.tiers.customers import Asked, judged
from tests.reliability.tiers.faults import Fault
from tests.reliability.tiers.scene import PRICE
from tests.reliability.tiers.vendor import Served

QUESTION = "question 1"
USAGE = Usage(7, 2)
ANSWERED = Call("beta", "model", "answered", 0.1, USAGE, USAGE.cost(PRICE))
FAILED = Call("alpha", "model", "failed", 0.1, error="Interrupted")


def told() -> tuple[Asked, list[Served]]:
    """A call that broke off after a word, gone on with by another vendor."""
    records = [
        Served(QUESTION, "alpha", Fault.CUT, kept=False, text="alpha-1-0"),
        Served(QUESTION, "beta", Fault.NONE, kept=True, begun="alpha-1-0", text=" beta-1-0 beta-1-1", told=2),
    ]
    return Asked(QUESTION, 0.0, "alpha-1-0 beta-1-0 beta-1-1", 0.1, calls=[FAILED, ANSWERED]), records


def test_two_ledgers_that_say_the_same_are_in_order() -> None:
    asked, records = told()
    found = judged([asked], records)
    assert not found.faults, found.cases
    assert found.counts["extra calls"] == 1


def texts_joined(asked: Asked, records: list[Served]) -> None:
    records[1].begun = ""


def a_beginning_nobody_wrote(asked: Asked, records: list[Served]) -> None:
    asked.shown, records[1].begun = "hello beta-1-0 beta-1-1", "hello"


def a_part_shown_as_the_whole(asked: Asked, records: list[Served]) -> None:
    asked.shown = "alpha-1-0 beta-1-0"


def booked_twice(asked: Asked, records: list[Served]) -> None:
    asked.calls = [FAILED, ANSWERED, ANSWERED]


def not_booked(asked: Asked, records: list[Served]) -> None:
    asked.calls = [ANSWERED]


def served_twice(asked: Asked, records: list[Served]) -> None:
    records.append(replace(records[0]))


def tokens_lost(asked: Asked, records: list[Served]) -> None:
    asked.calls = [FAILED, replace(ANSWERED, usage=None, cost=None)]


def money_wrong(asked: Asked, records: list[Served]) -> None:
    asked.calls = [FAILED, replace(ANSWERED, cost=None)]


@pytest.mark.parametrize(
    ("plant", "fault"),
    [
        (texts_joined, "texts joined"),
        (a_beginning_nobody_wrote, "texts joined"),
        (a_part_shown_as_the_whole, "texts joined"),
        (booked_twice, "calls not booked once"),
        (not_booked, "calls not booked once"),
        (served_twice, "calls not booked once"),
        (tokens_lost, "tokens booked differ"),
        (money_wrong, "money booked differs"),
    ],
)
def test_what_is_planted_is_found(plant: Callable[[Asked, list[Served]], None], fault: str) -> None:
    asked, records = told()
    plant(asked, records)
    assert fault in judged([asked], records).faults


def test_a_hedge_cancelled_before_it_came_to_the_vendor_is_no_fault() -> None:
    asked, records = told()
    lost = Call("gamma", "model", "cancelled", 0.0, purpose=Purpose.HEDGE)
    asked.calls = [FAILED, lost, ANSWERED]
    assert not judged([asked], records).faults
    asked.calls = [FAILED, replace(lost, outcome="failed"), ANSWERED]
    assert judged([asked], records).faults


def test_a_call_sent_again_over_another_connection_is_one_call() -> None:
    asked, records = told()
    records.insert(0, Served(QUESTION, "beta", Fault.HANG_UP, kept=True))
    assert not judged([asked], records).faults
    records[0].kept = False
    assert judged([asked], records).faults


def test_who_had_no_whole_answer_is_named() -> None:
    asked, records = told()
    asked.broke, asked.shown = True, "alpha-1-0"
    found = judged([asked], records)
    assert len(found.seen) == 1
    assert not found.faults
