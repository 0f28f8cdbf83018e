"""The names a customer's chat is known under: a platform may call one person by a number today and by an id tomorrow.

Plain functions of a connection. A chat with one name only needs no row here.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, bindparam, func, select
from sqlalchemy.dialects.sqlite import insert

from core.conversation import Address
from core.store.codec import micros
from core.store.schema import alias, conversation

_known = select(alias.c.conv, alias.c.chat).where(alias.c.conv.in_(bindparam("names", expanding=True)))
_written = select(conversation.c.conv).where(conversation.c.conv.in_(bindparam("names", expanding=True)))
_of = select(alias.c.conv).where(alias.c.chat == bindparam("c")).order_by(alias.c.at.desc(), alias.c.conv)
_newest = _of.limit(1)
_latest = select(func.max(alias.c.at)).where(alias.c.chat == bindparam("c"))
_keep = insert(alias)
_keep = _keep.on_conflict_do_update(index_elements=["conv"], set_={"at": _keep.excluded.at})


def chat_of(c: Connection, channel: str, names: Sequence[str]) -> tuple[Address, bool]:
    """The chat of these names, and whether `keep` has something to write: a new name, or another one written from."""
    rows = [str(Address(channel, name)) for name in dict.fromkeys(names)]
    known = {row.conv: row.chat for row in c.execute(_known, {"names": rows})}
    chat = next((known[row] for row in rows if row in known), None)
    if chat is None:
        written = set(c.execute(_written, {"names": rows}).scalars()) if len(rows) > 1 else set()
        chat = next((row for row in rows if row in written), rows[0])
    news = (len(rows) > 1 and not all(row in known for row in rows)) or (
        bool(known) and c.execute(_newest, {"c": chat}).scalar() != rows[0]
    )
    return Address.parse(chat), news


def keep(c: Connection, channel: str, names: Sequence[str], at: datetime) -> Address:
    """The chat of these names, which are its names from now on; the first is the one written from at this instant."""
    chat, _ = chat_of(c, channel, names)
    known = set(c.execute(_of, {"c": str(chat)}).scalars())
    rows = [str(Address(channel, name)) for name in dict.fromkeys((*names, chat.chat))]
    latest = c.execute(_latest, {"c": str(chat)}).scalar()
    newest = max(micros(at), (latest or 0) + len(rows))  # newer than all before, whatever the clock did
    for n, row in enumerate(rows):
        if n == 0 or row not in known:
            c.execute(_keep, {"conv": row, "chat": str(chat), "at": newest - n})
    return chat


def names_of(c: Connection, address: Address) -> list[str]:
    """The names of a chat, the one written from last first; its own when it has no other."""
    rows = c.execute(_of, {"c": str(address)}).scalars().all()
    return [Address.parse(row).chat for row in rows] or [address.chat]
