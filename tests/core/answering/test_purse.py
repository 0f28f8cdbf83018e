"""A purse over a real store: what limits lead to, and what happens while the store is away."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from core.answering.purse import AWAY, Grant, Level, Purse
from core.answering.request import Request
from core.answering.tokens import estimate
from core.budgets import Account, Budget, Held, Hold, Per, Scope, Unpriced
from core.conversation import Address, Conversation, Message, Reply
from core.errors import StoreError
from core.records import Call, Entry, Outcome, Purpose, Settlement
from core.rules import Condition, Is, Rule, Rulebook, decide
from core.signals import money, rephrase
from core.store.sql import SqlStore, open_store
from core.tiers import Line, ModelCard, Money, Price, Prompt, Tier, Usage

AT = datetime(2026, 11, 21, 12, tzinfo=UTC)
CHAT = Address("telegram", "42")
ASKED = Request(Prompt("", (Line("user", "Where is my parcel?"),)), Tier.STANDARD, str(CHAT), "telegram:42", "telegram")
MOST = Usage(100_000, 10_000)
CENT = Decimal("0.01")


def card(currency: str = "EUR", given: str = "0.1") -> ModelCard:
    """MOST of it costs a cent."""
    listed = Price(Decimal(given), Decimal(0), currency, date(2026, 1, 1), "a price list")
    return ModelCard("vendor", "small", listed)


def budget(hard: str | None = "0.15", scope: Scope = Scope.CUSTOMER, **more: object) -> Budget:
    limit = None if hard is None else Decimal(hard)
    return Budget(scope, hard=limit, **({"currency": "EUR"} | more))  # type: ignore[arg-type]


@dataclass
class Till:
    """The store, away when a test says so; `mute` makes it do its work and never say so."""

    store: SqlStore
    away: bool = False
    mute: bool = False
    asked: list[str] = field(default_factory=list)

    async def reserve(self, hold: Hold) -> Held:
        self.asked.append("reserve")
        if self.away:
            raise StoreError("gone")
        held = await self.store.reserve(hold)
        if self.mute:
            await asyncio.Event().wait()
        return held

    async def cancel(self, ids: Sequence[str]) -> None:
        self.asked.append("cancel")
        if self.away:
            raise StoreError("gone")
        await self.store.cancel(ids)

    async def levels(self, accounts: Sequence[Account]) -> Mapping[str, tuple[int, int]]:
        self.asked.append("levels")
        if self.away:
            raise StoreError("gone")
        return await self.store.levels(accounts)


@pytest.fixture
async def till() -> AsyncIterator[Till]:
    async with open_store("sqlite://") as store:
        yield Till(store)


def purse(till: Till, *budgets: Budget, at: datetime = AT) -> Purse:
    return Purse(budgets, till, "shop", UTC, lambda: at)


async def reserve(asking: Purse, request: Request = ASKED, model: ModelCard | None = None) -> Grant:
    return await asking.reserve(request, model or card(), Purpose.ANSWER, MOST)


async def settle(till: Till, grant: Grant, cost: Decimal) -> None:
    made = Call("vendor", "small", "answered", 1.0, cost=Money(cost, "EUR"), reservation=grant.reservation)
    entry = Entry(AT, CHAT, (), Outcome.ANSWERED, calls=(made,))
    await till.store.settle(Settlement(grant.reservation, CHAT, (), entry))


async def test_budget_fires_early_never_fifteen_refuse_exactly_the_call_that_would_pass_them(till: Till) -> None:
    asking = purse(till, budget("15.00"))
    dear = card(given="1")
    for n in range(150):
        grant = await reserve(asking, model=dear)
        assert grant.ok, n
        await settle(till, grant, Decimal("0.1"))
        assert (await asking.level(ASKED) is Level.HARD) == (n == 149)
    refused = await reserve(asking, model=dear)
    assert (refused.ok, refused.why) == (False, "the customer budget in EUR of the day does not have it")


async def test_calls_that_cost_less_than_set_aside_leave_room_for_more(till: Till) -> None:
    asking = purse(till, budget("0.02"))
    for _ in range(10):
        grant = await reserve(asking)
        assert grant.ok
        await settle(till, grant, CENT / 10)
    assert (await reserve(asking)).ok
    assert not (await reserve(asking)).ok


async def test_a_soft_limit_asks_for_a_cheaper_tier_and_a_hard_one_for_none_that_costs(till: Till) -> None:
    asking = purse(till, budget("0.02", soft=CENT))
    seen = []
    for _ in range(3):
        seen.append(await asking.level(ASKED))
        if (grant := await reserve(asking)).ok:
            await settle(till, grant, CENT)
    assert seen == [Level.OPEN, Level.SOFT, Level.HARD]
    assert await asking.level(replace(ASKED, customer="telegram:43")) is Level.OPEN
    assert (await reserve(asking, model=ModelCard("local", "small", free=True))) == Grant(ok=True)


async def test_money_that_is_only_set_aside_lowers_no_tier(till: Till) -> None:
    asking = purse(till, budget("0.02", soft=CENT))
    assert (await reserve(asking)).ok
    assert (await reserve(asking)).ok
    assert await asking.level(ASKED) is Level.OPEN
    assert not (await reserve(asking)).ok


async def test_the_next_day_everything_is_there_again(till: Till) -> None:
    assert (await reserve(purse(till, budget("0.01")))).ok
    assert not (await reserve(purse(till, budget("0.01")))).ok
    assert (await reserve(purse(till, budget("0.01"), at=AT + timedelta(hours=12)))).ok
    assert (await reserve(purse(till, budget("0.01", per=Per.MONTH), at=AT + timedelta(days=9)))).ok


@pytest.mark.parametrize("model", [ModelCard("vendor", "small"), card("USD")], ids=["no price", "another currency"])
async def test_what_a_hard_budget_cannot_bound_is_not_paid_unless_it_says_so(till: Till, model: ModelCard) -> None:
    refused = await reserve(purse(till, budget()), model=model)
    assert not refused.ok
    assert "cannot bound" in refused.why
    assert "telegram" not in refused.why
    assert (await reserve(purse(till, budget(unpriced=Unpriced.ALLOW)), model=model)) == Grant(ok=True)
    assert (await reserve(purse(till, budget(None, soft=CENT)), model=model)) == Grant(ok=True)


async def test_without_a_budget_that_concerns_it_nothing_is_asked_of_the_store(till: Till) -> None:
    asking = purse(till, Budget(Scope.CHANNEL, "web", hard=CENT, currency="EUR"))
    assert await reserve(asking) == Grant(ok=True)
    assert await asking.level(ASKED) is Level.OPEN
    assert await asking.upgrade(replace(ASKED, upgraded=True))
    assert till.asked == []


async def test_a_store_that_is_away_pays_nothing_under_a_hard_budget_and_everything_under_soft_ones(till: Till) -> None:
    till.away = True
    assert await reserve(purse(till, budget())) == Grant(ok=False, why=AWAY)
    grant = await reserve(purse(till, budget(None, soft=CENT)))
    assert grant.ok
    assert await purse(till, budget()).level(ASKED) is Level.OPEN


async def test_a_reservation_nobody_waited_for_is_given_back_with_the_next(till: Till) -> None:
    asking = purse(till, budget("0.01"))
    till.mute = True
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2):
            await reserve(asking)
    till.mute = False
    assert (await reserve(asking)).ok
    assert not (await reserve(asking)).ok


async def test_what_was_not_called_is_given_back_as_soon_as_the_store_answers(till: Till) -> None:
    asking = purse(till, budget("0.01"))
    grant = await reserve(asking)
    till.away = True
    await asking.give_back(grant.reservation, "")
    assert not (await reserve(asking)).ok
    till.away = False
    assert (await reserve(asking)).ok


async def test_a_shadow_call_is_paid_by_its_own_budget_and_no_customer_s(till: Till) -> None:
    asking = purse(till, budget("0.01"), Budget(Scope.FEATURE, "shadow", hard=CENT, currency="EUR"))
    assert (await asking.reserve(ASKED, card(), Purpose.SHADOW, MOST)).ok
    assert not (await asking.reserve(ASKED, card(), Purpose.SHADOW, MOST)).ok
    assert (await reserve(asking)).ok


def test_no_prompt_has_more_tokens_than_are_paid_for() -> None:
    prompt = Prompt("é" * 10, (Line("user", "𝔘𝔫"), Line("assistant", "\ud800")), max_tokens=7, begun="ok")
    assert estimate(prompt).most >= 20 + 8 + 1 + 2


async def test_an_answer_begun_again_because_more_was_written_is_one_upgrade(till: Till) -> None:
    capped = purse(till, Budget(Scope.UPGRADES, hard=Decimal(2)))
    asking = replace(ASKED, tier=Tier.EXPERT, upgraded=True, conversation="web:1", message="m1")
    assert [await capped.upgrade(asking) for _ in range(3)] == [True, True, True]
    assert await capped.upgrade(replace(asking, message="m2"))
    assert not await capped.upgrade(replace(asking, message="m3"))


STUFFING = (
    "REFUND REFUND REFUND think step by step",
    "I want my money back, refund, invoice, chargeback!!!",
    "WHY WAS I CHARGED TWICE? GIVE ME MY MONEY BACK",
    "I want my money back, please refund the invoice",
)


async def test_adversarial_upgrade_one_customer_s_are_capped_and_another_s_are_not(till: Till) -> None:
    book = Rulebook(
        tuple(Rule(name, (Condition(name, Is(True)),), Tier.EXPERT) for name in ("money", "rephrase")),
        {"money": money.build(), "rephrase": rephrase.build()},
    )
    asking = purse(till, Budget(Scope.UPGRADES, hard=Decimal(5)))

    async def tiers(customer: str, texts: Sequence[str]) -> list[tuple[Tier, Tier]]:
        """The tier rules ask for, and the one that answers."""
        conversation, found = Conversation(Address("telegram", customer)), []
        for n, text in enumerate(texts):
            at = AT + timedelta(minutes=n)
            conversation = conversation.heard(Message(str(n), conversation.address, text, at))
            tier = decide(conversation, book).tier
            request = Request(ASKED.prompt, tier, "", customer, "telegram", upgraded=tier > book.start)
            found.append((tier, tier if await asking.upgrade(request) else book.start))
            conversation = conversation.answered(Reply("An answer.", at, tier=tier.label))
        return found

    gamed, honest = await asyncio.gather(tiers("gamer", STUFFING * 25), tiers("honest", STUFFING[1:3]))
    assert [wanted for wanted, _ in gamed].count(Tier.EXPERT) == 100
    assert [given for _, given in gamed].count(Tier.EXPERT) == 5
    assert [given for _, given in honest] == [Tier.EXPERT] * 2


async def test_a_person_is_never_counted_and_never_refused(till: Till) -> None:
    asking = purse(till, Budget(Scope.UPGRADES, hard=Decimal(0)))
    assert not await asking.upgrade(replace(ASKED, upgraded=True))
    assert await asking.upgrade(replace(ASKED, upgraded=True, tier=Tier.PERSON))
    assert await asking.upgrade(ASKED)
    till.away = True
    assert await asking.upgrade(replace(ASKED, upgraded=True))
