"""Which model is tried next, and that a permit nobody uses is given back."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from core.answering.attempt import Candidate
from core.answering.breaker import BreakerRules, Permit, State, Verdict
from core.answering.candidates import WARY, Candidates
from core.answering.circuit import Circuits
from core.answering.deadline import Deadline, Patience
from core.answering.means import Means
from core.answering.request import Request
from core.answering.retries import RetryBudget
from core.tiers import Line, ModelCard, Prompt, Tier
from tests.reliability.simulation.loop import VirtualLoop

PATIENCE = Patience(first=5, total=15, stall=4, queue=1)
ASKED = Request(Prompt("", (Line("user", "Where is my parcel?"),), max_tokens=50), Tier.QUICK)
Q, R, S, E = (ModelCard(name, "m", free=name in "qr") for name in "qrse")
ALL = ((Tier.QUICK, (Q, R)), (Tier.STANDARD, (S,)), (Tier.EXPERT, (E,)))


class Stage:
    """Circuits on a loop whose time passes at once."""

    def __init__(self) -> None:
        self.loop = VirtualLoop()
        self.means = Means(Circuits(BreakerRules(jitter=0.0), self.loop.time, lambda: 0.0), patience=PATIENCE)

    def candidates(self, cards: Any = ALL, request: Request = ASKED) -> Candidates:
        return Candidates(self.means, request, cards)

    def busy(self, card: ModelCard, seconds: float) -> None:
        circuit = self.means.circuit(card)
        permit = circuit.admit()
        assert permit is not None
        circuit.end(permit, Verdict.BUSY, None, 0.0, None, seconds)

    def end(self, card: ModelCard, verdict: Verdict, times: int = 1) -> None:
        circuit = self.means.circuit(card)
        for _ in range(times):
            circuit.end(circuit.admit() or Permit(-1), verdict, None, 0.0)

    def next(self, candidates: Candidates, total: float = 15) -> str:
        async def go() -> Any:
            return await candidates.next(Deadline(Patience(5, total, 4, 1)))

        admitted = self.loop.run_until_complete(go())
        return admitted[0].card.provider if admitted else ""

    def order(self, candidates: Candidates) -> str:
        found = ""
        while name := self.next(candidates):
            found += name
        return found

    def continuing(self, candidates: Candidates, broken: ModelCard, most: float) -> str:
        async def go() -> Any:
            return await candidates.continuing(Candidate(Tier.QUICK, broken, self.means.circuit(broken)), most)

        admitted = self.loop.run_until_complete(go())
        return admitted[0].card.provider if admitted else ""


@pytest.fixture
def stage() -> Iterator[Stage]:
    """A stage of its own."""
    made = Stage()
    yield made
    made.loop.close()


def test_each_is_admitted_once_in_the_order_of_tiers(stage: Stage) -> None:
    assert stage.order(stage.candidates()) == "qrse"


def test_where_nothing_may_cost_only_what_is_free_is_tried(stage: Stage) -> None:
    free = Request(ASKED.prompt, Tier.QUICK, free_only=True)
    assert stage.order(stage.candidates(request=free)) == "qr"


def test_one_that_is_busy_for_a_moment_is_waited_for_before_a_stronger_one_once_a_request(stage: Stage) -> None:
    stage.busy(Q, 0.5)
    only, began = stage.candidates(((Tier.QUICK, (Q,)), (Tier.STANDARD, (S,)))), stage.loop.time()
    assert stage.next(only) == "q"
    assert stage.loop.time() - began == pytest.approx(0.5)


@pytest.mark.parametrize(("seconds", "order"), [(0.5, ["q", "s"]), (0.9, ["q", "e"])])
def test_only_one_of_them_is_waited_for_in_a_request(stage: Stage, seconds: float, order: list[str]) -> None:
    stage.busy(Q, 0.5)
    stage.busy(S, seconds)
    candidates = stage.candidates(((Tier.QUICK, (Q,)), (Tier.STANDARD, (S,)), (Tier.EXPERT, (E,))))
    assert [stage.next(candidates), stage.next(candidates)] == order


def test_one_that_is_busy_for_longer_is_passed_over(stage: Stage) -> None:
    stage.busy(Q, 1.5)
    began = stage.loop.time()
    assert stage.next(stage.candidates(((Tier.QUICK, (Q,)), (Tier.STANDARD, (S,))))) == "s"
    assert stage.loop.time() == began


def test_where_all_are_busy_the_first_to_be_back_is_waited_for_within_the_deadline(stage: Stage) -> None:
    stage.busy(Q, 4.5)
    stage.busy(S, 3.0)
    both, began = ((Tier.QUICK, (Q,)), (Tier.STANDARD, (S,))), stage.loop.time()
    assert stage.next(stage.candidates(both), total=2) == ""
    assert stage.loop.time() == began
    assert stage.next(stage.candidates(both)) == "s"
    assert stage.loop.time() - began == pytest.approx(3.0)


def test_no_one_is_waited_for_longer_than_a_first_text_may_take(stage: Stage) -> None:
    stage.busy(Q, 6.0)
    assert stage.next(stage.candidates(((Tier.QUICK, (Q,)),))) == ""


def test_the_last_resort_is_whoever_succeeded_best_and_only_where_nobody_was_asked(stage: Stage) -> None:
    stage.end(S, Verdict.GOOD, 4)
    for card in (Q, S):
        stage.end(card, Verdict.FAILED, 5)
        assert stage.means.circuit(card).breaker.state is State.OPEN
    both = ((Tier.QUICK, (Q,)), (Tier.STANDARD, (S,)))
    candidates = stage.candidates(both)
    assert [stage.next(candidates, 2), stage.next(candidates, 2)] == ["s", ""]
    asked = stage.candidates((*both, (Tier.EXPERT, (E,))))
    assert [stage.next(asked, 2), stage.next(asked, 2)] == ["e", ""]


def test_after_an_unfit_text_stronger_tiers_come_first_and_its_own_after_them(stage: Stage) -> None:
    candidates = stage.candidates()
    assert stage.next(candidates) == "q"
    candidates.rise(Tier.QUICK)
    assert stage.order(candidates) == "ser"
    at_the_top = stage.candidates()
    at_the_top.rise(Tier.EXPERT)
    assert stage.order(at_the_top) == "qrse"


@pytest.mark.parametrize("tier", [Tier.QUICK, Tier.EXPERT])
def test_something_is_above_while_another_of_the_tier_or_a_stronger_one_is_left(stage: Stage, tier: Tier) -> None:
    assert stage.candidates().above(tier)


def test_nothing_is_above_the_last_one_nor_what_cannot_be_asked_now(stage: Stage) -> None:
    candidates = stage.candidates()
    assert stage.order(candidates) == "qrse"
    assert not candidates.above(Tier.QUICK)
    stage.busy(E, 3.0)
    assert not stage.candidates().above(Tier.EXPERT)
    assert not stage.candidates(((Tier.QUICK, (Q,)),)).above(Tier.STANDARD)


def test_beside_is_one_of_the_same_tier_that_can_be_called_this_instant(stage: Stage) -> None:
    candidates = stage.candidates()
    assert stage.next(candidates) == "q"
    admitted = candidates.beside(Tier.QUICK)
    assert admitted is not None
    assert admitted[0].card is R
    assert candidates.beside(Tier.QUICK) is None
    stage.busy(S, 0.5)
    assert stage.candidates().beside(Tier.STANDARD) is None
    assert stage.candidates().beside(Tier.PERSON) is None


def test_when_no_extra_call_is_left_what_often_fails_goes_last_whatever_its_tier(stage: Stage) -> None:
    stage.end(R, Verdict.FAILED, 2)
    stage.end(E, Verdict.GOOD, 5)
    candidates = stage.candidates()
    candidates.best_first()
    assert stage.order(candidates) == "qser"


@pytest.mark.parametrize(("left", "order"), [(WARY, "qr"), (WARY - 1, "rq")])
def test_with_few_extra_calls_left_what_succeeds_goes_first_within_its_tier(
    stage: Stage, left: float, order: str
) -> None:
    stage.means = Means(stage.means.circuits, RetryBudget(reserve=left), PATIENCE)
    stage.end(Q, Verdict.FAILED, 2)
    assert stage.order(stage.candidates(ALL[:1])) == order


def weights(*names: str) -> Sequence[ModelCard]:
    return [ModelCard(n, "m", free=True, weights="oss", continues=n != "x") for n in names]


def test_the_same_weights_elsewhere_go_on_before_the_same_vendor_again(stage: Stage) -> None:
    a, b, x = weights("a", "b", "x")
    candidates = stage.candidates(((Tier.QUICK, (x, Q)), (Tier.STANDARD, (b, S))))
    assert stage.continuing(candidates, a, 0) == "b"
    assert stage.continuing(candidates, a, 0) == "a"
    assert stage.order(candidates) == "xqs", "whoever goes on is not tried again"
    assert stage.continuing(stage.candidates(()), x, 0) == ""


def test_other_weights_never_go_on_and_a_name_is_a_weight_where_none_is_told(stage: Stage) -> None:
    same, other = ModelCard("a", "llama", free=True), ModelCard("b", "llama", free=True, continues=True)
    assert stage.continuing(stage.candidates(((Tier.QUICK, (other,)),)), same, 0) == "b"
    odd = ModelCard("c", "qwen", free=True, continues=True)
    assert stage.continuing(stage.candidates(((Tier.QUICK, (odd,)),)), same, 0) == ""


def test_whoever_goes_on_is_waited_for_as_long_as_is_said(stage: Stage) -> None:
    [a] = weights("a")
    stage.busy(a, 2.0)
    began = stage.loop.time()
    assert stage.continuing(stage.candidates(()), a, 1.9) == ""
    assert stage.loop.time() == began
    assert stage.continuing(stage.candidates(()), a, 2.0) == "a"
    assert stage.loop.time() - began == pytest.approx(2.0)


def test_a_model_in_several_tiers_is_tried_once_and_in_the_first(stage: Stage) -> None:
    assert stage.order(stage.candidates(((Tier.STANDARD, (S, S)), (Tier.EXPERT, (S, E))))) == "se"


def test_nothing_runs_after_a_choice(stage: Stage) -> None:
    stage.order(stage.candidates())
    assert not asyncio.all_tasks(stage.loop)
