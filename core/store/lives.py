"""All that is kept of the life of one message, for whoever asks what became of it. Nothing is changed here.

What it says in words is in `bots/trace.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, and_, or_, select

from core.conversation import Address, Message
from core.records import Entry, Part
from core.rules import Decision
from core.store import books, parts
from core.store.codec import DECISION, MESSAGE, SETTLEMENT
from core.store.schema import decision, inbox, reply


@dataclass(frozen=True, slots=True)
class Life:
    """One message: the state of its arrival, and the reply it belongs to as far as that has come.

    `message` is None where what is kept cannot be read. `reply_state` is planned, settled or empty; `entry` of a reply
    that is only planned is what will be booked.
    """

    address: Address
    id: str
    message: Message | None
    state: str
    problem: str = ""
    reply: str = ""
    reply_state: str = ""
    parts: tuple[Part, ...] = ()
    entry: Entry | None = None
    decision: Decision | None = None


def lives(c: Connection, name: str) -> list[Life]:
    """Every message the platforms call so, or the one message `channel:chat/id` names; the newest first."""
    wanted = inbox.c.message_id == name
    chat, slash, number = name.rpartition("/")
    if slash:
        wanted = or_(wanted, and_(inbox.c.conv == chat, inbox.c.message_id == number))
    rows = c.execute(select(inbox).where(wanted, inbox.c.conv != "").order_by(inbox.c.at.desc(), inbox.c.seq.desc()))
    return [_life(c, row) for row in rows.all()]


def _life(c: Connection, row: Row[Any]) -> Life:
    key, state, planned = _reply(c, row)
    entry, made = planned
    if state == "settled" and (found := books.receipt(c, Address.parse(row.conv), row.message_id)) is not None:
        entry, made = found.entry, found.decision
    return Life(
        address=Address.parse(row.conv),
        id=row.message_id,
        message=_read(row.message),
        state=row.state,
        problem=row.problem,
        reply=key,
        reply_state=state,
        parts=tuple(parts.read(c, row.conv, key)) if key else (),
        entry=entry,
        decision=made,
    )


def _reply(c: Connection, row: Row[Any]) -> tuple[str, str, tuple[Entry | None, Decision | None]]:
    """The reply's key and state, and what is to be booked where it is only planned."""
    if row.reply is not None:
        state = c.execute(select(reply.c.state).where(reply.c.conv == row.conv, reply.c.key == row.reply)).scalar()
        return row.reply, "settled" if state is None else state, (None, _decision(c, row))
    plans = select(reply.c.key, reply.c.plan).where(reply.c.conv == row.conv, reply.c.state == "planned")
    for key, plan in c.execute(plans).all():
        settlement = _settlement(plan)
        if settlement is not None and any(m.id == row.message_id for m in settlement.messages):
            return key, "planned", (settlement.entry, settlement.decision)
    return "", "", (None, None)


def _settlement(plan: str) -> Any:
    try:
        return SETTLEMENT.validate_json(plan)
    except ValueError:
        return None


def _decision(c: Connection, row: Row[Any]) -> Decision | None:
    query = select(decision.c.body).where(decision.c.conv == row.conv, decision.c.reply == row.reply)
    body = c.execute(query).scalar()
    return DECISION.validate_json(body) if body else None


def _read(body: str | None) -> Message | None:
    try:
        return MESSAGE.validate_json(body or "")
    except ValueError:
        return None
