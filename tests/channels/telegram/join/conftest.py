"""A host program for each library: commands of its own, a handler for everything else, an error handler."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import pytest
from aiogram import Bot, Dispatcher, F
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.telegram import TelegramAPIServer
from aiogram.filters import Command
from aiogram.types import ErrorEvent
from aiogram.types import Message as AiogramMessage
from aiogram.utils.backoff import BackoffConfig
from aiogram.webhook.aiohttp_server import setup_application
from aiohttp import web
from telegram import Update
from telegram.ext import ApplicationBuilder, CommandHandler, MessageHandler, filters

from channels.telegram.channel import Manners
from channels.telegram.join import JoinedChannel
from channels.telegram.join.aiogram import join as join_aiogram
from channels.telegram.join.ptb import Webhook
from channels.telegram.join.ptb import join as join_ptb
from channels.telegram.join.waiting import WaitingFile
from channels.telegram.libraries.ptb import build as build_client
from channels.telegram.testing import FakeBotApi
from core.errors import StoreError

if TYPE_CHECKING:
    from tests.channels.telegram.conftest import RecordingInbox

SECRET = "only-telegram-knows"
AT_ONCE = BackoffConfig(min_delay=0.7, max_delay=0.8, factor=1.1, jitter=0.0)


class FaultyFile(WaitingFile):
    """A file whose next `failures` commits fail; `commits` counts those that did not."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.failures = 0
        self.commits = 0
        self.forgetting_fails = False

    async def keep(self, bot: int, updates: Mapping[int, str]) -> None:
        if self.failures:
            self.failures -= 1
            raise StoreError("the store is away")
        await super().keep(bot, updates)
        self.commits += 1

    async def forget(self, bot: int, numbers: Collection[int]) -> None:
        if self.forgetting_fails:
            raise StoreError("the store is away")
        await super().forget(bot, numbers)


@dataclass
class Log:
    """What reached the host's handlers and its error handler."""

    seen: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def note(self, where: list[str], what: str) -> None:
        where.append(what)
        async with self.changed:
            self.changed.notify_all()

    async def until(self, true: Callable[[], object]) -> None:
        async with asyncio.timeout(10), self.changed:
            await self.changed.wait_for(true)


class Host(Protocol):
    """A program with its library. Entering `polling` or `webhook` starts it, leaving stops it as its library does."""

    log: Log

    def polling(self, support: JoinedChannel) -> AbstractAsyncContextManager[None]: ...
    def webhook(self, support: JoinedChannel) -> AbstractAsyncContextManager[str]: ...
    def gate_only(self, support: JoinedChannel) -> AbstractAsyncContextManager[None]:
        """Updates come in and are never decided; leaving it is a crash."""
        ...


class AiogramHost:
    def __init__(self, api: FakeBotApi) -> None:
        self.log = Log()
        self._api = api

    def _made(self, support: JoinedChannel, ours: Any) -> tuple[Bot, Dispatcher, Any]:
        bot = Bot(self._api.token, session=AiohttpSession(api=TelegramAPIServer.from_base(self._api.url)))
        dispatcher = Dispatcher()

        @dispatcher.message(Command("start"))
        async def start(message: AiogramMessage) -> None:
            await message.answer("welcome")
            await self.log.note(self.log.seen, message.text or "")

        @dispatcher.message(Command("boom"))
        async def boom(message: AiogramMessage) -> None:
            await self.log.note(self.log.seen, message.text or "")
            raise RuntimeError("the host's own fault")

        @dispatcher.message()
        @dispatcher.edited_message()
        async def rest(message: AiogramMessage) -> None:
            await self.log.note(self.log.seen, message.text or message.content_type)

        @dispatcher.errors()
        async def failed(event: ErrorEvent) -> None:
            await self.log.note(self.log.errors, str(event.exception))

        return bot, dispatcher, join_aiogram(dispatcher, bot, support, ours=ours)

    @asynccontextmanager
    async def polling(self, support: JoinedChannel) -> AsyncIterator[None]:
        bot, dispatcher, _ = self._made(support, F.text & ~F.text.startswith("/"))
        options: dict[str, Any] = {"polling_timeout": 5, "handle_signals": False, "backoff_config": AT_ONCE}
        task = asyncio.create_task(dispatcher.start_polling(bot, **options))
        await self._api.wait_for(lambda: self._api.calls("getMe"))
        try:
            yield
        finally:
            await dispatcher.stop_polling()
            await task

    @asynccontextmanager
    async def gate_only(self, support: JoinedChannel) -> AsyncIterator[None]:
        async def never(_message: object) -> bool:
            await asyncio.Event().wait()
            return True

        bot, dispatcher, _ = self._made(support, never)
        before = asyncio.all_tasks()
        options: dict[str, Any] = {"polling_timeout": 5, "handle_signals": False}
        asyncio.create_task(dispatcher.start_polling(bot, **options))  # noqa: RUF006 - found in all_tasks
        try:
            yield
        finally:
            await crash(before)
            await bot.session.close()

    @asynccontextmanager
    async def webhook(self, support: JoinedChannel) -> AsyncIterator[str]:
        bot, dispatcher, joined = self._made(support, F.text & ~F.text.startswith("/"))
        app = web.Application()
        joined.webhook(secret_token=SECRET).register(app, path="/telegram")
        setup_application(app, dispatcher, bot=bot)
        async with serving(app) as url:
            yield f"{url}/telegram"


class PtbHost:
    def __init__(self, api: FakeBotApi) -> None:
        self.log = Log()
        self._api = api

    def _made(self, support: JoinedChannel, builder: Any = None) -> Any:
        builder = (builder or ApplicationBuilder()).token(self._api.token).base_url(self._api.base_url)
        application = join_ptb(builder, support, ours=filters.UpdateType.MESSAGE & filters.TEXT & ~filters.COMMAND)

        async def start(update: Update, _context: Any) -> None:
            assert update.message is not None
            await update.message.reply_text("welcome")
            await self.log.note(self.log.seen, update.message.text or "")

        async def boom(update: Update, _context: Any) -> None:
            assert update.message is not None
            await self.log.note(self.log.seen, update.message.text or "")
            raise RuntimeError("the host's own fault")

        async def rest(update: Update, _context: Any) -> None:
            assert update.effective_message is not None
            await self.log.note(self.log.seen, update.effective_message.text or "other")

        async def failed(_update: object, context: Any) -> None:
            await self.log.note(self.log.errors, str(context.error))

        application.add_handler(CommandHandler("start", start))
        application.add_handler(CommandHandler("boom", boom))
        application.add_handler(MessageHandler(filters.ALL, rest), group=-5)
        application.add_error_handler(failed)
        return application

    @asynccontextmanager
    async def polling(self, support: JoinedChannel) -> AsyncIterator[None]:
        application = self._made(support)
        async with application:
            await application.updater.start_polling(timeout=5)
            await application.start()
            try:
                yield
            finally:
                await application.updater.stop()
                await application.stop()

    @asynccontextmanager
    async def gate_only(self, support: JoinedChannel) -> AsyncIterator[None]:
        application = self._made(support)
        async with application:
            await application.updater.start_polling(timeout=5)
            yield
            await application.updater.stop()

    @asynccontextmanager
    async def webhook(self, support: JoinedChannel) -> AsyncIterator[str]:
        application = self._made(support, ApplicationBuilder().updater(None))
        app = web.Application()
        app.router.add_routes([Webhook(application).route("/telegram", SECRET)])
        async with application, serving(app) as url:
            await application.start()
            try:
                yield f"{url}/telegram"
            finally:
                await application.stop()


@asynccontextmanager
async def serving(app: web.Application) -> AsyncIterator[str]:
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


async def crash(survivors: set[asyncio.Task[Any]]) -> None:
    """End every task begun since, where it stands."""
    begun = asyncio.all_tasks() - survivors
    for task in begun:
        task.cancel()
    if begun:
        await asyncio.wait(begun)


@dataclass
class Support:
    """Opens the joined channel as the house does; what it keeps on disk outlives it."""

    api: FakeBotApi
    inbox: RecordingInbox
    path: Path
    own: tuple[str, ...] = ()

    @asynccontextmanager
    async def open(self, *, listening: bool = True) -> AsyncIterator[tuple[JoinedChannel, FaultyFile]]:
        file = FaultyFile(self.path)
        client = build_client(token=self.api.token, base_url=self.api.url)
        channel = JoinedChannel(client, Manners(everybody=True), file, 42, self.own)
        task = asyncio.create_task(channel.run(self.inbox)) if listening else None
        try:
            yield channel, file
            if task:
                async with asyncio.timeout(10):
                    await channel.room.quiet()
        finally:
            if task:
                task.cancel()
                await asyncio.wait({task})
            await channel.aclose()

    async def undecided(self) -> list[int]:
        file = WaitingFile(self.path)
        kept = await file.kept(42)
        await file.aclose()
        return list(kept)


@pytest.fixture
async def api() -> AsyncIterator[FakeBotApi]:
    async with FakeBotApi(flood=None) as api:
        yield api


@pytest.fixture
def support(api: FakeBotApi, inbox: RecordingInbox, tmp_path: Path) -> Support:
    return Support(api, inbox, tmp_path / "data" / "waiting.db")


@pytest.fixture(params=[AiogramHost, PtbHost], ids=["aiogram", "ptb"])
def host(request: pytest.FixtureRequest, api: FakeBotApi) -> Host:
    made: Host = request.param(api)
    return made


@pytest.fixture
def faulty() -> type[FaultyFile]:
    return FaultyFile


@pytest.fixture
def backoff() -> BackoffConfig:
    return AT_ONCE
