"""The settled turns of a chat, as every decision reads them. A turn is written once and never changes, so each process
decodes it once: of a chat it has read before it asks only for what came since.

Only reading belongs here; turns are added by `work`.
"""

from __future__ import annotations

import logging
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, bindparam, select

from core.conversation import Address, Conversation, Holder, Turn
from core.store.codec import read_turn
from core.store.schema import conversation, turn

log = logging.getLogger(__name__)

HISTORY = 200
"""At most so many turns of a chat are ever loaded."""

REMEMBERED = 20_000
"""At most so many decoded turns are kept in memory, those of the chats read last: some 20 MB."""

_chat = (
    select(conversation.c.holder, conversation.c.replies, turn.c.number, turn.c.kind, turn.c.body)
    .join_from(
        conversation,
        turn,
        (turn.c.conv == conversation.c.conv)
        & (turn.c.number >= conversation.c.turns - HISTORY)
        & (turn.c.number >= bindparam("n")),
        isouter=True,
    )
    .where(conversation.c.conv == bindparam("c"))
    .order_by(turn.c.number)
)


def _read(row: Any) -> Turn | None:
    """The turn, or nothing where its row cannot be read: better an answer that knows less than none."""
    try:
        return read_turn(row.kind, row.body)
    except (ValueError, KeyError) as error:
        log.error("a turn cannot be read and is left out: %s", type(error).__name__)  # noqa: TRY400 - it quotes texts
        return None


@dataclass(frozen=True, slots=True)
class Known:
    """The turns read so far; `number` and `body` are the last one's row."""

    turns: tuple[Turn, ...]
    number: int
    body: str


NOTHING = Known((), 0, "")


class History:
    """Used by the one thread that reads."""

    def __init__(self, most: int = REMEMBERED) -> None:
        self._most = most
        self._known: OrderedDict[str, Known] = OrderedDict()
        self._turns = 0

    def load(self, c: Connection, address: Address) -> Conversation:
        """The newest turns of a chat and who holds it."""
        conv = str(address)
        known = self._forget(conv)
        rows = c.execute(_chat, {"c": conv, "n": known.number}).all()
        # The last known row is read again: a store put back from a backup may have gone another way since.
        if known.turns and (not rows or (rows[0].number, rows[0].body) != (known.number, known.body)):
            known = NOTHING
            rows = c.execute(_chat, {"c": conv, "n": 0}).all()
        if not rows:
            return Conversation(address)
        fresh = rows[1:] if known.turns else [row for row in rows if row.kind is not None]
        turns = (known.turns + tuple(turn for row in fresh if (turn := _read(row))))[-HISTORY:]
        if turns:
            self._remember(conv, Known(turns, rows[-1].number, rows[-1].body))
        return Conversation(address, turns, Holder(rows[0].holder), first_contact=rows[0].replies == 0)

    def _forget(self, conv: str) -> Known:
        known = self._known.pop(conv, NOTHING)
        self._turns -= len(known.turns)
        return known

    def _remember(self, conv: str, known: Known) -> None:
        self._known[conv] = known
        self._turns += len(known.turns)
        while self._turns > self._most:
            self._forget(next(iter(self._known)))
