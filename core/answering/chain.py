"""How a tier answers, and the order in which its parts are used; each part is a file beside this one.

    allowed     budgets may ask for a cheaper tier                                         purse
                a cache would answer here, before anything is called
    candidates  the tier's models, then stronger tiers, then weaker ones: ready, fitting,
                in the order of the policy, let through by breaker and load                candidates
    attempt     money is set aside, the model streams, checks read before the customer
                does, and whatever became of it is booked                                  attempt, screen
    hedge       a second model where the first one's text is late                          hedge
    whole       an independent model or several models at once judge the whole text        whole
    next        failed: the next model. Unfit: the next tier. Broken off: the same model
                goes on, or another text takes the place of what was shown, or it ends
                with the truth. Two models' texts are never joined

A shadow call or a batch would begin where `attempt` does. Nothing here knows a platform, a vendor or a store.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import replace
from typing import Protocol

from core.answering import judge, whole
from core.answering.attempt import ANSWERED, REFUSED, Attempt, Candidate
from core.answering.candidates import WARY, Admitted, Candidates
from core.answering.deadline import Deadline, Patience
from core.answering.hedge import Hedge, Opened, race
from core.answering.means import Means
from core.answering.preflight import obstacle
from core.answering.purse import affordable
from core.answering.request import Request
from core.answering.screen import Screen
from core.answering.whole import Judging
from core.errors import Interrupted, NoAnswer, Unfit
from core.ports import Provider
from core.records import Call, Purpose
from core.text import Anew, grown
from core.tiers import ModelCard, Tier

CONTINUED = 4
"""Times one answer is gone on with after it broke off."""


class Ready(Protocol):
    """What the chain asks of availability."""

    def is_ready(self, provider: str) -> bool:
        """Whether this provider can be asked now."""
        ...


class Chain:
    """The models of every tier, in order, the providers that reach them, and the means in force."""

    def __init__(
        self,
        tiers: Mapping[Tier, Sequence[ModelCard]],
        providers: Mapping[str, Provider],
        availability: Ready,
        means: Means | None = None,
    ) -> None:
        unknown = {card.provider for cards in tiers.values() for card in cards} - set(providers)
        if unknown:
            raise ValueError(f"no provider is named {', '.join(sorted(unknown))}")
        self.tiers = tiers
        self.providers = providers
        self.availability = availability
        self.means = means or Means()

    def answer(self, request: Request) -> Answer:
        """An answer to this request; no model is called before its text is pulled."""
        return Answer(self, replace(request, last=self.means.spoken.last(request.conversation)))

    def candidates(self, request: Request) -> Candidates:
        """The models that may be tried for it: its tier's, stronger ones, and weaker ones where it allows them."""
        up = [tier for tier in Tier if tier >= request.tier]
        below = [tier for tier in reversed(Tier) if tier < request.tier] if request.down else []
        ready = self.availability.is_ready
        cards = ((tier, [c for c in self.tiers.get(tier, ()) if ready(c.provider)]) for tier in (*up, *below))
        return Candidates(self.means, request, cards)

    def attempt(self, admitted: Admitted, request: Request, purpose: Purpose = Purpose.ANSWER) -> Attempt:
        """A call of a model that was let through, not begun yet."""
        return Attempt(self.means, self.providers[admitted[0].card.provider], admitted, request, purpose)


class Answer:
    """One answer. `calls` grows while its text is pulled; `tier` and `card` say who answers, None before any text."""

    def __init__(self, chain: Chain, request: Request) -> None:
        self.tier: Tier | None = None
        self.card: ModelCard | None = None
        self._chain, self._means = chain, chain.means
        self._request = request
        self._attempts: list[Attempt] = []
        self._ended: Attempt
        self._shown = ""
        self._continued = 0
        self._spoke: Candidate | None = None
        self._spare: Candidate | None = None
        self._last = False

    @property
    def calls(self) -> list[Call]:
        """Every call made so far that has ended, in the order they began."""
        return [attempt.call for attempt in self._attempts if attempt.call is not None]

    async def text(self) -> AsyncGenerator[str, None]:
        """The answer's text, never only blanks; an `Anew` takes the place of what came before it.

        Closing it closes the calls under way, which are booked as cancelled. Raises Interrupted when it broke off after
        some text and nothing could mend that, NoAnswer when there was none to give.
        """
        if self._means.purse is not None:
            self._request = await affordable(self._means.purse, self._request)
        deadline = Deadline(self._means.patience)
        candidates = self._chain.candidates(self._request)
        self._means.retries.call()
        admitted = await candidates.next(deadline)
        anew = False
        while admitted is not None:
            async with aclosing(self._pieces(admitted, candidates, deadline)) as pieces:
                async for piece in pieces:
                    shown = Anew(piece) if anew else piece
                    self._shown, anew = grown(self._shown, shown), False
                    yield shown
            if self._ended.outcome == ANSWERED:
                self._means.spoken.note(self._request.conversation, self._ended.candidate.card.name)
                return
            admitted = await self._going_on(self._ended, candidates, deadline)
            anew = admitted is None and bool(self._shown)
            if anew and not self._request.replaces:
                break
            admitted = admitted or await candidates.next(deadline) or self._as_it_is(deadline)
        if self._shown:
            raise Interrupted("the answer broke off")
        raise NoAnswer(f"none of {len(self.calls)} calls gave an answer")

    def _as_it_is(self, deadline: Deadline) -> Admitted | None:
        """Nobody is left: once more the model whose text was honest, if no answer, and this time it may be shown."""
        spare, self._spare = self._spare, None
        if spare is None or self._shown or deadline.left <= 0:
            return None
        self._last = True
        permit = spare.circuit.admit()
        return None if permit is None else (spare, permit)

    async def _going_on(self, ended: Attempt, candidates: Candidates, deadline: Deadline) -> Admitted | None:
        """After a call that was no answer: a model that goes on from what was shown, or None for the next one."""
        if ended.unfit is not None:
            candidates.rise(ended.candidate.tier)
            honest = any(check.last_resort for check in self._means.checks if check.name == ended.unfit.check)
            self._spare = ended.candidate if honest else self._spare
        elif ended.call is not None and not self._means.retries.take():
            candidates.best_first()
        admitted = None
        if ended.unfit is not None or ended.shown:  # who wrote what stands there now; nobody goes on from unfit text
            self._spoke = None if ended.unfit is not None else ended.candidate
        self._continued = CONTINUED if ended.outcome == REFUSED else self._continued  # such as: it never goes on
        if self._shown and self._spoke is not None and self._continued < CONTINUED and deadline.left > 0:
            self._continued += 1
            patience = deadline.patience.queue if self._request.replaces else deadline.patience.first
            admitted = await candidates.continuing(self._spoke, min(deadline.left, patience))
        begun = self._shown if admitted is not None else ""
        self._request = replace(self._request, prompt=replace(self._request.prompt, begun=begun))
        return admitted

    async def _pieces(
        self, admitted: Admitted, candidates: Candidates, deadline: Deadline
    ) -> AsyncGenerator[str, None]:
        """One try's text: of one model, of whichever of two is faster, or a whole text that was judged."""
        judging, votes = self._means.judging, self._means.votes.get(admitted[0].tier, 1)
        if votes > 1 and not self._shown:
            text = await self._voted(admitted, candidates, deadline, votes)
        elif judging is not None and not self._shown and judging.wants(self._request):
            text = await self._judged(self._opened(admitted, candidates, deadline), judging, candidates, deadline)
        else:
            opened = self._opened(admitted, candidates, deadline)
            if self._means.hedge is not None and not self._shown:
                opened = await self._hedged(opened, self._means.hedge, candidates, deadline)
            self._ended, text = opened.attempt, opened.piece or ""
            async with aclosing(opened.rest) as pieces:
                if text:
                    yield self._said(opened.attempt, text)
                async for piece in pieces:
                    yield self._said(opened.attempt, piece)
            return
        if text:
            yield self._said(self._ended, text)

    def _opened(
        self, admitted: Admitted, candidates: Candidates, deadline: Deadline, purpose: Purpose = Purpose.ANSWER
    ) -> Opened:
        attempt = self._ended = self._chain.attempt(admitted, self._request, purpose)
        self._attempts.append(attempt)
        last, checks = self._last or not candidates.above(attempt.candidate.tier), self._means.checks
        screen = Screen(checks, self._request.prompt, self._request, last) if checks else None
        return Opened(attempt, attempt.pieces(deadline, screen))

    def _said(self, attempt: Attempt, piece: str) -> str:
        self.tier, self.card = attempt.candidate.tier, attempt.candidate.card
        return piece

    async def _hedged(self, first: Opened, hedge: Hedge, candidates: Candidates, deadline: Deadline) -> Opened:
        """Whichever of two shows text first; the second is asked only when the first is late."""
        candidate, retries = first.attempt.candidate, self._means.retries
        after = hedge.seconds(candidate.circuit.measures.p95)

        def another() -> Opened | None:
            if retries.left < 1 + WARY or (admitted := candidates.beside(candidate.tier)) is None:
                return None
            retries.take()
            return self._opened(admitted, candidates, deadline, Purpose.HEDGE)

        return first if after is None else await race(first, after, another)

    async def _voted(self, first: Admitted, candidates: Candidates, deadline: Deadline, votes: int) -> str:
        """The text most of so many models agree on; empty, and unfit, where they do not and a better one is left."""
        tier, opened = first[0].tier, [self._opened(first, candidates, deadline, Purpose.VOTE)]
        while len(opened) < votes and (admitted := candidates.beside(tier)) is not None:
            opened.append(self._opened(admitted, candidates, deadline, Purpose.VOTE))
        self._ended, text, agreed = await whole.voted(opened)
        if text and not agreed and candidates.above(tier):
            self._ended.found_unfit(Unfit("vote", "the models do not agree"))
            return ""
        return text

    async def _judged(self, opened: Opened, judging: Judging, candidates: Candidates, deadline: Deadline) -> str:
        """A whole text an independent model lets pass. Where that one cannot be asked, or says nothing, it passes."""
        text, attempt = await whole.gathered(opened), opened.attempt
        self._ended = attempt
        card, circuit = judging.card, self._means.circuit(judging.card)
        if not text or deadline.left <= 0 or not self._chain.availability.is_ready(card.provider):
            return text
        if obstacle(card, self._request, self._means.places) or (permit := circuit.admit(0)) is None:
            return text
        request = replace(self._request, prompt=judge.question(self._request.prompt, text))
        admitted = Candidate(attempt.candidate.tier, card, circuit), permit
        asked = self._chain.attempt(admitted, request, Purpose.VALIDATION)
        self._attempts.append(asked)
        within = min(judging.within, deadline.left)
        said = await whole.gathered(Opened(asked, asked.pieces(Deadline(Patience(within, within)), None)))
        judgement = judge.read(said, judging.rules)
        if judgement is not None and not judgement.ok and candidates.above(attempt.candidate.tier):
            attempt.found_unfit(Unfit("judge", judgement.why))
            return ""
        return text
