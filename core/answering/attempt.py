"""One call of one model, from setting money aside to booking what became of it. Which model is tried next is `chain`'s.

What comes out of it is text a customer may see: blanks at the start are kept back, so an answer of blanks alone is
none, and checks have read what they let through. However a call ends, it is booked once, its breaker is told once, and
its permit is given back.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, ParamSpec

from core.answering.breaker import Permit, Verdict
from core.answering.deadline import Deadline
from core.answering.request import Request
from core.answering.tokens import estimate
from core.answering.verdicts import verdict_of
from core.errors import BadPrompt, Busy, Denied, Interrupted, ProviderError, Unavailable, Unfit
from core.records import Call, Purpose
from core.tiers import Chunk, ModelCard, Tier, Usage

if TYPE_CHECKING:
    from core.answering.circuit import Circuit
    from core.answering.means import Means
    from core.answering.screen import Screen
    from core.ports import Provider

log = logging.getLogger(__name__)

P = ParamSpec("P")

REFUSALS = (Denied, BadPrompt)
"""Errors by which a vendor turned the call down before making anything."""

ENDED = re.compile(r"[.!?…)\"'”]\s*$")
"""What a text that was shown ends with where it may be whole: then nothing more is no failure."""

CANCELLED, ANSWERED, EMPTY, FAILED, REFUSED, UNFIT = "cancelled", "answered", "empty", "failed", "refused", "unfit"


@dataclass(frozen=True, slots=True)
class Candidate:
    """A model that may be tried, the tier it is tried for, and the circuit its calls go through."""

    tier: Tier
    card: ModelCard
    circuit: Circuit


class Attempt:
    """One call. `outcome` is empty until it began; `call` is what was booked, None while it is under way or never was.

    `text` is what the model has said, `shown` whether any of it came out. `unfit`: why it must not be shown.
    """

    def __init__(
        self, means: Means, provider: Provider, admitted: tuple[Candidate, Permit], request: Request, purpose: Purpose
    ) -> None:
        self.candidate, permit = admitted
        self.request = request
        self.purpose = purpose
        self.outcome = ""
        self.call: Call | None = None
        self.text = ""
        self.shown = False
        self.unfit: Unfit | None = None
        self._means = means
        self._provider = provider
        self._permit: Permit | None = permit
        self._usage: Usage | None = None
        self._reservation = ""
        self._began = 0.0
        self._at: datetime | None = None
        self._first: float | None = None
        self._stall = self._excused = 0.0
        self._ours = False
        self._clock = asyncio.get_running_loop().time

    async def pieces(self, deadline: Deadline, screen: Screen | None) -> AsyncGenerator[str, None]:
        """The texts a customer may see. Ends quietly however the call ends: `outcome` says what became of it."""
        try:
            if not await self._paid():
                return
            async with aclosing(self._called(deadline, screen)) as texts:
                async for text in texts:
                    self.shown = True
                    yield text
        finally:
            self.drop()

    @property
    def answered(self) -> bool:
        """Whether it came to its end with a text that may be shown."""
        return self.outcome == ANSWERED

    def drop(self) -> None:
        """Nothing more will come of it: a permit that was not used is given back. May be said twice."""
        permit, self._permit = self._permit, None
        if permit is not None:
            self.candidate.circuit.end(permit, Verdict.NEUTRAL)

    async def _paid(self) -> bool:
        """Whether a budget pays for it, where there are any; money for the dearest way it can end is set aside."""
        purse, card = self._means.purse, self.candidate.card
        if purse is None or card.free:
            return True
        prompt = self.request.prompt
        most = Usage(estimate(prompt).most, prompt.max_tokens)
        grant = await purse.reserve(self.request, card, self.purpose, most)
        if not grant.ok:
            log.warning("%s is not called: %s", card.name, grant.why)
        self._reservation = grant.reservation
        return grant.ok

    async def _called(self, deadline: Deadline, screen: Screen | None) -> AsyncGenerator[str, None]:
        self._began, self._at = self._clock(), self._means.now()
        error: Exception | None = None
        self.outcome = CANCELLED
        try:
            chunks = self._provider.stream(self.request.prompt, self.candidate.card)
            async with aclosing(chunks), aclosing(self._texts(chunks, deadline)) as texts:
                async for text in texts:
                    self.text += text
                    if visible := text if screen is None else _checked(screen.feed, text):
                        yield visible
            if screen is not None and (rest := _checked(screen.close)):
                yield rest
            self.outcome = ANSWERED if self.text or ENDED.search(self.request.prompt.begun) else EMPTY
        except Unfit as found:
            self.outcome, self.unfit = UNFIT, found
        except ProviderError as failure:
            self.outcome, error = REFUSED if isinstance(failure, REFUSALS) else FAILED, failure
        except Exception as failure:  # noqa: BLE001 - providers are plug-ins: whatever one raises, the next is tried
            self.outcome, error = FAILED, failure
        finally:
            self._end(error)

    async def _texts(self, chunks: AsyncGenerator[Chunk, None], deadline: Deadline) -> AsyncGenerator[str, None]:
        """What the model says, without blanks before its first word. What it continues may begin with a blank."""
        begun, patience = self.request.prompt.begun, deadline.patience
        blank = not begun or begun[-1].isspace()
        heard, until = self._began, min(deadline.at, self._began + patience.first)
        while True:
            try:
                async with asyncio.timeout_at(until):
                    chunk = await anext(chunks, None)
            except TimeoutError:
                self._ours = until >= deadline.at
                raise (Unavailable if self._first is None else Interrupted)("the customer's patience ended") from None
            if chunk is None:
                return
            if isinstance(chunk, Usage):
                self._usage = chunk
                continue
            text = chunk.text.lstrip() if blank else chunk.text
            if text:
                pulled, blank = self._clock(), False
                if self._first is None:
                    self._first = pulled - self._began
                    if self._permit is not None:
                        self.candidate.circuit.showed(self._permit, self._first)
                else:
                    self._stall = max(self._stall, pulled - heard)
                yield text
                heard = self._clock()
                deadline.at += heard - pulled
                self._excused += heard - pulled
                until = min(deadline.at, heard + patience.stall)

    def _end(self, error: Exception | None) -> None:
        """Tell the circuit and book the call, once."""
        seconds = self._clock() - self._began - self._excused
        circuit, ours = self.candidate.circuit, self.outcome == CANCELLED or self._ours
        verdict = verdict_of(error, self._first, self._stall, ours, circuit.breaker.rules)
        if self.outcome == EMPTY:
            verdict = Verdict.FAILED
        permit, self._permit = self._permit, None
        if permit is not None:
            wait = error.retry_after if isinstance(error, Busy) else None
            circuit.end(permit, verdict, self._first, seconds, self._usage, wait)
        if error is not None:
            name = type(error).__name__
            log.warning("%s %s after %.1f s: %s", self.candidate.card.name, self.outcome, seconds, name)
        self.call = self._booked(seconds, error)

    def _booked(self, seconds: float, error: Exception | None) -> Call:
        card, unfit = self.candidate.card, self.unfit
        return Call(
            card.provider,
            card.model,
            self.outcome,
            seconds,
            self._usage,
            self._usage.cost(card.price) if self._usage is not None else None,
            free=card.free,
            error=type(error).__name__ if error is not None else "",
            purpose=self.purpose,
            tier=self.candidate.tier.label,
            at=self._at,
            first=self._first,
            verdict=f"{unfit.check}: {unfit}" if unfit else "",
            draft=self.text if unfit else "",
            reservation=self._reservation,
        )

    def found_unfit(self, unfit: Unfit) -> None:
        """The whole text was looked at once more and must not be shown: what was booked says so."""
        self.unfit, self.outcome = unfit, UNFIT
        if self.call is not None:
            verdict = f"{unfit.check}: {unfit}"
            self.call = replace(self.call, outcome=UNFIT, verdict=verdict, draft=self.text)


def _checked(reading: Callable[P, str], *given: P.args, **also: P.kwargs) -> str:
    """What a screen lets through. A check that breaks is our fault, not the model's, and lets nothing through."""
    try:
        return reading(*given, **also)
    except Unfit:
        raise
    except Exception as error:
        log.exception("a check failed")
        raise Unfit("checks", f"a check failed: {type(error).__name__}") from error
