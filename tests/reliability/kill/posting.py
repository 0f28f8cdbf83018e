"""A platform that takes a text and nothing else, for a channel: no edit, no list, no word about what became of it.

What nobody can find out is decided by policy: a part that may have been sent is given up (at most once) or sent again
(at least once). The platform itself is in `platforms`.
"""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime

import aiohttp
from aiohttp import web

from core.conversation import Address, Arrival, Customer, Message
from core.errors import NotSent, StoreError, Unconfirmed
from core.ports import Inbox, Outbox
from core.records import Part, PartState
from tests.reliability.kill.codes import SECOND_PAGE

PATIENCE = aiohttp.ClientTimeout(total=10)
DOUBTFUL = {PartState.SENDING, PartState.UNKNOWN}


class PostingChannel:
    """`again` sends once more what may have been sent; otherwise it is abandoned."""

    def __init__(self, name: str, url: str, *, again: bool) -> None:
        self.name = name
        self._url = url
        self._again = again
        self._inbox: Inbox | None = None
        self._session: aiohttp.ClientSession | None = None
        self._counts: Counter[str] = Counter()

    async def run(self, inbox: Inbox) -> None:
        self._inbox = inbox
        await asyncio.Event().wait()

    def routes(self) -> Sequence[web.RouteDef]:
        return [web.post(f"/{self.name}", self._heard)]

    async def aclose(self) -> None:
        if self._session is not None:
            await self._session.close()

    def counts(self) -> Mapping[str, int]:
        return self._counts

    async def acknowledge(self, message: Message) -> None:
        """There is nothing to show it with."""

    async def deliver(self, address: Address, text: AsyncIterator[str], outbox: Outbox) -> str:
        whole = "".join([piece async for piece in text]).strip()
        if not whole:
            return ""
        pages = re.split(f"(?={re.escape(SECOND_PAGE)})", whole)
        parts = [await self._finished(address, part, outbox) for part in await outbox.plan(pages)]
        return "\n\n".join(part.text for part in parts if part.arrived)

    async def _finished(self, address: Address, part: Part, outbox: Outbox) -> Part:
        if part.arrived or part.state is PartState.ABANDONED:
            return part
        if part.state in DOUBTFUL and not self._again:
            self._counts["abandoned"] += 1
            return await _marked(outbox, part, PartState.ABANDONED)
        self._counts["sent_again"] += part.state in DOUBTFUL
        part = await _marked(outbox, part, PartState.SENDING)
        try:
            number = await self._post(address, part.text)
        except NotSent:
            await _marked(outbox, part, PartState.PLANNED)
            raise
        except Unconfirmed:
            await _marked(outbox, part, PartState.UNKNOWN)
            raise
        return await _marked(outbox, replace(part, sent_as=number), PartState.SENT)

    async def _post(self, address: Address, text: str) -> str:
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=PATIENCE)
        try:
            async with self._session.post(self._url, json={"chat": address.chat, "text": text}) as answer:
                answer.raise_for_status()
                return str((await answer.json())["id"])
        except aiohttp.ClientConnectorError as error:
            raise NotSent("nothing reached the platform") from error
        except (aiohttp.ClientError, TimeoutError) as error:
            raise Unconfirmed("the platform did not answer") from error

    async def _heard(self, request: web.Request) -> web.Response:
        """200 once the message is committed, else 503."""
        given = await request.json()
        address = Address(self.name, given["chat"])
        message = Message(str(given["id"]), address, given["text"], datetime.now(UTC), Customer("Customer"))
        if self._inbox is None:
            return web.Response(status=503)
        try:
            await self._inbox.accept(
                Arrival(f"{self.name}:{given['chat']}:{given['id']}", await request.text(), message)
            )
        except StoreError:
            return web.Response(status=503)
        return web.Response()


async def _marked(outbox: Outbox, part: Part, state: PartState) -> Part:
    part = replace(part, state=state)
    await outbox.mark(part)
    return part
