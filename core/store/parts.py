"""The parts of a reply: plain functions of a connection. What a platform told is never overwritten by what we thought.

Whether a part was the last one, and what is settled then, is in `work`.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, bindparam, case, insert, select, update

from core.conversation import Address
from core.records import Part, PartState, Progress
from core.store.codec import FEES, text
from core.store.schema import conversation, part, reply

TOLD = (PartState.DELIVERED, PartState.READ, PartState.REJECTED)
"""States only a platform can tell (or that end a part): a send of ours that ends later does not take them back."""

RANKS = {PartState.SENT: 1, PartState.DELIVERED: 2, PartState.READ: 3}
"""How far a message has come at its platform; a failure is worth more than `sent` and less than `delivered`."""

FAILED = 1.5

_one = (part.c.conv == bindparam("c"), part.c.reply == bindparam("r"), part.c.number == bindparam("n"))
_parts = (
    select(part.c.number, part.c.text, part.c.state, part.c.sent_as, part.c.fees)
    .where(part.c.conv == bindparam("c"), part.c.reply == bindparam("r"))
    .order_by(part.c.number)
)
_begins = bindparam("s").in_([PartState.PLANNED.value, PartState.SENDING.value])
_kept = part.c.state.in_([state.value for state in TOLD]) & ~_begins
_mark = (
    update(part)
    .where(*_one)
    .values(
        state=case((_kept, part.c.state), else_=bindparam("s")),
        sent_as=case((_begins | (bindparam("a") != ""), bindparam("a")), else_=part.c.sent_as),
        fees=bindparam("f"),
    )
)
_chat = select(conversation.c.conv).where(conversation.c.conv == bindparam("c")).with_for_update(read=True)
_state = select(part.c.text, part.c.state, part.c.sent_as).where(*_one).with_for_update()
_advance = update(part).where(*_one).values(state=bindparam("s"), sent_as=bindparam("a"))
_reply_state = select(reply.c.state).where(reply.c.conv == bindparam("c"), reply.c.key == bindparam("r"))


def add(c: Connection, conv: str, key: str, texts: Sequence[str]) -> None:
    """The parts of a new plan."""
    fresh = {"conv": conv, "reply": key, "state": PartState.PLANNED.value, "sent_as": "", "fees": "[]"}
    rows = [fresh | {"number": n, "text": body} for n, body in enumerate(texts)]
    if rows:
        c.execute(insert(part), rows)


def read(c: Connection, conv: str, key: str) -> list[Part]:
    """The parts of a reply, in order."""
    rows = c.execute(_parts, {"c": conv, "r": key})
    return [
        Part(key, number, body, PartState(state), sent_as, FEES.validate_json(fees))
        for number, body, state, sent_as, fees in rows
    ]


def mark(c: Connection, address: Address, item: Part) -> None:
    """Write one part's state, its platform id and fees; a new attempt may begin from any state."""
    values = {"c": str(address), "r": item.reply, "n": item.index, "s": item.state.value, "a": item.sent_as}
    c.execute(_mark, values | {"f": text(FEES, item.fees)})


def advance(c: Connection, told: Progress) -> Part | None:
    """Write what a platform told, upwards only; the part when a reply that is settled already has failed with it."""
    values = {"c": str(told.address), "r": told.reply, "n": told.index}
    c.execute(_chat, values)  # a settlement of it ends first, or begins after this and sees what is told here
    row = c.execute(_state, values).first()
    # What is planned is no message yet: the news is of an attempt that is over.
    if row is None or row.state == PartState.PLANNED.value:
        return None
    if row.sent_as and told.sent_as and row.sent_as != told.sent_as:
        return None
    if _rank(told.state) <= _rank(PartState(row.state)):
        return None
    sent_as = row.sent_as or told.sent_as
    c.execute(_advance, values | {"s": told.state.value, "a": sent_as})
    settled = c.execute(_reply_state, {"c": values["c"], "r": told.reply}).scalar() == "settled"
    failed = told.state is PartState.REJECTED and settled
    return Part(told.reply, told.index, row.text, told.state, sent_as) if failed else None


def _rank(state: PartState) -> float:
    return FAILED if state is PartState.REJECTED else RANKS.get(state, 0)
