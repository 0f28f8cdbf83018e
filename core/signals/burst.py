"""How many messages are to be answered at once: what the customer sent since the last reply.

Presses and commands count; what needs no answer (reactions, service messages) does not. Exact.
"""

from __future__ import annotations

from core.conversation import Conversation, MessageKind
from core.rules import Reading, Signal
from core.signals._facts import counted


def build() -> Signal:
    """The signal; it has no options."""
    return _read


def _read(conversation: Conversation) -> Reading:
    count = sum(message.kind is not MessageKind.NOTED for message in conversation.unanswered)
    return Reading(count, f"{counted(count, 'message')} to answer")
