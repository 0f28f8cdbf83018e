"""What the customer asked, burst by burst: which texts of a conversation a meaning is wanted for, and in which form.

Cutting a conversation at its replies only; what a text says is read by signals.
"""

from __future__ import annotations

from dataclasses import dataclass

from core.conversation import Conversation, Message, MessageKind, Reply

UNDERSTOOD = 4
"""Bursts whose meaning is asked for, the newest included; the earlier ones were encoded when they came."""


@dataclass(frozen=True, slots=True)
class Ask:
    """One burst: its texts, one message a line, and the reply it came after (empty for the first)."""

    text: str
    reply: str = ""


def asks(conversation: Conversation, most: int) -> list[Ask]:
    """The newest `most` bursts that have words, newest first; the text of the newest is `conversation.asked`."""
    found: list[Ask] = []
    texts: list[str] = []
    for turn in reversed(conversation.turns):
        if isinstance(turn, Message) and turn.text and turn.kind is not MessageKind.NOTED:
            texts.append(turn.text)
        elif isinstance(turn, Reply) and texts:
            found.append(Ask("\n".join(reversed(texts)), turn.text))
            texts = []
            if len(found) == most:
                return found
    if texts:
        found.append(Ask("\n".join(reversed(texts))))
    return found[:most]


def to_understand(conversation: Conversation) -> list[str]:
    """The texts an encoder is asked for, the newest first, each once."""
    return list(dict.fromkeys(ask.text for ask in asks(conversation, UNDERSTOOD)))
