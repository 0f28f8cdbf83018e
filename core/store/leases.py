"""Who answers which chat, and who does what only one process may do: plain functions of a connection.

A claim is a row lock's worth of work: owner, epoch and the database's own time on the chat's one row. `owner` is the
name of the process that asks. What is done under a claim is in `work`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Integer,
    String,
    bindparam,
    case,
    delete,
    func,
    or_,
    select,
    true,
    update,
)
from sqlalchemy.dialects.postgresql import insert

from core.conversation import Address
from core.errors import Fenced
from core.records import Claim
from core.store.clock import now_micros
from core.store.plain import instant, micros
from core.store.schema import HAS_WORK, conversation, duty, replica, silence

SECOND = 1_000_000
LEASE = 10 * SECOND
"""Microseconds a claim lasts without being renewed (research: reliability, 2.5)."""

VERSION = 1
"""Of the values this code writes and the newest it can read."""

FORGOTTEN = 60 * LEASE
"""Microseconds after which a process without a sign of life is forgotten."""

ME = bindparam("me", type_=String)
"""The process that asks."""

UNTIL = now_micros() + LEASE
"""When a lease taken now ends."""

_over = conversation.c.lease_until < now_micros()
_readable = conversation.c.version <= VERSION
_free = _readable & (conversation.c.owner.is_(None) | _over)
_mine = conversation.c.owner == ME
_held = (conversation.c.conv == bindparam("c"), _mine, conversation.c.epoch == bindparam("e"))

CLAIMED = ("owner", "epoch", "lease_until", "attempts")


def claiming(wanted: ColumnElement[bool], tries: int) -> dict[str, Any]:
    """What an UPDATE sets on a chat's row to claim it where that is wanted and allowed; who has it keeps it.

    `tries` is what it counts for: 1 where work begins at once.
    """
    takes = wanted & _free
    anew = takes & _mine.is_not(True)
    return {
        "owner": case((takes, ME), else_=conversation.c.owner),
        "epoch": case((anew, conversation.c.epoch + 1), else_=conversation.c.epoch),
        "lease_until": case((takes, UNTIL), else_=conversation.c.lease_until),
        "attempts": case((takes, conversation.c.attempts + tries), else_=conversation.c.attempts),
    }


_waiting = (
    select(conversation.c.conv, conversation.c.owner)
    .where(HAS_WORK, _free)
    .order_by(conversation.c.last_at)
    .limit(bindparam("most", type_=Integer))
    .with_for_update(skip_locked=True)
)
_claim = (
    update(conversation)
    .where(conversation.c.conv.in_(bindparam("convs", expanding=True)))
    .values(claiming(true(), 0))
    .returning(conversation.c.conv, conversation.c.epoch, conversation.c.attempts)
)
_to_renew = (
    select(conversation.c.conv, conversation.c.epoch)
    .where(conversation.c.conv.in_(bindparam("convs", expanding=True)), _mine)
    .with_for_update()
)
_renew = (
    update(conversation)
    .where(conversation.c.conv.in_(bindparam("convs", expanding=True)), _mine)
    .values(lease_until=UNTIL)
)
_attempt = (
    update(conversation).where(*_held).values(attempts=conversation.c.attempts + 1).returning(conversation.c.attempts)
)
_untried = conversation.c.attempts - bindparam("untried", type_=Integer)
_release = (
    update(conversation)
    .where(*_held)
    .values(owner=None, lease_until=None, attempts=case((_untried > 0, _untried), else_=0))
)
_fence = select(conversation.c.conv).where(*_held).with_for_update(read=True)
_lock = select(conversation.c.conv).where(*_held).with_for_update()
_alive = insert(replica)
_alive = _alive.on_conflict_do_update(index_elements=["owner"], set_={"seen": _alive.excluded.seen})
_forget = delete(replica).where(replica.c.seen < now_micros() - FORGOTTEN)
_size = select(func.count()).select_from(replica).where(replica.c.seen > now_micros() - LEASE)
_wanted = insert(duty)
_hold = _wanted.on_conflict_do_update(
    index_elements=["name"],
    set_={"owner": _wanted.excluded.owner, "lease_until": _wanted.excluded.lease_until},
    where=(duty.c.owner == _wanted.excluded.owner) | (duty.c.lease_until < now_micros()),
).returning(duty.c.name)
_leave = delete(duty).where(duty.c.name == bindparam("n"), duty.c.owner == ME)
_silence = insert(silence)
_silence = _silence.on_conflict_do_update(
    index_elements=["scope"],
    set_={"until": _silence.excluded.until},
    where=silence.c.until < _silence.excluded.until,
)
_silences = select(silence).where(silence.c.until > now_micros())


def fence(c: Connection, owner: str, claim: Claim | None) -> None:
    """Fenced unless the claim still holds; until the transaction ends nobody else can take the chat."""
    if claim is not None and c.execute(_fence, _of(owner, claim)).first() is None:
        raise Fenced("another process answers this chat now")


def locked(c: Connection, owner: str, claim: Claim) -> bool:
    """Whether the claim still stands; then nobody else touches the chat's row until the transaction ends.

    Whoever writes rows of a chat and changes its one row locks that first: `inbox.admit` does, so all have to.
    """
    return c.execute(_lock, _of(owner, claim)).first() is not None


def _of(owner: str, claim: Claim) -> dict[str, Any]:
    return {"me": owner, "c": str(claim.address), "e": claim.epoch}


def claim(c: Connection, owner: str, most: int, channels: Sequence[str]) -> list[Claim]:
    """Claim chats with work that nobody holds, the longest silent first; rows others look at are passed over."""
    ours = or_(False, *(_begins(conversation.c.conv, f"{name}:") for name in channels))
    before = {row.conv: row.owner for row in c.execute(_waiting.where(ours), {"most": most})}
    if not before:
        return []
    rows = {row.conv: row for row in c.execute(_claim, {"me": owner, "convs": list(before)})}
    return [
        Claim(Address.parse(conv), rows[conv].epoch, rows[conv].attempts, counted=False, taken=last is not None)
        for conv, last in before.items()
        if conv in rows
    ]


def attempt(c: Connection, owner: str, claim: Claim) -> Claim:
    """Count that work on the chat begins. Fenced."""
    attempts = c.execute(_attempt, _of(owner, claim)).scalar()
    if attempts is None:
        raise Fenced("another process answers this chat now")
    return replace(claim, attempts=attempts, counted=True)


def show_life(c: Connection, owner: str) -> None:
    """This process lives; of those that do not nothing is remembered after a while."""
    c.execute(_alive, {"owner": owner, "seen": c.execute(select(now_micros())).scalar_one()})
    c.execute(_forget)


def renew(c: Connection, owner: str, claims: Sequence[Claim]) -> set[Address]:
    """Give these chats another lease; those that are still this owner's."""
    if not claims:
        return set()
    held = {str(claim.address): claim.epoch for claim in claims}
    conv = conversation.c.conv
    as_we_sort = conv if c.dialect.name == "sqlite" else conv.collate("C")
    rows = c.execute(_to_renew.order_by(as_we_sort), {"me": owner, "convs": list(held)}).all()
    ours = [row.conv for row in rows if held[row.conv] == row.epoch]
    if ours:
        c.execute(_renew, {"me": owner, "convs": ours})
    return {Address.parse(conv) for conv in ours}


def release(c: Connection, owner: str, claims: Sequence[Claim], tried: bool) -> None:
    """Give chats back that this owner still has, in the order in which everybody locks them."""
    for held in sorted(claims, key=lambda claim: str(claim.address)):
        c.execute(_release, _of(owner, held) | {"untried": int(held.counted and not tried)})


def farewell(c: Connection, owner: str) -> None:
    """This owner holds nothing any more."""
    rows = c.execute(select(conversation.c.conv).where(HAS_WORK, conversation.c.owner == owner).with_for_update())
    if convs := sorted(rows.scalars()):
        mine = update(conversation).where(conversation.c.conv.in_(convs), conversation.c.owner == owner)
        c.execute(mine.values(owner=None, lease_until=None))
    c.execute(delete(duty).where(duty.c.owner == owner))
    c.execute(delete(replica).where(replica.c.owner == owner))


def hold(c: Connection, owner: str, name: str) -> bool:
    """Become or remain the only one that does it, for one lease."""
    until = c.execute(select(UNTIL)).scalar_one()
    return c.execute(_hold, {"name": name, "owner": owner, "lease_until": until}).first() is not None


def leave(c: Connection, owner: str, name: str) -> None:
    """Let another process do it."""
    c.execute(_leave, {"n": name, "me": owner})


def size(c: Connection) -> int:
    """Processes with a sign of life within a lease, at least this one."""
    return max(1, c.execute(_size).scalar_one())


def keep_silence(c: Connection, scope: str, until: datetime) -> None:
    """Keep until when a platform wants silence; a later end is never shortened."""
    c.execute(_silence, {"scope": scope, "until": micros(until)})


def silences(c: Connection, prefix: str) -> dict[str, datetime]:
    """Silences in force of scopes that begin so."""
    rows = c.execute(_silences.where(_begins(silence.c.scope, prefix)))
    return {row.scope: instant(row.until) for row in rows}


def _begins(column: ColumnElement[str], prefix: str) -> ColumnElement[bool]:
    """Whether it begins exactly so: LIKE takes `_` for anything, and on SQLite a capital for a small letter."""
    return func.substr(column, 1, len(prefix)) == prefix
