"""Breaker, load and measures of a model, told together; those of all models, made on first use."""

from __future__ import annotations

import math
from dataclasses import replace
from random import Random

import pytest

from core.answering.breaker import BreakerRules, Permit, State, Verdict
from core.answering.circuit import Circuit, Circuits
from core.answering.load import AGAIN, LoadRules
from core.tiers import ModelCard, Usage

CARD = ModelCard("one", "model-1")
OTHER = ModelCard("two", "model-2", requests=60, tokens=6_000)


class Time:
    """A clock that moves when told."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def circuits(time: Time) -> Circuits:
    return Circuits(BreakerRules(jitter=0.0), time, lambda: 0.0, LoadRules(jitter=0.0))


def admitted(circuit: Circuit, tokens: int = 0) -> Permit:
    permit = circuit.admit(tokens)
    assert permit is not None
    return permit


def called(circuit: Circuit, verdict: Verdict, times: int = 1, retry_after: float | None = None) -> None:
    first = 0.2 if verdict in {Verdict.GOOD, Verdict.SLOW} else None
    for _ in range(times):
        circuit.end(admitted(circuit), verdict, first, 1.0, None, retry_after)


def test_a_circuit_is_made_once_for_provider_model_and_key(circuits: Circuits) -> None:
    circuit = circuits.of(CARD, "k1")
    assert circuits.of(replace(CARD, context=8_000), "k1") is circuit
    others = [circuits.of(CARD, "k2"), circuits.of(replace(CARD, provider="x"), "k1"), circuits.of(OTHER, "k1")]
    assert circuit not in others
    assert len(set(map(id, others))) == 3
    called(circuit, Verdict.FAILED, 5)
    assert [c.wait() for c in (circuit, *others)] == [5.0, 0.0, 0.0, 0.0]


def test_one_end_tells_all_three(circuits: Circuits, time: Time) -> None:
    circuit = circuits.of(OTHER)
    permit = admitted(circuit, 5_000)
    assert circuit.load.flying == 1
    time.now += 1
    circuit.showed(permit, 0.4)
    time.now += 1
    circuit.end(permit, Verdict.GOOD, 0.4, 2.4, Usage(900, 100))
    (view,) = circuits.views()
    assert (view.provider, view.model, view.key) == ("two", "model-2", "")
    assert (view.load.flying, view.breaker.calls, view.measures.calls) == (0, 1, 1)
    assert (view.measures.success, view.measures.latency, view.measures.speed) == (1.0, 0.4, 50.0)
    assert circuit.wait(5_000) == 0.0
    assert circuit.wait(5_300) == pytest.approx(1.0)  # 1,000 of 6,000 were used, and 200 have flowed back


def test_a_first_text_told_twice_counts_once(circuits: Circuits) -> None:
    circuit = circuits.of(CARD)
    for _ in range(30):
        permit = admitted(circuit)
        circuit.showed(permit, 0.4)
        circuit.showed(permit, 9.0)
        circuit.end(permit, Verdict.GOOD, 0.4, 2.0)
        circuit.showed(permit, 9.0)
    assert circuit.measures.snapshot().p95 == 0.4


def test_a_first_text_told_after_the_end_does_not_count(circuits: Circuits) -> None:
    circuit = circuits.of(CARD)
    permit = admitted(circuit)
    circuit.end(permit, Verdict.NEUTRAL, None, 0.1)
    circuit.showed(permit, 9.0)
    assert circuit.measures.latency() is None


def test_a_first_text_gives_a_probe_as_long_again(circuits: Circuits, time: Time) -> None:
    circuit = circuits.of(CARD)
    called(circuit, Verdict.FAILED, 5)
    time.now += 5
    probe = admitted(circuit)
    time.now += 20
    circuit.showed(probe, 20.0)
    time.now += 20
    circuit.end(probe, Verdict.GOOD, 20.0, 40.0)
    called(circuit, Verdict.GOOD, 2)
    assert circuit.breaker.view().state is State.CLOSED


def test_first_texts_that_come_later_the_more_is_asked_lower_the_limit(circuits: Circuits, time: Time) -> None:
    circuit = circuits.of(CARD)
    called(circuit, Verdict.GOOD, 100)
    permits = [admitted(circuit) for _ in range(40)]
    time.now += 2
    for permit in permits:
        circuit.showed(permit, 2.0)
    assert circuit.load.view().limit == 36


def test_a_first_text_nobody_told_before_the_end_counts_too(circuits: Circuits) -> None:
    circuit = circuits.of(CARD)
    called(circuit, Verdict.GOOD)
    assert circuit.measures.latency() == 0.2


def test_a_permit_that_was_not_used_leaves_no_trace(circuits: Circuits) -> None:
    circuit = circuits.of(replace(OTHER, requests=1))
    circuit.end(admitted(circuit, 6_000), Verdict.NEUTRAL)
    assert circuit.wait(6_000) == 0.0
    assert (circuit.measures.snapshot().calls, circuit.load.flying) == (0, 0)


def test_a_permit_ends_once(circuits: Circuits) -> None:
    circuit = circuits.of(CARD)
    permit = admitted(circuit)
    for _ in range(3):
        circuit.end(permit, Verdict.FAILED, None, 1.0)
        circuit.end(permit, Verdict.BUSY, None, 1.0, None, 900.0)
    assert (circuit.load.flying, circuit.measures.calls, circuit.breaker.view().calls) == (0, 1, 1)
    assert circuit.wait() == 0.0


def test_a_refused_admission_holds_nothing(circuits: Circuits, time: Time) -> None:
    circuit = circuits.of(OTHER)
    called(circuit, Verdict.FAILED, 5)
    for _ in range(1_000):
        assert circuit.admit(6_000) is None
    time.now += 60
    assert circuit.load.flying == 0
    assert circuit.wait(6_000) == 0.0


def test_a_load_that_is_full_uses_up_no_probe(time: Time) -> None:
    circuits = Circuits(BreakerRules(jitter=0.0, probes=2), time, lambda: 0.0, LoadRules(most=1))
    circuit = circuits.of(CARD)
    called(circuit, Verdict.FAILED, 5)
    time.now += 5
    probe = admitted(circuit)
    for _ in range(10):
        assert circuit.admit() is None
    assert circuit.wait() == AGAIN
    circuit.end(probe, Verdict.GOOD, 0.2, 1.0)
    called(circuit, Verdict.GOOD)
    assert circuit.breaker.view().state is State.CLOSED


def test_busy_is_waited_for_and_is_not_down(circuits: Circuits, time: Time) -> None:
    circuit = circuits.of(CARD)
    for _ in range(50):
        called(circuit, Verdict.BUSY, retry_after=3.0)
        assert circuit.wait() == 3.0
        assert circuit.admit() is None
        assert circuit.admit(anyway=True) is None
        time.now += 3
    assert circuit.breaker.view().opened == 0
    assert circuit.measures.success() is None


def test_cooldown_storms_when_all_are_busy_the_earliest_is_waited_for(circuits: Circuits, time: Time) -> None:
    cards = [ModelCard("one", f"m{n}") for n in range(3)]
    for card, asked in zip(cards, (9.0, 2.0, 30.0), strict=True):
        called(circuits.of(card), Verdict.BUSY, retry_after=asked)
    waits = [circuits.of(card).wait() for card in cards]
    assert waits == [9.0, 2.0, 30.0]
    time.now += min(waits)
    assert circuits.of(cards[1]).admit() is not None


def test_cooldown_storms_a_last_resort_is_let_through_an_open_breaker(circuits: Circuits) -> None:
    circuit = circuits.of(CARD)
    called(circuit, Verdict.FAILED, 5)
    assert circuit.admit() is None
    permit = circuit.admit(anyway=True)
    assert permit is not None
    circuit.end(permit, Verdict.GOOD, 0.2, 1.0)
    assert circuit.breaker.view().state is State.OPEN
    assert circuit.load.flying == 0


@pytest.mark.parametrize("asked", [-5.0, 0.0, math.nan, math.inf, 1e12])
@pytest.mark.parametrize("verdict", [Verdict.FAILED, Verdict.BUSY])
def test_no_time_a_vendor_asks_for_closes_it_for_ever(circuits: Circuits, verdict: Verdict, asked: float) -> None:
    circuit = circuits.of(CARD)
    permits = [admitted(circuit) for _ in range(6)]
    for permit in permits:
        circuit.end(permit, verdict, None, 1.0, None, asked)
    assert 0 < circuit.wait() <= 3_600


def test_an_outage_lasts_as_long_as_the_vendor_says(circuits: Circuits) -> None:
    circuit = circuits.of(CARD)
    called(circuit, Verdict.FAILED, 5, retry_after=90.0)
    assert circuit.wait() == 90.0


def test_a_denied_key_is_closed_until_the_configuration_is_read_again(circuits: Circuits, time: Time) -> None:
    circuit = circuits.of(CARD, "k1")
    called(circuit, Verdict.DENIED)
    time.now += 1e6
    assert circuit.wait() == math.inf
    circuits.adopt([CARD], {"one": "k1"})
    assert circuits.of(CARD, "k1") is circuit
    assert circuit.wait() == 0.0
    assert circuit.breaker.view().reason == "the configuration was read again"


def test_a_reload_keeps_what_is_still_there_drops_what_is_gone_and_knows_new_limits(circuits: Circuits) -> None:
    kept, gone, old_key = circuits.of(CARD, "k1"), circuits.of(OTHER, ""), circuits.of(CARD, "k0")
    called(kept, Verdict.FAILED, 5)
    late = admitted(gone)
    new = ModelCard("three", "model-3")
    circuits.adopt([replace(CARD, requests=1), new], {"one": "k1", "two": "k2"})
    assert [(view.provider, view.key) for view in circuits.views()] == [("one", "k1"), ("three", "")]
    assert circuits.of(CARD, "k1") is kept
    assert kept.breaker.view().state is State.OPEN
    assert circuits.of(OTHER, "") is not gone
    assert circuits.of(CARD, "k0") is not old_key
    gone.end(late, Verdict.GOOD, 0.2, 1.0)
    kept.breaker.reset("an operator says so")
    called(kept, Verdict.GOOD)
    assert kept.wait() > 0


def test_a_call_given_up_on_says_how_long_it_took_at_least_and_a_quick_refusal_does_not(circuits: Circuits) -> None:
    circuit = circuits.of(CARD)
    called(circuit, Verdict.GOOD, 30)
    permits = [admitted(circuit) for _ in range(250)]
    for permit in permits:
        circuit.end(permit, Verdict.FAILED, None, 0.01)
    assert circuit.measures.latency() == 0.2
    assert circuit.measures.snapshot().p95 == 0.2


@pytest.mark.parametrize("verdict", [Verdict.NEUTRAL, Verdict.FAILED])
def test_a_long_wait_for_nothing_raises_the_latency(circuits: Circuits, verdict: Verdict) -> None:
    circuit = circuits.of(CARD)
    called(circuit, Verdict.GOOD, 30)
    circuit.end(admitted(circuit), verdict, None, 20.0)
    assert circuit.measures.latency() == 20.0


def test_a_cancelled_call_is_no_failure_anywhere(circuits: Circuits) -> None:
    circuit = circuits.of(CARD)
    called(circuit, Verdict.GOOD)
    called(circuit, Verdict.NEUTRAL, 100)
    view = circuits.views()[0]
    assert (view.measures.success, view.breaker.failures, view.measures.calls) == (1.0, 0.0, 101)


def test_a_vendor_that_is_down_for_a_minute_costs_few_calls_and_is_used_again_soon(time: Time) -> None:
    """Ten requests a second: five failed calls until it opens, then one failed probe each time it is tried."""
    chance = Random(3)
    circuit = Circuits(BreakerRules(), time, chance.random).of(CARD)
    failed, back = 0, 0.0
    while time.now < 240:
        time.now += 0.1
        down = 60 <= time.now < 120
        permit = circuit.admit()
        if permit is not None:
            failed += down
            circuit.end(permit, Verdict.FAILED if down else Verdict.GOOD, None if down else 0.2, 0.3)
            back = back or (time.now if time.now >= 120 else 0.0)
    assert failed <= 5 + 4
    assert 120 <= back < 165
    assert circuit.breaker.view().state is State.CLOSED


def test_a_vendor_with_thirty_percent_faults_is_called_for_a_small_share_of_ten_thousand_requests(time: Time) -> None:
    chance = Random(3)
    circuit = Circuits(BreakerRules(), time, chance.random).of(CARD)
    failed = 0
    for _ in range(10_000):
        time.now += 0.1
        permit = circuit.admit()
        if permit is not None:
            bad = chance.random() < 0.3
            failed += bad
            circuit.end(permit, Verdict.FAILED if bad else Verdict.GOOD, None if bad else 0.2, 0.3)
    assert failed < 200


def test_other_rules_hold_for_circuits_there_are_and_for_new_ones(circuits: Circuits) -> None:
    old = circuits.of(CARD)
    circuits.obey(BreakerRules(in_a_row=2, jitter=0.0))
    for circuit in (old, circuits.of(OTHER)):
        called(circuit, Verdict.FAILED, 2)
        assert circuit.wait() == 5.0


def test_an_operator_closes_the_breakers_of_one_model_whatever_its_key(circuits: Circuits) -> None:
    found = [circuits.of(CARD, "k1"), circuits.of(CARD, "k2"), circuits.of(OTHER)]
    for circuit in found:
        called(circuit, Verdict.DENIED)
    assert circuits.reset("one/model-1", "an operator says so")
    assert not circuits.reset("one/model-9", "an operator says so")
    assert [circuit.wait() for circuit in found] == [0.0, 0.0, math.inf]
    assert found[0].breaker.view().reason == "an operator says so"
