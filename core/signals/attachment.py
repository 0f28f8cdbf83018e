"""The kind of the newest thing the customer attached to the burst to be answered; None when nothing came with it.

The kinds are those of `core.conversation.Attachment`: photo, document, voice, audio, video, sticker, location, contact,
other. Of several in one message the last counts. What is inside is not looked at. Exact.
"""

from __future__ import annotations

from core.conversation import Attachment, Conversation, MessageKind
from core.rules import Reading, Signal
from core.signals._facts import counted
from core.signals._reading import quote


def build() -> Signal:
    """The signal; it has no options."""
    return _read


def _read(conversation: Conversation) -> Reading:
    burst = (message for message in conversation.unanswered if message.kind is not MessageKind.NOTED)
    found = [attachment for message in burst for attachment in message.attachments]
    if not found:
        return Reading(None, "nothing attached")
    more = f", newest of {counted(len(found), 'attachment')}" if len(found) > 1 else ""
    return Reading(found[-1].kind, f"{_named(found[-1])}{more}")


def _named(attachment: Attachment) -> str:
    """Its kind, and its name or what it says in words where there is one."""
    words = attachment.name or attachment.note
    return f"{attachment.kind} {quote(words)}" if words else attachment.kind
