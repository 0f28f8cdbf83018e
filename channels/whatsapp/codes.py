"""What Twilio's error codes mean for a message: the table, and how an HTTP refusal becomes one of our errors. Pure.

The same codes come in the answer to a call and, later, in a status callback. Twilio warns that codes change: one that
is not here counts as failed and is for a person to look at. Source: research, channels, section 9.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from core.errors import ChannelError, NotSent, Rejected, Throttled, Unconfirmed, Unreachable, WindowClosed


class Act(StrEnum):
    """What is to be done about a failed message."""

    TEMPLATE = "send the template, if there is one"
    LATER = "send again later, more slowly"
    AGAIN = "send again after a pause"
    PLAIN = "send once more without formatting"
    GONE = "nothing: this address takes no messages"
    STOPPED = "nothing, until the customer writes"
    WITHHELD = "nothing: no fault of ours"
    SET_UP = "an operator must mend the set-up"
    PERSON = "a person must look at it"


@dataclass(frozen=True, slots=True)
class Meaning:
    """One code: what to do, and what happened in words for an operator."""

    act: Act
    words: str


CODES: Mapping[int, Meaning] = {
    63016: Meaning(Act.TEMPLATE, "the 24-hour window is closed"),
    63018: Meaning(Act.LATER, "too many messages at once"),
    20429: Meaning(Act.LATER, "too many requests at once"),
    63003: Meaning(Act.GONE, "this address is not on WhatsApp"),
    63024: Meaning(Act.GONE, "this address cannot get messages on WhatsApp"),
    21211: Meaning(Act.GONE, "this address is not valid"),
    21614: Meaning(Act.GONE, "this address cannot get messages"),
    63014: Meaning(Act.STOPPED, "the customer has blocked this number"),
    21610: Meaning(Act.STOPPED, "the customer has opted out at Twilio"),
    63032: Meaning(Act.WITHHELD, "Meta withheld a marketing template"),
    63049: Meaning(Act.WITHHELD, "Meta withheld a marketing template"),
    21617: Meaning(Act.PERSON, "the text is longer than WhatsApp takes"),
    63005: Meaning(Act.PLAIN, "WhatsApp did not take the content"),
    63021: Meaning(Act.PLAIN, "WhatsApp did not take the content"),
    63007: Meaning(Act.SET_UP, "the account has no such WhatsApp sender: check `number`"),
    63008: Meaning(Act.SET_UP, "the WhatsApp channel is not set up at Twilio"),
    20003: Meaning(Act.SET_UP, "Twilio does not know these credentials: check `account` and `token`"),
    63012: Meaning(Act.AGAIN, "WhatsApp had a fault"),
    63023: Meaning(Act.AGAIN, "WhatsApp had a fault"),
    63001: Meaning(Act.PERSON, "WhatsApp did not let the sender in"),
    63013: Meaning(Act.PERSON, "a policy of WhatsApp's was broken"),
    63020: Meaning(Act.PERSON, "the WhatsApp sender's business account is not in order"),
}

#: Seconds to wait when Twilio asks to slow down and does not say how long; the sandbox takes one message in 3 s.
UNSAID_WAIT = 3.0


class Refused(Rejected):
    """Twilio or WhatsApp refused, and something may still be done about it: `act`. `code` is Twilio's, 0 for none."""

    def __init__(self, message: str, act: Act, code: int = 0) -> None:
        super().__init__(message)
        self.act = act
        self.code = code


class SetUp(NotSent):
    """Nothing can be sent until an operator mends the set-up at Twilio."""


def meaning(code: int) -> Meaning:
    """What a code says; one that is not in the table is for a person."""
    return CODES.get(code) or Meaning(Act.PERSON, "a failure that is not known here")


def words(code: int) -> str:
    """What happened, for an operator, with the code to look up."""
    return f"{meaning(code).words} (Twilio's code {code})" if code else meaning(code).words


def refusal(status: int, code: int, retry_after: float = UNSAID_WAIT) -> ChannelError:
    """The error for an HTTP answer outside 2xx; Unconfirmed when the server failed: it may have done it."""
    if status == 429 or meaning(code).act is Act.LATER:
        return Throttled(words(code or 20429), retry_after)
    if status >= 500:
        return Unconfirmed(f"Twilio failed (HTTP {status})")
    if status in {401, 403} and code not in CODES:
        return SetUp(words(20003))
    return error(code)


def error(code: int) -> ChannelError:
    """The error for a message that failed for this reason; Refused when something may still be done."""
    match meaning(code).act:
        case Act.GONE | Act.STOPPED:
            return Unreachable(words(code))
        case Act.SET_UP:
            return SetUp(words(code))
        case act:
            return Refused(words(code), act, code)


def final(refused: Refused) -> ChannelError:
    """The same failure once nothing more can be done about it."""
    if refused.act is Act.TEMPLATE:
        return WindowClosed(str(refused))
    return Rejected(str(refused))
