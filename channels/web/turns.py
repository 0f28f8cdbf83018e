"""What a page is told about messages: plain JSON values. Pure.

A reply carries the id of the customer's message it answers, which is what "why this answer" asks by.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from core.conversation import ORDERS, Author, Conversation, Message, MessageKind, Reply
from core.markup import convert

UNSEEN = ORDERS | {MessageKind.NOTED}
"""Kinds of messages no page shows: reactions, and what our own people ask for in the chat."""


@dataclass(frozen=True, slots=True)
class Line:
    """One turn as pages show it. `key` names it in this process; `answers` is the id of the message a reply answers."""

    turn: Message | Reply
    answers: str = ""

    @property
    def key(self) -> str:
        """The page's own id of a customer's message; for a reply what the store tells it by."""
        if isinstance(self.turn, Message):
            return self.turn.id
        return f"{self.turn.at.isoformat()} {self.turn.author} {hash(self.turn.text)}"

    @property
    def event(self) -> str:
        """The event that shows it: a reply of ours ends an answer, all else is a message."""
        return "final" if isinstance(self.turn, Reply) and self.turn.author is not Author.PERSON else "message"

    def view(self) -> dict[str, Any]:
        """What the page is told."""
        if isinstance(self.turn, Message):
            return message_view(self.turn)
        return reply_view(self.turn.text, self.turn.at, self.turn.author, self.answers)


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


def lines(conversation: Conversation) -> Sequence[Line]:
    """The conversation as a page shows it, oldest first, each message once; reactions and hand-backs are not shown.

    A message may stand twice in what the inbox gives: it was settled between the two halves of the reading.
    """
    found: dict[str, Line] = {}
    asked = ""
    for turn in conversation.turns:
        if isinstance(turn, Reply):
            line = Line(turn, "" if turn.author is Author.PERSON else asked)
        elif isinstance(turn, Message) and turn.kind not in UNSEEN:
            asked, line = turn.id, Line(turn)
        else:
            continue
        found.setdefault(line.key, line)
    return tuple(found.values())


def turn_views(conversation: Conversation) -> list[dict[str, Any]]:
    """The lines as JSON values."""
    return [line.view() for line in lines(conversation)]


def _iso(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds")
