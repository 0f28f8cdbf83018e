"""The names a customer's chat is known under: a platform may call one person by a number today and by an id tomorrow.

Of several names told at once the last is the one that stays with the person; a number may be given to somebody else.
Plain functions of a connection. A chat with one name only needs no row here.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, bindparam, func, select
from sqlalchemy.dialects.postgresql import insert

from core.conversation import Address, Holder
from core.store.plain import micros
from core.store.schema import alias, conversation

_known = select(alias.c.conv, alias.c.chat).where(alias.c.conv.in_(bindparam("names", expanding=True)))
_written = select(conversation.c.conv).where(conversation.c.conv.in_(bindparam("names", expanding=True)))
_of = select(alias.c.conv).where(alias.c.chat == bindparam("c")).order_by(alias.c.at.desc(), alias.c.conv)
_newest = _of.limit(1)
_latest = select(func.max(alias.c.at)).where(alias.c.chat == bindparam("c"))
_keep = insert(alias)
_keep = _keep.on_conflict_do_update(
    index_elements=["conv"], set_={"at": _keep.excluded.at, "chat": _keep.excluded.chat}
)
_opted_out = select(conversation.c.conv).where(
    conversation.c.conv.in_(bindparam("names", expanding=True)), conversation.c.holder == Holder.OPTED_OUT.value
)
_opt_out = insert(conversation).on_conflict_do_update(index_elements=["conv"], set_={"holder": Holder.OPTED_OUT.value})


def chat_of(c: Connection, channel: str, names: Sequence[str]) -> tuple[Address, bool]:
    """The chat of these names, and whether `keep` has something to write: a new name, or another one written from."""
    rows = [str(Address(channel, name)) for name in dict.fromkeys(names)]
    known = {row.conv: row.chat for row in c.execute(_known, {"names": rows})}
    if len(rows) == 1:
        chat = known.get(rows[0], rows[0])
        return Address.parse(chat), bool(known) and c.execute(_newest, {"c": chat}).scalar() != rows[0]
    chat = known.get(rows[-1]) or _begun(c, rows, known)
    strange = any(known.get(row) != chat for row in rows)
    return Address.parse(chat), strange or c.execute(_newest, {"c": chat}).scalar() != rows[0]


def _begun(c: Connection, rows: Sequence[str], known: dict[str, str]) -> str:
    """The chat of somebody whose lasting name is new: begun under it, or under another name nobody else goes by."""
    written = set(c.execute(_written, {"names": list(rows)}).scalars())
    if rows[-1] in written:
        return rows[-1]
    for row in rows[:-1]:
        if chat := known.get(row, row if row in written else ""):
            return rows[-1] if _others(c, chat, rows) else chat
    return rows[0]


def _others(c: Connection, chat: str, rows: Sequence[str]) -> bool:
    """Whether somebody goes by this chat under a name that is none of these."""
    return bool(set(c.execute(_of, {"c": chat}).scalars()) - {*rows, chat})


def keep(c: Connection, channel: str, names: Sequence[str], at: datetime) -> Address:
    """The chat of these names, which are its names from now on; the first is the one written from at this instant.

    Who wanted no messages under one of them wants none under any.
    """
    chat, _ = chat_of(c, channel, names)
    mine, rows = str(chat), [str(Address(channel, name)) for name in dict.fromkeys(names)]
    own = [row for row in rows if not _others(c, row, rows)]
    if c.execute(_opted_out, {"names": own}).first():
        c.execute(_opt_out, {"conv": mine, "holder": Holder.OPTED_OUT.value})
    known = set(c.execute(_of, {"c": mine}).scalars())
    latest = c.execute(_latest, {"c": mine}).scalar()
    newest = max(micros(at), (latest or 0) + len(rows) + 1)  # newer than all before, whatever the clock did
    c.execute(insert(alias).on_conflict_do_nothing(), {"conv": mine, "chat": mine, "at": newest - len(rows)})
    for n, row in enumerate(rows):
        if n == 0 or row not in known:
            c.execute(_keep, {"conv": row, "chat": mine, "at": newest - n})
    return chat


def names_of(c: Connection, address: Address) -> list[str]:
    """The names of a chat, the one written from last first; its own when it has no other."""
    rows = c.execute(_of, {"c": str(address)}).scalars().all()
    return [Address.parse(row).chat for row in rows] or [address.chat]
