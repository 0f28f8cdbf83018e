"""Join a python-telegram-bot Application: its getUpdates request is the gate, its update processor asks the filter.

    support: JoinedChannel
    application = join(ApplicationBuilder().token(TOKEN), support, ours=filters.TEXT)

Only what the library makes necessary belongs here; the promise is kept in `room`. Read and run: 22.8.
"""

from __future__ import annotations

import asyncio
import hmac
import inspect
import json
import logging
from collections.abc import Awaitable
from typing import Any

from aiohttp import web
from telegram import Update
from telegram.error import NetworkError
from telegram.ext import Application, ApplicationBuilder, BaseUpdateProcessor
from telegram.ext.filters import BaseFilter
from telegram.request import HTTPXRequest

from channels.telegram.intake import HEADER, LATER
from channels.telegram.join.channel import JoinedChannel
from channels.telegram.join.room import WaitingRoom, last_number, parsed
from core.errors import StoreError

log = logging.getLogger(__name__)

App = Application[Any, Any, Any, Any, Any, Any]


def join(
    builder: ApplicationBuilder[Any, Any, Any, Any, Any, Any],
    support: JoinedChannel,
    *,
    ours: BaseFilter,
    concurrent_updates: int = 1,
    **request: Any,
) -> App:
    """The Application, built so that `support` answers what the filter `ours` lets through.

    `concurrent_updates` is the builder's own option. `request` are options of the HTTPXRequest that asks for updates.
    Raises ValueError when config.yaml has another bot's token.
    """
    joint = Joint(support.room, ours)
    gate = GatedRequest(joint, **{"connection_pool_size": 1, **request})
    processor = Processor(joint, concurrent_updates)
    joint.application = builder.get_updates_request(gate).concurrent_updates(processor).build()
    support.check(int(joint.application.bot.token.partition(":")[0]))
    return joint.application


class Webhook:
    """Takes updates from a web server of the host's, in place of `run_webhook`."""

    def __init__(self, application: App) -> None:
        processor = application.update_processor
        if not isinstance(processor, Processor):
            raise TypeError("this Application was not built by join()")
        self._joint = processor.joint

    async def receive(self, body: bytes) -> int:
        """Commit an update and queue it; the HTTP status Telegram gets: 200, or 503 while it cannot be committed.

        For any web framework. Whether it is Telegram that is calling, you check before.
        """
        try:
            await self._joint.feed()
            given = await self._joint.room.keep([parsed(body)], self._joint.read)
        except StoreError as error:
            log.warning("an update was not committed: %s", error)
            return 503
        for _, update in given:
            await self._joint.application.update_queue.put(update)
        return 200

    def route(self, path: str, secret: str) -> web.RouteDef:
        """The same for aiohttp: a POST without the secret in its header is answered with 403."""

        async def handle(request: web.Request) -> web.Response:
            given = request.headers.get(HEADER, "")
            if not hmac.compare_digest(given.encode(errors="surrogateescape"), secret.encode()):
                return web.Response(status=403)
            status = await self.receive(await request.read())
            return web.Response(status=status, headers=LATER if status != 200 else None)

        return web.post(path, handle)


class Joint:
    """What the gate and the processor of one Application share. `blank`: numbers that stand for no update."""

    application: App

    def __init__(self, room: WaitingRoom, ours: BaseFilter) -> None:
        self.room = room
        self.ours = ours
        self.blank: set[int] = set()

    def read(self, raw: Any) -> Update:
        """An update as the library has it. Raises what it raises, and ValueError for what is no update."""
        update = Update.de_json(raw, self.application.bot)
        if update is None:
            raise ValueError("no update")
        return update

    async def feed(self) -> None:
        """Queue what was left undecided, once. Raises StoreError."""
        for _, update in await self.room.left(self.read):
            await self.application.update_queue.put(update)

    async def keep(self, body: bytes) -> bytes:
        """Commit the updates in getUpdates' answer; the answer as the library is to see it. Raises StoreError."""
        answer = parsed(body)
        updates = answer.get("result") if isinstance(answer, dict) else None
        if not isinstance(updates, list):
            return body
        given = [raw for raw, _ in await self.room.keep(updates, self.read)]
        if len(given) == len(updates):
            return body
        # The library goes on after the last update it sees, and must not ask for the one it cannot read again.
        if (number := last_number(updates)) is not None and (not given or given[-1] is not updates[-1]):
            self.blank.add(number)
            given.append({"update_id": number})
        return json.dumps({"ok": True, "result": given}).encode()


class GatedRequest(HTTPXRequest):
    """Commits the updates before the library sees them; NetworkError, which it repeats, when that is impossible."""

    def __init__(self, joint: Joint, **options: Any) -> None:
        super().__init__(**options)
        self._joint = joint

    async def do_request(self, url: str, *args: Any, **kwargs: Any) -> tuple[int, bytes]:
        """The library's request, and then the commit."""
        if not url.endswith("/getUpdates"):
            return await super().do_request(url, *args, **kwargs)
        try:
            await self._joint.feed()
            status, body = await super().do_request(url, *args, **kwargs)
            return status, await self._joint.keep(body) if status == 200 else body
        except StoreError as error:
            raise NetworkError(f"the updates were not committed: {error}") from error


class Processor(BaseUpdateProcessor):
    """Asks whose an update is before any handler sees it; then the Application handles what is not ours."""

    def __init__(self, joint: Joint, concurrent_updates: int) -> None:
        super().__init__(concurrent_updates)
        self.joint = joint
        self._feeding: asyncio.Task[None] | None = None

    async def initialize(self) -> None:
        """Begin to queue what was left undecided."""
        self._feeding = asyncio.create_task(self._feed())

    async def shutdown(self) -> None:
        """Nothing is queued any more."""
        if self._feeding is not None:
            self._feeding.cancel()
            await asyncio.wait({self._feeding})

    async def do_process_update(self, update: object, coroutine: Awaitable[Any]) -> None:
        """Claim it, or let the Application handle it: what its handlers raise, it deals with itself."""
        room = self.joint.room
        number = update.update_id if isinstance(update, Update) else None
        if number in self.joint.blank:
            self.joint.blank.discard(number)
            _drop(coroutine)
        elif number is None or not room.holds(number):
            await coroutine
        elif await room.claim(number, self._said(update)):
            _drop(coroutine)
        else:
            try:
                await coroutine
            except Exception:
                room.release(number)
                raise
            room.release(number)

    def _said(self, update: Any) -> bool:
        try:
            return bool(self.joint.ours.check_update(update))
        except Exception:
            log.exception("the filter failed on update %s; the host's handlers get it", update.update_id)
            return False

    async def _feed(self) -> None:
        try:
            await self.joint.feed()
        except StoreError as error:
            log.warning("what was left undecided waits for the next update: %s", error)


def _drop(coroutine: Awaitable[Any]) -> None:
    """Close what will never be awaited."""
    if inspect.iscoroutine(coroutine):
        coroutine.close()
