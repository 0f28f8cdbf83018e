"""The web channel: what the desk sees of it (Channel) and the routes a page talks to.

A message is confirmed only after the inbox committed it. Everything shown comes from the settled store or from the
feed; nothing is written down here, so a restart loses nothing.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol, TypeVar, runtime_checkable

from aiohttp import web

from channels.web import door
from channels.web.assets import Assets
from channels.web.feed import Answer, Hub
from channels.web.stream import HEADERS, RETRY, Limits, Page
from channels.web.turns import asked_before, message_view, reply_view, turn_views
from core.conversation import Address, Arrival, Author, Conversation, Customer, Holder, Message, Reply
from core.errors import StoreError
from core.ports import Inbox, Outbox

TEXT_CHARACTERS = 4000
RETRY_SECONDS = "2"
CLOSED_HERE = "The chat is not open yet. Your message was not sent."
NOT_KEPT = "The message could not be stored. It was not sent."
STRANGER = "This page is not allowed to write here."
NO_COOKIE = "The chat needs a cookie to know you again. Allow cookies for this page and load it again."

T = TypeVar("T")
_MESSAGE_ID = re.compile(r"[A-Za-z0-9_-]{8,64}")


@dataclass(frozen=True, slots=True)
class Site:
    """How the chat presents itself: who may frame it, its title, and first questions by language ("" for all)."""

    origins: tuple[str, ...]
    title: str
    suggestions: Mapping[str, Sequence[str]]


@runtime_checkable
class Signed(Protocol):
    """An outbox that knows who wrote the reply. Of any other the channel tells from who holds the conversation."""

    @property
    def author(self) -> Author:
        """The reply's author, as it will be settled."""
        ...


class WebChannel:
    """Customers who write on the web page. A chat is a visitor; all the visitor's pages show the same."""

    name = "web"

    def __init__(self, site: Site, limits: Limits) -> None:
        self._site = site
        self._limits = limits
        self._assets = Assets()
        self._hub = Hub(limits)
        self._inbox: Inbox | None = None

    def routes(self) -> Sequence[web.AbstractRouteDef]:
        """What the page needs of the server, beginning with the page itself at /."""
        return (
            web.get("/", self._page),
            web.get("/static/{name}", self._static),
            web.get("/chat/history", self._history),
            web.get("/chat/events", self._events),
            web.post("/chat/messages", self._hear),
            web.post("/chat/stop", self._stop),
        )

    async def run(self, inbox: Inbox) -> None:
        """Take messages until cancelled; then every open stream ends, so that the server need not wait for it."""
        self._inbox = inbox
        try:
            await asyncio.Event().wait()
        finally:
            self._inbox = None
            self._hub.close()

    async def acknowledge(self, message: Message) -> None:
        """Every page of the visitor shows the message, and that it was heard."""
        feed = self._hub.feed(message.address.chat)
        feed.say("message", message_view(message))
        feed.status("heard")

    async def deliver(self, address: Address, text: AsyncIterator[str], outbox: Outbox) -> str:
        """Show the text as it comes, then whole. What stands in the chat is what the store settles: no plan needed."""
        feed = self._hub.feed(address.chat)
        answer = feed.begin()
        before = Holder.BOT
        try:
            async for piece in text:
                first = answer.began is None
                if first:
                    feed.status("writing")
                answer.add(piece)
                if first:
                    before = (await self._look(address)).holder
            if answer.began is not None:
                await self._finish(address, answer, before, outbox)
        finally:
            whole = answer.whole()
            feed.end(answer)
        return whole

    async def _finish(self, address: Address, answer: Answer, before: Holder, outbox: Outbox) -> None:
        """Show the answer whole, except what the bot wrote while a person took the conversation: that is dropped."""
        whole, at = answer.whole(), datetime.now(UTC)
        now = await self._look(address)
        guess = Author.PERSON if before is Holder.PERSON else Author.BOT
        author = outbox.author if isinstance(outbox, Signed) else guess
        taken = author is Author.BOT and before is Holder.BOT and now.holder is Holder.PERSON
        if taken or not whole.strip():
            return
        person = author is Author.PERSON
        view = reply_view(whole, at, author, "" if person else asked_before(now, answer.began or at))
        self._hub.feed(address.chat).say("message" if person else "final", view, whole)

    async def _look(self, address: Address) -> Conversation:
        """The conversation as the desk has it; an answer that was pulled is shown even when the store is away."""
        try:
            conversation = await self._inbox.history(address) if self._inbox else Conversation(address)
        except StoreError:  # the desk meets the same store when it settles, waits for it there and says so
            return Conversation(address)
        self._hub.feed(address.chat).held_by(conversation.holder)
        return conversation

    async def _page(self, request: web.Request) -> web.Response:
        headers = door.headers(self._site.origins)
        headers["Set-Cookie"] = door.visitor_cookie(door.visitor_of(request), bool(self._site.origins))
        headers["Cache-Control"] = "private, no-cache"
        html = self._assets.page("chat.html", title=self._site.title)
        return web.Response(text=html, content_type="text/html", headers=headers)

    async def _static(self, request: web.Request) -> web.Response:
        return self._assets.serve(request, request.match_info["name"], door.headers(self._site.origins))

    async def _history(self, request: web.Request) -> web.Response:
        """What a page shows first; one of a newcomer then waits with its stream until there is something to hear."""
        inbox, address = self._enter(request)
        view = self._view(await _stored(inbox.history(address)))
        return web.json_response(view, headers={"Cache-Control": "no-store"})

    async def _events(self, request: web.Request) -> web.StreamResponse:
        inbox, address = self._enter(request)
        visitor, seen = address.chat, request.headers.get("Last-Event-ID", "")
        if self._hub.full:
            raise door.refuse(503, "Too many people are here right now.", retry_after=RETRY_SECONDS)
        past: Conversation | None = None
        if self._hub.feed(visitor).since(seen) is None:
            past = await _stored(inbox.history(address))
        response = web.StreamResponse(headers=HEADERS)
        await response.prepare(request)
        # no await between what the page lacks and joining: an event in between would be lost
        frames = self._hub.feed(visitor).since(seen) if past is None else self._afresh(past)
        if frames is None or self._inbox is None:
            return response
        page = Page(request.transport, self._limits)
        for event in (RETRY, *frames):
            page.offer(event)
        feed = self._hub.join(visitor, page)
        try:
            await page.pump(response)
        finally:
            feed.leave(page)
        return response

    def _afresh(self, past: Conversation) -> list[bytes]:
        feed = self._hub.feed(past.address.chat)
        feed.held_by(past.holder)
        settled = {turn.text for turn in past.turns if isinstance(turn, Reply)}
        return feed.afresh(self._view(past), settled)

    def _view(self, past: Conversation) -> dict[str, Any]:
        return {"turns": turn_views(past), "suggestions": self._site.suggestions}

    async def _hear(self, request: web.Request) -> web.Response:
        inbox, address = self._enter_to_write(request)
        body = await door.body_of(request)
        said = door.object_in(body)
        name = said.get("id")
        if not isinstance(name, str) or not _MESSAGE_ID.fullmatch(name):
            raise door.refuse(400, "'id' must be 8 to 64 letters, digits, - or _")
        message = Message(
            id=name,
            address=address,
            text=door.words(said.get("text"), "text", TEXT_CHARACTERS),
            at=datetime.now(UTC),
            customer=Customer(address.chat, language=_language(request)),
        )
        if await _stored(inbox.accept(Arrival(f"web:{address.chat}:{name}", body.decode(), message))):
            await self._look(address)  # with a person there, the page must not promise that somebody is writing
        return web.json_response({"id": name}, status=202)

    async def _stop(self, request: web.Request) -> web.Response:
        inbox, address = self._enter_to_write(request)
        await _stored(inbox.stop(address))
        return web.json_response({}, status=202)

    def _enter(self, request: web.Request) -> tuple[Inbox, Address]:
        visitor = door.visitor_of(request)
        if not visitor:
            raise door.refuse(400, NO_COOKIE)
        if self._inbox is None:
            raise door.refuse(503, CLOSED_HERE, retry_after=RETRY_SECONDS)
        return self._inbox, Address(self.name, visitor)

    def _enter_to_write(self, request: web.Request) -> tuple[Inbox, Address]:
        if not door.from_here(request, self._site.origins):
            raise door.refuse(403, STRANGER)
        return self._enter(request)


async def _stored(doing: Awaitable[T]) -> T:
    """What the store gives; a page that is told 503 keeps the text and asks again."""
    try:
        return await doing
    except StoreError:
        raise door.refuse(503, NOT_KEPT, retry_after=RETRY_SECONDS) from None


def _language(request: web.Request) -> str:
    """The first language of the browser's list as ISO 639-1, empty when it names none."""
    first = re.match(r"\s*([A-Za-z]{2})\b", request.headers.get("Accept-Language", ""))
    return first.group(1).lower() if first else ""
