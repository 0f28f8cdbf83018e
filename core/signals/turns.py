"""How many messages the customer has sent so far, the burst to be answered included.

Presses and commands count; what needs no answer (reactions, service messages) does not.
"""

from __future__ import annotations

from core.conversation import Conversation, MessageKind
from core.rules import Reading, Signal


def build() -> Signal:
    """The signal; it has no options."""
    return _read


def _read(conversation: Conversation) -> Reading:
    count = sum(message.kind is not MessageKind.NOTED for message in conversation.messages)
    return Reading(count, f"{count} message{'' if count == 1 else 's'} from the customer")
