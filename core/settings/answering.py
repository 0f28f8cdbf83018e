"""The sections `answering` and `budgets` -> the values the parts of core/answering are made from; names are checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from core.answering.breaker import BreakerRules
from core.answering.deadline import Patience
from core.answering.hedge import Hedge
from core.answering.order import Order, Weights
from core.answering.preflight import Places
from core.budgets import FEATURES, Budget, Per, Scope, Unpriced
from core.rules import Between
from core.settings.answering_schema import AnsweringText, BudgetText
from core.tiers import Tier

if TYPE_CHECKING:
    from core.settings.problems import Faults
    from core.settings.schema import File


SHIPPED = BreakerRules()


@dataclass(frozen=True, slots=True)
class JudgeSettings:
    """An independent model, and of which share of answers it is asked. An answer needs the score `least`."""

    model: str
    share: float
    least: float
    within: float


@dataclass(frozen=True, slots=True)
class Answering:
    """How a tier answers. `hedge` and `judge` are None where they are off; `band` is the rulebook's."""

    patience: Patience
    breaker: BreakerRules
    order: Order
    places: Places
    extra_calls: float
    hedge: Hedge | None
    judge: JudgeSettings | None
    votes: Mapping[Tier, int]
    band: Mapping[str, Between]


def answering(shape: File, faults: Faults) -> Answering:
    """The section as values; faults go to where the rest of the file's go."""
    text = shape.answering
    _check(shape, text, faults)
    judge = text.judge
    return Answering(
        patience=Patience(text.first_text, text.whole, text.stall, text.queue),
        breaker=_breaker(text),
        order=Order(text.order, Weights(text.weights.quality, text.weights.cost, text.weights.speed), text.arbitrage),
        places=Places(frozenset(text.regions), frozenset(text.private_regions)),
        extra_calls=text.extra_calls,
        hedge=None if text.hedge is not None and text.hedge < 0 else Hedge(text.hedge),
        judge=JudgeSettings(judge.model, judge.share, judge.least, judge.within) if judge else None,
        votes={Tier.named(tier): votes for tier, votes in text.vote.items()},
        band={name: Between(low, high) for name, (low, high) in text.band.items()},
    )


def _breaker(text: AnsweringText) -> BreakerRules:
    given = text.breaker
    return BreakerRules(
        window=given.within,
        least_calls=given.least_calls,
        most_calls=max(SHIPPED.most_calls, given.least_calls),
        failures=given.failures,
        slow=given.slow,
        in_a_row=given.in_a_row,
        pause=given.pause,
        longest_pause=max(given.longest_pause, given.pause),
        probes=given.probes,
        probe_within=text.whole + 5,
        first_within=given.slow_after,
        stall_within=given.stall_after,
    )


def _check(shape: File, text: AnsweringText, faults: Faults) -> None:
    for name in text.band:
        if name not in shape.signals:
            what = f"there is no signal {name!r} under signals:"
            faults.unknown(("answering", "band", name), what, name, shape.signals, key=True)
    for tier in text.vote:
        if tier not in shape.tiers:
            what = f"the tier {tier!r} has no models under tiers:"
            faults.add(("answering", "vote", tier), what, " or ".join(shape.tiers), key=True)
    if text.judge is not None and text.judge.model.partition("/")[0] not in shape.providers:
        what = f"{text.judge.model!r} is not a model of a provider under providers:"
        faults.add(("answering", "judge", "model"), what, "provider/model, as under tiers:")


def budgets(shape: File, faults: Faults) -> tuple[Budget, ...]:
    """The lines under `budgets:` as values. A name that nothing has would bound nothing."""
    known = {"tenant": [shape.bot], "channel": shape.channels, "feature": FEATURES}
    for n, text in enumerate(shape.budgets):
        if text.name and text.name not in known.get(text.of, (text.name,)):
            what = f"there is no {text.of} {text.name!r}"
            faults.unknown(("budgets", n, "name"), what, text.name, known[text.of])
    made = [_budget(text, n, faults) for n, text in enumerate(shape.budgets)]
    return tuple(budget for budget in made if budget is not None)


def _budget(text: BudgetText, number: int, faults: Faults) -> Budget | None:
    path = ("budgets", number)
    if text.soft is None and text.hard is None:
        faults.add(path, "a budget without a limit bounds nothing", 'hard: "25"')
        return None
    if text.soft is not None and text.hard is not None and text.soft > text.hard:
        faults.add((*path, "soft"), "the soft limit is above the hard one and would never be reached", f'"{text.hard}"')
        return None
    try:
        return Budget(
            Scope(text.of), text.name, Per(text.per), text.soft, text.hard, text.currency, Unpriced(text.unpriced)
        )
    except ValueError as error:
        write = "hard: 20" if text.of == "upgrades" else 'hard: "25"' if text.currency else "currency: USD"
        faults.add(path, str(error), write)
        return None
