"""The 24 hours after a customer's last message in which free text may be sent to them, and words about that. Pure.

Later only an approved template may be sent (research: channels, section 9); the platform's own clock decides, this is
what is known of it here.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from core.conversation import Conversation

LENGTH = timedelta(hours=24)


def closes(conversation: Conversation) -> datetime | None:
    """When the window closes or closed; None when no message of the customer's is known."""
    newest = max((message.at for message in conversation.messages), default=None)
    return newest + LENGTH if newest else None


def is_closed(conversation: Conversation, now: datetime) -> bool:
    """Whether free text is known to be refused now."""
    until = closes(conversation)
    return until is not None and now >= until


def words(conversation: Conversation, now: datetime, template: bool) -> str:
    """One sentence for people: until when they can write freely, and what happens then. Empty when nothing is known."""
    until = closes(conversation)
    if until is None:
        return ""
    at = f"{until.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    then = "only the template can be sent" if template else "a person is told, as nothing can be sent"
    then += " until the customer writes again"
    if now >= until:
        return f"WhatsApp closed this chat to free text at {at}: {then}."
    return f"WhatsApp takes free text in this chat until {at}; after that {then}."
