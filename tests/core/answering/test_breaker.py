"""When a breaker opens, what it lets through half open, and what is never counted."""

from __future__ import annotations

import math
from asyncio import CancelledError
from dataclasses import replace
from random import Random

import pytest

from core.answering.breaker import Breaker, BreakerRules, Permit, State, Verdict
from core.answering.verdicts import verdict_of
from core.errors import BadPrompt, Busy, Denied, Interrupted, NoAnswer, Unavailable, Unfit, Withdrawn
from core.providers._failures import from_event, from_response

PLAIN = BreakerRules(jitter=0.0)
RATE = replace(PLAIN, in_a_row=0)
GOOD, SLOW, FAILED, BUSY, DENIED, NEUTRAL = Verdict


class Time:
    """A clock that moves when told."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def time() -> Time:
    return Time()


def made(time: Time, rules: BreakerRules = PLAIN, chance: float = 0.0) -> Breaker:
    return Breaker(rules, time, lambda: chance)


def admitted(breaker: Breaker) -> Permit:
    permit = breaker.permit()
    assert permit is not None
    return permit


def state(breaker: Breaker) -> State:
    return breaker.state


def ended(breaker: Breaker, *verdicts: Verdict) -> None:
    for verdict in verdicts:
        breaker.end(admitted(breaker), verdict)


def opened(time: Time, rules: BreakerRules = PLAIN) -> Breaker:
    breaker = made(time, rules)
    ended(breaker, *[FAILED] * 5)
    assert state(breaker) is State.OPEN
    return breaker


def half_open(time: Time, rules: BreakerRules = PLAIN) -> Breaker:
    breaker = opened(time, rules)
    time.now += rules.pause
    return breaker


# --- opening ---------------------------------------------------------------------------------------------------------


def test_a_quarter_of_ten_calls_that_failed_open_it(time: Time) -> None:
    breaker = made(time, RATE)
    ended(breaker, *[GOOD] * 7, FAILED, FAILED)
    assert state(breaker) is State.CLOSED
    ended(breaker, FAILED)
    assert state(breaker) is State.OPEN
    assert breaker.view().reason == "3 of 10 calls failed"
    assert breaker.wait() == 5.0
    assert breaker.permit() is None


def test_fewer_failures_than_a_quarter_never_open_it(time: Time) -> None:
    breaker = made(time)
    for _ in range(200):
        ended(breaker, *[GOOD] * 4, FAILED, *[GOOD] * 5, FAILED)
        time.now += 1
    assert breaker.view().opened == 0


def test_thirty_percent_of_random_faults_open_it_and_two_percent_do_not(time: Time) -> None:
    calls = []
    for seed in range(200):
        chance, breaker = Random(seed), made(time)
        calls.append(0)
        while state(breaker) is State.CLOSED:
            calls[-1] += 1
            ended(breaker, FAILED if chance.random() < 0.3 else GOOD)
            time.now += 0.1
    assert sorted(calls)[100] <= 15
    assert max(calls) <= 200
    chance, breaker = Random(0), made(time)
    for _ in range(10_000):
        ended(breaker, FAILED if chance.random() < 0.02 else GOOD)
        time.now += 0.1
    assert breaker.view().opened == 0


def test_a_vendor_that_is_down_costs_five_calls_however_well_it_went_before(time: Time) -> None:
    breaker = made(time)
    ended(breaker, *[GOOD] * 100, *[FAILED] * 4)
    assert state(breaker) is State.CLOSED
    ended(breaker, FAILED)
    assert breaker.view().reason == "5 calls failed in a row"


def test_calls_that_are_rare_fail_in_a_row_all_the_same(time: Time) -> None:
    breaker = made(time)
    for _ in range(5):
        ended(breaker, FAILED)
        time.now += 600
    assert state(breaker) is State.OPEN


def test_what_is_older_than_the_window_is_forgotten(time: Time) -> None:
    breaker = made(time, RATE)
    ended(breaker, *[FAILED] * 9)
    time.now = 30.0
    ended(breaker, FAILED)
    assert state(breaker) is State.CLOSED
    assert breaker.view().calls == 1


def test_what_is_more_than_the_window_holds_is_forgotten(time: Time) -> None:
    breaker = made(time, RATE)
    ended(breaker, *[GOOD] * 100)
    view = breaker.view()
    assert (view.calls, view.failures) == (50, 0.0)
    ended(breaker, *[FAILED] * 12)
    assert state(breaker) is State.CLOSED
    ended(breaker, FAILED)
    assert breaker.view().reason == "13 of 50 calls failed"


def test_slow_calls_open_it_without_any_failure(time: Time) -> None:
    breaker = made(time)
    ended(breaker, *[SLOW] * 7, *[GOOD] * 2)
    assert state(breaker) is State.CLOSED
    ended(breaker, SLOW)
    assert breaker.view().reason == "8 of 10 calls were slow"


@pytest.mark.parametrize("verdict", [NEUTRAL, BUSY])
def test_what_never_counts_does_not_open_it_and_does_not_dilute_failures(time: Time, verdict: Verdict) -> None:
    breaker = made(time, RATE)
    ended(breaker, *[verdict] * 1000)
    assert breaker.view().calls == 0
    ended(breaker, *[FAILED] * 9, *[verdict] * 1000)
    assert state(breaker) is State.CLOSED
    ended(breaker, FAILED)
    assert state(breaker) is State.OPEN


def test_a_denied_call_forces_it_open_until_told_otherwise(time: Time) -> None:
    breaker = made(time)
    before = admitted(breaker)
    ended(breaker, DENIED)
    time.now += 1e9
    assert state(breaker) is State.FORCED
    assert breaker.wait() == math.inf
    assert breaker.permit() is None
    assert breaker.permit(anyway=True) is None
    breaker.reset("the configuration was read again")
    assert (state(breaker), breaker.wait()) == (State.CLOSED, 0.0)
    breaker.end(before, DENIED)
    assert state(breaker) is State.CLOSED


def test_slow_calls_are_forgotten_like_others(time: Time) -> None:
    breaker = made(time)
    ended(breaker, *[SLOW] * 7)
    time.now += 30
    ended(breaker, *[GOOD] * 8, SLOW, SLOW)
    view = breaker.view()
    assert (view.state, view.slow) == (State.CLOSED, 0.2)


# --- how long it stays open ------------------------------------------------------------------------------------------


def test_it_stays_open_twice_as_long_each_time_it_does_not_close(time: Time) -> None:
    breaker, waits = opened(time), []
    for _ in range(9):
        waits.append(breaker.wait())
        time.now += waits[-1]
        ended(breaker, FAILED)
    assert waits == [5, 10, 20, 40, 80, 160, 300, 300, 300]


def test_it_begins_anew_once_it_was_closed_for_longer_than_it_was_open(time: Time) -> None:
    breaker = half_open(time)
    ended(breaker, GOOD, GOOD, GOOD)
    time.now += 4
    ended(breaker, *[FAILED] * 5)
    assert breaker.wait() == 10
    time.now += 10
    ended(breaker, GOOD, GOOD, GOOD)
    time.now += 11
    ended(breaker, *[FAILED] * 5)
    assert breaker.wait() == 5


def test_after_a_reset_it_begins_anew(time: Time) -> None:
    breaker = opened(time)
    for _ in range(4):
        time.now += breaker.wait()
        ended(breaker, FAILED)
    breaker.reset("an operator says so")
    ended(breaker, *[FAILED] * 5)
    assert breaker.wait() == 5


@pytest.mark.parametrize(("chance", "wait"), [(0.0, 5.0), (0.5, 5.5), (1.0, 6.0)])
def test_jitter_makes_a_pause_longer_never_shorter(time: Time, chance: float, wait: float) -> None:
    breaker = made(time, BreakerRules(), chance)
    ended(breaker, *[FAILED] * 5)
    assert breaker.wait() == pytest.approx(wait)


@pytest.mark.parametrize(("asked", "wait"), [(None, 5.0), (2.0, 5.0), (60.0, 60.0), (900.0, 900.0)])
def test_it_stays_open_as_long_as_the_vendor_asked_for(time: Time, asked: float | None, wait: float) -> None:
    breaker = made(time)
    ended(breaker, *[FAILED] * 4)
    breaker.end(admitted(breaker), FAILED, asked)
    assert breaker.wait() == wait


def test_cooldown_storms_the_longest_deadline_wins(time: Time) -> None:
    breaker = made(time)
    permits = [admitted(breaker) for _ in range(20)]
    for permit in permits[:5]:
        breaker.end(permit, FAILED)
    waits = [breaker.wait()]
    for permit, asked in zip(permits[5:], (None, 60.0, 1.0, 30.0, None, 90.0, 0.0), strict=False):
        breaker.end(permit, FAILED, asked)
        waits.append(breaker.wait())
    assert waits == [5, 5, 60, 60, 60, 60, 90, 90]
    breaker.end(permits[12], GOOD, 500.0)
    breaker.end(permits[13], BUSY, 500.0)
    assert breaker.wait() == 90


def test_cooldown_storms_jitter_spreads_many_breakers(time: Time) -> None:
    chance = Random(0).random
    breakers = [Breaker(BreakerRules(), time, chance) for _ in range(100)]
    for breaker in breakers:
        ended(breaker, *[FAILED] * 5)
    waits = sorted(breaker.wait() for breaker in breakers)
    assert 5.0 <= waits[0] < 5.1
    assert 5.9 < waits[-1] <= 6.0
    assert len(set(waits)) == 100


def test_cooldown_storms_there_is_a_last_resort_that_changes_nothing(time: Time) -> None:
    breaker = opened(time)
    for verdict in Verdict:
        permit = breaker.permit(anyway=True)
        assert permit is not None
        breaker.end(permit, verdict)
        assert (state(breaker), breaker.wait()) == (State.OPEN, 5.0)


def test_a_last_resort_takes_no_probe_from_others_and_is_a_probe_where_one_is_free(time: Time) -> None:
    breaker = half_open(time)
    permits = [breaker.permit(anyway=True) for _ in range(5)]
    assert [permit.number for permit in permits if permit] == [1, 2, 3, 0, 0]
    assert breaker.view().out == 3


# --- half open -------------------------------------------------------------------------------------------------------


def test_all_probes_have_to_be_good_before_it_closes(time: Time) -> None:
    breaker = half_open(time)
    ended(breaker, GOOD, GOOD)
    time.now += 1_000
    view = breaker.view()
    assert (view.state, view.out) == (State.HALF_OPEN, 0)
    ended(breaker, GOOD)
    assert state(breaker) is State.CLOSED
    assert breaker.view().reason == "all probes were good"


@pytest.mark.parametrize(("verdict", "went"), [(FAILED, "failed"), (SLOW, "was slow")])
def test_one_probe_that_is_not_good_opens_it_again(time: Time, verdict: Verdict, went: str) -> None:
    breaker = half_open(time)
    first, second = admitted(breaker), admitted(breaker)
    breaker.end(first, GOOD)
    breaker.end(second, verdict)
    assert (state(breaker), breaker.wait()) == (State.OPEN, 10.0)
    assert breaker.view().reason == f"probe 2 {went}"


def test_a_probe_that_is_denied_forces_it_open(time: Time) -> None:
    breaker = half_open(time)
    ended(breaker, DENIED)
    assert breaker.wait() == math.inf


def test_a_probe_that_never_comes_back_failed_at_its_deadline_and_frees_nothing(time: Time) -> None:
    breaker = half_open(time)
    lost = admitted(breaker)
    ended(breaker, GOOD, GOOD)
    time.now += 29
    assert breaker.permit() is None
    time.now += 5
    assert breaker.wait() == 6.0  # it opened at its deadline, four seconds ago, for ten
    view = breaker.view()
    assert (view.state, view.lasted, view.reason) == (State.OPEN, 4.0, "probe 1 never came back")
    breaker.end(lost, GOOD)
    assert state(breaker) is State.OPEN


def test_a_lost_probe_is_noticed_by_the_next_who_asks(time: Time) -> None:
    breaker = half_open(time)
    admitted(breaker)
    time.now += 30
    assert breaker.permit() is None
    assert breaker.view().reason == "probe 1 never came back"


def test_a_probe_whose_answer_is_long_has_as_long_again_from_its_first_text(time: Time) -> None:
    breaker = half_open(time)
    probe = admitted(breaker)
    time.now += 20
    breaker.alive(probe)
    time.now += 20
    ended(breaker, GOOD, GOOD)
    breaker.end(probe, GOOD)
    assert state(breaker) is State.CLOSED


def test_a_sign_of_life_after_the_deadline_comes_too_late(time: Time) -> None:
    breaker = half_open(time)
    probe = admitted(breaker)
    time.now += 31
    breaker.alive(probe)
    assert state(breaker) is State.OPEN


def test_stream_breaker_no_op(time: Time) -> None:
    """A stream that began well and broke is told when it is over, as a failure; being cancelled is none."""
    breaker = made(time)
    for _ in range(5):
        permit = admitted(breaker)
        breaker.alive(permit)
        breaker.end(permit, verdict_of(Interrupted("cut"), first=0.2))
    assert state(breaker) is State.OPEN
    breaker = made(time)
    for _ in range(100):
        breaker.end(admitted(breaker), verdict_of(CancelledError()))
    assert (state(breaker), breaker.view().calls) == (State.CLOSED, 0)


@pytest.mark.parametrize("error", [BadPrompt("no"), CancelledError(), GeneratorExit(), Busy("later"), Withdrawn("no")])
def test_half_open_wedge(time: Time, error: BaseException) -> None:
    """However a probe ends that tells nothing, another may take its place."""
    breaker = half_open(time)
    for _ in range(100):
        permits = [admitted(breaker) for _ in range(3)]
        assert breaker.permit() is None
        for permit in permits:
            breaker.end(permit, verdict_of(error))
    assert state(breaker) is State.HALF_OPEN
    ended(breaker, GOOD, GOOD, GOOD)
    assert state(breaker) is State.CLOSED


@pytest.mark.parametrize("verdict", Verdict)
def test_half_open_wedge_no_way_to_end_leaves_it_half_open_with_nothing_to_give(time: Time, verdict: Verdict) -> None:
    breaker = half_open(time)
    ended(breaker, GOOD, GOOD, verdict)
    if verdict is DENIED:
        breaker.reset("the key was changed")
    time.now += breaker.wait()
    assert breaker.permit() is not None


@pytest.mark.parametrize("probes", [1, 2, 3, 7])
def test_thundering_half_open(time: Time, probes: int) -> None:
    """A thousand rounds of a thousand callers, and exactly k are let through in each."""
    breaker = opened(time, replace(PLAIN, probes=probes, longest_pause=5.0))
    for _ in range(1_000 if probes == 3 else 100):
        time.now += 5
        permits = [permit for _ in range(1_000) if (permit := breaker.permit())]
        assert sorted(permit.number for permit in permits) == list(range(1, probes + 1))
        for permit in permits:
            breaker.end(permit, FAILED)
        assert state(breaker) is State.OPEN


# --- epochs ----------------------------------------------------------------------------------------------------------


def test_late_success_closes_open_breaker(time: Time) -> None:
    """It does not: what began before it opened is not counted, neither while it is open nor half open."""
    breaker = made(time)
    late = [admitted(breaker) for _ in range(20)]
    ended(breaker, *[FAILED] * 5)
    for permit in late[:10]:
        breaker.end(permit, GOOD)
    assert (state(breaker), breaker.wait()) == (State.OPEN, 5.0)
    time.now += 5
    probe = admitted(breaker)
    for permit in late[10:]:
        breaker.end(permit, GOOD)
    assert state(breaker) is State.HALF_OPEN
    assert breaker.view().out == 1
    breaker.end(probe, GOOD)
    assert state(breaker) is State.HALF_OPEN


@pytest.mark.parametrize("verdict", [FAILED, SLOW, DENIED])
def test_a_late_failure_disturbs_neither_half_open_nor_the_next_life(time: Time, verdict: Verdict) -> None:
    breaker = made(time)
    late = [admitted(breaker) for _ in range(20)]
    ended(breaker, *[FAILED] * 5)
    time.now += 5
    probes = [admitted(breaker) for _ in range(3)]
    breaker.end(late[0], verdict)
    assert state(breaker) is State.HALF_OPEN
    for permit in probes:
        breaker.end(permit, GOOD)
    for permit in late[1:]:
        breaker.end(permit, verdict)
    assert (state(breaker), breaker.view().calls) == (State.CLOSED, 0)


def test_a_permit_counts_once(time: Time) -> None:
    breaker = made(time)
    permit = admitted(breaker)
    for _ in range(100):
        breaker.end(permit, FAILED)
    assert breaker.view().calls == 1


def test_stale_shared_state(time: Time) -> None:
    """Nothing is shared: of many breakers each opens and recovers by its own calls and the clock it was given."""
    breakers = [made(time) for _ in range(10)]
    for breaker in breakers[:4]:
        ended(breaker, *[FAILED] * 5)
    assert [breaker.state for breaker in breakers] == [State.OPEN] * 4 + [State.CLOSED] * 6
    time.now = math.nextafter(5, 0)
    assert not any(breaker.permit() for breaker in breakers[:4])
    time.now = 5.0
    for breaker in breakers[:2]:
        ended(breaker, GOOD, GOOD, GOOD)
    assert [breaker.wait() for breaker in breakers] == [0.0] * 10
    assert [breaker.state for breaker in breakers[:4]] == [State.CLOSED] * 2 + [State.OPEN] * 2


@pytest.mark.parametrize(("before", "after"), [(3, 1), (1, 3)])
@pytest.mark.parametrize("good", [0, 1, 2])
def test_rules_that_change_while_it_is_half_open_leave_it_able_to_close(
    time: Time, before: int, after: int, good: int
) -> None:
    breaker = half_open(time, replace(PLAIN, probes=before))
    ended(breaker, *[GOOD] * min(good, before))
    breaker.rules = replace(PLAIN, probes=after)
    for _ in range(3):
        ended(breaker, GOOD)
    assert state(breaker) is State.CLOSED


def test_rules_that_change_hold_for_what_was_counted_before(time: Time) -> None:
    breaker = made(time)
    ended(breaker, *[FAILED] * 4)
    breaker.rules = replace(PLAIN, in_a_row=3)
    ended(breaker, FAILED)
    assert state(breaker) is State.OPEN
    breaker = made(time, RATE)
    ended(breaker, *[GOOD] * 40)
    breaker.rules = replace(RATE, most_calls=10)
    assert breaker.view().calls == 10
    breaker.rules = replace(RATE, window=5.0)
    time.now += 5
    assert breaker.view().calls == 0


def test_people_can_read_it(time: Time) -> None:
    breaker = made(time)
    view = breaker.view()
    assert (view.state.value, view.reason, view.opened, view.epoch) == ("closed", "", 0, 0)
    ended(breaker, GOOD, GOOD, SLOW, FAILED)
    view = breaker.view()
    assert (view.calls, view.failures, view.slow) == (4, 0.25, 0.25)
    ended(breaker, DENIED)
    time.now += 3
    view = breaker.view()
    assert (view.state.value, view.lasted, view.wait, view.opened) == ("forced open", 3.0, math.inf, 1)
    assert view.reason == "the key, the quota or a permission was refused"


@pytest.mark.parametrize("rules", [{"probes": 0}, {"least_calls": 0}, {"most_calls": 9}])
def test_rules_by_which_it_could_never_open_or_never_close_are_refused(rules: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="needs a probe"):
        BreakerRules(**rules)


# --- verdicts --------------------------------------------------------------------------------------------------------

VERDICTS: list[tuple[BaseException | None, Verdict]] = [
    (None, GOOD),
    (Unfit("refusal", "it declined"), GOOD),
    (Unavailable("down"), FAILED),
    (Interrupted("cut"), FAILED),
    (NoAnswer("none"), FAILED),
    (TimeoutError(), FAILED),
    (RuntimeError("a plug-in broke"), FAILED),
    (Busy("later", 3.0), BUSY),
    (Denied("no"), DENIED),
    (BadPrompt("too long"), NEUTRAL),
    (Withdrawn("taken"), NEUTRAL),
    (CancelledError(), NEUTRAL),
    (GeneratorExit(), NEUTRAL),
    (KeyboardInterrupt(), NEUTRAL),
]


@pytest.mark.parametrize(("error", "verdict"), VERDICTS, ids=[type(error).__name__ for error, _ in VERDICTS])
def test_every_error_has_its_verdict(error: BaseException | None, verdict: Verdict) -> None:
    assert verdict_of(error) is verdict
    assert verdict_of(error, ours=True) is NEUTRAL


STATUSES = {
    **dict.fromkeys((400, 404, 413, 422), NEUTRAL),
    **dict.fromkeys((401, 402, 403), DENIED),
    **dict.fromkeys((429, 529), BUSY),
    **dict.fromkeys((408, 500, 502, 503, 504, 520), FAILED),
}


@pytest.mark.parametrize(("status", "verdict"), STATUSES.items())
def test_529_overload_misclassified(status: int, verdict: Verdict) -> None:
    """What every status of a vendor says about the model; no quota left is denied although it comes as a 429."""
    assert verdict_of(from_response(status, b"{}")) is verdict
    assert verdict_of(from_response(429, b'{"error": {"code": "insufficient_quota"}}')) is DENIED
    assert verdict_of(from_event({"type": "overloaded_error"})) is BUSY


@pytest.mark.parametrize(
    ("first", "stall", "verdict"),
    [(None, 0.0, GOOD), (10.0, 10.0, GOOD), (10.1, 0.0, SLOW), (0.1, 10.1, SLOW), (11.0, 11.0, SLOW)],
)
def test_slow_is_a_late_first_text_or_a_long_silence(first: float | None, stall: float, verdict: Verdict) -> None:
    assert verdict_of(None, first, stall) is verdict
    assert verdict_of(Unfit("brand", "rude"), first, stall) is verdict
    assert verdict_of(Unavailable("down"), first, stall) is FAILED
