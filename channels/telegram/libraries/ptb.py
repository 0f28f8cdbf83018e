"""The Telegram calls through python-telegram-bot's thin `Bot` and its HTTP layer; nothing of its application framework.

Only translation belongs here: our values to the library's, the library's errors to core.errors. What to send, when and
how often is decided elsewhere. Read and run: python-telegram-bot 22.8.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any, ParamSpec, TypeVar
from urllib.parse import urlencode

import httpx
from telegram import (
    Bot,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    MessageEntity,
    ReplyParameters,
)
from telegram.error import (
    BadRequest,
    ChatMigrated,
    Conflict,
    Forbidden,
    InvalidToken,
    NetworkError,
    RetryAfter,
    TelegramError,
)
from telegram.request import HTTPXRequest

from channels.telegram.client import Buttons, Me, Place, Reason, Refused, refusal
from core.errors import ChannelError, NotSent, Throttled, Unconfirmed
from core.markup import Entity, Rich

# The library gives `retry_after` as a timedelta and without a deprecation warning only when this is set.
os.environ.setdefault("PTB_TIMEDELTA", "true")
# httpx logs every request's address at INFO, and Telegram's addresses hold the token.
for _name in ("httpx", "httpcore"):
    logging.getLogger(_name).setLevel(logging.WARNING)

P = ParamSpec("P")
T = TypeVar("T")

#: Causes that prove no byte of the request left: waiting for a connection, or none could be made.
NOTHING_LEFT = (httpx.PoolTimeout, httpx.ConnectTimeout, httpx.ConnectError)
# BadRequest is a NetworkError in this library: the more particular class comes first.
STATUSES = ((InvalidToken, 401), (Forbidden, 403), (Conflict, 409), (BadRequest, 400))


def build(*, token: str, base_url: str, connections: int = 256, patience: float = 5.0) -> Ptb:
    """A client for this token. `connections` bounds the pool, `patience` (seconds) the wait for a free one."""
    return Ptb(token, base_url, connections, patience)


class Ptb:
    """`Client` on python-telegram-bot. Calls in flight stay below the pool's size, so a wait is known to be unsent."""

    def __init__(self, token: str, base_url: str, connections: int, patience: float) -> None:
        self._polling = _http(1)
        self._sending = _http(connections)
        self._token = token
        self._base = f"{base_url.rstrip('/')}/bot"
        self._bot = Bot(token, base_url=self._base, request=self._sending, get_updates_request=self._polling)
        self._free = asyncio.Semaphore(max(1, connections * 3 // 4))
        self._patience = patience

    def __repr__(self) -> str:
        return "Ptb()"

    async def get_me(self) -> Me:
        """Who the bot is."""
        user = await self._call(self._bot.get_me)
        return Me(user.id, user.username or "")

    async def get_updates(self, offset: int, wait: int, kinds: Sequence[str]) -> list[Any]:
        """Updates as plain JSON values: `Bot.get_updates` reads the batch as a whole, and one bad update spoils all."""
        query = urlencode({"offset": offset, "timeout": wait, "allowed_updates": json.dumps(list(kinds))})
        async with self._translated(wait + 40.0):
            updates = await self._polling.post(
                f"{self._base}{self._token}/getUpdates?{query}", read_timeout=wait + 10.0
            )
        if not isinstance(updates, list):
            raise Unconfirmed("getUpdates gave no list")
        return updates

    async def set_webhook(self, url: str, secret: str, kinds: Sequence[str]) -> None:
        """Have updates delivered to `url`, with `secret` in their header."""
        await self._call(self._bot.set_webhook, url=url, secret_token=secret, allowed_updates=list(kinds))

    async def delete_webhook(self) -> None:
        """Stop deliveries to a web address; waiting updates stay."""
        await self._call(self._bot.delete_webhook)

    async def send_message(self, place: Place, rich: Rich, reply_to: int = 0, buttons: Buttons = ()) -> str:
        """Send one message; its id."""
        rows = [[InlineKeyboardButton(label, callback_data=data)] for label, data in buttons]
        sent = await self._call(
            self._bot.send_message,
            chat_id=place.chat,
            message_thread_id=place.topic,
            text=rich.text,
            entities=_entities(rich.entities),
            reply_parameters=ReplyParameters(reply_to, allow_sending_without_reply=True) if reply_to else None,
            reply_markup=InlineKeyboardMarkup(rows) if rows else None,
        )
        return str(sent.message_id)

    async def edit_message(self, place: Place, message: str, rich: Rich) -> None:
        """Replace the text of a message of ours."""
        await self._call(
            self._bot.edit_message_text,
            chat_id=place.chat,
            message_id=int(message),
            text=rich.text,
            entities=_entities(rich.entities),
        )

    async def send_draft(self, place: Place, draft: int, rich: Rich) -> None:
        """Show the unfinished text; the Stop button is younger than the library and travels beside its arguments."""
        await self._call(
            self._bot.send_message_draft,
            chat_id=place.chat,
            message_thread_id=place.topic,
            draft_id=draft,
            text=rich.text,
            entities=_entities(rich.entities),
            api_kwargs={"can_stop": True},
        )

    async def send_typing(self, place: Place) -> None:
        """Show "typing"."""
        await self._call(self._bot.send_chat_action, chat_id=place.chat, action="typing", message_thread_id=place.topic)

    async def answer_press(self, query: str) -> None:
        """End the waiting sign on a pressed button."""
        await self._call(self._bot.answer_callback_query, callback_query_id=query)

    async def open(self) -> None:
        """Make connections usable again after `aclose`."""
        await self._polling.initialize()
        await self._sending.initialize()

    async def aclose(self) -> None:
        """Give connections back."""
        await self._polling.shutdown()
        await self._sending.shutdown()

    async def _call(self, call: Callable[P, Awaitable[T]], *args: P.args, **kwargs: P.kwargs) -> T:
        try:
            async with asyncio.timeout(self._patience):
                await self._free.acquire()
        except TimeoutError:
            raise NotSent("every connection is busy") from None
        try:
            async with self._translated(60.0):
                return await call(*args, **kwargs)
        finally:
            self._free.release()

    @asynccontextmanager
    async def _translated(self, limit: float) -> AsyncIterator[None]:
        """Whatever the library raises, as core.errors, without the token and without a chain that could hold it."""
        try:
            async with asyncio.timeout(limit):
                yield
        except Exception as error:  # noqa: BLE001 - a KeyError or TypeError after a 2xx is a request that was sent
            raise self._meaning(error) from None

    def _meaning(self, error: Exception) -> ChannelError:
        # The library changes the case of what the server says, so the token is looked for in any.
        words = re.sub(re.escape(self._token), "***", str(error) or type(error).__name__, flags=re.IGNORECASE)
        if isinstance(error, RetryAfter):
            wait = error.retry_after
            return Throttled(words, wait.total_seconds() if isinstance(wait, timedelta) else float(wait))
        if isinstance(error, ChatMigrated):
            return Refused(words, Reason.MOVED, error.new_chat_id)
        status = next((status for kind, status in STATUSES if isinstance(error, kind)), 0)
        if status:
            return refusal(status, words)
        if isinstance(error.__cause__, NOTHING_LEFT):
            return NotSent(words)
        if isinstance(error, NetworkError) and ("too many requests" in words.lower() or "too large" in words.lower()):
            return refusal(0, words)
        if isinstance(error, TelegramError):
            return Unconfirmed(words)
        return Unconfirmed(f"the answer was not as expected: {type(error).__name__}")


def _http(connections: int) -> HTTPXRequest:
    """The read timeout is long: a send given up early may stand in the chat all the same."""
    return HTTPXRequest(connections, connect_timeout=5.0, read_timeout=30.0, write_timeout=10.0, pool_timeout=2.0)


def _entities(entities: Sequence[Entity]) -> list[MessageEntity] | None:
    return [
        MessageEntity(e.kind, e.offset, e.length, url=e.url or None, language=e.language or None) for e in entities
    ] or None
