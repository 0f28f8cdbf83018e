"""How a tier answers: one model after the other until one does, and a record of every call.

The order, which is the whole of this file:

1. the tier's own models as config.yaml lists them, then the next tier up, then (where privacy allows) down;
2. a model whose provider is not ready is passed over;
3. the next model is tried only while the customer has seen nothing: two models' texts are never joined;
4. whatever became of a call, it is booked.

Where later parts of the order belong, each a file beside this one that `_attempt` or `_candidates` calls: a budget
and a breaker decide in `_candidates` which models may be tried, a cache answers before the first of them, a hedge
starts a second `_attempt` before the first shows text, validation judges a text before it is shown.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Protocol

from core.errors import BadPrompt, Denied, Interrupted, NoAnswer, ProviderError, Unavailable
from core.ports import Provider
from core.records import Call
from core.tiers import Chunk, ModelCard, Prompt, Tier, Usage

log = logging.getLogger(__name__)

REFUSALS = (Denied, BadPrompt)
"""Errors by which a vendor turned the call down before making anything."""


class Ready(Protocol):
    """What the chain asks of availability."""

    def is_ready(self, provider: str) -> bool:
        """Whether this provider can be asked now."""
        ...

    def deny(self, provider: str, reason: str) -> None:
        """A call was Denied for this reason."""
        ...


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds models may take: each for its first text, all together for an answer. A channel's pauses do not count."""

    first: float = 20.0
    total: float = 60.0


DEFAULT_PATIENCE = Patience()


class Chain:
    """The models of every tier, in order, and the providers that reach them."""

    def __init__(
        self,
        tiers: Mapping[Tier, Sequence[ModelCard]],
        providers: Mapping[str, Provider],
        availability: Ready,
        patience: Patience = DEFAULT_PATIENCE,
    ) -> None:
        unknown = {card.provider for cards in tiers.values() for card in cards} - set(providers)
        if unknown:
            raise ValueError(f"no provider is named {', '.join(sorted(unknown))}")
        self.tiers = tiers
        self.providers = providers
        self.availability = availability
        self.patience = patience

    def answer(self, prompt: Prompt, tier: Tier, down: bool = True) -> Answer:
        """An answer from this tier; no model is called before its text is pulled. `down`: weaker tiers may answer."""
        return Answer(self, prompt, tier, down)


class Answer:
    """One answer. `calls` grows while its text is pulled; `tier` and `card` say who answers, None before any text."""

    def __init__(self, chain: Chain, prompt: Prompt, tier: Tier, down: bool) -> None:
        self.calls: list[Call] = []
        self.tier: Tier | None = None
        self.card: ModelCard | None = None
        self._chain = chain
        self._prompt = prompt
        self._asked = tier
        self._down = down
        self._usage: Usage | None = None

    async def text(self) -> AsyncGenerator[str, None]:
        """The answer's text, never only blanks. Closing it closes the call under way, which is booked as cancelled.

        Raises Interrupted when it broke off after some text, NoAnswer when there was none to give.
        """
        deadline = asyncio.get_running_loop().time() + self._chain.patience.total
        for tier, card in self._candidates():
            if asyncio.get_running_loop().time() >= deadline:
                break
            async with aclosing(self._attempt(card, deadline)) as pieces:
                async for piece in pieces:
                    self.tier, self.card = tier, card
                    yield piece
            if self.card is not None:
                return
        raise NoAnswer(f"none of {len(self.calls)} calls gave an answer")

    def _candidates(self) -> Iterator[tuple[Tier, ModelCard]]:
        """Every model that may be tried, each once: the tier's own, then upwards, then downwards."""
        up = [tier for tier in Tier if tier >= self._asked]
        below = [tier for tier in reversed(Tier) if tier < self._asked] if self._down else []
        seen: set[str] = set()
        for tier in (*up, *below):
            for card in self._chain.tiers.get(tier, ()):
                if card.name not in seen and self._chain.availability.is_ready(card.provider):
                    seen.add(card.name)
                    yield tier, card

    async def _attempt(self, card: ModelCard, deadline: float) -> AsyncGenerator[str, None]:
        """One model's text. Ends in silence where the next model may be tried, in Interrupted where none may."""
        clock = asyncio.get_running_loop().time
        started = clock()
        shown = False
        outcome, error = "cancelled", ""
        self._usage = None
        try:
            async with aclosing(self._chain.providers[card.provider].stream(self._prompt, card)) as chunks:
                async for piece in self._visible(chunks, min(deadline, started + self._chain.patience.first), deadline):
                    shown = True
                    yield piece
            outcome = "answered" if shown else "empty"
        except ProviderError as failure:
            outcome, error = "refused" if isinstance(failure, REFUSALS) else "failed", type(failure).__name__
            if isinstance(failure, Denied):
                self._chain.availability.deny(card.provider, str(failure))
        except Exception as failure:  # noqa: BLE001 - providers are plug-ins: whatever one raises, the next is tried
            outcome, error = "failed", type(failure).__name__
        finally:
            self._book(card, outcome, clock() - started, error)
        if shown and outcome != "answered":
            raise Interrupted(f"the answer broke off ({error})")

    async def _visible(
        self, chunks: AsyncGenerator[Chunk, None], first: float, deadline: float
    ) -> AsyncGenerator[str, None]:
        """The texts a customer can see: blanks at the start are kept back, so an answer of blanks alone is none."""
        clock = asyncio.get_running_loop().time
        until, blank = first, True
        while True:
            try:
                async with asyncio.timeout_at(until):
                    chunk = await anext(chunks, None)
            except TimeoutError:
                raise (Unavailable if blank else Interrupted)("the customer's patience ended") from None
            if chunk is None:
                return
            if isinstance(chunk, Usage):
                self._usage = chunk
                continue
            text = chunk.text.lstrip() if blank else chunk.text
            if text:
                pulled, blank = clock(), False
                yield text
                deadline += clock() - pulled
                until = deadline

    def _book(self, card: ModelCard, outcome: str, seconds: float, error: str) -> None:
        if error:
            log.warning("%s %s after %.1f s: %s", card.name, outcome, seconds, error)
        cost = self._usage.cost(card.price) if self._usage is not None else None
        self.calls.append(
            Call(card.provider, card.model, outcome, seconds, self._usage, cost, free=card.free, error=error)
        )
