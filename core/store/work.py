"""The units of work that keep a promise: plain functions of a connection, safe to run twice.

Only statements on the life of a message belong here; what people read afterwards is in `books`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, func, select, update
from sqlalchemy.dialects.sqlite import insert

from core.conversation import Address, Arrival, Conversation, Holder, Message, MessageKind, Reply, Turn
from core.records import Part, PartState, Promise, Settlement
from core.store import parts
from core.store.codec import DECISION, FEES, MESSAGE, NAMES, SETTLEMENT, micros, read_turn, text, turn_columns
from core.store.schema import IS_ACCEPTED, call, conversation, decision, inbox, ledger, reply, turn

HISTORY = 200
"""At most so many turns of a chat are ever loaded."""

_arrive = insert(inbox).on_conflict_do_nothing().returning(inbox.c.seq)
_known = select(inbox.c.seq).where(inbox.c.conv == bindparam("c"), inbox.c.source_key == bindparam("k"))
_next = (
    insert(conversation)
    .on_conflict_do_update(index_elements=["conv"], set_={"tail": conversation.c.tail + 1})
    .returning(conversation.c.tail)
)
_state = select(conversation.c.holder, conversation.c.replies).where(conversation.c.conv == bindparam("c"))
_turns = (
    select(turn.c.kind, turn.c.body).where(turn.c.conv == bindparam("c")).order_by(turn.c.number.desc()).limit(HISTORY)
)
_claim = (
    insert(reply)
    .on_conflict_do_update(
        index_elements=["conv", "key"],
        set_={"state": "settled", "plan": None},
        where=reply.c.state != "settled",
    )
    .returning(reply.c.key)
)
_done = (
    update(inbox)
    .where(inbox.c.conv == bindparam("c"), inbox.c.message_id == bindparam("m"), IS_ACCEPTED)
    .values(state="settled", reply=bindparam("r"))
)
_grow = (
    update(conversation)
    .where(conversation.c.conv == bindparam("c"))
    .values(
        turns=conversation.c.turns + bindparam("n"),
        replies=conversation.c.replies + bindparam("r"),
        head=conversation.c.head + bindparam("h"),
        last_at=func.max(conversation.c.last_at, bindparam("l")),
    )
    .returning(conversation.c.turns)
)
_hold = (
    update(conversation)
    .where(conversation.c.conv == bindparam("c"))
    .where((conversation.c.holder != Holder.OPTED_OUT.value) | bindparam("said_so"))
    .values(holder=bindparam("who"), held_since=bindparam("since"))
)
_add_turn = insert(turn)
_add_decision = insert(decision).on_conflict_do_nothing()
_add_entry = insert(ledger).on_conflict_do_nothing()
_add_call = insert(call).on_conflict_do_nothing()


def admit(c: Connection, arrival: Arrival) -> bool:
    """Insert the arrival unless its key is known."""
    message = arrival.message
    conv = str(message.address) if message else ""
    if c.execute(_known, {"c": conv, "k": arrival.key}).first():
        return False
    row: dict[str, Any] = {"conv": conv, "source_key": arrival.key, "raw": arrival.raw, "problem": arrival.problem}
    if message is None:
        state = "parked" if arrival.problem else "noted"
        c.execute(_arrive, row | {"seq": 0, "state": state, "at": 0, "message_id": None, "message": None})
        return True
    seq = c.execute(_next, {"conv": conv, "tail": 1, "last_at": micros(message.at)}).scalar_one()
    body = {"at": micros(message.at), "message_id": message.id, "message": text(MESSAGE, message)}
    c.execute(_arrive, row | body | {"seq": seq, "state": "accepted"})
    return True


def load(c: Connection, address: Address) -> Conversation:
    """The newest turns of a chat and who holds it."""
    conv = str(address)
    state = c.execute(_state, {"c": conv}).first()
    if state is None:
        return Conversation(address)
    turns = tuple(read_turn(kind, body) for kind, body in reversed(c.execute(_turns, {"c": conv}).all()))
    return Conversation(address, turns, Holder(state.holder), first_contact=state.replies == 0)


def unsettled(c: Connection, address: Address | None) -> list[Promise]:
    """Every accepted arrival, as the plan it belongs to or as its chat's burst."""
    promises = [_planned(c, row.conv, row.key, row.plan) for row in c.execute(_open_plans(address))]
    covered = {(str(p.address), m.id) for p in promises for m in p.messages}
    waiting: dict[str, list[Message]] = {}
    for conv, body in c.execute(_open_inbox(address)):
        message = MESSAGE.validate_json(body)
        if (conv, message.id) not in covered:
            waiting.setdefault(conv, []).append(message)
    return promises + [Promise(messages[0].address, tuple(messages)) for messages in waiting.values()]


def _open_plans(address: Address | None) -> Any:
    query = select(reply.c.conv, reply.c.key, reply.c.plan).where(reply.c.state == "planned").order_by(reply.c.at)
    return query if address is None else query.where(reply.c.conv == str(address))


def _open_inbox(address: Address | None) -> Any:
    query = select(inbox.c.conv, inbox.c.message).where(IS_ACCEPTED)
    query = query.order_by(inbox.c.at, inbox.c.seq)
    return query if address is None else query.where(inbox.c.conv == str(address))


def _planned(c: Connection, conv: str, key: str, body: str) -> Promise:
    settlement = SETTLEMENT.validate_json(body)
    return Promise(settlement.address, settlement.messages, settlement, tuple(parts.read(c, conv, key)))


def plan(c: Connection, settlement: Settlement, texts: Sequence[str]) -> list[Part]:
    """Insert the reply and its parts unless the key is known; the parts as they stand."""
    conv, key = str(settlement.address), settlement.key
    row = {"conv": conv, "key": key, "state": "planned", "at": micros(settlement.entry.at)}
    row["plan"] = text(SETTLEMENT, settlement)
    if c.execute(insert(reply).on_conflict_do_nothing(), row).rowcount:
        parts.add(c, conv, key, texts)
    return parts.read(c, conv, key)


def settle(c: Connection, settlement: Settlement) -> list[Part]:
    """End a burst, once: whoever comes second under the same key changes nothing. What of its reply was refused."""
    conv, key = str(settlement.address), settlement.key
    entry = settlement.entry
    if settlement.messages:
        c.execute(_done, [{"c": conv, "m": m.id, "r": key} for m in settlement.messages])
    claimed = c.execute(_claim, {"conv": conv, "key": key, "state": "settled", "at": micros(entry.at), "plan": None})
    if not claimed.first():
        return []
    turns: list[Turn] = [*settlement.heard, *([settlement.reply] if settlement.reply else [])]
    _add_turns(c, conv, turns, settlement.holder, heads=len(settlement.messages))
    if settlement.decision is not None:
        made = settlement.decision
        row = {"conv": conv, "reply": key, "at": micros(entry.at), "tier": made.tier.label, "book": made.book}
        c.execute(_add_decision, row | {"rules": text(NAMES, made.rules), "body": text(DECISION, made)})
    _book(c, settlement)
    sent = parts.read(c, conv, key) if settlement.reply else []
    return [part for part in sent if part.state is PartState.REJECTED]


def append(c: Connection, address: Address, item: Turn, holder: Holder | None) -> None:
    """Add one turn to a chat."""
    _add_turns(c, str(address), [item], holder)


def _add_turns(c: Connection, conv: str, turns: list[Turn], holder: Holder | None, heads: int = 0) -> None:
    last = max((micros(t.at) for t in turns), default=0)
    replies = sum(isinstance(t, Reply) for t in turns)
    growth = {"c": conv, "n": len(turns), "r": replies, "h": heads, "l": last}
    after = c.execute(_grow, growth).scalar()
    if after is None:
        c.execute(insert(conversation), {"conv": conv, "last_at": last})
        after = c.execute(_grow, growth).scalar_one()
    if holder is not None:
        # Only the customer takes an opting out back, whatever else was under way when it came.
        said_so = any(isinstance(t, Message) and t.kind is MessageKind.OPT_IN for t in turns)
        since = None if holder is Holder.BOT else last
        c.execute(_hold, {"c": conv, "who": holder.value, "since": since, "said_so": said_so})
    first = after - len(turns)
    rows = [{"conv": conv, "number": first + n, **turn_columns(t)} for n, t in enumerate(turns)]
    if rows:
        c.execute(_add_turn, rows)


def _book(c: Connection, settlement: Settlement) -> None:
    entry, conv = settlement.entry, str(settlement.address)
    row = {
        "conv": conv,
        "reply": settlement.key,
        "channel": entry.address.channel,
        "at": micros(entry.at),
        "outcome": entry.outcome,
        "tier": entry.tier,
        "rules": text(NAMES, entry.rules),
        "messages": text(NAMES, entry.messages),
        "first_text": entry.first_text,
        "total": entry.total,
        "fees": text(FEES, entry.fees),
    }
    c.execute(_add_entry, row)
    calls = [
        {
            "conv": conv,
            "reply": settlement.key,
            "number": n,
            "provider": made.provider,
            "model": made.model,
            "outcome": made.outcome,
            "seconds": made.seconds,
            "input": made.usage.input if made.usage else None,
            "output": made.usage.output if made.usage else None,
            "cached": made.usage.cached if made.usage else None,
            "cost": str(made.cost.amount) if made.cost else None,
            "currency": made.cost.currency if made.cost else None,
            "free": made.free,
            "error": made.error,
        }
        for n, made in enumerate(entry.calls)
    ]
    if calls:
        c.execute(_add_call, calls)
