"""What people read afterwards: the ledger, receipts, the operators' list of chats. Cards are kept here too.

Nothing here takes part in the life of a message.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, case, select
from sqlalchemy.dialects.postgresql import insert

from core.conversation import Address, Author, HandBack, Holder, Message, Reply, Turn
from core.records import Call, Entry, Outcome
from core.rules import Decision
from core.store import calls
from core.store.codec import DECISION, FEES, NAMES, read_turn
from core.store.plain import instant, micros
from core.store.schema import call, card, conversation, decision, inbox, ledger, turn


@dataclass(frozen=True, slots=True)
class ChatRow:
    """One chat as operators see it: who holds it, since when, and the newest turn's text.

    `unmet_since` is when the customer was told that no person could be called, while none has come since.
    """

    address: Address
    holder: Holder
    held_since: datetime | None
    last_at: datetime
    last_text: str
    customer: str
    unmet_since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Receipt:
    """Why one answer was given as it was and what it cost."""

    entry: Entry
    decision: Decision | None


def entries(c: Connection, start: datetime, end: datetime) -> list[Entry]:
    """Ledger lines in [start, end), oldest first, each with its calls."""
    window = (ledger.c.at >= micros(start), ledger.c.at < micros(end))
    found: dict[tuple[str, str], list[Call]] = {}
    joined = ledger.join(call, (call.c.conv == ledger.c.conv) & (call.c.reply == ledger.c.reply))
    for row in c.execute(select(call).select_from(joined).where(*window).order_by(call.c.number)):
        found.setdefault((row.conv, row.reply), []).append(calls.read(row))
    rows = c.execute(select(ledger).where(*window).order_by(ledger.c.at))
    return [_entry(row, found.get((row.conv, row.reply), [])) for row in rows]


def _entry(row: Row[Any], calls: Sequence[Call]) -> Entry:
    return Entry(
        at=instant(row.at),
        address=Address.parse(row.conv),
        messages=NAMES.validate_json(row.messages),
        outcome=Outcome(row.outcome),
        tier=row.tier,
        rules=NAMES.validate_json(row.rules),
        calls=tuple(calls),
        first_text=row.first_text,
        total=row.total,
        fees=FEES.validate_json(row.fees),
    )


def turns_since(c: Connection, start: datetime) -> list[tuple[str, Turn]]:
    """Every turn from `start` on with its conversation's address, chat by chat, in order."""
    query = select(turn.c.conv, turn.c.kind, turn.c.body).where(turn.c.at >= micros(start))
    rows = c.execute(query.order_by(turn.c.conv, turn.c.number))
    return [(conv, read_turn(kind, body)) for conv, kind, body in rows]


def receipt(c: Connection, address: Address, message: str) -> Receipt | None:
    """The ledger line and decision of the reply to that message."""
    conv = str(address)
    key = c.execute(select(inbox.c.reply).where(inbox.c.conv == conv, inbox.c.message_id == message)).scalar()
    if key is None:
        return None
    line = c.execute(select(ledger).where(ledger.c.conv == conv, ledger.c.reply == key)).first()
    if line is None:
        return None
    made = c.execute(select(call).where(call.c.conv == conv, call.c.reply == key).order_by(call.c.number))
    body = c.execute(select(decision.c.body).where(decision.c.conv == conv, decision.c.reply == key)).scalar()
    why = DECISION.validate_json(body) if body else None
    return Receipt(_entry(line, [calls.read(row) for row in made]), why)


def chats(c: Connection, limit: int) -> list[ChatRow]:
    """Chats with turns, those waiting for a person first, then by the newest turn."""
    waiting_first = case((conversation.c.holder == "waiting", 0), (conversation.c.holder == "person", 1), else_=2)
    query = select(conversation).where(conversation.c.turns > 0)
    rows = c.execute(query.order_by(waiting_first, conversation.c.last_at.desc()).limit(limit)).all()
    return [_chat(c, row) for row in rows]


def _chat(c: Connection, row: Row[Any]) -> ChatRow:
    newest = select(turn.c.kind, turn.c.body).where(turn.c.conv == row.conv).order_by(turn.c.number.desc()).limit(12)
    turns = [read_turn(kind, body) for kind, body in c.execute(newest)]
    said = next((t.text for t in turns if isinstance(t, Message | Reply) and t.text), "")
    who = next((t.customer.name for t in turns if isinstance(t, Message) and t.customer.name), "")
    since = None if row.held_since is None else instant(row.held_since)
    came = next((n for n, t in enumerate(turns) if _is_persons(t)), len(turns))
    unmet = [t.at for t in turns[:came] if isinstance(t, Reply) and t.notice == "nobody"]
    told = unmet[-1] if unmet else None
    return ChatRow(Address.parse(row.conv), Holder(row.holder), since, instant(row.last_at), said, who, told)


def _is_persons(turn: Turn) -> bool:
    return isinstance(turn, HandBack) or (isinstance(turn, Reply) and turn.author is Author.PERSON)


def remember_card(c: Connection, address: Address, desk: Address, sent_as: str) -> None:
    """Keep a card's conversation; the same card twice changes nothing."""
    row = {"conv": str(address), "desk": str(desk), "sent_as": sent_as}
    c.execute(insert(card).on_conflict_do_nothing(), row)


def find_card(c: Connection, desk: Address, sent_as: str) -> Address | None:
    """The conversation of the card the operators' chat knows under that id."""
    found = c.execute(select(card.c.conv).where(card.c.desk == str(desk), card.c.sent_as == sent_as)).scalar()
    return Address.parse(found) if found else None
