"""Money set aside and money spent: plain functions of a connection, safe to run twice.

Whatever locks rows here locks reservations first, in the order of their ids, then budgets in that of their accounts: so
nobody waits in a circle. Whether money may be spent is told by one statement on the row of each account, which nobody
sees before the whole is committed. How much a call may cost is `core.budgets`' affair.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import BigInteger, Connection, Row, String, bindparam, case, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert

from core.budgets import MOST, Account, Balance, Held, Hold, pico
from core.records import Call, Outcome, Purpose
from core.store import calls
from core.store.appends import put_off
from core.store.clock import now_micros
from core.store.codec import FEES, NAMES, text
from core.store.plain import instant
from core.store.schema import budget, call, ledger, reservation
from core.tiers import Money

SECOND = 1_000_000
TOGETHER = 500
"""Reservations one sweep charges at most."""

REMEMBERED = 40 * 86_400 * SECOND
"""Microseconds a charge nobody settled can still be corrected: longer than any period."""

FORGOTTEN = timedelta(days=70)
"""After this an account's row is of no use: nothing that could still be corrected is part of it."""

NOWHERE = "none:none"
"""The address of a call that was made for no conversation."""

LOST = "lost "
"""How the keys of bookings begin that nobody made while the process lived; the reservation's id follows."""

TURNED_DOWN = frozenset({"BadPrompt", "Busy", "Denied", "NotReached"})
"""Errors of calls a vendor takes nothing for where they come before any text: refused, or never heard of."""

HELD, CHARGED, COUNTED = "held", "charged", "counted"

Place = tuple[str, str]
"""An account's name and its period."""

_hold = (
    insert(reservation)
    .values(at=now_micros(), until=now_micros() + bindparam("lasts", type_=BigInteger))
    .on_conflict_do_nothing()
    .returning(reservation.c.id)
)
_new = insert(budget)
_together = budget.c.spent + budget.c.reserved
_take = _new.on_conflict_do_update(
    index_elements=["account", "period"],
    set_={"spent": budget.c.spent + _new.excluded.spent, "reserved": budget.c.reserved + _new.excluded.reserved},
    where=_together + _new.excluded.spent + _new.excluded.reserved <= bindparam("most", type_=BigInteger),
).returning(budget.c.spent, budget.c.reserved)
_spent = budget.c.spent + bindparam("s", type_=BigInteger)
_move = (
    update(budget)
    .where(budget.c.account == bindparam("a", type_=String), budget.c.period == bindparam("p", type_=String))
    .values(spent=case((_spent > MOST, MOST), else_=_spent), reserved=budget.c.reserved + bindparam("r"))
)
_named = reservation.c.id.in_(bindparam("ids", expanding=True))
_of_these = select(reservation).where(_named).order_by(reservation.c.id).with_for_update()
_gone = delete(reservation).where(_named)
_charge = update(reservation).where(_named).values(state=CHARGED)
_overdue = (
    select(reservation)
    .where(reservation.c.state == HELD, reservation.c.until < now_micros())
    .order_by(reservation.c.id)
    .limit(TOGETHER)
    .with_for_update(skip_locked=True)
)
_old = delete(reservation).where(
    ((reservation.c.state == COUNTED) & (reservation.c.until < now_micros()))
    | ((reservation.c.state == CHARGED) & (reservation.c.until < now_micros() - REMEMBERED))
)
_add_entry = insert(ledger).on_conflict_do_nothing()
_add_call = insert(call).on_conflict_do_nothing()


@dataclass(frozen=True, slots=True)
class Paid:
    """What a call really cost, by its reservation's id. `cost` None: unknown, so all that was set aside is spent."""

    id: str
    cost: Money | None
    free: bool = False


def reserve(c: Connection, hold: Hold) -> Held:
    """Set the money aside in all accounts, or in none; the same hold again finds itself."""
    soft: list[str] = []
    taken: list[Place] = []
    for each in sorted(hold.accounts):
        stand = _taken(c, hold, each)
        if stand is None:
            _untake(c, hold, taken)
            known = c.execute(select(reservation.c.id).where(reservation.c.id == hold.id)).first()
            return Held(hold.id, refused="" if known else each.key)
        taken.append((each.account, each.period))
        if each.soft is not None and stand - hold.amount >= each.soft:
            soft.append(each.key)
    row = {"id": hold.id, "conv": hold.conversation or NOWHERE, "provider": hold.provider, "model": hold.model}
    row |= {"purpose": hold.purpose, "currency": hold.currency, "accounts": json.dumps(taken)}
    values = {"amount": hold.amount, "state": COUNTED if hold.final else HELD, "lasts": int(hold.lasts * SECOND)}
    if c.execute(_hold, row | values).first() is None:
        _untake(c, hold, taken)
    return Held(hold.id, soft=tuple(soft))


def _untake(c: Connection, hold: Hold, taken: Sequence[Place]) -> None:
    """As it was: nobody has seen any of this, it is one transaction."""
    _move_all(c, dict.fromkeys(taken, _parts(hold, -1)))


def _taken(c: Connection, hold: Hold, account: Account) -> int | None:
    """What is spent and set aside in the account with this; None where it would pass the limit."""
    if hold.amount > account.most:
        return None  # a new row is asked nothing
    spent, reserved = _parts(hold, 1)
    values = {"account": account.account, "period": account.period, "spent": spent, "reserved": reserved}
    row = c.execute(_take, values | {"most": account.most}).first()
    return None if row is None else int(row.spent) + int(row.reserved)


def _parts(hold: Hold, sign: int) -> tuple[int, int]:
    """What the hold adds to what is spent and to what is set aside."""
    return (sign * hold.amount, 0) if hold.final else (0, sign * hold.amount)


def settle(c: Connection, made: Iterable[Call]) -> None:
    """Turn what was set aside for these calls into what they cost, at the end of the group."""
    paid = (Paid(each.reservation, each.cost, each.free or _turned_down(each)) for each in made if each.reservation)
    put_off(c, close, paid)


def _turned_down(made: Call) -> bool:
    """Whether the vendor said no before it made anything: nothing was spent then, though no count came with it."""
    return made.cost is None and made.first is None and made.error in TURNED_DOWN


def cancel(c: Connection, ids: Iterable[str]) -> None:
    """Give back what was set aside for calls that were never sent."""
    put_off(c, close, (Paid(each, None, free=True) for each in ids))


def close(c: Connection, paid: Sequence[Paid]) -> None:
    """Settle each reservation there still is, charged ones as well; whoever comes second finds none."""
    owed: dict[str, list[Paid]] = defaultdict(list)
    for each in paid:
        owed[each.id].append(each)
    rows = c.execute(_of_these, {"ids": sorted(owed)}).all()
    if not rows:
        return
    changes: dict[Place, tuple[int, int]] = {}
    for row in rows:
        if row.state != COUNTED:
            was = (row.amount, 0) if row.state == CHARGED else (0, row.amount)
            _add(changes, row, (_cost(row, owed[row.id]) - was[0], -was[1]))
        if row.state == CHARGED:
            for table in (ledger, call):
                c.execute(delete(table).where(table.c.conv == row.conv, table.c.reply == LOST + row.id))
    c.execute(_gone, {"ids": [row.id for row in rows]})
    _move_all(c, changes)


def _cost(row: Row[Any], paid: Sequence[Paid]) -> int:
    """What was spent under one reservation: what is known of it, and all of it where something is not known."""
    known = sum(pico(p.cost.amount) for p in paid if p.cost is not None and p.cost.currency == row.currency)
    strange = any(not p.free and (p.cost is None or p.cost.currency != row.currency) for p in paid)
    return max(known, int(row.amount)) if strange else known


def sweep(c: Connection) -> int:
    """Charge what was set aside by processes that did not live to settle it, and book it; how many there were."""
    rows = c.execute(_overdue).all()
    changes: dict[Place, tuple[int, int]] = {}
    for row in rows:
        _add(changes, row, (row.amount, -row.amount))
    if rows:
        c.execute(_charge, {"ids": [row.id for row in rows]})
        c.execute(_add_entry, [_entry_of(row) for row in rows])
        c.execute(_add_call, [_call_of(row) for row in rows])
    _move_all(c, changes)
    _forget(c)
    return len(rows)


def _forget(c: Connection) -> None:
    """Drop what nobody can ask for any more; these rows are touched by nobody else."""
    c.execute(_old)
    before = instant(c.execute(select(now_micros())).scalar_one()) - FORGOTTEN
    for first, end in (("day/", f"day/{before:%Y-%m-%d}"), ("month/", f"month/{before:%Y-%m}")):
        c.execute(delete(budget).where(budget.c.period >= first, budget.c.period < end, budget.c.reserved == 0))


def _entry_of(row: Row[Any]) -> dict[str, Any]:
    """The ledger line of a call whose cost nobody lived to tell. Its key names the reservation."""
    line = {"conv": row.conv, "reply": LOST + row.id, "channel": row.conv.partition(":")[0], "at": row.at, "tier": ""}
    line |= {"outcome": Outcome.LOST.value, "rules": text(NAMES, ()), "messages": text(NAMES, ())}
    return line | {"first_text": None, "total": 0.0, "fees": text(FEES, ())}


def _call_of(row: Row[Any]) -> dict[str, Any]:
    purpose, at = Purpose(row.purpose), instant(row.at)
    lost = Call(row.provider, row.model, Outcome.LOST.value, 0.0, purpose=purpose, at=at, reservation=row.id)
    return calls.columns(row.conv, LOST + row.id, 0, lost)


def _add(changes: dict[Place, tuple[int, int]], row: Row[Any], change: tuple[int, int]) -> None:
    for account, period in json.loads(row.accounts):
        spent, reserved = changes.get((account, period), (0, 0))
        changes[account, period] = (spent + change[0], reserved + change[1])


def _move_all(c: Connection, changes: Mapping[Place, tuple[int, int]]) -> None:
    for account, period in sorted(changes):
        spent, reserved = changes[account, period]
        if spent or reserved:
            c.execute(_move, {"a": account, "p": period, "s": spent, "r": reserved})


def levels(c: Connection, found: Sequence[Account]) -> dict[str, tuple[int, int]]:
    """What is spent and what is set aside, by the account's key; nothing of accounts nobody used yet."""
    named = (budget.c.account.in_({each.account for each in found}), budget.c.period.in_({e.period for e in found}))
    rows = c.execute(select(budget).where(*named)) if found else ()
    return {Account(row.account, row.period).key: (row.spent, row.reserved) for row in rows}


def balances(c: Connection, prefix: str, period: str, name: str, most: int) -> list[Balance]:
    """The accounts whose names begin so, in a period, those with the most gone first; with a name only that one."""
    begins = func.substr(budget.c.account, 1, len(prefix)) == prefix
    query = select(budget).where(budget.c.period == period, budget.c.account == prefix + name if name else begins)
    rows = c.execute(query.order_by(_together.desc(), budget.c.account).limit(most))
    return [Balance(row.account, row.period, row.spent, row.reserved) for row in rows]
