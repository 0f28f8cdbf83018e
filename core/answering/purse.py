"""What an answer may cost: budgets asked before models are chosen, and money set aside before a call is made.

Only where config.yaml has budgets is there a Purse at all. How much is left is known by the store alone, so that any
number of processes share it; what a limit leads to (a cheaper tier, a person) is decided by who composes the answer.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, tzinfo
from enum import IntEnum
from typing import Protocol

from core.answering.request import Request
from core.budgets import Account, Budget, Held, Hold, Scope, Spender, accounts, ceiling, passed
from core.errors import StoreError
from core.records import Purpose
from core.tiers import ModelCard, Tier, Usage

LASTS = 900.0
"""Seconds money stays set aside for a call that says nothing more: longer than an answer takes to be sent and settled.
What is settled later still is corrected then."""

AWAY = "the store does not answer, and under a hard budget nothing is spent that is not set aside first"


class Level(IntEnum):
    """How much is left. SOFT: answer one tier cheaper. HARD: nothing, so only models that cost nothing, or a person."""

    OPEN = 0
    SOFT = 1
    HARD = 2


@dataclass(frozen=True, slots=True)
class Grant:
    """Whether a call may be made. `reservation` goes into its Call, and is empty where no budget asks for one.

    `why` says in words what stands in the way, without a name; `soft` are the budgets that were past their soft limit.
    """

    ok: bool
    reservation: str = ""
    why: str = ""
    soft: tuple[str, ...] = ()


class Till(Protocol):
    """What a purse asks of the store. Raises StoreError."""

    async def reserve(self, hold: Hold) -> Held:
        """Set money aside, from all its accounts or from none."""
        ...

    async def cancel(self, ids: Sequence[str]) -> None:
        """Give back what was set aside for calls that were never sent."""
        ...

    async def levels(self, accounts: Sequence[Account]) -> Mapping[str, tuple[int, int]]:
        """What is spent and what is set aside, by the account's key."""
        ...


class Purse:
    """The budgets in force over one store. `clock` tells the aware instant whose day and month are meant."""

    def __init__(
        self, budgets: Sequence[Budget], till: Till, tenant: str, zone: tzinfo, clock: Callable[[], datetime]
    ) -> None:
        self._money = tuple(b for b in budgets if b.scope is not Scope.UPGRADES)
        self._caps = tuple(b for b in budgets if b.scope is Scope.UPGRADES)
        self._till = till
        self._tenant = tenant
        self._zone = zone
        self._clock = clock
        self._doubtful: set[str] = set()
        """Reservations nobody knows to have been made, for calls that were not: given back once the store answers."""

    async def level(self, request: Request) -> Level:
        """How far the budgets of this answer are spent. OPEN while the store is away: `reserve` still bounds."""
        found = self._accounts(self._money, request, Purpose.ANSWER)
        if all(each.soft is None and each.hard is None for each in found):
            return Level.OPEN
        try:
            soft, hard = passed(found, await self._till.levels(found))
        except StoreError:
            return Level.OPEN
        return Level.HARD if hard else Level.SOFT if soft else Level.OPEN

    async def upgrade(self, request: Request) -> bool:
        """Whether this answer may have the stronger tier rules ask for; each time it may is counted.

        A person is never refused, and a store that is away is not the customer's doing.
        """
        if not request.upgraded or request.tier is Tier.PERSON or not self._caps:
            return True
        found = self._accounts(self._caps, request, Purpose.ANSWER)
        if not found:
            return True
        try:
            held = await self._till.reserve(Hold(_once(request), 1, found, "answers", lasts=LASTS, final=True))
        except StoreError:
            return True
        return not held.refused

    async def reserve(self, request: Request, card: ModelCard, purpose: Purpose, most: Usage) -> Grant:
        """Set aside what a call of at most so many tokens (`core.answering.tokens`) can cost."""
        if card.free:
            return Grant(ok=True)
        found = self._accounts(self._money, request, purpose)
        currency = card.price.currency if card.price else ""
        for each in found:
            if each.refuses and each.unit != currency:
                priced = f"a price in {currency}" if currency else "no known price"
                return Grant(ok=False, why=f"{card.name} has {priced}, which {each.words} cannot bound")
        paying = tuple(each for each in found if each.unit == currency)
        if card.price is None or not paying:
            return Grant(ok=True)
        amount = ceiling(card.price, most.input, most.output)
        hold = Hold(
            uuid.uuid4().hex, amount, paying, currency, request.conversation, card.provider, card.model, purpose, LASTS
        )
        return await self._set_aside(hold)

    async def _set_aside(self, hold: Hold) -> Grant:
        if self._doubtful:
            await self.give_back()
        try:
            held = await self._till.reserve(hold)
        except StoreError:
            if all(each.hard is None for each in hold.accounts):
                return Grant(ok=True, reservation=hold.id)
            self._doubtful.add(hold.id)
            return Grant(ok=False, why=AWAY)
        except BaseException:
            self._doubtful.add(hold.id)
            raise
        if held.refused:
            lacking = next(each for each in hold.accounts if each.key == held.refused)
            return Grant(ok=False, why=f"{lacking.words} does not have it")
        return Grant(ok=True, reservation=hold.id, soft=held.soft)

    async def give_back(self, *reservations: str) -> None:
        """The calls these were set aside for were never sent. Never raises StoreError: it is tried again later."""
        self._doubtful.update(filter(None, reservations))
        ids = sorted(self._doubtful)
        if ids:
            try:
                await self._till.cancel(ids)
            except StoreError:
                return
            self._doubtful.difference_update(ids)

    def _accounts(self, budgets: Sequence[Budget], request: Request, purpose: Purpose) -> tuple[Account, ...]:
        spender = Spender(self._tenant, request.customer, request.channel, purpose)
        return accounts(budgets, spender, self._clock(), self._zone)


def _once(request: Request) -> str:
    """The name an upgrade is counted under: the same answer begun again, because more was written, is not another."""
    if not request.message:
        return uuid.uuid4().hex
    return f"upgrade {request.conversation} {request.message}"


async def affordable(purse: Purse, request: Request) -> Request:
    """The request as far as budgets allow: no upgrade beyond the cap, one tier cheaper past a soft limit."""
    if not await purse.upgrade(request):
        request = replace(request, tier=request.start)
    level = await purse.level(request)
    if level is Level.HARD:
        return replace(request, free_only=True)
    cheaper = Tier(max(Tier.QUICK, request.tier - 1))
    return replace(request, tier=cheaper) if level is Level.SOFT else request
