"""What the operator page and the "why this answer" drawer ask of the desk, and the values they get. No HTTP here.

`Office` is implemented where the desk is composed; `bots/office_api.py` serves it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from core.abilities import Media
from core.conversation import Address, Conversation, Holder
from core.rules import Reading


@dataclass(frozen=True, slots=True)
class Summary:
    """One line of the list of conversations. `waiting_since` and `reason` are set while somebody is waited for."""

    address: Address
    customer: str
    last_text: str
    last_at: datetime
    holder: Holder = Holder.BOT
    waiting_since: datetime | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class AppliedRule:
    """A rule that led to the tier, why it exists in the lead's words, and the tier had it not been there.

    `held` means that it applied to an earlier answer and still lasts.
    """

    name: str
    why: str = ""
    without: str = ""
    held: bool = False


@dataclass(frozen=True, slots=True)
class Receipt:
    """Why an answer came from where it did, and what it took.

    `cost` is in words: an amount with its currency, `free` or `unknown`, never an empty zero. Times in milliseconds
    from the arrival of the newest message to the first text and to the end; None when no text was shown.
    """

    tier: str
    cost: str
    rules: tuple[AppliedRule, ...] = ()
    readings: Mapping[str, Reading] = field(default_factory=dict)
    first_text: float | None = None
    total: float = 0.0
    book: str = ""


class Office(Protocol):
    """Everything an operator can see and do. Raises FirstlineError with words fit for an operator."""

    async def conversations(self) -> Sequence[Summary]:
        """The open conversations, in any order."""
        ...

    async def transcript(self, address: Address) -> Conversation:
        """One conversation, settled turns followed by what is still being answered; empty when there is none."""
        ...

    def limits(self, conversation: Conversation) -> str:
        """What limits writing to this customer, in words; empty when nothing does."""
        ...

    async def file(self, address: Address, message_id: str, number: int) -> Media | None:
        """The n-th file that came with a message, fetched from its platform; None when there is none."""
        ...

    async def why(self, address: Address, message_id: str) -> Receipt | None:
        """How the answer to this message of the customer's was decided; None when that is not known."""
        ...

    async def take(self, address: Address, who: str) -> None:
        """A person has the conversation from here on; the bot is silent."""
        ...

    async def reply(self, address: Address, text: str, who: str) -> None:
        """Send a person's words to the customer; taking the conversation if nobody has it."""
        ...

    async def back(self, address: Address, note: str) -> None:
        """Give the conversation back to the bot, with a note it may use."""
        ...
