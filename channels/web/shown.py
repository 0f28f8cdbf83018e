"""What of a conversation the pages of a feed have been shown, compared with what the store holds. Pure.

A reply is shown before it is settled, and settled by whoever holds the chat: here it is found out which of the store's
lines nobody was shown, whatever order hints, events and readings come in. How a line is shown is the feed's affair.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from channels.web.turns import Line
from core.conversation import Message, Reply

EARLY = 32
"""Replies shown and not found in the store yet that are remembered."""

OLDER = 64
"""Lines remembered that are not in the newest reading: an older reading may still be under way."""


@dataclass(slots=True, eq=False)
class Said:
    """Something shown. `key` is the line's once the store is known to hold it, empty before."""

    text: str = ""
    at: datetime | None = None
    key: str = ""


@dataclass(frozen=True, slots=True)
class News:
    """What a reading brought: lines nobody was shown, and replies shown that the store will never hold.

    `waits` is when the newest line was written if it is one of those and the customer's.
    """

    lines: Sequence[Line] = ()
    overruled: Sequence[Said] = ()
    waits: datetime | None = None


@dataclass(slots=True)
class Shown:
    """The lines known of one conversation, and the replies that ran ahead of the store."""

    _known: dict[str, None] = field(default_factory=dict)
    _early: list[Said] = field(default_factory=list)
    asked: str = ""

    def knows(self, key: str) -> bool:
        """Whether the line was shown."""
        return key in self._known

    def hear(self, message: str) -> Said:
        """A message of the customer's was shown; committed before anybody was told, so the store holds it."""
        self._known[message] = None
        self.asked = message
        return Said(key=message)

    def say(self, text: str, at: datetime) -> Said:
        """A reply was shown before it was settled."""
        said = Said(text, at)
        self._early = [*self._early[1 - EARLY :], said]
        return said

    def compare(self, lines: Sequence[Line]) -> News:
        """What nobody was shown of what the store holds; from now on it counts as shown.

        A reply shown here that is missing though a later one is there was never settled: another process had taken
        the chat over. By the clocks of two machines that may be judged wrongly; the next reading puts it right.
        """
        news = [line for line in lines if line.key not in self._known and not self._ahead(line)]
        newest = max((line.turn.at for line in news if isinstance(line.turn, Reply)), default=None)
        overruled = [said for said in self._early if newest and said.at and said.at < newest]
        self._early = [said for said in self._early if said not in overruled]
        keys = dict.fromkeys(line.key for line in lines)
        older = [key for key in self._known if key not in keys]
        self._known = dict.fromkeys(older[-OLDER:]) | keys
        self.asked = next((line.key for line in reversed(lines) if isinstance(line.turn, Message)), self.asked)
        asked = isinstance(lines[-1].turn, Message) if news else False
        return News(news, overruled, lines[-1].turn.at if asked else None)

    def _ahead(self, line: Line) -> bool:
        """Whether the line is a reply that was shown before the store had it."""
        said = next((s for s in self._early if isinstance(line.turn, Reply) and s.text == line.turn.text), None)
        if said is None:
            return False
        said.key = line.key
        self._early.remove(said)
        return True
