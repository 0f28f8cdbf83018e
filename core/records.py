"""What is written down about a message: model calls, ledger entries, parts of a reply, settlements and promises.

Frozen values; how they are kept is the store's affair, when they are made the desk's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from core.conversation import ORDERS, Address, HandBack, Holder, Message, Reply
from core.rules import Decision
from core.tiers import Fee, Money, Usage


class Purpose(StrEnum):
    """What a call is made for; what is spent is told apart by it, and a budget may bound one."""

    ANSWER = "answer"
    HEDGE = "hedge"
    VOTE = "vote"
    VALIDATION = "validation"
    SHADOW = "shadow"


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a model, whatever became of it.

    `outcome` is answered, failed, refused, cancelled, empty, or unfit: a text that was made and must not be shown.
    `cost` is None when unknown (no price, or no usage was told); a free model says `free` and nothing else is zero.
    `error` is the name of the error class, never a vendor's words. `tier` names the tier it was made for. It began `at`
    that instant; `first` are the seconds to its first text. `verdict` says which check found the text unfit and why,
    `draft` is that text. `reservation` names the money set aside for it, empty where no budget asks for any.
    """

    provider: str
    model: str
    outcome: str
    seconds: float
    usage: Usage | None = None
    cost: Money | None = None
    free: bool = False
    error: str = ""
    purpose: Purpose = Purpose.ANSWER
    tier: str = ""
    at: datetime | None = None
    first: float | None = None
    verdict: str = ""
    draft: str = ""
    reservation: str = ""


class Outcome(StrEnum):
    """What became of a burst. LOST: no burst at all, but a call whose process died before it could say what it cost."""

    ANSWERED = "answered"
    HANDED_OVER = "handed over"
    NOTICE = "notice"
    WITH_PERSON = "with person"
    PERSON = "person"
    APOLOGISED = "apologised"
    STOPPED = "stopped"
    TAKEN = "taken over"
    NOTED = "noted"
    UNDELIVERABLE = "undeliverable"
    OPTED_OUT = "opted out"
    PARKED = "parked"
    LOST = "lost"


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the ledger: what answering one burst cost and why. Seconds count from the newest message's arrival.

    `outcome` is one of Outcome's values; `tier` names who answered, empty where nobody had to. `fees` are what the
    platform takes for the messages, in and out.
    """

    at: datetime
    address: Address
    messages: tuple[str, ...]
    outcome: Outcome
    tier: str = ""
    rules: tuple[str, ...] = ()
    calls: tuple[Call, ...] = ()
    first_text: float | None = None
    total: float = 0.0
    fees: tuple[Fee, ...] = ()


class PartState(StrEnum):
    """How far one part of a reply has come on the platform (research: reliability, state machine of a part).

    DELIVERED and READ are what a platform tells later; what is DELIVERED, READ or REJECTED never becomes less.
    ABANDONED: nobody can find out whether it arrived, and the declared policy is not to send it again.
    """

    PLANNED = "planned"
    SENDING = "sending"
    OPEN = "open"
    SENT = "sent"
    DELIVERED = "delivered"
    READ = "read"
    UNKNOWN = "unknown"
    REJECTED = "rejected"
    ABANDONED = "abandoned"


@dataclass(frozen=True, slots=True)
class Part:
    """One platform message of a reply. `reply` is the reply's key, `sent_as` the platform's id once it has one.

    `fees` is what the platform takes for it, set with the mark that says it was sent.
    """

    reply: str
    index: int
    text: str
    state: PartState = PartState.PLANNED
    sent_as: str = ""
    fees: tuple[Fee, ...] = ()

    @property
    def arrived(self) -> bool:
        """Whether nothing is left to be done for it."""
        return self.state in {PartState.SENT, PartState.DELIVERED, PartState.READ}


@dataclass(frozen=True, slots=True)
class Progress:
    """What a platform tells later about a part: how far it came, under which id; `why` it failed, for operators."""

    address: Address
    reply: str
    index: int
    state: PartState
    sent_as: str = ""
    why: str = ""


@dataclass(frozen=True, slots=True)
class Settlement:
    """What ends one burst, committed whole: the messages answered, the reply, the decision and the ledger entry.

    `key` names the reply for ever: a settlement repeated under the same key changes nothing. `heard` are those of
    `messages` that become turns (an edit that changed nothing does not). `holder` is who has the conversation from
    here on, None to leave it; `hand_back` is the turn that ends a person's time.
    """

    key: str
    address: Address
    messages: tuple[Message, ...]
    entry: Entry
    heard: tuple[Message, ...] = ()
    reply: Reply | None = None
    decision: Decision | None = None
    holder: Holder | None = None
    hand_back: HandBack | None = None

    @property
    def text(self) -> str:
        """What the reply says; empty when there is none."""
        return self.reply.text if self.reply else ""


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to answer one chat, until it is given back or another process takes it over.

    Every write under it is refused once the chat's epoch has moved on. `attempts` counts how often somebody began to
    work on the chat since something of it was settled last: more than a few mean that whoever tries dies of it.
    `counted`: this time is among them already. `taken`: its last owner never gave it back.
    """

    address: Address
    epoch: int
    attempts: int = 1
    counted: bool = True
    taken: bool = False


@dataclass(frozen=True, slots=True)
class Admission:
    """What became of an arrival. `new` is False when it was here before.

    `claim` is given when this process answers the chat now, None when another one does or nobody has room. `alone`:
    nothing else of the chat waits.
    """

    new: bool
    claim: Claim | None = None
    alone: bool = True


@dataclass(frozen=True, slots=True)
class Settled:
    """What settling found: parts the customer lacks or may lack, and whether the chat was given back."""

    refused: tuple[Part, ...] = ()
    released: bool = False


class Rumour(StrEnum):
    """What a hint says happened in a chat."""

    JOINED = "joined"
    STOPPED = "stopped"
    SETTLED = "settled"


@dataclass(frozen=True, slots=True)
class Hint:
    """Word from another process about a chat. It may come late, twice or never; whoever relies on it polls as well."""

    rumour: Rumour
    address: Address


@dataclass(frozen=True, slots=True)
class Parked:
    """An arrival nobody answers until a person has looked: `key` names it, `problem` says why, `raw` is what came."""

    key: str
    address: Address | None
    at: datetime
    problem: str
    raw: str


@dataclass(frozen=True, slots=True)
class Promise:
    """Admitted and not settled. With a `plan` the text is decided and only sending is left, part by part."""

    address: Address
    messages: tuple[Message, ...]
    plan: Settlement | None = None
    parts: tuple[Part, ...] = ()


def said(promises: Sequence[Promise]) -> list[Message]:
    """What customers wrote among what waits, without what people of ours asked for."""
    return [m for promise in promises for m in promise.messages if m.kind not in ORDERS]
