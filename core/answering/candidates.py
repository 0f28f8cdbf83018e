"""Which model is tried next: the tier's own, then stronger tiers, then weaker ones; ready, fitting, in order, admitted.

Everything is asked here before a call is made; what a call teaches comes back by what the chain says afterwards.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Iterable, Sequence

from core.answering.attempt import Candidate
from core.answering.breaker import Permit
from core.answering.deadline import Deadline
from core.answering.means import Means
from core.answering.order import Standing, arranged, failing
from core.answering.preflight import obstacle
from core.answering.request import Request
from core.answering.tokens import estimate
from core.tiers import ModelCard, Tier

Admitted = tuple[Candidate, Permit]

WARY = 5.0
"""Extra calls left at which models that succeed go first: what is left is for those that fail all the same."""


class Candidates:
    """The models of one request, each tried at most once, in groups of one tier."""

    def __init__(self, means: Means, request: Request, cards: Iterable[tuple[Tier, Sequence[ModelCard]]]) -> None:
        self._means = means
        self._tokens = estimate(request.prompt).likely + request.prompt.max_tokens
        self._groups: list[list[Candidate]] = []
        self._waited = self._asked = False
        seen: set[str] = set()
        for tier, group in cards:
            payable = [card for card in group if card.free or not request.free_only]
            fresh = {card.name: card for card in payable if card.name not in seen}
            seen.update(fresh)
            self._groups.append(self._arranged(tier, [*fresh.values()], request))

    def _arranged(self, tier: Tier, cards: Sequence[ModelCard], request: Request) -> list[Candidate]:
        means = self._means
        fitting = [Candidate(tier, c, means.circuit(c)) for c in cards if not obstacle(c, request, means.places)]
        if len(fitting) < 2:
            return fitting
        by_name = {candidate.card.name: candidate for candidate in fitting}
        standings = [_standing(candidate) for candidate in fitting]
        order = arranged(means.order, standings, request, request.last, wary=means.retries.left < WARY)
        return [by_name[standing.card.name] for standing in order]

    async def next(self, deadline: Deadline) -> Admitted | None:
        """The next one and its permit, waited for where all are only busy or out for a moment. None: there is none, or
        no time is left for one.
        """
        while deadline.left > 0:
            for group in self._groups:
                if admitted := self._admitted(group) or await self._queued(group, deadline):
                    return admitted
            wait = self._wait(candidate for group in self._groups for candidate in group)
            if wait > min(deadline.left, deadline.patience.first):
                return self._last_resort()
            await asyncio.sleep(wait)
        return None

    def beside(self, tier: Tier) -> Admitted | None:
        """Another one of that tier that can be called this instant, another vendor's where there is one."""
        group = next((group for group in self._groups if group and group[0].tier is tier), None)
        return self._admitted(group) if group else None

    def above(self, tier: Tier) -> bool:
        """Whether another one of this tier or a stronger one is left that can be asked now."""
        return any(c.tier >= tier and not c.circuit.wait(self._tokens) for group in self._groups for c in group)

    def rise(self, tier: Tier) -> None:
        """What this tier made must not be shown: stronger ones first from now on, the rest only after them."""
        self._groups.sort(key=lambda group: not (group and group[0].tier > tier))

    def best_first(self) -> None:
        """No extra call is left: what often fails goes last, whatever its tier, so that this try is the last one."""
        left = [candidate for group in self._groups for candidate in group]
        left.sort(key=lambda candidate: failing(candidate.circuit.measures.success()))
        self._groups = [[candidate] for candidate in left]

    async def continuing(self, broken: Candidate, most: float) -> Admitted | None:
        """One that can go on from what this model has said: the same weights elsewhere, or the same one again.

        It is waited for `most` seconds at most.
        """
        weights = _weights(broken.card)
        while True:
            same = [*(c for group in self._groups for c in group if _weights(c.card) == weights), broken]
            same = [candidate for candidate in same if candidate.card.continues]
            wait = self._wait(same)
            if admitted := self._admitted(list(same)):
                self._groups = [[c for c in group if c is not admitted[0]] for group in self._groups]
                return admitted
            if wait > most:
                return None
            await asyncio.sleep(wait)

    def _admitted(self, group: list[Candidate]) -> Admitted | None:
        for candidate in group:
            permit = candidate.circuit.admit(self._tokens)
            if permit is not None:
                group.remove(candidate)
                self._asked = True
                return candidate, permit
        return None

    def _last_resort(self) -> Admitted | None:
        """Where nobody was asked and none will be let through in time, the best one in spite of its breaker."""
        left = [candidate for group in self._groups for candidate in group]
        for candidate in () if self._asked else sorted(left, key=_success, reverse=True):
            permit = candidate.circuit.admit(self._tokens, anyway=True)
            if permit is not None:
                self._groups = [[c for c in group if c is not candidate] for group in self._groups]
                self._asked = True
                return candidate, permit
        return None

    async def _queued(self, group: list[Candidate], deadline: Deadline) -> Admitted | None:
        """One of a group that is only busy, once a request: a short wait is cheaper than a stronger model."""
        wait = self._wait(group)
        if self._waited or wait > min(deadline.left, deadline.patience.queue):
            return None
        self._waited = True
        await asyncio.sleep(wait)
        return self._admitted(group)

    def _wait(self, candidates: Iterable[Candidate]) -> float:
        return min((c.circuit.wait(self._tokens) for c in candidates), default=math.inf)


def _standing(candidate: Candidate) -> Standing:
    circuit = candidate.circuit
    return Standing(candidate.card, circuit.measures.latency(), circuit.measures.success(), circuit.load.flying)


def _success(candidate: Candidate) -> float:
    known = candidate.circuit.measures.success()
    return 0.5 if known is None else known


def _weights(card: ModelCard) -> str:
    return card.weights or card.model
