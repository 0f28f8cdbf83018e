# ruff: noqa: T201 - a command prints
"""Any life of a circuit breaker beside a simple one that forgets nothing: hypothesis plays both and compares. And
callers by the thousand at a half-open one.

Usage: python -m tests.fuzz.breaker [--steps 100000] [--rounds 1000]. Prints what was played; an AssertionError shows
the shortest life in which the two differ.
"""

from __future__ import annotations

import argparse
import asyncio
import math
from collections import Counter
from itertools import chain, repeat, takewhile
from random import Random
from typing import ClassVar

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from core.answering.breaker import AGAIN, Breaker, BreakerRules, Permit, State, Verdict

STEPS = 60
"""Steps of one life."""

COUNTED = (Verdict.GOOD, Verdict.SLOW, Verdict.FAILED)
SECONDS = st.sampled_from((0.0, 0.5, 1.0, 2.0, 5.0, 9.0, 30.0, 400.0))
VERDICTS = st.sampled_from((*[Verdict.GOOD] * 4, *[Verdict.FAILED] * 4, *Verdict))
RULES = st.builds(
    BreakerRules,
    window=st.sampled_from((5.0, 30.0)),
    most_calls=st.sampled_from((4, 50)),
    least_calls=st.integers(1, 4),
    failures=st.sampled_from((0.25, 0.5, 1.0)),
    slow=st.sampled_from((0.5, 0.8)),
    in_a_row=st.integers(0, 5),
    longest_pause=st.sampled_from((5.0, 17.0, 300.0)),
    jitter=st.sampled_from((0.0, 0.2)),
    probes=st.integers(1, 4),
    probe_within=st.sampled_from((2.0, 30.0)),
)


class Simple:
    """What the research says a breaker is, over lists that only grow; it looks at the clock every time it is asked."""

    def __init__(self, rules: BreakerRules) -> None:
        self.rules = rules
        self.lives: list[State] = [State.CLOSED]
        self.results: list[tuple[float, Verdict]] = []
        self.pauses: list[float] = []
        self.since = self.until = 0.0
        self.probes: dict[int, float] = {}
        self.good: set[int] = set()

    @property
    def state(self) -> State:
        return self.lives[-1]

    def look(self, now: float) -> None:
        over = [until for until in self.probes.values() if until <= now]
        if over:
            self.open(min(over), 0.0, 0.0)

    def become(self, state: State, now: float) -> None:
        self.lives.append(state)
        self.results, self.probes, self.good, self.since = [], {}, set(), now

    def open(self, at: float, asked: float, chance: float) -> None:
        if self.state is State.CLOSED and self.pauses and at - self.since > self.pauses[-1]:
            self.pauses = []
        doubled = self.rules.pause
        for _ in self.pauses:
            doubled = min(doubled * 2, self.rules.longest_pause)
        self.pauses.append(max(asked, min(doubled, self.rules.longest_pause)) * (1 + self.rules.jitter * chance))
        self.until = at + self.pauses[-1]
        self.become(State.OPEN, at)

    def numbers(self) -> set[int]:
        return set(range(1, self.rules.probes + 1)) - set(self.probes) - self.good

    def wait(self, now: float) -> float:
        self.look(now)
        waits = {State.CLOSED: 0.0, State.OPEN: max(0.0, self.until - now), State.FORCED: math.inf}
        return waits.get(self.state, 0.0 if self.numbers() else AGAIN)

    def judge(self, now: float, asked: float) -> None:
        rules = self.rules
        counted = [v for at, v in self.results[-rules.most_calls :] if at > now - rules.window]
        row = len(list(takewhile(lambda result: result[1] is Verdict.FAILED, reversed(self.results))))
        share = Counter(counted)
        calls = len(counted)
        bad = calls and (share[Verdict.FAILED] / calls >= rules.failures or share[Verdict.SLOW] / calls >= rules.slow)
        if (bad and calls >= rules.least_calls) or (rules.in_a_row and row >= rules.in_a_row):
            self.open(now, asked, 0.0)


class Life(RuleBasedStateMachine):
    """One breaker's life. Chance is 0 throughout, so that pauses are what the rules say."""

    steps: ClassVar[int] = 0
    seen: ClassVar[Counter[State]] = Counter()

    @initialize(rules=RULES, tried_again=st.booleans())
    def begin(self, rules: BreakerRules, tried_again: bool) -> None:
        self.now = 0.0
        self.breaker = Breaker(rules, lambda: self.now, lambda: 0.0)
        self.simple = Simple(rules)
        self.under_way: list[tuple[Permit, int]] = []
        self.over: list[Permit] = []
        if tried_again:
            for _ in range(rules.least_calls):
                if not self.breaker.wait():
                    self.calls_end_at_once(Verdict.FAILED, 1)
            self.somebody_waits()

    @rule(seconds=SECONDS)
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @rule()
    def somebody_waits(self) -> None:
        self.now += min(self.breaker.wait(), 1000.0)

    @rule(times=st.integers(1, 6), anyway=st.booleans())
    def calls_are_asked_for(self, times: int, anyway: bool) -> None:
        for _ in range(times):
            self._asked_for(anyway)

    def _asked_for(self, anyway: bool) -> None:
        simple = self.simple
        wait = simple.wait(self.now)
        assert self.breaker.wait() == wait
        permit = self.breaker.permit(anyway)
        if wait:
            assert permit is None or anyway
            if permit is not None:
                assert simple.state is not State.FORCED
                self.under_way.append((permit, -1))
            return
        if simple.state is State.OPEN:
            simple.become(State.HALF_OPEN, self.now)
        assert permit is not None
        if simple.state is State.HALF_OPEN:
            assert permit.number in simple.numbers()
            simple.probes[permit.number] = self.now + simple.rules.probe_within
        else:
            assert permit.number == 0
        self.under_way.append((permit, len(simple.lives)))

    @rule(verdict=VERDICTS, times=st.integers(1, 5))
    def calls_end_at_once(self, verdict: Verdict, times: int) -> None:
        for _ in range(times):
            self._asked_for(anyway=False)
            self.a_call_ends(-1, verdict, None)

    @rule(which=st.integers(0, 99), verdict=VERDICTS, asked=st.sampled_from((None, None, 1.0, 60.0, 500.0)))
    def a_call_ends(self, which: int, verdict: Verdict, asked: float | None) -> None:
        if not self.under_way:
            return
        permit, life = self.under_way.pop(which % len(self.under_way))
        self.over.append(permit)
        self.breaker.end(permit, verdict, asked)
        simple = self.simple
        simple.look(self.now)
        if life != len(simple.lives):
            if simple.state is State.OPEN and verdict is Verdict.FAILED:
                simple.until = max(simple.until, self.now + (asked or 0.0))
        elif verdict is Verdict.DENIED:
            simple.become(State.FORCED, self.now)
        elif simple.state is State.HALF_OPEN:
            self._probe_ended(permit.number, verdict, asked or 0.0)
        elif verdict in COUNTED:
            simple.results.append((self.now, verdict))
            simple.judge(self.now, asked or 0.0)

    def _probe_ended(self, number: int, verdict: Verdict, asked: float) -> None:
        del self.simple.probes[number]
        if verdict is Verdict.GOOD:
            self.simple.good.add(number)
            if len(self.simple.good) == self.simple.rules.probes:
                self.simple.become(State.CLOSED, self.now)
        elif verdict in COUNTED:
            self.simple.open(self.now, asked, 0.0)

    @rule(which=st.integers(0, 99), verdict=VERDICTS)
    def a_call_ends_once_more(self, which: int, verdict: Verdict) -> None:
        if self.over:
            self.breaker.end(self.over[which % len(self.over)], verdict, 900.0)

    @rule(which=st.integers(0, 99))
    def a_call_shows_text(self, which: int) -> None:
        if self.under_way:
            permit, life = self.under_way[which % len(self.under_way)]
            self.breaker.alive(permit)
            self.simple.look(self.now)
            if life == len(self.simple.lives) and permit.number:
                self.simple.probes[permit.number] = self.now + self.simple.rules.probe_within

    @rule(sure=st.integers(0, 5))
    def an_operator_resets_it(self, sure: int) -> None:
        if not sure or self.simple.state is State.FORCED:
            self.simple.look(self.now)
            self.breaker.reset("an operator says so")
            self.simple.pauses = []
            self.simple.become(State.CLOSED, self.now)

    @invariant()
    def both_are_alike(self) -> None:
        if not hasattr(self, "simple"):
            return
        simple, view = self.simple, self.breaker.view()
        assert view.wait == simple.wait(self.now)
        assert (view.state, view.lasted, view.out) == (simple.state, self.now - simple.since, len(simple.probes))
        assert view.epoch == len(simple.lives) - 1
        assert view.opened == sum(state in {State.OPEN, State.FORCED} for state in simple.lives)
        assert view.out + len(simple.good) <= simple.rules.probes
        assert view.reason or len(simple.lives) == 1
        Life.steps += 1
        Life.seen[view.state] += 1


def play(lives: int) -> int:
    """Play so many lives; the steps they had."""
    Life.steps = 0
    Life.seen.clear()
    options = settings(
        max_examples=lives,
        stateful_step_count=STEPS,
        deadline=None,
        database=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
        phases=(Phase.generate, Phase.shrink),
    )
    run_state_machine_as_test(Life, settings=options)
    return Life.steps


async def crowd(rounds: int, callers: int = 1_000) -> Counter[int]:
    """So many tasks ask a half-open breaker in each round, k from 1 to 10; how often each k was admitted exactly."""
    chance, exact = Random(0), Counter[int]()
    for number in range(rounds):
        k = 1 + number % 10
        instants = chain((0.0, 0.0), repeat(60.0))  # when it was made, when a call failed, and after that
        breaker = Breaker(BreakerRules(probes=k, in_a_row=1), instants.__next__, chance.random)
        breaker.end(breaker.permit() or Permit(0), Verdict.FAILED)
        over = asyncio.Event()

        async def call(breaker: Breaker, over: asyncio.Event) -> int:
            await asyncio.sleep(0)
            permit = breaker.permit()
            if permit is None:
                return 0
            await over.wait()
            breaker.end(permit, Verdict.GOOD)
            return permit.number

        async with asyncio.TaskGroup() as tasks:
            calls = [tasks.create_task(call(breaker, over)) for _ in range(callers)]
            for _ in range(5):
                await asyncio.sleep(0)
            over.set()
        assert sorted(call.result() for call in calls)[-k - 1 :] == list(range(k + 1))
        assert breaker.view().state is State.CLOSED
        exact[k] += 1
    return exact


def main() -> None:
    """Play at least the steps asked for, and the rounds."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--steps", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=1_000)
    options = parser.parse_args()
    steps = play(math.ceil(options.steps / 40))
    print(f"{steps:,} steps, the breaker and the simple one alike:", {s.value: n for s, n in Life.seen.items()})
    exact = asyncio.run(crowd(options.rounds))
    print(f"{exact.total():,} rounds of 1,000 callers at once, exactly k admitted in each: k", dict(exact))


if __name__ == "__main__":
    main()
