"""A process's way in and its desk, as far as a repeated update gets: real intakes, real store, the smallest policy.

Answers go into chats that are kept in memory, because what is looked at here is what comes in. What is brought, and how
often, is in `flood`.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import urlencode

import aiohttp
from aiohttp import web

from channels.memory import MemoryChannel
from channels.telegram.client import Client, Me
from channels.telegram.intake import Door, Intake
from channels.telegram.updates import Heard
from channels.whatsapp import Options, WhatsAppChannel, assembled
from channels.whatsapp.door import MESSAGES
from channels.whatsapp.testing import FakeTwilio
from core.answering.chain import Chain
from core.desk import Desk
from core.library import Library
from core.policy import Policy
from core.rules import Rulebook
from core.store.sql import open_store
from core.tiers import Chunk, Delta, ModelCard, Prompt, Tier, Usage
from core.wording import Wording
from tests.reliability.kill.codes import answer, codes

PUBLIC = "https://bot.example.com"
PAUSE = 0.02
"""Seconds before a platform brings again what was not taken."""


class Echo:
    """A model that names the codes it was asked about."""

    async def stream(self, prompt: Prompt, card: ModelCard) -> AsyncGenerator[Chunk, None]:
        yield Delta(answer(codes(prompt.question)))
        yield Usage(0, 0)

    async def ready(self) -> str:
        return ""

    async def aclose(self) -> None:
        pass


class Ready:
    """Every provider can be asked."""

    def is_ready(self, provider: str) -> bool:
        return True


class Silent:
    """A Bot API that is only ever asked who the bot is and told where webhooks go."""

    bot = 99

    async def get_me(self) -> Me:
        return Me(self.bot, "shop_bot")

    async def set_webhook(self, url: str, secret: str, kinds: Sequence[str]) -> None:
        pass


@dataclass(frozen=True)
class Process:
    """One process: its desk, and what the platforms see of it."""

    desk: Desk
    intake: Intake
    session: aiohttp.ClientSession
    url: str
    token: str

    async def take(self, updates: Sequence[Any]) -> None:
        """Bring updates of Telegram's, again until they are committed."""
        while not await self.intake._take(updates):  # noqa: ASYNC110 - as a platform does
            await asyncio.sleep(PAUSE)

    async def post(self, form: Mapping[str, str]) -> None:
        """Bring a form of Twilio's, signed, again until it is committed."""
        signature = signed(PUBLIC + MESSAGES, form, self.token)
        headers = {"X-Twilio-Signature": signature, "Content-Type": "application/x-www-form-urlencoded"}
        while True:
            async with self.session.post(self.url + MESSAGES, data=urlencode(form), headers=headers) as response:
                if response.status == 200:
                    return
                assert response.status == 503, response.status
            await asyncio.sleep(PAUSE)


def signed(url: str, form: Mapping[str, str], token: str) -> str:
    """Twilio's signature of a form."""
    text = url + "".join(name + value for name, value in sorted(form.items()))
    return base64.b64encode(hmac.new(token.encode(), text.encode(), hashlib.sha1).digest()).decode()


def policy() -> Policy:
    """No rules, no knowledge, one model."""
    cards = {tier: [ModelCard("echo", "any", free=True)] for tier in (Tier.QUICK, Tier.STANDARD, Tier.EXPERT)}
    book = Rulebook(rules=(), signals={}, hash="none")
    return Policy(book, Chain(cards, {"echo": Echo()}, Ready()), Wording(("en",)), Library(()))


@asynccontextmanager
async def process(store: str, chats: Sequence[MemoryChannel], twilio: FakeTwilio) -> AsyncIterator[Process]:
    """A process on this store that answers into these chats and listens to both platforms."""
    async with AsyncExitStack() as stack:
        kept = await stack.enter_async_context(open_store(store))
        desk = Desk(kept, {channel.name: channel for channel in chats}, policy())
        await stack.enter_async_context(desk)
        intake = Intake(cast(Client, Silent()), Door(PUBLIC, "/telegram", "secret"), False, ignored)
        whatsapp = assembled(
            Options(
                account=twilio.account, token=twilio.token, number=twilio.number, public_url=PUBLIC,
                languages=("en",), base_url=twilio.url, messaging_url=twilio.url,
            )
        )  # fmt: skip
        stack.push_async_callback(whatsapp.aclose)
        url = await stack.enter_async_context(served(whatsapp))
        for listening in (intake.run(desk), whatsapp.run(desk)):
            stack.push_async_callback(ended, asyncio.create_task(listening))
        session = await stack.enter_async_context(aiohttp.ClientSession())
        yield Process(desk, intake, session, url, twilio.token)


async def ignored(heard: Heard, new: bool) -> None:
    """Nothing is done about an update beside committing it."""


@asynccontextmanager
async def served(channel: WhatsAppChannel) -> AsyncIterator[str]:
    """The door over HTTP on loopback; its address."""
    app = web.Application()
    app.add_routes(channel.routes())
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


async def ended(task: asyncio.Task[None]) -> None:
    """End what listens."""
    task.cancel()
    await asyncio.wait({task})
