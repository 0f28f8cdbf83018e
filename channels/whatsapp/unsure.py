"""What is done about a message of which nobody can tell whether it arrived: the option `unsure` of config.yaml.

A policy for each kind of author, declared by whoever runs the bot. How hard it is looked for first is in `finding`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

from core.conversation import Author
from core.plugins import PluginError
from core.ports import Outbox

AGAIN, LEAVE = "send again", "leave"
KINDS: Mapping[str, Author] = {"answers": Author.BOT, "people": Author.PERSON, "notices": Author.DESK}

#: At least once for what the bot says: a customer who reads a line twice is better off than one who waits. At most once
#: for a person's words: whoever wrote them is told at once and knows best (research: reliability, section 3.3).
USUAL: Mapping[str, str] = {"answers": AGAIN, "people": LEAVE, "notices": AGAIN}
_EXAMPLE = "unsure: {answers: send again, people: leave, notices: send again}"


@runtime_checkable
class Signed(Protocol):
    """An outbox that knows who wrote the reply."""

    @property
    def author(self) -> Author:
        """The reply's author, as it will be settled."""
        ...


@dataclass(frozen=True, slots=True)
class Unsure:
    """Whose messages are sent again although they may stand in the chat already; the others' are left as they are."""

    again: frozenset[Author] = field(default_factory=lambda: _chosen(USUAL))

    def repeats(self, outbox: Outbox) -> bool:
        """Whether this reply is to be sent again. Of one whose author nobody names it is what is done with answers."""
        return (outbox.author if isinstance(outbox, Signed) else Author.BOT) in self.again


def read(table: Mapping[str, Any] | None = None) -> Unsure:
    """The option `unsure`; what it does not name is as usual. PluginError for what it cannot name."""
    if table is not None and not isinstance(table, Mapping):
        raise PluginError("unsure must be a table", _EXAMPLE, "unsure")
    for kind, choice in (table or {}).items():
        if kind not in KINDS:
            raise PluginError(f"unsure has no line {str(kind)!r}", _EXAMPLE, "unsure")
        if choice not in {AGAIN, LEAVE}:
            raise PluginError(f"unsure: {kind!r} is neither {AGAIN!r} nor {LEAVE!r}", f"{kind}: {AGAIN}", "unsure")
    return Unsure(_chosen({**USUAL, **(table or {})}))


def _chosen(table: Mapping[str, str]) -> frozenset[Author]:
    return frozenset(KINDS[kind] for kind, choice in table.items() if choice == AGAIN)
