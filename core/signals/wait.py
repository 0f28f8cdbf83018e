"""How long the customer has waited for an answer, in seconds: from the first message of the burst to the newest.

The newest message's own time is the only clock, so this is what they had waited when they last wrote; somebody who
wrote once reads 0. Reactions and service messages neither start nor end a wait. Times decide, not places in the line:
an edit carries the time it was made. Exact, nothing is estimated.
"""

from __future__ import annotations

from core.conversation import Conversation, MessageKind
from core.rules import Reading, Signal
from core.signals._facts import counted, duration


def build() -> Signal:
    """The signal; it has no options."""
    return _read


def _read(conversation: Conversation) -> Reading:
    times = [message.at for message in conversation.unanswered if message.kind is not MessageKind.NOTED]
    if not times:
        return Reading(0.0, "nothing to answer")
    waited = max(times) - min(times)
    return Reading(waited.total_seconds(), f"{duration(waited)} over {counted(len(times), 'message')}")
