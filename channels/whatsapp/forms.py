"""One form Twilio posted about a customer's message -> what the desk and the channel need of it. Pure: nothing is kept.

New fields appear without notice: all are kept as they came, few are read. A form that cannot be read becomes an arrival
with a problem, never an error. Addresses are opaque; nobody takes one for a telephone number.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from channels.whatsapp.words import Words
from core.conversation import Address, Arrival, Attachment, Customer, Message, MessageKind

NAME = "whatsapp"
PREFIX = "whatsapp:"
LONGEST_NAME = 256  # characters of an address; Twilio's are far shorter
MOST_MEDIA = 100  # Twilio sends one on WhatsApp, ten at most

# The length is fixed on purpose: Twilio signs names and values run together, so a true form could be cut anew to make
# an id longer, and the copy would pass for a second message.
_SID = re.compile(r"[A-Z]{2}[0-9a-fA-F]{32}")
_ARRIVED = frozenset({"", "received", "receiving"})
_KINDS: Mapping[str, MessageKind] = {"STOP": MessageKind.OPT_OUT, "START": MessageKind.OPT_IN}
_EXACT: Mapping[str, str] = {"image/webp": "sticker", "text/vcard": "contact", "text/x-vcard": "contact"}
_FAMILIES: Mapping[str, str] = {
    "image": "photo",
    "audio": "voice",
    "video": "video",
    "application": "document",
    "text": "document",
}


@dataclass(frozen=True, slots=True, repr=False)
class Form:
    """The pairs of one form as they came, in their order, repeated and empty ones too."""

    pairs: tuple[tuple[str, str], ...]

    def get(self, name: str, default: str = "") -> str:
        """The first value under this name."""
        return next((value for key, value in self.pairs if key == name), default)

    @property
    def raw(self) -> str:
        """All pairs as JSON text that any store takes; half surrogate pairs stay written as escapes."""
        text = json.dumps(self.pairs, ensure_ascii=False, separators=(",", ":"))
        try:
            text.encode()
        except UnicodeEncodeError:
            text = json.dumps(self.pairs, separators=(",", ":"))
        return text


@dataclass(frozen=True, slots=True)
class Ear:
    """What reading depends on: our account's id, the opt-out words, and the time now: Twilio tells none."""

    account: str
    words: Words
    now: datetime


@dataclass(frozen=True, slots=True, repr=False)
class Heard:
    """One form, read. `names` is every address of the customer's in it, the one written from first; empty if unknown.

    `message` is addressed to the first name until `arrival` gives it its conversation; None when there is a `problem`.
    """

    key: str
    raw: str
    names: tuple[str, ...] = ()
    message: Message | None = None
    problem: str = ""

    def arrival(self, address: Address | None = None) -> Arrival:
        """What to commit. `address` is the conversation these names belong to; without one the first name's own."""
        message = self.message
        if message is not None and address is not None:
            message = replace(message, address=address)
        return Arrival(self.key, self.raw, message, self.problem)


def read(form: Form, ear: Ear) -> Heard:
    """What one form says. Never raises: whatever cannot be read has a `problem` that says so."""
    raw, sid = form.raw, form.get("MessageSid")
    try:
        if not _SID.fullmatch(sid):
            raise ValueError("it has no MessageSid of Twilio's form")
        names = _names(form)
        return Heard(f"tw:{ear.account}:{sid}", raw, names, _message(form, names[0], ear))
    except ValueError as error:
        digest = hashlib.sha256(raw.encode()).hexdigest()[:32]
        return Heard(
            f"tw:{ear.account}:unread:{digest}", raw, problem=f"this form could not be read: {str(error)[:200]}"
        )


def parsed(raw: str) -> Form | None:
    """The form that was written down as `raw`; None when it is none."""
    try:
        pairs = json.loads(raw)
    except ValueError:
        return None
    fits = isinstance(pairs, list) and all(
        isinstance(pair, list) and len(pair) == 2 and all(isinstance(text, str) for text in pair) for pair in pairs
    )
    return Form(tuple((name, value) for name, value in pairs)) if fits else None


def clean(text: str) -> str:
    """Text that every store and model can take: no NUL, no half of a surrogate pair."""
    return text.replace("\0", "").encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _names(form: Form) -> tuple[str, ...]:
    """ValueError when the sender is not on WhatsApp, or this tells of a message of ours."""
    if form.get("MessageStatus") or form.get("SmsStatus").lower() not in _ARRIVED:
        raise ValueError("it tells the state of a message; only incoming messages belong to this address")
    sender = _name(form.get("From"))
    if not sender:
        raise ValueError("its From is not an address on WhatsApp")
    return tuple(dict.fromkeys(name for name in (sender, _name(form.get("ExternalUserId"))) if name))


def _name(address: str) -> str:
    """`whatsapp:US.ABC123` -> `US.ABC123`; empty for what is no address on WhatsApp."""
    name = address.removeprefix(PREFIX)
    fits = address.startswith(PREFIX) and 0 < len(name) <= LONGEST_NAME and name.isprintable() and name == name.strip()
    return name if fits else ""


def _message(form: Form, sender: str, ear: Ear) -> Message:
    text = clean(form.get("Body") or form.get("ButtonText") or form.get("ListTitle"))
    attachments = (*_media(form), *_place(form))
    told = form.get("OptOutType").strip().upper()
    kind = _KINDS.get(told) or (MessageKind.TEXT if attachments else ear.words.kind(text))
    if not text and not attachments:
        attachments = (Attachment("other", note=clean(form.get("MessageType"))),)
    return Message(
        id=form.get("MessageSid"),
        address=Address(NAME, sender),
        text=text,
        at=ear.now,
        customer=Customer(sender, clean(form.get("ProfileName"))),
        kind=kind,
        attachments=attachments,
        reply_to=clean(form.get("OriginalRepliedMessageSid")),
        told=bool(told),
        referral=_joined(form, " | ", "ReferralHeadline", "ReferralBody", "ReferralSourceUrl"),
    )


def _media(form: Form) -> tuple[Attachment, ...]:
    """What came with the message. ValueError when their number is none."""
    count = int(form.get("NumMedia") or "0")
    if not 0 <= count <= MOST_MEDIA:
        raise ValueError(f"NumMedia is {count}")
    types = [(form.get(f"MediaContentType{n}"), form.get(f"MediaUrl{n}")) for n in range(count)]
    return tuple(Attachment(kind_of(mime), mime=clean(essence(mime)), handle=clean(url)) for mime, url in types)


def kind_of(mime: str) -> str:
    """The kind of attachment a MIME type makes: `image/webp` is a sticker, `image/png; x=y` a photo."""
    bare = essence(mime)
    return _EXACT.get(bare) or _FAMILIES.get(bare.partition("/")[0], "other")


def essence(mime: str) -> str:
    """A MIME type without its parameters, in small letters."""
    return mime.partition(";")[0].strip().lower()


def _place(form: Form) -> tuple[Attachment, ...]:
    spot = _joined(form, ", ", "Latitude", "Longitude")
    words = _joined(form, ", ", "Label", "Address")
    if not spot:
        return ()  # an address alone may come with any message some day; a place has coordinates
    return (Attachment("location", note=f"{words} ({spot})" if words else spot),)


def _joined(form: Form, between: str, *names: str) -> str:
    return between.join(clean(value) for name in names if (value := form.get(name).strip()))
