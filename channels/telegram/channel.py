"""The Telegram channel as the desk sees it. A reader starts here.

How updates come in is in `intake`, what each one means in `updates`, what a customer sees while an answer grows in
`drafts`, how the answer is sent in `delivery`, how files come and go in `files`; every call leaves through `outlet`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from aiohttp import web

from channels.telegram import files
from channels.telegram.client import Client, Place
from channels.telegram.delivery import Delivery
from channels.telegram.drafts import Preview, Timing
from channels.telegram.intake import Door, Intake
from channels.telegram.limits import Limits
from channels.telegram.outlet import Outlet
from channels.telegram.parts import rendered
from channels.telegram.recent import Recent
from channels.telegram.updates import NAME, Heard, Stop
from core.abilities import Button, Media
from core.conversation import Address, Arrival, Attachment, Message
from core.errors import ChannelError
from core.ports import Inbox, Outbox

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Manners:
    """Choices of the bot's owner: groups answered without a mention, and a stopped answer dropped or kept."""

    everybody: bool = False
    drop_stopped: bool = False


class TelegramChannel:
    """One bot on Telegram. Typing is renewed only while `run` is under way; deliveries may outlive it."""

    name = NAME
    replaces = True

    def __init__(
        self,
        client: Client,
        door: Door,
        manners: Manners,
        limits: Limits | None = None,
        timing: Timing | None = None,
    ) -> None:
        self._client = client
        self._manners = manners
        self._timing = timing or Timing()
        self._outlet = Outlet(client, limits or Limits())
        self._intake = Intake(client, door, manners.everybody, self._react)
        self._inbox: Inbox | None = None
        self._tasks: asyncio.TaskGroup | None = None
        self._waiting: dict[str, tuple[Preview, asyncio.Task[None] | None]] = {}
        self._answering: dict[str, Preview] = {}
        self._asked: Recent[str, int] = Recent()
        self._failed_drafts: Recent[int, int] = Recent()

    async def run(self, inbox: Inbox) -> None:
        """Listen until cancelled. Raises WrongToken when Telegram does not know the token."""
        self._outlet.join(inbox.fleet)  # first of all: an answer may be asked for before the bot is known
        await self._client.open()
        try:
            async with asyncio.TaskGroup() as tasks:
                self._tasks, self._inbox = tasks, inbox
                await self._intake.run(inbox)
        except ExceptionGroup as group:
            raise group.exceptions[0] from None  # the other tasks never raise
        finally:
            self._tasks = self._inbox = None

    def routes(self) -> Sequence[web.RouteDef]:
        """What the server mounts for webhooks; nothing when polling."""
        return self._intake.routes()

    async def aclose(self) -> None:
        """Give connections back, once nothing is delivered any more."""
        await self._outlet.silences.aclose()
        await self._client.aclose()

    def counts(self) -> Mapping[str, int]:
        """How often each thing in `counts` happened since the start."""
        return {str(name): number for name, number in [*self._outlet.counts.items(), *self._intake.counts.items()]}

    def reread(self, key: str, raw: str) -> Arrival:
        """What an update that could not be read means to the present code. Never raises."""
        return self._intake.reread(key, raw)

    async def acknowledge(self, message: Message) -> None:
        """Show a placeholder or typing, renewed until the answer comes. Raises ChannelError."""
        chat = message.address.chat
        if message.id.isdecimal():
            self._asked.put(chat, int(message.id))
        if chat in self._waiting or chat in self._answering:
            return
        preview = self._preview(chat)
        self._waiting[chat] = preview, None
        try:
            await preview.acknowledge()
        finally:
            if self._waiting.get(chat) == (preview, None):
                if self._tasks is None:
                    del self._waiting[chat]
                else:
                    self._waiting[chat] = preview, self._tasks.create_task(self._keep_waiting(chat, preview))

    async def deliver(self, address: Address, text: AsyncIterator[str], outbox: Outbox) -> str:
        """Show the text as it grows, then send it for good; the Markdown that stands.

        Raises ChannelError; StoreError when it cannot be known whether Telegram wants silence in this chat.
        """
        chat = address.chat
        preview, waiting = self._waiting.pop(chat, (self._preview(chat), None))
        if waiting is not None:
            waiting.cancel()
        self._answering[chat] = preview
        try:
            await self._outlet.silences.ask()  # the chat may have been another process's a moment ago
            async with preview.running():
                async for piece in text:
                    preview.grow(piece)
            whole = preview.text.strip()
            if not whole or (preview.stopped and self._manners.drop_stopped):
                return ""
            place = Place.of(chat)
            reply_to = 0 if place.private else self._asked.get(chat, 0)
            return await Delivery(self._outlet, place, outbox, reply_to).send(whole)
        finally:
            if self._answering.get(chat) is preview:
                del self._answering[chat]

    async def post(self, address: Address, text: str, buttons: Sequence[Button]) -> str:
        """Post a card; its id. A text too long for one message goes before it, the buttons are under its end."""
        *before, last = rendered(text)
        place, rows = Place.of(address.chat), [(button.label, button.data) for button in buttons]
        for rich in before:
            await self._outlet.must(place, partial(self._client.send_message, rich=rich))
        return await self._outlet.must(place, partial(self._client.send_message, rich=last, buttons=rows))

    async def fetch(self, attachment: Attachment) -> Media:
        """The file a customer sent. Raises ChannelError, Rejected when it is too large or there no more."""
        return await files.fetch(self._outlet, attachment)

    async def show(self, address: Address, media: Media, caption: str) -> str:
        """Post a file, a picture where Telegram takes it as one; its id. Raises ChannelError."""
        return await files.show(self._outlet, Place.of(address.chat), media, caption)

    def _preview(self, chat: str) -> Preview:
        return Preview(self._outlet, Place.of(chat), self._failed_drafts, self._timing)

    async def _keep_waiting(self, chat: str, preview: Preview) -> None:
        """Renew what an acknowledgement shows until the answer takes over, or for as long as that is honest."""
        try:
            async with asyncio.timeout(self._timing.waiting):
                await preview.run()
        except TimeoutError:
            log.info("no answer followed an acknowledgement within %s s", self._timing.waiting)
        finally:
            if self._waiting.get(chat, (None, None))[0] is preview:
                del self._waiting[chat]

    async def _react(self, heard: Heard, new: bool) -> None:
        """What the channel itself does about an update that is now committed."""
        if heard.moved:
            self._outlet.move(*heard.moved)
        if heard.press and self._tasks:
            self._tasks.create_task(self._answer_press(heard.press))
        if heard.stop and new:
            await self._stop(heard.stop)

    async def _stop(self, stop: Stop) -> None:
        """End the answer under way, unless the press was meant for an earlier one."""
        chat = stop.address.chat
        preview = self._answering.get(chat) or self._waiting.get(chat, (None, None))[0]
        if self._inbox is None or (preview and preview.draft != stop.draft):
            return
        if preview:
            preview.stopped = True
        await self._inbox.stop(stop.address)

    async def _answer_press(self, query: str) -> None:
        try:
            await self._client.answer_press(query)
        except ChannelError as error:
            log.info("a press was not answered: %s: %s", type(error).__name__, error)
