"""What the channel counts for operators, each by one name. Where something is counted is where it happens."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from enum import StrEnum


class Count(StrEnum):
    """One thing counted, since the start of the process."""

    OPENINGS_SENT = "openings_sent"
    """Openings Telegram confirmed."""
    OPENINGS_SLOW = "openings_slow"
    """Openings that held their place for its whole time: the bound on orphans did not count them any more."""
    ORPHANS = "orphans"
    """Openings that may stand in a chat without their answer, and were sent again."""
    PARTS_SENT = "parts_sent"
    """Messages that stand in a chat with their full text."""
    EDITS = "edits"
    """Edits that brought an opening to its full text."""
    PLAIN_FALLBACKS = "plain_fallbacks"
    """Texts that went out without formatting because Telegram refused it."""
    THROTTLED = "throttled"
    """Calls Telegram asked to repeat later."""
    BOT_THROTTLED = "bot_throttled"
    """Times the whole bot fell silent because chats were throttled side by side."""
    PREVIEWS_FAILED = "previews_failed"
    """Drafts and typing signs that were not shown, for another reason than throttling."""
    POLLS_FAILED = "polls_failed"
    """Times updates were asked for in vain."""
    GAPS = "gaps"
    """Times nobody had asked for longer than Telegram keeps messages: some may never have reached us."""
    UPDATES_UNREADABLE = "updates_unreadable"
    """New updates put aside for a person because they could not be read."""


Counts = Counter[Count]


def zeros(names: Iterable[Count]) -> Counts:
    """Nothing of these has happened yet."""
    return Counter(dict.fromkeys(names, 0))
