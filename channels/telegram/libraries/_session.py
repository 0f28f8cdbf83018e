"""aiogram's HTTP session as this channel needs it, and a getUpdates whose answer stays JSON. Read and run: 3.31.0."""

from __future__ import annotations

from typing import Any

from aiogram import Bot
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.exceptions import ClientDecodeError
from aiogram.methods import Response, TelegramMethod
from aiogram.methods.base import TelegramType
from aiohttp import ClientError, ClientSession, TraceConfig

from channels.telegram.client import refusal


class RawUpdates(TelegramMethod[list[Any]]):
    """The call getUpdates whose result is left as it is."""

    __returning__ = list[Any]
    __api_method__ = "getUpdates"

    offset: int
    timeout: int
    allowed_updates: list[str]


class Session(AiohttpSession):
    """aiogram's session: closed without its pause, never redirected, telling the status of what is not JSON."""

    _made: ClientSession | None = None

    async def create_session(self) -> ClientSession:
        """The connections, made when there are none."""
        made = await super().create_session()
        if made is not self._made:
            made.trace_configs.append(_straight())
            self._made = made
        return made

    async def close(self) -> None:
        """Give the connections back; a later call makes new ones."""
        if self._made is not None:
            await self._made.close()

    def check_response(
        self, bot: Bot, method: TelegramMethod[TelegramType], status_code: int, content: str
    ) -> Response[TelegramType]:
        """The answer read by the library; what a server in between refused is told by its status."""
        try:
            return super().check_response(bot, method, status_code, content)
        except ClientDecodeError:
            if status_code < 400:
                raise
            raise refusal(status_code, f"HTTP {status_code} without JSON") from None


def _straight() -> TraceConfig:
    """Calls are never redirected: their addresses hold the token."""

    async def refuse(*_: object) -> None:
        raise ClientError("the call was redirected")

    config = TraceConfig()
    config.on_request_redirect.append(refuse)
    config.freeze()
    return config
