"""What came in and what became of it: admitted, waiting, parked. Plain functions of a connection, safe to run twice.

How a chat's messages are answered and settled is in `work`.
"""

from __future__ import annotations

import logging
from typing import Any

from sqlalchemy import Boolean, Connection, Row, bindparam, case, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert

from core.conversation import Address, Arrival, Message
from core.errors import Unreadable
from core.records import Admission, Claim, Parked, Promise
from core.store import parts
from core.store.codec import MESSAGE, SETTLEMENT, text
from core.store.leases import ME, UNTIL, VERSION, claiming, locked
from core.store.plain import instant, kept, micros
from core.store.schema import IS_ACCEPTED, IS_PARKED, call, conversation, decision, inbox, ledger, part, reply

log = logging.getLogger(__name__)

UNREADABLE = "what is kept of it cannot be read"
"""What is wrong with a message that was parked because its row says nothing."""

_arrive = insert(inbox).on_conflict_do_nothing().returning(inbox.c.seq)
_room = bindparam("room", type_=Boolean).is_(True)
_first = insert(conversation).values(
    conv=bindparam("c"),
    tail=1,
    last_at=bindparam("at"),
    version=VERSION,
    owner=case((_room, ME)),
    epoch=case((_room, 1), else_=0),
    lease_until=case((_room, UNTIL)),
    attempts=case((_room, 1), else_=0),
)
_next = _first.on_conflict_do_update(
    index_elements=["conv"],
    set_={
        "tail": conversation.c.tail + 1,
        "version": case((conversation.c.version < VERSION, VERSION), else_=conversation.c.version),
        **claiming(_room, 1),
    },
).returning(
    conversation.c.tail, conversation.c.head, conversation.c.owner, conversation.c.epoch, conversation.c.attempts
)
_still = conversation.c.tail - 1 > conversation.c.head
_unsay = (
    update(conversation)
    .where(conversation.c.conv == bindparam("c"))
    .values(
        tail=conversation.c.tail - 1,
        owner=case((_still, conversation.c.owner)),
        attempts=case((_still, conversation.c.attempts), else_=0),
    )
)
_drop = update(inbox).where(inbox.c.source_key == bindparam("k"), IS_PARKED).values(state="dropped")
_again = (
    update(inbox)
    .where(inbox.c.source_key == bindparam("k"), IS_PARKED)
    .values(state="accepted", problem="", seq=bindparam("n"), reply=None)
)
_queue = (
    update(conversation)
    .where(conversation.c.conv == bindparam("c"))
    .values(tail=conversation.c.tail + 1, attempts=0)
    .returning(conversation.c.tail)
)


def admit(c: Connection, owner: str, arrival: Arrival, room: bool) -> Admission:
    """Insert the arrival unless its key is known; claim its chat for the owner where there is room."""
    message = arrival.message
    row: dict[str, Any] = {"source_key": arrival.key, "raw": kept(arrival.raw), "problem": kept(arrival.problem)}
    row["version"] = VERSION
    if message is None:
        state = "parked" if arrival.problem else "noted"
        nothing = {"conv": "", "seq": 0, "at": 0, "state": state, "message_id": None, "message": None}
        return Admission(c.execute(_arrive, row | nothing).first() is not None)
    conv = str(message.address)
    chat = c.execute(_next, {"c": conv, "at": micros(message.at), "me": owner, "room": room}).one()
    ours = Claim(message.address, chat.epoch, chat.attempts) if chat.owner == owner else None
    body = {"conv": conv, "at": micros(message.at), "message_id": message.id, "message": kept(text(MESSAGE, message))}
    if c.execute(_arrive, row | body | {"seq": chat.tail, "state": "accepted"}).first() is None:
        c.execute(_unsay, {"c": conv})
        return Admission(False, ours if chat.head + 1 < chat.tail else None, alone=False)
    return Admission(True, ours, alone=chat.head + 1 == chat.tail)


def unsettled(c: Connection, address: Address | None) -> list[Promise]:
    """Every accepted arrival, as the plan it belongs to or as its chat's burst.

    Of a chat nothing that stands behind what only newer processes can read: they answer it first.
    """
    plans = c.execute(_open_plans(address)).all()
    newer = {row.conv for row in plans if row.version > VERSION}
    promises = [_planned(c, row.conv, row.key, row.plan) for row in plans if row.conv not in newer and _is_plan(row)]
    covered = {(str(p.address), m.id) for p in promises for m in p.messages}
    waiting: dict[str, list[Message]] = {}
    for conv, body, version in c.execute(_open_inbox(address)):
        if version > VERSION:
            newer.add(conv)
        if conv not in newer:
            message = _message(body)
            if message is None:
                raise Unreadable("what is kept of a message cannot be read")
            if (conv, message.id) not in covered:
                waiting.setdefault(conv, []).append(message)
    return promises + [Promise(messages[0].address, tuple(messages)) for messages in waiting.values()]


def set_aside(c: Connection, owner: str, claim: Claim) -> int:
    """Park what waits in a chat and cannot be read, so that the rest can go on; how many, 0 where the claim is lost."""
    if not locked(c, owner, claim):
        return 0
    conv = str(claim.address)
    theirs = (inbox.c.conv == conv, IS_ACCEPTED, inbox.c.version <= VERSION)
    rows = c.execute(select(inbox.c.source_key, inbox.c.message).where(*theirs))
    keys = [row.source_key for row in rows if _message(row.message) is None]
    if keys:
        parking = update(inbox).where(*theirs, inbox.c.source_key.in_(keys))
        c.execute(parking.values(state="parked", problem=UNREADABLE))
        moved = update(conversation).where(conversation.c.conv == conv)
        c.execute(moved.values(head=conversation.c.head + len(keys)))
    return len(keys)


def _message(body: str) -> Message | None:
    """The message that is kept so; None when it says nothing."""
    try:
        return MESSAGE.validate_json(body)
    except ValueError:
        return None


def _is_plan(row: Row[Any]) -> bool:
    """Whether it can be read. If not, what it was to answer waits without it, and its parts are found by its key."""
    try:
        SETTLEMENT.validate_json(row.plan)
    except ValueError:
        log.error("a planned reply cannot be read; what it answers is answered again")  # noqa: TRY400 - it quotes texts
        return False
    return True


def _open_plans(address: Address | None) -> Any:
    columns = (reply.c.conv, reply.c.key, reply.c.plan, reply.c.version)
    query = select(*columns).where(reply.c.state == "planned").order_by(reply.c.at)
    return query if address is None else query.where(reply.c.conv == str(address))


def _open_inbox(address: Address | None) -> Any:
    query = select(inbox.c.conv, inbox.c.message, inbox.c.version).where(IS_ACCEPTED)
    query = query.order_by(inbox.c.at, inbox.c.seq)
    return query if address is None else query.where(inbox.c.conv == str(address))


def _planned(c: Connection, conv: str, key: str, body: str) -> Promise:
    settlement = SETTLEMENT.validate_json(body)
    return Promise(settlement.address, settlement.messages, settlement, tuple(parts.read(c, conv, key)))


def waiting(c: Connection, channel: str) -> int:
    """How many messages of a channel wait."""
    theirs = inbox.c.conv.startswith(f"{channel}:")
    return c.execute(select(func.count()).select_from(inbox).where(theirs, IS_ACCEPTED)).scalar_one()


def parked(c: Connection, limit: int) -> list[Parked]:
    """What waits for a person to look at it, the newest first."""
    rows = c.execute(select(inbox).where(IS_PARKED).order_by(inbox.c.at.desc(), inbox.c.source_key).limit(limit))
    return [
        Parked(row.source_key, Address.parse(row.conv) if row.conv else None, instant(row.at), row.problem, row.raw)
        for row in rows
    ]


def drop(c: Connection, key: str) -> bool:
    """Never mind it; whether there was such a thing."""
    return c.execute(_drop, {"k": key}).rowcount > 0


def retry(c: Connection, key: str) -> bool:
    """Put a parked message into its chat's line again, as if it came now; what came of it before keeps another key."""
    row = c.execute(select(inbox).where(inbox.c.source_key == key, IS_PARKED).with_for_update()).first()
    if row is None or row.message is None:
        return False
    tail = c.execute(_queue, {"c": row.conv}).scalar_one()
    if row.reply is not None:
        before = c.execute(select(reply.c.key).where(reply.c.conv == row.conv, reply.c.key.startswith(f"{row.reply}~")))
        name = f"{row.reply}~{len(before.all()) + 1}"
        for table in (part, decision, ledger, call, inbox):
            c.execute(update(table).where(table.c.conv == row.conv, table.c.reply == row.reply).values(reply=name))
        c.execute(update(reply).where(reply.c.conv == row.conv, reply.c.key == row.reply).values(key=name))
    return c.execute(_again, {"k": key, "n": tail}).rowcount > 0


def replace(c: Connection, owner: str, key: str, arrival: Arrival) -> bool:
    """Take an update that can be read now in the place of the parked one with that key."""
    gone = c.execute(delete(inbox).where(inbox.c.source_key == key, IS_PARKED, inbox.c.message_id.is_(None))).rowcount
    return gone > 0 and admit(c, owner, arrival, room=False).new
