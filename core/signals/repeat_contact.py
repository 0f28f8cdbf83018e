"""How often the customer came back: wrote again more than an hour after we had replied, within this conversation.

The return that is to be answered now counts; a burst counts once. Who writes again while still without an answer is
waiting, not coming back (see `wait`). Reactions and service messages are no return. A silence longer than
`conversation.idle` opens a new conversation, so longer pauses are not seen here. Exact.
"""

from __future__ import annotations

from datetime import timedelta

from core.conversation import Conversation, Message, MessageKind, Reply
from core.rules import Reading, Signal
from core.signals._facts import counted, duration

PAUSE = timedelta(hours=1)
"""A pause must be longer than this; within the hour the customer is still in the same talk."""


def build() -> Signal:
    """The signal; it has no options."""
    return _read


def _read(conversation: Conversation) -> Reading:
    replied, pauses = None, list[timedelta]()
    for turn in conversation.turns:
        if isinstance(turn, Reply):
            replied = turn.at
        elif isinstance(turn, Message) and turn.kind is not MessageKind.NOTED and replied is not None:
            pauses.append(turn.at - replied)
            replied = None
    returns = [pause for pause in pauses if pause > PAUSE]
    if not returns:
        return Reading(0, f"never back after more than {duration(PAUSE)}")
    return Reading(len(returns), f"back {counted(len(returns), 'time')}, the last time after {duration(returns[-1])}")
