"""The web channel: what the desk sees of it (Channel) and the routes a page talks to.

A message is confirmed only after the inbox committed it. Everything shown comes from the settled store or from the
feed; nothing is written down here, so a restart loses nothing. A visitor's pages may be open in one process while
another one answers: what is settled there is shown here, by a hint or at the next look at the store.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator, Awaitable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol, TypeVar, runtime_checkable

from aiohttp import web

from channels.web import door
from channels.web.assets import Assets
from channels.web.hub import Hub
from channels.web.stream import HEADERS, RETRY, Limits, Page
from channels.web.turns import turn_views
from core.conversation import Address, Arrival, Author, Conversation, Customer, Message
from core.errors import StoreError
from core.ports import Inbox, Outbox

TEXT_CHARACTERS = 4000
RETRY_SECONDS = "2"
GLANCE_SECONDS = 0.5
"""How often it is asked which feeds should look at the store; each has its own pace."""
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
    """An outbox that knows who wrote the reply; of any other it was the bot."""

    @property
    def author(self) -> Author:
        """The reply's author, as it will be settled."""
        ...


class WebChannel:
    """Customers who write on the web page. A chat is a visitor; all the visitor's pages show the same."""

    name = "web"
    replaces = True

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
            while True:
                await asyncio.sleep(GLANCE_SECONDS)
                await self._look_around(inbox)
        finally:
            self._inbox = None
            self._hub.close()

    async def _look_around(self, inbox: Inbox) -> None:
        """What hints should have told and may not have: read one chat after another, so the store is never pressed."""
        for visitor in self._hub.due(others=inbox.fleet.size > 1):
            try:
                await self._catch_up(inbox, Address(self.name, visitor))
            except StoreError:  # the desk meets the same store and says so
                return

    async def follow(self, address: Address) -> None:
        """Another process settled something in this chat: pages that are open here are shown what they lack."""
        feed = self._hub.known(address.chat)
        if feed is not None and not feed.pages:
            feed.missed()
        elif feed is not None and self._inbox is not None:
            await self._catch_up(self._inbox, address, settled=True)

    async def _catch_up(self, inbox: Inbox, address: Address, *, settled: bool = False) -> None:
        """One reading at a time for each feed, so that no older one is taken for news."""
        feed = self._hub.feed(address.chat)
        async with feed.reading:
            feed.learn(await inbox.history(address), settled=settled)

    async def acknowledge(self, message: Message) -> None:
        """Every page of the visitor shows the message, and that it was heard."""
        self._hub.feed(message.address.chat).heard(message)

    async def deliver(self, address: Address, text: AsyncIterator[str], outbox: Outbox) -> str:
        """Show the text as it comes, then whole. What stands in the chat is what the store settles: no plan needed."""
        feed = self._hub.feed(address.chat)
        answer = feed.begin()
        try:
            async for piece in text:
                if not answer.began:
                    feed.status("writing")
                answer.add(piece)
            if answer.whole().strip():
                feed.finish(answer, answer.whole(), outbox.author if isinstance(outbox, Signed) else Author.BOT)
        finally:
            whole = answer.whole()
            feed.end(answer)
        return whole

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
        past = await _stored(inbox.history(address))
        view = {"turns": turn_views(past), "suggestions": self._site.suggestions}
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
        feed.learn(past)
        return feed.afresh(past, self._site.suggestions)

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
            with contextlib.suppress(StoreError):  # who answers may be another process, or a person: the store knows
                await self._catch_up(inbox, address)
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
