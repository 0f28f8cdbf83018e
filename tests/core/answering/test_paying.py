"""What budgets do to an answer: a cheaper tier past a soft limit, what costs nothing past a hard one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from core.answering.availability import Availability
from core.answering.chain import Chain
from core.answering.means import Means
from core.answering.purse import Grant, Level
from core.answering.request import Request
from core.errors import NoAnswer
from core.records import Purpose
from core.text import complete
from core.tiers import ModelCard, Price, Prompt, Tier, Usage

ALL = {Tier.QUICK: "q", Tier.STANDARD: "s", Tier.EXPERT: "e"}
PRICE = Price(Decimal(1), Decimal(2), "USD", date(2026, 1, 1), "https://prices.example")


class Purse:
    """Pays for nothing but what it is told to, and remembers what it was asked."""

    def __init__(self, level: Level = Level.OPEN, upgrade: bool = True, pays: Sequence[str] = ()) -> None:
        self.at, self.allows, self.pays = level, upgrade, pays
        self.asked: list[tuple[str, Usage]] = []

    async def upgrade(self, request: Request) -> bool:
        return self.allows

    async def level(self, request: Request) -> Level:
        return self.at

    async def reserve(self, request: Request, card: ModelCard, purpose: Purpose, most: Usage) -> Grant:
        self.asked.append((card.name, most))
        return Grant(ok=card.provider in self.pays, reservation=f"r-{card.provider}", why="nothing left")


def priced(providers: Mapping[str, Any], tiers: Mapping[Tier, str], purse: Purse, free: str = "") -> Chain:
    cards = {
        tier: [ModelCard(n, "m", None if n == free else PRICE, free=n == free) for n in names.split()]
        for tier, names in tiers.items()
    }
    return Chain(cards, providers, Availability(providers), Means(purse=purse))  # type: ignore[arg-type]


async def test_past_a_soft_limit_a_cheaper_tier_answers_and_the_ledger_names_the_reservation(
    puppet: Any, prompt: Prompt
) -> None:
    purse = Purse(Level.SOFT, pays=("q", "s", "e"))
    answer = priced({n: puppet(n) for n in "qse"}, ALL, purse).answer(Request(prompt, Tier.EXPERT))
    assert await complete(answer.text()) == "s"
    assert [call.reservation for call in answer.calls] == ["r-s"]
    [(_, most)] = purse.asked
    assert most.input > len(prompt.system) + len(prompt.question)
    assert most.output == prompt.max_tokens


async def test_what_a_budget_does_not_pay_for_is_not_called_and_what_is_free_answers(
    puppet: Any, prompt: Prompt
) -> None:
    providers = {n: puppet(n) for n in ("q", "s", "e", "free")}
    tiers = {**ALL, Tier.EXPERT: "e free"}
    poor = priced(providers, tiers, Purse(), "free")
    assert await complete(poor.answer(Request(prompt, Tier.EXPERT)).text()) == "free"
    assert {view.load.flying for view in poor.means.circuits.views()} == {0}
    hard = priced(providers, tiers, Purse(Level.HARD), "free")
    assert await complete(hard.answer(Request(prompt, Tier.QUICK)).text()) == "free"
    assert [providers[n].asked for n in "qse"] == [[], [], []]
    with pytest.raises(NoAnswer):
        await complete(priced(providers, ALL, Purse(Level.HARD)).answer(Request(prompt, Tier.QUICK)).text())


async def test_an_upgrade_beyond_the_cap_is_answered_by_the_tier_messages_start_with(
    puppet: Any, prompt: Prompt
) -> None:
    whole = priced({n: puppet(n) for n in "qse"}, ALL, Purse(upgrade=False, pays=("q", "s", "e")))
    answer = whole.answer(Request(prompt, Tier.EXPERT, start=Tier.QUICK, upgraded=True))
    assert await complete(answer.text()) == "q"


async def test_what_is_set_aside_is_paid_for_once_a_call_however_often_it_is_tried(puppet: Any, prompt: Prompt) -> None:
    purse = Purse(pays=("q", "s", "e"))
    answer = priced({"q": puppet(), "s": puppet("here"), "e": puppet()}, ALL, purse).answer(Request(prompt, Tier.QUICK))
    assert await complete(answer.text()) == "here"
    assert [call.reservation for call in answer.calls] == ["r-q", "r-s"]
    assert [name for name, _ in purse.asked] == ["q/m", "s/m"]
