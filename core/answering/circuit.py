"""What calls of one model with one key go through: its breaker, its load and its measures, told together.

`Circuits` holds those of all models, made on first use. What each part does is its own file's business; which model is
tried is decided elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from core.answering.breaker import Breaker, BreakerRules, BreakerView, Permit, State, Verdict
from core.answering.load import Load, LoadRules, LoadView
from core.answering.measures import Measures, Snapshot
from core.tiers import ModelCard, Usage

NO_KEYS: Mapping[str, str] = {}
LOAD = LoadRules()

LONGEST_ASKED = 3600.0
"""Seconds of a vendor's `retry-after` we believe."""

WELL = frozenset({Verdict.GOOD, Verdict.SLOW})
JUDGED = WELL | {Verdict.FAILED, Verdict.DENIED}


@dataclass(frozen=True, slots=True)
class CircuitView:
    """A circuit for people. `key` is the fingerprint it was made for, never a key."""

    provider: str
    model: str
    key: str
    breaker: BreakerView
    load: LoadView
    measures: Snapshot


class Circuit:
    """The circuit of one provider, model and key."""

    def __init__(self, breaker: Breaker, load: Load, measures: Measures) -> None:
        self.breaker = breaker
        self.load = load
        self.measures = measures

    def admit(self, tokens: int = 0, anyway: bool = False) -> Permit | None:
        """The right to make a call now that may use so many tokens, or None. Whoever has one must end it once.

        `anyway`: the last resort of whoever has nobody else to ask, while the breaker is open. What the vendor takes at
        most, and a key that was denied, stay as they are.
        """
        if self.load.wait_for(tokens):
            return None
        permit = self.breaker.permit(anyway)
        if permit is not None:
            permit.tokens = tokens
            permit.began = self.load.enter(tokens)
        return permit

    def wait(self, tokens: int = 0) -> float:
        """Seconds until a call may be admitted: 0 now, inf when the key was denied."""
        return max(self.breaker.wait(), self.load.wait_for(tokens))

    def showed(self, permit: Permit, seconds: float) -> None:
        """The call gave its first text after so many seconds: told at once, not when a long answer is over."""
        if not (permit.ended or permit.showed):
            permit.showed = True
            self.breaker.alive(permit)
            self.load.showed(permit.began, seconds)
            self.measures.showed(seconds)

    def end(
        self,
        permit: Permit,
        verdict: Verdict,
        first: float | None = None,
        seconds: float | None = None,
        usage: Usage | None = None,
        retry_after: float | None = None,
    ) -> None:
        """What became of the call; only the first end of a permit counts.

        `first`: seconds to its first text, `seconds`: to its end, None when it was never made. `retry_after`: seconds
        the vendor asked for.
        """
        if permit.ended:
            return
        if retry_after is not None:
            retry_after = min(retry_after, LONGEST_ASKED) if retry_after > 0 else None
        if first is not None:
            self.showed(permit, first)
        if seconds is None:
            self.load.undo(permit.tokens)
        else:
            self._measure(permit, verdict, first, seconds, usage)
            if verdict is Verdict.BUSY:
                self.load.busy(permit.began, retry_after)
            self.load.leave(permit.tokens, None if usage is None else usage.input + usage.output)
        self.breaker.end(permit, verdict, retry_after)

    def _measure(
        self, permit: Permit, verdict: Verdict, first: float | None, seconds: float, usage: Usage | None
    ) -> None:
        measures = self.measures
        measures.calls += 1
        if verdict in JUDGED:
            measures.judged(verdict in WELL, verdict.value)
        if first is not None:
            if usage is not None:
                measures.wrote(usage.output, seconds - first)
        # A refusal at once is no late text; a failure after a long wait is one that was given up on.
        elif not permit.showed and (verdict is Verdict.NEUTRAL or seconds > (measures.p50 or 0.0)):
            measures.waited(seconds)


class Circuits:
    """All circuits of this process."""

    def __init__(
        self,
        rules: BreakerRules,
        clock: Callable[[], float],
        chance: Callable[[], float],
        load: LoadRules = LOAD,
    ) -> None:
        self.rules = rules
        self.load = load
        self._clock = clock
        self._chance = chance
        self._circuits: dict[tuple[str, str, str], Circuit] = {}

    def of(self, card: ModelCard, key: str = "") -> Circuit:
        """The circuit of this model with the key of this fingerprint, made when there is none."""
        name = (card.provider, card.model, key)
        found = self._circuits.get(name)
        if found is None:
            found = self._circuits[name] = self._made(card)
        return found

    def adopt(self, cards: Iterable[ModelCard], keys: Mapping[str, str] = NO_KEYS) -> None:
        """The configuration was read again: these are the models, and `keys` their providers' fingerprints.

        What is gone is dropped, what is new begins afresh, what was denied is tried again; the rest stays as it was,
        with the vendor's present limits.
        """
        kept = {}
        for card in cards:
            name = (card.provider, card.model, keys.get(card.provider, ""))
            kept[name] = circuit = self._circuits.get(name) or self._made(card)
            circuit.load.resize(card.requests, card.tokens)
            if circuit.breaker.state is State.FORCED:
                circuit.breaker.reset("the configuration was read again")
        self._circuits = kept

    def obey(self, rules: BreakerRules) -> None:
        """Other rules are in force from now on, for those there are as well."""
        self.rules = rules
        for circuit in self._circuits.values():
            circuit.breaker.rules = rules

    def reset(self, model: str, reason: str) -> bool:
        """Close the breakers of this model, by `provider/model`; whether there was one."""
        found = [c for (provider, name, _), c in self._circuits.items() if f"{provider}/{name}" == model]
        for circuit in found:
            circuit.breaker.reset(reason)
        return bool(found)

    def views(self) -> list[CircuitView]:
        """How all of them stand, by name."""
        return [
            CircuitView(*name, circuit.breaker.view(), circuit.load.view(), circuit.measures.snapshot())
            for name, circuit in sorted(self._circuits.items())
        ]

    def _made(self, card: ModelCard) -> Circuit:
        return Circuit(
            Breaker(self.rules, self._clock, self._chance),
            Load(self.load, self._clock, self._chance, card.requests, card.tokens),
            Measures(self._clock),
        )
