"""The Telegram calls through aiogram's thin `Bot` and its HTTP session; nothing of its dispatcher.

Only translation belongs here: our values to the library's, the library's errors to core.errors. What to send, when and
how often is decided elsewhere; what every library needs around a call is in `line`. Read and run: aiogram 3.31.0.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from aiogram import Bot
from aiogram.client.telegram import TelegramAPIServer
from aiogram.exceptions import (
    TelegramAPIError,
    TelegramBadRequest,
    TelegramConflictError,
    TelegramForbiddenError,
    TelegramMigrateToChat,
    TelegramNotFound,
    TelegramRetryAfter,
    TelegramServerError,
    TelegramUnauthorizedError,
)
from aiogram.types import (
    BufferedInputFile,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    MessageEntity,
    ReplyParameters,
)
from aiogram.utils.token import TokenValidationError
from aiohttp import ClientConnectorError, ClientTimeout, ConnectionTimeoutError

from channels.telegram import line
from channels.telegram.client import Buttons, Me, Place, number_of
from channels.telegram.libraries._session import RawUpdates, Session
from core.abilities import Media
from core.errors import ChannelError
from core.markup import Entity, Rich
from core.plugins import PluginError

#: Waiting for a connection ends as such, so it is known to be unsent; a send given up early may stand in the chat.
TIMEOUT = ClientTimeout(total=None, connect=2.0, sock_read=30.0)
POLLING = ClientTimeout(total=None, connect=2.0, sock_read=60.0)  # Telegram waits 50 s at most
FAULTS = line.Faults(
    statuses=(
        (TelegramBadRequest, 400),
        (TelegramUnauthorizedError, 401),
        (TelegramForbiddenError, 403),
        (TelegramNotFound, 404),
        (TelegramConflictError, 409),
        (TelegramServerError, 500),
    ),
    own=TelegramAPIError,
    unsent=(ClientConnectorError, ConnectionTimeoutError),
)


def build(*, token: str, base_url: str, connections: int = 256, patience: float = 5.0) -> Aiogram:
    """A client for this token. `connections` bounds the pool, `patience` (seconds) the wait for a free one.

    Raises PluginError for what cannot be a token.
    """
    try:
        return Aiogram(token, base_url, connections, patience)
    except TokenValidationError:
        raise PluginError("this is no token of Telegram's", "the one @BotFather gave", "token") from None


class Aiogram:
    """`Client` on aiogram. getUpdates has a connection of its own."""

    def __init__(self, token: str, base_url: str, connections: int, patience: float) -> None:
        self.bot = number_of(token)
        self._server = TelegramAPIServer.from_base(base_url)
        self._polling = Session(api=self._server, limit=1, timeout=POLLING)
        self._sending = Session(api=self._server, limit=connections, timeout=TIMEOUT)
        self._bot = Bot(token, session=self._sending)
        self._line = line.Line(token, connections, patience, _meaning)

    def __repr__(self) -> str:
        return "Aiogram()"

    async def get_me(self) -> Me:
        """Who the bot is."""
        async with self._line.call():
            user = await self._bot.get_me()
            return Me(user.id, user.username or "")

    async def get_updates(self, offset: int, wait: int, kinds: Sequence[str]) -> list[Any]:
        """Updates as plain JSON values: `Bot.get_updates` reads the batch as a whole, and one bad update spoils all."""
        asked = RawUpdates(offset=offset, timeout=wait, allowed_updates=list(kinds))
        async with self._line.told(wait + 40.0):
            updates: list[Any] = await self._polling(self._bot, asked)
            return line.listed(updates)

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
        rows = [[InlineKeyboardButton(text=label, callback_data=data)] for label, data in buttons]
        reply = ReplyParameters(message_id=reply_to, allow_sending_without_reply=True) if reply_to else None
        async with self._line.call():
            sent = await self._bot.send_message(
                chat_id=place.chat,
                message_thread_id=place.topic,
                text=rich.text,
                entities=_entities(rich.entities),
                reply_parameters=reply,
                reply_markup=InlineKeyboardMarkup(inline_keyboard=rows) if rows else None,
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
        file = BufferedInputFile(media.content, media.name)
        async with self._line.call(line.TRANSFER):
            if photo:
                sent = await self._bot.send_photo(photo=file, **where)
            else:
                sent = await self._bot.send_document(document=file, **where)
            return str(sent.message_id)

    async def download(self, file_id: str, most: int) -> bytes:
        """A file somebody sent, read in pieces: `Bot.download` reads however much comes."""
        async with self._line.call(line.TRANSFER):
            file = await self._bot.get_file(file_id)
            address = self._server.file_url(self._bot.token, line.path_of(file.file_path, file.file_size, most))
            session = await self._sending.create_session()
            async with session.get(address, headers=line.UNPACKED, timeout=TIMEOUT, allow_redirects=False) as answer:
                if answer.status != 200:
                    raise line.no_file(answer.status)
                return await line.gathered(answer.content.iter_chunked(line.CHUNK), most)

    async def send_draft(self, place: Place, draft: int, rich: Rich) -> None:
        """Show the unfinished text with the Stop button; an empty text is left out by the library."""
        async with self._line.call():
            await self._bot.send_message_draft(
                chat_id=place.chat,
                message_thread_id=place.topic,
                draft_id=draft,
                text=rich.text,
                entities=_entities(rich.entities),
                can_stop=True,
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
        """Nothing: a session makes its connections when it needs them, after `aclose` too."""

    async def aclose(self) -> None:
        """Give connections back."""
        await self._polling.close()
        await self._sending.close()


def _meaning(error: Exception, words: str) -> ChannelError:
    if isinstance(error, TelegramRetryAfter):
        return line.flood(error.retry_after)
    if isinstance(error, TelegramMigrateToChat):
        return line.moved(error.migrate_to_chat_id)
    return FAULTS.meaning(error, words)


def _entities(entities: Sequence[Entity]) -> list[MessageEntity] | None:
    return [
        MessageEntity(type=e.kind, offset=e.offset, length=e.length, url=e.url or None, language=e.language or None)
        for e in entities
    ] or None
