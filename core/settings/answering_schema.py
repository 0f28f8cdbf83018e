"""The shape of the sections that say how a tier answers: `answering`, `checks` and `budgets`."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema

from core.settings import spelling
from core.settings.shape import EMPTY, Seconds, Section, Share, Text, TierName

Amount = Annotated[Decimal, BeforeValidator(spelling.amount), WithJsonSchema({"type": ["string", "integer"]})]
Band = Annotated[tuple[float, float], BeforeValidator(spelling.band), WithJsonSchema({"type": "string"})]
Late = Annotated[float | None, BeforeValidator(spelling.late), WithJsonSchema({"type": ["string", "boolean"]})]
Regions = Annotated[tuple[Text, ...], BeforeValidator(spelling.no_items)]


class BreakerText(Section):
    """When a model is left alone for a while."""

    failures: Share = Field(default=0.25, description="so many of its calls failed", examples=["25%"])
    in_a_row: int = Field(default=5, ge=0, le=1000, description="so many failed in a row; 0: no matter", examples=[5])
    slow: Share = Field(default=0.8, description="so many of its calls were slow", examples=["80%"])
    slow_after: Seconds = Field(default=10.0, description="what slow is, to the first text", examples=["10 seconds"])
    stall_after: Seconds = Field(default=10.0, description="what slow is, between two texts", examples=["10 seconds"])
    within: Seconds = Field(default=30.0, description="calls this long ago count", examples=["30 seconds"])
    least_calls: int = Field(default=10, ge=1, le=1000, description="a share of fewer says nothing", examples=[10])
    pause: Seconds = Field(default=5.0, description="doubled each time it was in vain", examples=["5 seconds"])
    longest_pause: Seconds = Field(default=300.0, examples=["5 minutes"])
    probes: int = Field(default=3, ge=1, le=100, description="calls that have to go well then", examples=[3])


class WeightsText(Section):
    """How much each goal counts where order is weighted."""

    quality: float = Field(default=1.0, ge=0, examples=[2])
    cost: float = Field(default=1.0, ge=0, examples=[1])
    speed: float = Field(default=1.0, ge=0, examples=[1])


class JudgeText(Section):
    """An independent model that reads whole answers before the customer does."""

    model: Text = Field(description="provider/model", examples=["openai/gpt-4o-mini-2024-07-18"])
    share: Share = Field(default=1.0, description="of how many answers", examples=["10%"])
    least: float = Field(default=0.5, ge=0, le=1, description="the score an answer needs", examples=[0.5])
    within: Seconds = Field(default=10.0, description="then the answer goes out unjudged", examples=["10 seconds"])


class AnsweringText(Section):
    """How a tier's models are tried."""

    order: Literal["fixed", "cheapest", "fastest", "weighted"] = Field(
        default="fixed", description="fixed: as listed under tiers", examples=["fixed"]
    )
    weights: Annotated[WeightsText, EMPTY] = WeightsText()
    arbitrage: Literal["", "cheapest", "fastest"] = Field(
        default="", description="among vendors of the same open model", examples=["cheapest"]
    )
    first_text: Seconds = Field(default=20.0, description="a model may take to its first text", examples=["20 seconds"])
    stall: Seconds = Field(default=15.0, description="a model may take between two texts", examples=["15 seconds"])
    whole: Seconds = Field(default=60.0, description="all models may take together", examples=["60 seconds"])
    queue: Seconds = Field(default=1.0, description="a busy model is waited for", examples=["1 second"])
    hedge: Late = Field(
        default=-1.0, description="off, p95, or a time after which another model is asked", examples=["p95"]
    )
    extra_calls: Share = Field(default=0.2, description="fallbacks and hedges, of all calls at most", examples=["20%"])
    regions: Regions = Field(default=(), description="where texts may go; empty: anywhere", examples=["[eu, here]"])
    private_regions: Regions = Field(default=(), description="where personal data may go", examples=["[here]"])
    breaker: Annotated[BreakerText, EMPTY] = BreakerText()
    vote: dict[TierName, Annotated[int, Field(ge=1, le=9)]] = Field(
        default={}, description="so many models of a tier answer, and most agree", examples=["{expert: 3}"]
    )
    band: dict[str, Band] = Field(
        default={},
        description="a signal that lies within is not sure: one tier up",
        examples=["{complexity: 0.5 to 0.7}"],
    )
    judge: JudgeText | None = Field(default=None, examples=["{model: openai/gpt-4o-mini-2024-07-18, share: 10%}"])


class BudgetText(Section):
    """What may be spent."""

    of: Literal["tenant", "customer", "channel", "feature", "upgrades"] = Field(
        description="whose: the whole bot's, each customer's, each channel's, what calls are for", examples=["customer"]
    )
    name: str = Field(default="", description="only this one; left out: each one apart", examples=["telegram"])
    per: Literal["day", "month"] = Field(default="day", examples=["day"])
    soft: Amount | None = Field(default=None, description="then a cheaper tier answers", examples=['"20"'])
    hard: Amount | None = Field(default=None, description="never more than this", examples=['"25"'])
    currency: str = Field(default="", pattern=r"^([A-Z]{3})?$", examples=["USD"])
    unpriced: Literal["refuse", "allow"] = Field(
        default="refuse", description="models whose price is unknown", examples=["refuse"]
    )
