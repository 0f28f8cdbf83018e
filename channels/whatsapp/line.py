"""What the answers of one channel share on their way out, and where one goes. How they are sent is in `sending`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from channels.whatsapp.codes import SetUp
from channels.whatsapp.fees import Fees
from channels.whatsapp.news import News
from channels.whatsapp.silence import Silence
from channels.whatsapp.unsure import Unsure
from core.conversation import Address
from core.ports import Outbox

if TYPE_CHECKING:
    from channels.whatsapp.client import Client
    from channels.whatsapp.statuses import Names

MOST_KEPT = 10_000  # message ids

#: What is counted since the start (docs/decisions/0013). UNKNOWN: nobody confirmed a message; every one then becomes
#: found, RESENT or ABANDONED, or is left for the next try.
UNKNOWN, RESENT, ABANDONED = "replies_unknown", "replies_resent", "replies_abandoned"
RECONCILED, FOREIGN = "reconciled", "left_to_others"
LISTED, UNLISTED = "reconciler_rounds", "reconciler_failures"
COUNTED = (UNKNOWN, RESENT, ABANDONED, RECONCILED, FOREIGN, LISTED, UNLISTED)


@dataclass(frozen=True, slots=True)
class Rounds:
    """When customers' messages are listed, and from when on. The reasons and the cost: docs/decisions/0013.

    `every` so many seconds. `back` is the first look back of a process, `overlap` how far every later one goes behind
    what is known to be complete. `young` is left to the webhook, which tells more; Twilio gives up after 15 s.
    """

    every: float = 120.0
    back: timedelta = timedelta(hours=72)
    overlap: timedelta = timedelta(minutes=10)
    young: timedelta = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds waited: for `sent` before the next part, for a callback about a message nobody confirmed; pauses before
    the list is asked for again, and before a message is sent again that WhatsApp could not take.

    `look` lies between two looks at what other processes committed; `soon` is the part of `through` after which Twilio
    is asked when there are other processes. `tries` is how often a message that never left is tried, and how often one
    that cannot be found is sent again. `skew` is how far Twilio's clock may be behind ours. `shut` is how long nothing
    is tried after a refusal that only an operator can mend.
    """

    through: float = 5.0
    soon: float = 1.0
    look: float = 0.5
    callback: float = 30.0
    lists: tuple[float, ...] = (1.0, 5.0, 20.0)
    again: tuple[float, ...] = (3.0, 10.0, 30.0)
    tries: int = 8
    skew: timedelta = timedelta(seconds=60)
    shut: timedelta = timedelta(seconds=60)
    rounds: Rounds = field(default_factory=Rounds)


@dataclass(slots=True, kw_only=True)
class Line:
    """What all parts of one channel share. `counts` is what happened since the start, under the names of COUNTED.

    `status_url` makes the callback address of a signed part id, `claimed` are the messages that are somebody's part.
    """

    client: Client
    number: str
    template: str
    fees: Fees
    names: Names
    now: Callable[[], datetime]
    silence: Silence
    unsure: Unsure = field(default_factory=Unsure)
    status_url: Callable[[str], str] = str
    timing: Timing = field(default_factory=Timing)
    news: News = field(default_factory=News)
    claimed: dict[str, None] = field(default_factory=dict)
    shut_until: datetime | None = None
    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(COUNTED, 0))

    @property
    def crowded(self) -> bool:
        """Whether other processes answer on this number, too."""
        return self.silence.fleet is not None and self.silence.fleet.size > 1

    def claim(self, sid: str) -> None:
        """This message is a part; the oldest are forgotten."""
        self.claimed[sid] = None
        if len(self.claimed) > MOST_KEPT:
            del self.claimed[next(iter(self.claimed))]

    def check(self) -> None:
        """SetUp while nothing is tried because of an earlier refusal."""
        if self.shut_until is not None and self.now() < self.shut_until:
            raise SetUp("nothing is sent for a while: Twilio's set-up is wrong")


@dataclass(frozen=True, slots=True)
class Trip:
    """Where an answer goes: the chat, the name its customer wrote from last, the outbox, since when it may be there.

    `repeats`: what nobody can tell about is sent again.
    """

    chat: Address
    to: str
    outbox: Outbox
    since: datetime
    repeats: bool = True
