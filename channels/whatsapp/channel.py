"""The WhatsApp channel as the desk sees it, by way of Twilio. A reader starts here.

How requests come in is in `door`, what a form means in `forms`, what a status means in `statuses`; messages no request
brought are found in `reconciler`; how an answer is cut is in `parts`, sent in `delivery` and `sending`, looked for in
`finding`; every call leaves through `client`.
"""

from __future__ import annotations

import logging
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from aiohttp import web

from channels.whatsapp import codes, door, examination, forms, media, statuses, window
from channels.whatsapp.codes import Act
from channels.whatsapp.delivery import Delivery
from channels.whatsapp.forms import NAME, PREFIX, Form
from channels.whatsapp.line import Line
from channels.whatsapp.reconciler import Reconciler
from channels.whatsapp.statuses import Name, Status
from channels.whatsapp.words import Words
from core.abilities import Check, Media
from core.conversation import Address, Arrival, Attachment, Conversation, Message
from core.errors import NotSent, StoreError
from core.ports import Inbox, Outbox
from core.records import Progress
from core.text import complete
from core.tiers import Fee

log = logging.getLogger(__name__)

TYPING_LASTS = 25.0  # seconds; repeats within show nothing (research: channels, section 9)
MOST_TYPING = 10_000
HAND_OVER = 5.0  # seconds a delivery has to take a failure upon itself; Twilio waits 15 s for our answer
#: Failures a delivery under way may still mend; every other one is final and committed at once.
MENDABLE = frozenset({Act.TEMPLATE, Act.PLAIN, Act.AGAIN, Act.LATER})


@dataclass(frozen=True, slots=True, repr=False)
class Ways:
    """What the channel listens with: the account's id, the opt-out words, where files lie, whether to show typing."""

    account: str
    words: Words
    files: media.Source
    typing: bool = False


class WhatsAppChannel:
    """One WhatsApp number at Twilio. Deliveries may outlive `run`."""

    name = NAME
    replaces = True

    def __init__(self, ways: Ways, line: Line, open_door: Callable[[door.Heard, door.Told], door.Door]) -> None:
        self._ways = ways
        self._door = open_door(self.heard, self.told)
        self._line = replace(line, status_url=self._door.status_url)
        self._reconciler = Reconciler(self._line, self._admit)
        self._inbox: Inbox | None = None
        self._listening = False
        self._typing: dict[str, float] = {}

    def counts(self) -> Mapping[str, int]:
        """What happened since the start: answers nobody confirmed and what became of them, messages found at Twilio."""
        return dict(self._line.counts)

    @property
    def conditions(self) -> Sequence[str]:
        """Meta allows a bot only with a way to a person, told as a bot, and only for the firm's own business."""
        return ("person", "disclosure", "scope")

    async def run(self, inbox: Inbox) -> None:
        """Listen until cancelled; the routes do the work, and what they never got is listed. States are told to the
        inbox for as long as there is one.
        """
        self._inbox, self._listening = inbox, True
        self._line.silence.fleet = inbox.fleet
        try:
            await self._reconciler.run(inbox)
        finally:
            self._listening = False

    def routes(self) -> Sequence[web.RouteDef]:
        """What the server mounts: where Twilio brings messages and states."""
        return self._door.routes()

    async def aclose(self) -> None:
        """Give connections back, once nothing is delivered any more."""
        await self._line.client.aclose()

    async def acknowledge(self, message: Message) -> None:
        """Show typing once, if that is switched on. Raises ChannelError."""
        chat, now = message.address.chat, time.monotonic()
        if not self._ways.typing or now - self._typing.get(chat, float("-inf")) < TYPING_LASTS:
            return
        self._typing.pop(chat, None)
        self._typing[chat] = now
        if len(self._typing) > MOST_TYPING:
            del self._typing[next(iter(self._typing))]
        await self._line.client.typing(message.id)

    async def deliver(self, address: Address, text: AsyncIterator[str], outbox: Outbox) -> str:
        """Pull the whole text, then send it in parts; the text that stands. Raises ChannelError."""
        whole = (await complete(text)).strip()
        self._typing.pop(address.chat, None)
        if not whole:
            return ""
        if self._inbox is None:  # an answer of an earlier life may be faster than the start
            raise NotSent("WhatsApp is not listening yet")
        conversation = await self._inbox.history(address)
        name = next(iter(await self._inbox.names_of(address)), address.chat)
        return await Delivery(self._line, conversation, name, outbox).send(whole)

    async def fetch(self, attachment: Attachment) -> Media:
        """The file behind an attachment. Raises ChannelError."""
        return await media.fetch(attachment, self._ways.files)

    def received(self, message: Message) -> Sequence[Fee]:
        """What this message of a customer's costs."""
        return self._line.fees.received()

    def limits(self, conversation: Conversation) -> str:
        """Until when free text may be sent, and what happens then."""
        return window.words(conversation, self._line.now(), bool(self._line.template))

    async def examine(self) -> Sequence[Check]:
        """What to enter at Twilio, and whether it stands there."""
        return await examination.examine(self._line, self._door)

    async def heard(self, form: Form) -> bool:
        """Commit a customer's message; False when that could not be done now."""
        if self._inbox is None or not self._listening:
            return False
        try:
            await self._admit(form, self._line.now())
        except StoreError as error:
            log.warning("a message was not committed: %s", error)
            self._reconciler.missed()
            return False
        return True

    async def _admit(self, form: Form, at: datetime) -> bool:
        """Commit a message written at this time; False when it was here before. StoreError."""
        if self._inbox is None:
            raise StoreError("nobody listens yet")
        heard = forms.read(form, self._ear(at))
        address = await self._inbox.chat_of(NAME, heard.names) if heard.names else None
        return await self._inbox.accept(heard.arrival(address))

    def reread(self, key: str, raw: str) -> Arrival:
        """What a parked form means now, in the chat of the name it was written from. Never raises."""
        form = forms.parsed(raw) if key.startswith(f"tw:{self._ways.account}:") else None
        if form is None:
            return Arrival(key, raw, None, "this is no form of this account's at Twilio")
        return forms.read(form, self._ear(self._line.now())).arrival()

    def _ear(self, at: datetime) -> forms.Ear:
        return forms.Ear(self._ways.account, self._ways.words, at)

    async def told(self, form: Form, part: str) -> bool:
        """Commit how far a part has come; False when that could not be done now."""
        if self._inbox is None:
            return False
        status = statuses.read(form)
        if status is None:
            return True
        try:
            found = await self._part(self._inbox, form.get("To"), part)
            if found is None:
                log.warning("a status named no part of ours")
            else:
                await self._commit(self._inbox, *found, status)
        except StoreError as error:
            log.warning("a status was not committed: %s", error)
            return False
        return True

    async def _part(self, inbox: Inbox, to: str, part: str) -> tuple[Address, Name] | None:
        """The chat and the part a signed id names. Customers may have changed their address since."""
        name, to = self._line.names.read(part), to.removeprefix(PREFIX)
        if name is None or not to:
            return None
        chat = Address(NAME, to)
        if not self._line.names.holds(part, chat, name):
            chat = await inbox.chat_of(NAME, [to])
        return (chat, name) if self._line.names.holds(part, chat, name) else None

    async def _commit(self, inbox: Inbox, chat: Address, name: Name, status: Status) -> None:
        """What was told goes to the store first; only a failure a delivery may mend is that delivery's to commit."""
        watch = self._line.news.get((chat, name.reply, name.index))
        if watch is not None and status.sid in watch.over:
            return
        if watch is not None and status.failed and codes.meaning(status.code).act in MENDABLE:
            watch.tell(status)
            if await watch.taken(status.sid, HAND_OVER):
                return
        await inbox.progress(Progress(chat, name.reply, name.index, status.state, status.sid, status.why))
        if watch is not None:
            watch.tell(status)
