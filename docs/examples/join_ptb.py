"""A python-telegram-bot program with commands of its own, whose customers' questions firstline answers.

Beside config.yaml:   TELEGRAM_TOKEN=... python join_ptb.py                              asks Telegram for updates
                      TELEGRAM_TOKEN=... SECRET=... URL=https://bot.example python join_ptb.py    takes a webhook
"""

from __future__ import annotations

import asyncio
import os
import signal
from typing import Any

from aiohttp import web
from telegram import Update
from telegram.ext import Application, ApplicationBuilder, CommandHandler, ContextTypes, filters

from bots.joining import firstline
from channels.telegram.join.ptb import Webhook, join

#: What firstline answers: text in private chats that is not a command. Everything else is this program's.
QUESTIONS = filters.ChatType.PRIVATE & filters.TEXT & ~filters.COMMAND
PATH = "/telegram"


async def start(update: Update, _context: ContextTypes.DEFAULT_TYPE) -> None:
    """A command of the program's own."""
    if update.message:
        await update.message.reply_text("Welcome! Ask anything, or see your /points.")


async def points(update: Update, _context: ContextTypes.DEFAULT_TYPE) -> None:
    """Another one."""
    if update.message:
        await update.message.reply_text("You have 12 points.")


def add_handlers(application: Application[Any, Any, Any, Any, Any, Any]) -> None:
    """The program before firstline joined it."""
    application.add_handler(CommandHandler("start", start))
    application.add_handler(CommandHandler("points", points))


async def polling(builder: Any, stop: asyncio.Event, config: str = "config.yaml") -> None:
    """`run_polling`, spelled out: firstline lives in the same event loop, so the loop has to be yours."""
    async with firstline(config) as support:
        application = join(builder, support, ours=QUESTIONS)
        add_handlers(application)
        async with application:
            await application.updater.start_polling()
            await application.start()
            await stop.wait()
            await application.updater.stop()
            await application.stop()


async def webhook(
    builder: Any, stop: asyncio.Event, url: str, secret: str, port: int = 8443, config: str = "config.yaml"
) -> None:
    """`run_webhook` on a web server of your own; `url` is that server as Telegram reaches it."""
    async with firstline(config) as support:
        application = join(builder.updater(None), support, ours=QUESTIONS)
        add_handlers(application)
        app = web.Application()
        app.router.add_routes([Webhook(application).route(PATH, secret)])
        runner = web.AppRunner(app)
        await runner.setup()
        async with application:
            await application.start()
            await web.TCPSite(runner, port=port).start()
            await application.bot.set_webhook(url + PATH, secret_token=secret)
            await stop.wait()
            await runner.cleanup()
            await application.stop()


async def main() -> None:
    """Until SIGTERM or SIGINT."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    builder = ApplicationBuilder().token(os.environ["TELEGRAM_TOKEN"])
    if "URL" in os.environ:
        await webhook(builder, stop, os.environ["URL"], os.environ["SECRET"])
    else:
        await polling(builder, stop)


if __name__ == "__main__":
    asyncio.run(main())
