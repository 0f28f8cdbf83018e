"""The units of work that keep a promise: plain functions of a connection, safe to run twice.

Only statements on the life of a message belong here; what people read afterwards is in `books`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import BigInteger, Boolean, Connection, Integer, Row, String, bindparam, case, func, select, update
from sqlalchemy.dialects.postgresql import insert

from core.conversation import Address, Holder, Message, MessageKind, Reply, Turn
from core.errors import Fenced
from core.records import Claim, Outcome, Part, PartState, Settled, Settlement
from core.store import budgets, calls, parts
from core.store.appends import append
from core.store.codec import DECISION, FEES, NAMES, SETTLEMENT, text, turn_columns
from core.store.leases import VERSION, fence, locked
from core.store.plain import kept, micros
from core.store.schema import IS_ACCEPTED, call, conversation, decision, inbox, ledger, part, reply, turn

LACKING = frozenset({PartState.REJECTED, PartState.ABANDONED})
"""States of parts that the customer lacks, or may lack."""

GIVEN_UP = "given up: whoever tried to answer it died of it"
"""What is wrong with a message that was parked because of too many claims."""

_lacking = (
    select(func.count())
    .select_from(part)
    .where(part.c.conv == bindparam("c"), part.c.reply == bindparam("k"), part.c.state.in_(LACKING))
    .scalar_subquery()
)
_plan = insert(reply).on_conflict_do_nothing().returning(reply.c.key)  # PostgreSQL's rowcount says nothing here
_settle_reply = insert(reply).on_conflict_do_update(
    index_elements=["conv", "key"], set_={"state": "settled", "plan": None}
)
_theirs = (
    inbox.c.conv == bindparam("c"),
    inbox.c.message_id.in_(bindparam("ids", expanding=True)),
    IS_ACCEPTED,
)
_done = (
    update(inbox)
    .where(*_theirs)
    .values(state=bindparam("s"), reply=bindparam("k"), problem=bindparam("p"))
    .returning(_lacking)
)
_settled = select(reply.c.key).where(
    reply.c.conv == bindparam("c"), reply.c.key == bindparam("k"), reply.c.state == "settled"
)
_waiting = select(func.count()).select_from(inbox).where(*_theirs).scalar_subquery()
_heads = conversation.c.head + _waiting + bindparam("h", type_=Integer)
_has_more = _heads < conversation.c.tail
_may_hold = (conversation.c.holder != Holder.OPTED_OUT.value) | bindparam("said_so", type_=Boolean)
_holds = bindparam("who", type_=String).is_not(None) & _may_hold
_grow = (
    update(conversation)
    .where(conversation.c.conv == bindparam("c"), ~_settled.exists())
    .values(
        turns=conversation.c.turns + bindparam("n"),
        replies=conversation.c.replies + bindparam("r"),
        head=_heads,
        attempts=0,
        owner=case((_has_more, conversation.c.owner)),
        lease_until=case((_has_more, conversation.c.lease_until)),
        holder=case((_holds, bindparam("who", type_=String)), else_=conversation.c.holder),
        held_since=case((_holds, bindparam("since", type_=BigInteger)), else_=conversation.c.held_since),
        last_at=case((conversation.c.last_at < bindparam("l"), bindparam("l")), else_=conversation.c.last_at),
    )
    .returning(conversation.c.turns, conversation.c.owner)
)
_grow_fenced = _grow.where(conversation.c.owner == bindparam("me"), conversation.c.epoch == bindparam("e"))
_add_turns = insert(turn).returning(turn.c.number)  # what returns something goes out as one statement
_add_decision = insert(decision).on_conflict_do_nothing().returning(decision.c.at)
_add_entry = insert(ledger).on_conflict_do_nothing().returning(ledger.c.at)
_add_call = insert(call).on_conflict_do_nothing().returning(call.c.number)


def plan(c: Connection, owner: str, settlement: Settlement, texts: Sequence[str], claim: Claim | None) -> list[Part]:
    """Insert the reply and its parts unless the key is known; the parts as they stand. Fenced."""
    fence(c, owner, claim)
    conv, key = str(settlement.address), settlement.key
    row = {"conv": conv, "key": key, "state": "planned", "at": micros(settlement.entry.at), "version": VERSION}
    row["plan"] = kept(text(SETTLEMENT, settlement))
    if c.execute(_plan, row).first():
        parts.add(c, conv, key, [kept(body) for body in texts])
    return parts.read(c, conv, key)


def mark(c: Connection, owner: str, address: Address, item: Part, claim: Claim | None) -> None:
    """Write how far a part has come. Fenced."""
    fence(c, owner, claim)
    parts.mark(c, address, item)


def settle(c: Connection, owner: str, settlement: Settlement, claim: Claim | None) -> Settled:
    """End a burst, once: whoever comes second under the same key changes nothing. Fenced.

    When nothing more of the chat waits it is given back, in the same statement that says so.
    """
    conv, key = str(settlement.address), settlement.key
    entry = settlement.entry
    after = (settlement.reply, settlement.hand_back)
    turns: list[Turn] = [*settlement.heard, *(turn for turn in after if turn)]
    # First of all, because it locks the chat's row, as whoever writes rows of a chat does first.
    chat = _move_on(c, owner, settlement, turns, claim)
    if chat is None:
        return Settled(released=claim is None or not locked(c, owner, claim))
    row = {"conv": conv, "key": key, "state": "settled", "at": micros(entry.at), "plan": None, "version": VERSION}
    c.execute(_settle_reply, row)
    lacking: int | None = None
    if settlement.messages:
        parked = entry.outcome is Outcome.PARKED
        values = {"c": conv, "k": key, "s": "parked" if parked else "settled", "p": GIVEN_UP if parked else ""}
        # Only now: news of a part waits for the reply's row, or was committed before we got it.
        lacking = c.execute(_done, values | {"ids": [m.id for m in settlement.messages]}).scalar()
    first = chat.turns - len(turns)
    append(c, _add_turns, ({"conv": conv, "number": first + n, **turn_columns(t)} for n, t in enumerate(turns)))
    if settlement.decision is not None:
        made = settlement.decision
        row = {"conv": conv, "reply": key, "at": micros(entry.at), "tier": made.tier.label, "book": made.book}
        append(c, _add_decision, [row | {"rules": text(NAMES, made.rules), "body": kept(text(DECISION, made))}])
    _book(c, settlement)
    sent = [] if lacking == 0 else parts.read(c, conv, key)
    return Settled(tuple(part for part in sent if part.state in LACKING), chat.owner is None)


def _move_on(
    c: Connection, owner: str, settlement: Settlement, turns: list[Turn], claim: Claim | None
) -> Row[Any] | None:
    """Move the chat's one row on as its owner; None when this settlement was made before. Fenced."""
    conv, holder = str(settlement.address), settlement.holder
    last = max((micros(t.at) for t in turns), default=0)
    # Only the customer takes an opting out back, whatever else was under way when it came.
    said_so = any(isinstance(t, Message) and t.kind is MessageKind.OPT_IN for t in turns)
    # Before schema 3 what a person said was in no inbox; the migration counted a plan of it as one that waits.
    heads = 1 if claim is not None and not settlement.messages else 0
    growth = {"c": conv, "n": len(turns), "r": sum(isinstance(t, Reply) for t in turns), "h": heads, "l": last}
    growth |= {"who": holder, "since": None if holder is Holder.BOT else last, "said_so": said_so}
    growth |= {"k": settlement.key, "ids": [m.id for m in settlement.messages]}
    if claim is None:
        c.execute(insert(conversation).on_conflict_do_nothing(), {"conv": conv, "last_at": last})
        return c.execute(_grow, growth).first()
    chat = c.execute(_grow_fenced, growth | {"me": owner, "e": claim.epoch}).first()
    if chat is None and not c.execute(_settled, {"c": conv, "k": settlement.key}).first():
        raise Fenced("another process answers this chat now")
    return chat


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
    append(c, _add_entry, [row])
    append(c, _add_call, (calls.columns(conv, settlement.key, n, made) for n, made in enumerate(entry.calls)))
    budgets.settle(c, entry.calls)
