"""The built-in conditions of a rule that read the conversation itself: `words`, `hours` and `customer_in`.

Each is a pure signal of the rulebook, so what it saw is kept with the decision like any other reading.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from core.conversation import Conversation
from core.hours import Hours
from core.rules import Reading
from core.words import clip, find, phrases, words

BUILT_IN = ("words", "hours", "customer_in", "any")
"""Names under `when:` that are no signals of core/signals."""


@dataclass(frozen=True, slots=True)
class SaysWords:
    """Whether the burst holds one of the words or phrases, whole and in any case. The note quotes those found."""

    index: dict[str, tuple[tuple[str, ...], ...]]

    @classmethod
    def of(cls, wanted: Iterable[str]) -> SaysWords:
        """The condition for these words; a phrase is words in a row."""
        return cls(phrases(wanted))

    def __call__(self, conversation: Conversation) -> Reading:
        """Yes with the words found as the note."""
        found = dict.fromkeys(" ".join(phrase) for _, phrase in find(self.index, words(clip(conversation.asked))))
        return Reading(bool(found), ", ".join(found))


@dataclass(frozen=True, slots=True)
class AtWork:
    """`open` or `closed` at the instant of the newest message."""

    hours: Hours

    def __call__(self, conversation: Conversation) -> Reading:
        """`open` or `closed`, with the local time as the note."""
        local = conversation.last.at.astimezone(self.hours.zone)
        return Reading("open" if self.hours.is_open(local) else "closed", f"{local:%a %H:%M}")


@dataclass(frozen=True, slots=True)
class ListedCustomer:
    """Whether the customer is on a list: by id, by `channel:id`, or by the address of the chat."""

    name: str
    entries: frozenset[str]

    def __call__(self, conversation: Conversation) -> Reading:
        """Yes or no; the note names the list, never the customer."""
        who, address = conversation.last.customer.id, conversation.address
        names = {str(address), *((who, f"{address.channel}:{who}") if who else ())}
        listed = not self.entries.isdisjoint(names)
        return Reading(listed, f"on the list {self.name}" if listed else "")
