"""An aiogram bot with commands of its own, whose customers' questions firstline answers.

Beside config.yaml:   TELEGRAM_TOKEN=... python join_aiogram.py                              asks Telegram for updates
                      TELEGRAM_TOKEN=... SECRET=... URL=https://bot.example python join_aiogram.py    takes a webhook
"""

from __future__ import annotations

import asyncio
import os

from aiogram import Bot, Dispatcher, F
from aiogram.filters import Command
from aiogram.types import Message
from aiogram.webhook.aiohttp_server import setup_application
from aiohttp import web

from bots.joining import firstline
from channels.telegram.join.aiogram import join

#: What firstline answers: text in private chats that is not a command. Everything else is this program's.
QUESTIONS = (F.chat.type == "private") & F.text & ~F.text.startswith("/")
PATH = "/telegram"


def bot_as_it_was() -> Dispatcher:
    """The program before firstline joined it."""
    dispatcher = Dispatcher()

    @dispatcher.message(Command("start"))
    async def start(message: Message) -> None:
        await message.answer("Welcome! Ask anything, or see your /points.")

    @dispatcher.message(Command("points"))
    async def points(message: Message) -> None:
        await message.answer("You have 12 points.")

    return dispatcher


async def polling(bot: Bot, config: str = "config.yaml") -> None:
    """Until SIGTERM or SIGINT, as aiogram does."""
    dispatcher = bot_as_it_was()
    async with firstline(config) as support:
        join(dispatcher, bot, support, ours=QUESTIONS)
        await dispatcher.start_polling(bot)


async def webhook(bot: Bot, url: str, secret: str, port: int = 8443, config: str = "config.yaml") -> None:
    """Until cancelled; `url` is this server as Telegram reaches it."""
    dispatcher = bot_as_it_was()
    app = web.Application()
    async with firstline(config) as support:
        joined = join(dispatcher, bot, support, ours=QUESTIONS)
        joined.webhook(secret_token=secret).register(app, path=PATH)
        setup_application(app, dispatcher, bot=bot)
        runner = web.AppRunner(app)
        await runner.setup()
        try:
            await web.TCPSite(runner, port=port).start()
            await bot.set_webhook(
                url + PATH, secret_token=secret, allowed_updates=dispatcher.resolve_used_update_types()
            )
            await asyncio.Event().wait()
        finally:
            await runner.cleanup()


if __name__ == "__main__":
    telegram = Bot(os.environ["TELEGRAM_TOKEN"])
    if "URL" in os.environ:
        asyncio.run(webhook(telegram, os.environ["URL"], os.environ["SECRET"]))
    else:
        asyncio.run(polling(telegram))
