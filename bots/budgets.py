"""Every budget as rows: what is spent, set aside and left, and the accounts with the most gone.

Pure; where the balances come from is the command's and the route's affair.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, tzinfo
from decimal import Decimal
from typing import Any

from bots.trace import plain_amount
from core.budgets import Balance, Budget, Scope, period, units

TOP = 10
"""Accounts shown of a budget that everybody of its scope has apart."""

Wanted = tuple[str, str, str]
"""How the names of a budget's accounts begin, the period that runs, and whose account it is where it is one's."""


def wanted(budget: Budget, at: datetime, zone: tzinfo) -> Wanted:
    """What to ask the store for: `SqlStore.balances(*wanted)`."""
    return budget.prefix, period(budget.per, at, zone), budget.name


def rows(
    budgets: Iterable[Budget], found: Mapping[Wanted, Sequence[Balance]], at: datetime, zone: tzinfo
) -> list[dict[str, Any]]:
    """One row a budget with its accounts; amounts are exact decimal texts, a share is of the lower of its limits."""
    return [_row(budget, found.get(wanted(budget, at, zone), ()), period(budget.per, at, zone)) for budget in budgets]


def _row(budget: Budget, balances: Sequence[Balance], when: str) -> dict[str, Any]:
    return {
        "scope": budget.scope.value,
        "name": budget.name,
        "period": when,
        "unit": budget.unit,
        "soft": None if budget.soft is None else plain_amount(budget.soft),
        "hard": None if budget.hard is None else plain_amount(budget.hard),
        "accounts": [_account(budget, each) for each in balances],
    }


def _account(budget: Budget, balance: Balance) -> dict[str, Any]:
    soft, hard = budget.limits
    limit = hard if hard is not None else soft
    gone = balance.spent + balance.reserved
    reached = next(
        (name for name, at in (("hard", hard), ("soft", soft)) if at is not None and balance.spent >= at), ""
    )
    return {
        "name": balance.account.removeprefix(budget.prefix),
        "spent": _amount(budget, balance.spent),
        "reserved": _amount(budget, balance.reserved),
        "used": None if not limit else float(round(Decimal(gone) / limit, 4)),
        "reached": reached,
    }


def _amount(budget: Budget, amount: int) -> str:
    return str(amount) if budget.scope is Scope.UPGRADES else plain_amount(units(amount))
