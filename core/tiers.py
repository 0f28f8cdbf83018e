"""What a model is asked, gives and costs: tiers, model cards, prices, prompts and the chunks of a stream.

Pure values. Which provider speaks which protocol, and which card is tried first, is not known here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from enum import IntEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from core.meaning import Vector

MILLION = Decimal(1_000_000)


class Tier(IntEnum):
    """Who answers, weakest first; comparing two tiers compares their strength."""

    QUICK = 0
    STANDARD = 1
    EXPERT = 2
    PERSON = 3

    @property
    def label(self) -> str:
        """The name config.yaml and every report use."""
        return self.name.lower()

    @classmethod
    def named(cls, name: str) -> Tier:
        """The tier with this label. ValueError lists the labels when there is none."""
        try:
            return cls[name.upper()]
        except KeyError:
            raise ValueError(f"{name!r} is not a tier: {', '.join(t.label for t in cls)}") from None


@dataclass(frozen=True, slots=True)
class Price:
    """A vendor's price for a million tokens in `currency` (ISO 4217), as read at `source` on `dated`.

    `cached` is the price of an input token served from the vendor's prompt cache; None: the same as `input`.
    """

    input: Decimal
    output: Decimal
    currency: str
    dated: date
    source: str
    cached: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Money:
    """An exact amount in one currency."""

    amount: Decimal
    currency: str


@dataclass(frozen=True, slots=True)
class Fee:
    """What a platform takes for one message: `what` it is for, such as `whatsapp out`; `cost` None when unknown."""

    what: str
    cost: Money | None = None


TEXT = frozenset({"text"})
"""What every model reads."""

GENERAL = "general"
"""The kind of task a model's quality is asked for where none is told apart."""


@dataclass(frozen=True, slots=True)
class ModelCard:
    """One row of models.yaml. `free` models cost nothing; otherwise a price of None means *unknown*, never zero.

    `context` is the context window in tokens, `requests` and `tokens` are what the vendor takes a minute; 0: unknown.
    `pinned` names one version for good. `weights` names what is served where several vendors serve the same open model.
    `region` is where the text goes (empty: unknown), `modalities` what it reads, `quality` 0 to 1 by kind of task.
    `continues`: it goes on from an answer that was begun, instead of starting another. `fallback`: it only stands in
    for models, so it is last in every order that is not config.yaml's own.
    """

    provider: str
    model: str
    price: Price | None = None
    free: bool = False
    context: int = 0
    pinned: bool = True
    modalities: frozenset[str] = TEXT
    requests: int = 0
    tokens: int = 0
    region: str = ""
    weights: str = ""
    quality: Mapping[str, float] = field(default_factory=dict, hash=False)
    continues: bool = False
    fallback: bool = False

    @property
    def name(self) -> str:
        """`provider/model`, as tiers in config.yaml write it."""
        return f"{self.provider}/{self.model}"


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one call as the vendor counted them; `cached` is the part of `input` served from its cache."""

    input: int
    output: int
    cached: int = 0

    def cost(self, price: Price | None) -> Money | None:
        """What the vendor charges; None where the price is unknown, never zero instead."""
        if price is None:
            return None
        fresh = (self.input - self.cached) * price.input
        known = self.cached * (price.input if price.cached is None else price.cached)
        return Money((fresh + known + self.output * price.output) / MILLION, price.currency)


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the history a model is shown; `role` is "user" or "assistant"."""

    role: str
    text: str


@dataclass(frozen=True, slots=True)
class Prompt:
    """What a model is asked. `lines` ends with the customer's burst; `language` is an ISO 639-1 code or empty.

    `meaning` is the vector of the burst where an encoder told it in time. `sources` are the texts of `system` that hold
    facts: what an answer may promise must stand in one of them. `begun` is the answer as far as the customer has seen
    it, for a model that goes on from there.
    """

    system: str
    lines: tuple[Line, ...]
    language: str = ""
    max_tokens: int = 800
    meaning: Vector | None = field(default=None, compare=False, repr=False)
    sources: tuple[str, ...] = ()
    begun: str = ""

    @property
    def question(self) -> str:
        """The text to be answered now."""
        return self.lines[-1].text if self.lines else ""


@dataclass(frozen=True, slots=True)
class Delta:
    """A piece of the answer's text."""

    text: str


Chunk = Delta | Usage
