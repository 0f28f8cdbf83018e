"""The shared values every channel produces and every rule reads: who said what, where and when.

Pure values only. What a platform calls things, how they are stored and what a model is told live elsewhere.
Every `at` is a timezone-aware instant; the newest message's `at` is the only clock pure code has.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from core.meaning import Meanings


@dataclass(frozen=True, slots=True)
class Address:
    """Where a conversation takes place. `chat` is the channel's own opaque key; no other code reads it."""

    channel: str
    chat: str

    def __str__(self) -> str:
        return f"{self.channel}:{self.chat}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """`telegram:-1001:7` -> Address("telegram", "-1001:7"). ValueError without a colon or with an empty side."""
        channel, colon, chat = text.partition(":")
        if not (colon and channel and chat):
            raise ValueError(f"an address is written channel:chat, not {text!r}")
        return cls(channel, chat)


@dataclass(frozen=True, slots=True)
class Customer:
    """Who wrote. `id` is unique in its channel (`telegram:42` with the channel's name is what config lists hold)."""

    id: str
    name: str = ""
    language: str = ""


@dataclass(frozen=True, slots=True)
class Attachment:
    """Something that came with a message. `handle` is what the channel needs to fetch it later; never a path.

    `kind` is one of photo, document, voice, audio, video, sticker, location, contact, other. `note` is what can be
    said in words: a sticker's emoji, a place's coordinates. `size` in bytes, 0 when unknown.
    """

    kind: str
    name: str = ""
    mime: str = ""
    size: int = 0
    handle: str = ""
    note: str = ""


class MessageKind(StrEnum):
    """What the customer did. NOTED kinds are kept but never answered (reactions, service messages).

    OPT_OUT: write to me no more; OPT_IN: do so again. TAKE, SAY, BACK: what a person of ours asks for in the chat (take
    it, say this, give it back); they stand in its line but are never turns.
    """

    TEXT = "text"
    EDIT = "edit"
    PRESS = "press"
    COMMAND = "command"
    NOTED = "noted"
    OPT_OUT = "opt out"
    OPT_IN = "opt in"
    TAKE = "take"
    SAY = "say"
    BACK = "back"


ORDERS = frozenset({MessageKind.TAKE, MessageKind.SAY, MessageKind.BACK})


@dataclass(frozen=True, slots=True)
class Message:
    """One message from a person. `id` is the platform's own, so a redelivery is recognisable.

    `edits` names the message this one corrects; `album` is shared by messages sent as one; `reply_to` is the id
    of the message it answers. For a COMMAND `text` keeps the slash; for a PRESS `text` is the button's data.
    `told`: the platform has answered it itself, so nobody else must. `referral` is what brought the customer here (an
    advertisement's headline), empty when unknown.
    """

    id: str
    address: Address
    text: str
    at: datetime
    customer: Customer = Customer("")
    kind: MessageKind = MessageKind.TEXT
    attachments: tuple[Attachment, ...] = ()
    reply_to: str = ""
    edits: str = ""
    album: str = ""
    told: bool = False
    referral: str = ""


class Author(StrEnum):
    """Who wrote a reply: a model of ours, the desk itself (a fixed text), or a person."""

    BOT = "bot"
    DESK = "desk"
    PERSON = "person"


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer the customer got.

    `earned` names the rules that applied by themselves (not by a hold): what a later hold counts from.
    `tier` is the name of the tier that answered. `notice` names the fixed text when the desk wrote it.
    """

    text: str
    at: datetime
    author: Author = Author.BOT
    tier: str = ""
    earned: tuple[str, ...] = ()
    notice: str = ""


@dataclass(frozen=True, slots=True)
class HandBack:
    """A person gave the conversation back to the bot: every hold before this ends. `note` is for the bot to know."""

    at: datetime
    note: str = ""


@dataclass(frozen=True, slots=True)
class Closed:
    """A person closed the conversation: what comes after it is a new one."""

    at: datetime


Turn = Message | Reply | HandBack | Closed


class Holder(StrEnum):
    """Who has the conversation: the bot, nobody yet (handed over, unclaimed), a person, or nobody any more.

    OPTED_OUT: the customer wants no messages until they say so; no silence ends it.
    """

    BOT = "bot"
    WAITING = "waiting"
    PERSON = "person"
    OPTED_OUT = "opted out"


@dataclass(frozen=True, slots=True)
class Conversation:
    """One conversation: the turns since it was opened, oldest first. A silence or a closing opens a new one.

    `first_contact`: this chat never got a reply before. `meanings`: what an encoder made of its texts.
    """

    address: Address
    turns: tuple[Turn, ...] = ()
    holder: Holder = Holder.BOT
    first_contact: bool = True
    meanings: Meanings | None = field(default=None, compare=False, repr=False)

    def heard(self, *messages: Message) -> Conversation:
        """The conversation with these messages added; an edit takes its original's place when that is a turn here."""
        turns = list(self.turns)
        for message in messages:
            place = next((i for i, t in enumerate(turns) if isinstance(t, Message) and t.id == message.edits), None)
            if message.edits and place is not None and not any(isinstance(t, Reply) for t in turns[place:]):
                turns[place] = replace(message, id=message.edits, edits="", kind=MessageKind.TEXT)
            else:
                turns.append(message)
        return replace(self, turns=tuple(turns))

    def answered(self, reply: Reply) -> Conversation:
        """The conversation with this reply added."""
        return replace(self, turns=(*self.turns, reply), first_contact=False)

    def resumed(self, at: datetime, idle: timedelta) -> Conversation:
        """What of it still is this one: nothing before a closing or a silence of `idle`; a new one is the bot's."""
        start, before = 0, None
        for i, turn in enumerate(self.turns):
            if isinstance(turn, Closed):
                start, before = i + 1, None
                continue
            if before is not None and turn.at - before > idle:
                start = i
            before = turn.at
        turns = () if before is not None and at - before > idle else self.turns[start:]
        if len(turns) == len(self.turns):
            return self
        stays = turns or self.holder is Holder.OPTED_OUT
        return replace(self, turns=turns, holder=self.holder if stays else Holder.BOT)

    @property
    def messages(self) -> tuple[Message, ...]:
        """Everything the customer sent, oldest first."""
        return tuple(t for t in self.turns if isinstance(t, Message))

    @property
    def replies(self) -> tuple[Reply, ...]:
        """Every answer given, oldest first."""
        return tuple(t for t in self.turns if isinstance(t, Reply))

    @property
    def unanswered(self) -> tuple[Message, ...]:
        """What the customer sent since the last reply: the burst to be answered now."""
        newest: list[Message] = []
        for turn in reversed(self.turns):
            if isinstance(turn, Reply):
                break
            if isinstance(turn, Message):
                newest.append(turn)
        return tuple(reversed(newest))

    @property
    def asked(self) -> str:
        """The text of the burst to be answered, one message a line."""
        return "\n".join(m.text for m in self.unanswered if m.text and m.kind is not MessageKind.NOTED)

    @property
    def last(self) -> Message:
        """The newest message. IndexError when the customer has said nothing."""
        return self.messages[-1]


@dataclass(frozen=True, slots=True)
class Arrival:
    """One update as a platform delivered it: what is committed before anything is confirmed.

    `key` is unique for ever (`tg:<bot>:<update_id>`), so a redelivery does nothing. `message` is None when there is
    nothing to answer: `problem` then says what was wrong with it (parked, visible) or is empty (not for us, noted).
    """

    key: str
    raw: str
    message: Message | None = None
    problem: str = ""
