"""How updates come in: by long polling or by webhook, committed before Telegram is told that they arrived.

A batch is handed to the inbox whole; only when every update of it is committed does the offset move or 200 go out.
While the store is away Telegram keeps the updates. What an update means is read in `updates`.

Of all processes one says how updates come and asks for them, the others stand by; webhooks reach any of them.
"""

from __future__ import annotations

import asyncio
import hmac
import json
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from aiohttp import web

from channels.telegram.client import Client, Me, WrongToken
from channels.telegram.counts import Count, zeros
from channels.telegram.outlet import pause
from channels.telegram.updates import KINDS, Ear, Heard, read
from core.conversation import Arrival
from core.errors import ChannelError, StoreError, Throttled
from core.ports import Inbox

log = logging.getLogger(__name__)

T = TypeVar("T")

POLL = 30  # seconds one getUpdates waits; Telegram caps it at 50
# Asking from the same offset again within 0.5 s gives one update only (Client.cpp; research: channels, section 3).
FIRST_REPEAT = 0.6
OFTEN = timedelta(minutes=1)  # how precisely the fleet knows when Telegram could bring messages last
KEPT = timedelta(hours=24)  # Telegram keeps updates no longer (core.telegram.org/bots/api, Getting updates)
GAP = "messages may be lost: Telegram could bring none since %s UTC, and it kept none from before %s UTC"
HEADER = "X-Telegram-Bot-Api-Secret-Token"
LATER = {"Retry-After": "5"}  # seconds; Telegram honours it


@dataclass(frozen=True, slots=True, repr=False)
class Door:
    """Where webhooks come in: the public base address (empty: polling), our path and the header's secret."""

    base: str
    path: str
    secret: str


class Intake:
    """Brings updates to an inbox; `react` is told of each one that is committed, with whether it was new."""

    def __init__(
        self, client: Client, door: Door, everybody: bool, react: Callable[[Heard, bool], Awaitable[None]]
    ) -> None:
        self.counts = zeros([Count.POLLS_FAILED, Count.GAPS, Count.UPDATES_UNREADABLE])
        self._client = client
        self._door = door
        self._everybody = everybody
        self._react = react
        self._me: Me | None = None
        self._inbox: Inbox | None = None
        self._well = datetime.min.replace(tzinfo=UTC)

    async def run(self, inbox: Inbox) -> None:
        """Take updates in until cancelled. Raises WrongToken."""
        self._me = await insist("getMe", self._client.get_me)
        self._inbox = inbox
        try:
            while True:  # whoever is overtaken stands by again
                # Two processes that poll get 409 in turn; two that disagree about the webhook would undo each other.
                async with inbox.fleet.alone(f"telegram:{self._client.bot}:getUpdates"):
                    await self._fetch()
        finally:
            self._inbox = None

    def routes(self) -> Sequence[web.RouteDef]:
        """What the server mounts: nothing when polling."""
        return [web.post(self._door.path, self._webhook)] if self._door.base else []

    def reread(self, key: str, raw: str) -> Arrival:
        """What an update that was put aside under this key means now; with a problem when it still says nothing."""
        try:
            update = json.loads(raw)
        except (ValueError, RecursionError):
            update = raw
        if not key.startswith(f"tg:{self._client.bot}:"):
            return Arrival(key, raw, None, "this update came to another bot")
        me = self._me or Me(self._client.bot, "")
        heard = read(update, Ear(me, datetime.now(UTC), self._everybody))
        arrival = replace(heard.arrival, key=key, raw=raw)
        if self._me is None and arrival.message is None and not arrival.problem:
            # Without the bot's name nobody knows whether a message in a group is for it.
            return replace(arrival, problem="this update can only be read while the bot listens: try again then")
        return arrival

    async def _fetch(self) -> None:
        """Have updates come, as the one process that does so."""
        if self._door.base:
            await insist("setWebhook", self._ask_for_webhook)
            while True:  # the routes do the rest
                await self._reached()
                await asyncio.sleep(OFTEN.total_seconds())
        await insist("deleteWebhook", self._client.delete_webhook)
        await self._poll()

    async def _ask_for_webhook(self) -> None:
        await self._client.set_webhook(f"{self._door.base}{self._door.path}", self._door.secret, KINDS)

    async def _poll(self) -> None:
        offset = failures = 0  # from the beginning: another process may have moved the offset on meanwhile
        while True:
            asked_to_wait = 0.0
            try:
                updates = await self._client.get_updates(offset, POLL, KINDS)
                await self._reached()
                committed = await self._take(updates)
            except WrongToken:
                raise
            except ChannelError as error:
                committed = False
                asked_to_wait = error.retry_after if isinstance(error, Throttled) else 0.0
                self.counts[Count.POLLS_FAILED] += 1
                log.warning("getUpdates failed: %s: %s", type(error).__name__, error)
            if committed:
                failures = 0
                offset = max([offset, *(u["update_id"] + 1 for u in updates if _numbered(u))])
            else:
                failures += 1
                await asyncio.sleep(max(FIRST_REPEAT, pause(failures), asked_to_wait))

    async def _reached(self) -> None:
        """Telegram can bring us what it has; say so when it could not for longer than it keeps messages."""
        now = datetime.now(UTC)
        if self._inbox is None or now - self._well < OFTEN:
            return
        try:
            before = await self._inbox.fleet.passed(f"telegram:{self._client.bot}:reached", now)
        except StoreError as error:
            log.warning("when messages were asked for last is not known: %s", error)
            return
        self._well = now
        if before is not None and now - before > KEPT:
            self.counts[Count.GAPS] += 1
            log.error(GAP, f"{before:%Y-%m-%d %H:%M}", f"{now - KEPT:%Y-%m-%d %H:%M}")

    async def _take(self, updates: Sequence[Any]) -> bool:
        """Commit updates, in their order; whether all of them are."""
        if self._inbox is None or self._me is None:
            return False
        ear = Ear(self._me, datetime.now(UTC), self._everybody)
        heard = [read(update, ear) for update in updates]
        results = await asyncio.gather(*(self._inbox.accept(one.arrival) for one in heard), return_exceptions=True)
        for one, result in zip(heard, results, strict=True):
            if isinstance(result, bool):
                await self._committed(one, result)
        broken = [result for result in results if not isinstance(result, bool)]
        for error in broken[:1]:
            # Anything but StoreError is a fault of ours; the update must wait for the mended program all the same.
            level = logging.WARNING if isinstance(error, StoreError) else logging.ERROR
            log.log(level, "%d updates were not committed: %s: %s", len(broken), type(error).__name__, error)
        return not broken

    async def _committed(self, heard: Heard, new: bool) -> None:
        self.counts[Count.UPDATES_UNREADABLE] += new and bool(heard.arrival.problem)
        await self._react(heard, new)

    async def _webhook(self, request: web.Request) -> web.Response:
        """403 without the secret, 503 while nothing can be committed, else 200; never 410, which ends deliveries."""
        given = request.headers.get(HEADER, "")
        if not hmac.compare_digest(given.encode(errors="surrogateescape"), self._door.secret.encode()):
            return web.Response(status=403)
        body = await request.read()
        try:
            update = json.loads(body)
        except (ValueError, RecursionError):
            update = body.decode(errors="replace")
        return web.Response() if await self._take([update]) else web.Response(status=503, headers=LATER)


def _numbered(update: Any) -> bool:
    return isinstance(update, dict) and isinstance(update.get("update_id"), int)


async def insist(what: str, call: Callable[[], Awaitable[T]]) -> T:
    """Make a call the channel cannot start without, until it succeeds. Raises WrongToken."""
    failures = 0
    while True:
        try:
            return await call()
        except WrongToken:
            raise
        except ChannelError as error:
            failures += 1
            wait = error.retry_after if isinstance(error, Throttled) else pause(failures)
            log.warning("%s failed: %s: %s", what, type(error).__name__, error)
            await asyncio.sleep(wait)
