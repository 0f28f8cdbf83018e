"""Status callbacks: what one says about a message, which of two counts, and the signed ids that name the part. Pure.

Callbacks come in any order and may overtake the answer to the call that sent the message (research: channels,
section 9).
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from channels.whatsapp import codes
from core.conversation import Address
from core.records import PartState

if TYPE_CHECKING:
    from channels.whatsapp.forms import Form

#: How far each status of Twilio's is; only a higher one replaces what is known. A failure beats `sent`, but what was
#: delivered cannot fail any more.
RANKS: Mapping[str, int] = {
    "accepted": 0,
    "scheduled": 0,
    "queued": 1,
    "sending": 2,
    "sent": 3,
    "canceled": 4,
    "failed": 4,
    "undelivered": 4,
    "delivered": 5,
    "read": 6,
}
FAILED = frozenset({"canceled", "failed", "undelivered"})
THROUGH = RANKS["sent"]


@dataclass(frozen=True, slots=True)
class Status:
    """How far a message is: Twilio's id for it, its word for the state, and its error code, 0 for none."""

    sid: str
    word: str
    code: int = 0

    @property
    def rank(self) -> int:
        """Its place in the order; a word that is not known here is the lowest."""
        return RANKS.get(self.word, -1)

    @property
    def failed(self) -> bool:
        """Whether it will never arrive."""
        return self.word in FAILED

    @property
    def through(self) -> bool:
        """Whether WhatsApp has it, so that what is sent next comes after it; or it has failed."""
        return self.rank >= THROUGH

    @property
    def state(self) -> PartState:
        """What it means for a part: Twilio has the message from the first word on."""
        if self.failed:
            return PartState.REJECTED
        return {"delivered": PartState.DELIVERED, "read": PartState.READ}.get(self.word, PartState.SENT)

    def after(self, known: Status | None) -> Status:
        """The one of the two that counts."""
        return self if known is None or self.rank > known.rank else known

    @property
    def why(self) -> str:
        """Why it failed, for an operator; empty when it did not."""
        return codes.words(self.code) if self.failed else ""


def read(form: Form) -> Status | None:
    """What a callback says; None when it names no message or no state known here."""
    code = form.get("ErrorCode")
    word = "read" if form.get("EventType").upper() == "READ" else form.get("MessageStatus") or form.get("SmsStatus")
    status = Status(form.get("MessageSid"), word.lower(), int(code) if code.isdecimal() and code.isascii() else 0)
    return status if status.sid and status.rank >= 0 else None


@dataclass(frozen=True, slots=True)
class Name:
    """Which part a callback is about, as its address says: the reply's key and the part's index."""

    reply: str
    index: int


class Names:
    """Signed part ids. The key is made from the account's token, so it outlives a restart and nobody else has it."""

    def __init__(self, token: str) -> None:
        self._key = hmac.new(token.encode(), b"firstline whatsapp part", hashlib.sha256).digest()

    def of(self, chat: Address, reply: str, index: int) -> str:
        """`<reply>.<index>.<signature>`; the signature covers the chat, too."""
        return f"{reply}.{index}.{self._signature(chat, reply, index)}"

    def read(self, part: str) -> Name | None:
        """What an id claims to name; whether that is true only `holds` tells. None when it is no id."""
        reply, dot, index = part.rpartition(".")[0].rpartition(".")
        fits = dot and index.isascii() and index.isdecimal() and len(index) < 6
        return Name(reply, int(index)) if fits else None

    def holds(self, part: str, chat: Address, name: Name) -> bool:
        """Whether this id was made here for this part of this chat."""
        given = part.rpartition(".")[2].encode(errors="replace")
        return hmac.compare_digest(given, self._signature(chat, name.reply, name.index).encode())

    def _signature(self, chat: Address, reply: str, index: int) -> str:
        text = f"{len(chat.chat)}:{chat.chat}:{len(reply)}:{reply}:{index}"
        return hmac.new(self._key, text.encode(errors="surrogatepass"), hashlib.sha256).hexdigest()[:32]
