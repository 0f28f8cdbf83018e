"""The Telegram calls through python-telegram-bot's thin `Bot` and its HTTP layer; nothing of its application framework.

Only translation belongs here: our values to the library's, the library's errors to core.errors. What to send, when and
how often is decided elsewhere; what every library needs around a call is in `line`. Read and run:
python-telegram-bot 22.8.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import httpx
from telegram import (
    Bot,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    InputFile,
    MessageEntity,
    ReplyParameters,
)
from telegram.error import (
    BadRequest,
    ChatMigrated,
    Conflict,
    Forbidden,
    InvalidToken,
    RetryAfter,
    TelegramError,
)
from telegram.request import HTTPXRequest

from channels.telegram import line
from channels.telegram.client import Buttons, Me, Place, number_of
from core.abilities import Media
from core.errors import ChannelError
from core.markup import Entity, Rich

# The library gives `retry_after` as a timedelta and without a deprecation warning only when this is set.
os.environ.setdefault("PTB_TIMEDELTA", "true")
# httpx logs every request's address at INFO, and Telegram's addresses hold the token.
for _name in ("httpx", "httpcore"):
    logging.getLogger(_name).setLevel(logging.WARNING)

#: Seconds. The read timeout is long: a send given up early may stand in the chat all the same.
CONNECT, READ, WRITE, POOL = 5.0, 30.0, 10.0, 2.0
FAULTS = line.Faults(
    # BadRequest is a NetworkError in this library: the more particular class comes first.
    statuses=((InvalidToken, 401), (Forbidden, 403), (Conflict, 409), (BadRequest, 400)),
    own=TelegramError,
    unsent=(httpx.PoolTimeout, httpx.ConnectTimeout, httpx.ConnectError),
)


def build(*, token: str, base_url: str, connections: int = 256, patience: float = 5.0) -> Ptb:
    """A client for this token. `connections` bounds the pool, `patience` (seconds) the wait for a free one."""
    return Ptb(token, base_url, connections, patience)


class Ptb:
    """`Client` on python-telegram-bot. getUpdates has a connection of its own."""

    def __init__(self, token: str, base_url: str, connections: int, patience: float) -> None:
        self.bot = number_of(token)
        self._polling = _http(1)
        self._sending = _http(connections)
        self._address = f"{base_url.rstrip('/')}/bot{token}"
        self._bot = Bot(
            token,
            base_url=f"{base_url.rstrip('/')}/bot",
            base_file_url=f"{base_url.rstrip('/')}/file/bot",
            request=self._sending,
            get_updates_request=self._polling,
        )
        self._certificates = httpx.create_ssl_context()
        self._line = line.Line(token, connections, patience, _meaning)

    def __repr__(self) -> str:
        return "Ptb()"

    async def get_me(self) -> Me:
        """Who the bot is."""
        async with self._line.call():
            user = await self._bot.get_me()
            return Me(user.id, user.username or "")

    async def get_updates(self, offset: int, wait: int, kinds: Sequence[str]) -> list[Any]:
        """Updates as plain JSON values: `Bot.get_updates` reads the batch as a whole, and one bad update spoils all."""
        query = urlencode({"offset": offset, "timeout": wait, "allowed_updates": json.dumps(list(kinds))})
        async with self._line.told(wait + 40.0):
            address = f"{self._address}/getUpdates?{query}"
            return line.listed(await self._polling.post(address, read_timeout=wait + 10.0))

    async def set_webhook(self, url: str, secret: str, kinds: Sequence[str]) -> None:
        """Have updates delivered to `url`, with `secret` in their header."""
        async with self._line.call():
            await self._bot.set_webhook(url=url, secret_token=secret, allowed_updates=list(kinds))

    async def delete_webhook(self) -> None:
        """Stop deliveries to a web address; waiting updates stay."""
        async with self._line.call():
            await self._bot.delete_webhook()

    async def send_message(self, place: Place, rich: Rich, reply_to: int = 0, buttons: Buttons = ()) -> str:
        """Send one message; its id."""
        rows = [[InlineKeyboardButton(label, callback_data=data)] for label, data in buttons]
        async with self._line.call():
            sent = await self._bot.send_message(
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
        async with self._line.call():
            await self._bot.edit_message_text(
                chat_id=place.chat,
                message_id=int(message),
                text=rich.text,
                entities=_entities(rich.entities),
            )

    async def send_file(self, place: Place, media: Media, caption: Rich, photo: bool) -> str:
        """Send a file, as a picture or as a document; the message's id."""
        where: dict[str, Any] = {
            "chat_id": place.chat,
            "message_thread_id": place.topic,
            "caption": caption.text or None,
            "caption_entities": _entities(caption.entities),
        }
        # Never the content itself: given a string, the library reads and sends the file of that name.
        file = InputFile(media.content, filename=media.name)
        async with self._line.call(line.TRANSFER):
            if photo:
                sent = await self._bot.send_photo(photo=file, **where)
            else:
                sent = await self._bot.send_document(document=file, **where)
            return str(sent.message_id)

    async def download(self, file_id: str, most: int) -> bytes:
        """A file somebody sent, read in pieces: the library holds the whole of it before it looks at its size."""
        async with self._line.call(line.TRANSFER):
            file = await self._bot.get_file(file_id)
            address = line.path_of(file.file_path, file.file_size, most)
            timeout = httpx.Timeout(READ, connect=CONNECT)
            async with (
                httpx.AsyncClient(verify=self._certificates, headers=line.UNPACKED, timeout=timeout) as client,
                client.stream("GET", address) as answer,
            ):
                if answer.status_code != 200:
                    raise line.no_file(answer.status_code)
                return await line.gathered(answer.aiter_raw(line.CHUNK), most)

    async def send_draft(self, place: Place, draft: int, rich: Rich) -> None:
        """Show the unfinished text; the Stop button is younger than the library and travels beside its arguments."""
        async with self._line.call():
            await self._bot.send_message_draft(
                chat_id=place.chat,
                message_thread_id=place.topic,
                draft_id=draft,
                text=rich.text,
                entities=_entities(rich.entities),
                api_kwargs={"can_stop": True},
            )

    async def send_typing(self, place: Place) -> None:
        """Show "typing"."""
        async with self._line.call():
            await self._bot.send_chat_action(chat_id=place.chat, action="typing", message_thread_id=place.topic)

    async def answer_press(self, query: str) -> None:
        """End the waiting sign on a pressed button."""
        async with self._line.call():
            await self._bot.answer_callback_query(callback_query_id=query)

    async def open(self) -> None:
        """Make connections usable again after `aclose`."""
        await self._polling.initialize()
        await self._sending.initialize()

    async def aclose(self) -> None:
        """Give connections back."""
        await self._polling.shutdown()
        await self._sending.shutdown()


def _meaning(error: Exception, words: str) -> ChannelError:
    if isinstance(error, RetryAfter):
        wait = error.retry_after
        return line.flood(wait.total_seconds() if isinstance(wait, timedelta) else float(wait))
    if isinstance(error, ChatMigrated):
        return line.moved(error.new_chat_id)
    return FAULTS.meaning(error, words)


def _http(connections: int) -> HTTPXRequest:
    return HTTPXRequest(connections, connect_timeout=CONNECT, read_timeout=READ, write_timeout=WRITE, pool_timeout=POOL)


def _entities(entities: Sequence[Entity]) -> list[MessageEntity] | None:
    return [
        MessageEntity(e.kind, e.offset, e.length, url=e.url or None, language=e.language or None) for e in entities
    ] or None
