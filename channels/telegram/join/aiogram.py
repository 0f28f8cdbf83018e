"""Join an aiogram Dispatcher: a session middleware is the gate, an outer middleware of the Dispatcher asks the filter.

    support: JoinedChannel
    join(dispatcher, bot, support, ours=F.text)        # polling; for webhooks use the `webhook` of what comes back

Only what aiogram makes necessary belongs here; the promise is kept in `room`. Read and run: aiogram 3.31.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

from aiogram import Bot, Dispatcher
from aiogram.client.session.middlewares.base import NextRequestMiddlewareType
from aiogram.dispatcher.event.handler import FilterObject
from aiogram.methods import GetUpdates, SetWebhook, TelegramMethod
from aiogram.types import TelegramObject, Update
from aiogram.types.update import UpdateTypeLookupError
from aiogram.webhook.aiohttp_server import SimpleRequestHandler
from aiohttp import web

from channels.telegram.intake import LATER
from channels.telegram.join.channel import JoinedChannel
from channels.telegram.join.room import last_number, parsed
from channels.telegram.updates import KINDS
from core.errors import StoreError

log = logging.getLogger(__name__)

Handler = Callable[[TelegramObject, dict[str, Any]], Awaitable[Any]]


def join(dispatcher: Dispatcher, bot: Bot, support: JoinedChannel, *, ours: Callable[..., Any]) -> Joined:
    """From now on `support` answers what the filter `ours` (as for `dispatcher.message`) lets through.

    Raises ValueError when config.yaml has another bot's token.
    """
    support.check(bot.id)
    joined = Joined(dispatcher, bot, support, FilterObject(ours))
    bot.session.middleware.register(joined.gate)
    middlewares = dispatcher.update.outer_middleware
    others = list(middlewares)
    for other in others:
        middlewares.unregister(other)
    # `watch` outside all others sees how each update ends; `claim` inside them offers the filter what they add.
    for one in (joined.watch, *others, joined.claim):
        middlewares.register(one)
    return joined


class RawUpdates(GetUpdates):
    """GetUpdates whose answer aiogram leaves as JSON: one update it cannot read would make it refuse the batch."""

    __returning__ = list[Any]


class Joined:
    """One bot of a Dispatcher, joined."""

    def __init__(self, dispatcher: Dispatcher, bot: Bot, support: JoinedChannel, ours: FilterObject) -> None:
        self.dispatcher = dispatcher
        self.bot = bot
        self.room = support.room
        self._ours = ours
        # aiogram handles updates side by side; a customer's messages are claimed in the order they came in.
        self._in_turn = asyncio.Lock()
        self._left: list[Update] = []
        self._offset: int | None = None

    def webhook(self, **options: Any) -> SimpleRequestHandler:
        """What to register on the aiohttp Application in place of a SimpleRequestHandler; the same options."""
        return GatedRequestHandler(self, **options)

    async def gate(self, make_request: NextRequestMiddlewareType[Any], bot: Bot, method: TelegramMethod[Any]) -> Any:
        """Commit what GetUpdates brings before aiogram sees it. StoreError: aiogram asks again from where it was."""
        if bot.id != self.bot.id or not isinstance(method, GetUpdates | SetWebhook):
            return await make_request(bot, method)
        if method.allowed_updates:
            wanted = [*dict.fromkeys((*method.allowed_updates, *KINDS))]
            method = method.model_copy(update={"allowed_updates": wanted})
        if isinstance(method, SetWebhook):
            return await make_request(bot, method)
        self._left += [update for _, update in await self.room.left(self.read)]
        given = {name: getattr(method, name) for name in GetUpdates.model_fields}
        given |= {"timeout": 0} if self._left else {}
        given |= {} if self._offset is None else {"offset": self._offset}
        raw: Any = await make_request(bot, RawUpdates(**given))
        new = [update for _, update in await self.room.keep(raw, self.read)]
        # aiogram goes on after the last update it sees, so it has to be told when that is not the last one there was.
        self._offset = number + 1 if (number := last_number(raw)) is not None and len(new) < len(raw) else None
        left, self._left = self._left, []
        return left + new

    async def watch(self, handler: Handler, event: TelegramObject, data: dict[str, Any]) -> Any:
        """An update that ended is decided, however it ended; one that is cancelled comes again at the next start."""
        if not isinstance(event, Update) or data["bot"].id != self.bot.id:
            return await handler(event, data)
        try:
            result = await handler(event, data)
        except Exception:
            self.room.release(event.update_id)
            raise
        self.room.release(event.update_id)
        return result

    async def claim(self, handler: Handler, event: TelegramObject, data: dict[str, Any]) -> Any:
        """Ask whose an update is; the host's handlers get what is not ours."""
        if not isinstance(event, Update) or data["bot"].id != self.bot.id or not self.room.holds(event.update_id):
            return await handler(event, data)
        async with self._in_turn:
            claimed = await self.room.claim(event.update_id, await self._said(event, data))
        return None if claimed else await handler(event, data)

    def read(self, raw: Any) -> Update:
        """An update as aiogram has it. Raises what it raises."""
        return Update.model_validate(raw, context={"bot": self.bot})

    async def _said(self, update: Update, data: dict[str, Any]) -> bool:
        try:
            return bool(await self._ours.call(update.event, **data))
        except UpdateTypeLookupError:
            return False
        except Exception:
            log.exception("the filter failed on update %s; the host's handlers get it", update.update_id)
            return False


class GatedRequestHandler(SimpleRequestHandler):
    """Answers Telegram only after what it brought is committed: 503 while it cannot be; else as aiogram does."""

    def __init__(self, joined: Joined, **options: Any) -> None:
        super().__init__(joined.dispatcher, joined.bot, **options)
        self._joined = joined
        self._feeding: set[asyncio.Task[None]] = set()

    def register(self, app: web.Application, /, path: str, **kwargs: Any) -> None:
        """Mount it; what was left undecided is given to the Dispatcher once that has started."""
        super().register(app, path, **kwargs)
        self.dispatcher.startup.register(self._start)

    async def handle(self, request: web.Request) -> web.Response:
        """Commit, then go on as usual. An update that cannot be read is kept and answered with 200."""
        secret = request.headers.get("X-Telegram-Bot-Api-Secret-Token", "")
        if not self.verify_secret(secret, self.bot):
            return web.Response(body="Unauthorized", status=401)
        body = await request.read()
        try:
            await self._feed()
            given = await self._joined.room.keep([parsed(body)], self._joined.read)
        except StoreError as error:
            log.warning("an update was not committed: %s", error)
            return web.Response(status=503, headers=LATER)
        return await super().handle(request) if given else web.json_response({})

    __call__ = handle

    async def _start(self) -> None:
        try:
            await self._feed()
        except StoreError as error:
            log.warning("what was left undecided waits for the next update: %s", error)

    async def _feed(self) -> None:
        for raw, _ in await self._joined.room.left(self._joined.read):
            task = asyncio.create_task(self._give(raw))
            self._feeding.add(task)
            task.add_done_callback(self._feeding.discard)

    async def _give(self, raw: Any) -> None:
        try:
            await self._background_feed_update(self.bot, raw)
        except Exception:
            log.exception("an update of before the last stop was not handled")
