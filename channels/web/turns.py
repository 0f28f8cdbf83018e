"""What a page is told about messages: plain JSON values. Pure.

A reply carries the id of the customer's message it answers, which is what "why this answer" asks by.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from core.conversation import Author, Conversation, Message, MessageKind, Reply
from core.markup import convert


def message_view(message: Message) -> dict[str, Any]:
    """A message of the customer's: exactly as written, with what came along by kind and place in the message."""
    view = {"author": "customer", "id": message.id, "text": message.text, "at": _iso(message.at)}
    came = [
        {"kind": a.kind, "note": a.note or a.name, "number": n, "fetched": bool(a.handle)}
        for n, a in enumerate(message.attachments)
    ]
    return view | ({"attachments": came} if came else {})


def reply_view(text: str, at: datetime, author: Author, answers: str) -> dict[str, Any]:
    """A reply; what a person wrote is plain text, everything else carries the entities of its markup."""
    view: dict[str, Any] = {"author": str(author), "text": text, "at": _iso(at), "answers": answers}
    if author is Author.PERSON:
        return view
    rich = convert(text)
    entities = [
        {"kind": str(e.kind), "offset": e.offset, "length": e.length, "url": e.url, "language": e.language}
        for e in rich.entities
    ]
    return view | {"text": rich.text, "entities": entities}


def turn_views(conversation: Conversation) -> list[dict[str, Any]]:
    """The conversation as a page shows it, oldest first; reactions and hand-backs are not shown."""
    views = []
    asked = ""
    for turn in conversation.turns:
        if isinstance(turn, Reply):
            answers = "" if turn.author is Author.PERSON else asked
            views.append(reply_view(turn.text, turn.at, turn.author, answers))
        elif isinstance(turn, Message) and turn.kind is not MessageKind.NOTED:
            asked = turn.id
            views.append(message_view(turn))
    return views


def asked_before(conversation: Conversation, began: datetime) -> str:
    """The id of the last message still to be answered that came before the answer began, empty when none did."""
    return next((m.id for m in reversed(conversation.unanswered) if m.at <= began), "")


def _iso(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds")
