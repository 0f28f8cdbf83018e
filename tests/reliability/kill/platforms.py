"""The platforms customers write on, as one shape: write, write again what was confirmed, see what stands in a chat.

Telegram and Twilio are the strict fakes that ship with the product; the posting platform is a minimum of its own: it
takes texts and brings messages, in the order of a chat, until they are taken.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from typing import Any, Protocol

from aiohttp import web

from channels.telegram.testing import FakeBotApi
from channels.whatsapp.testing import FakeTwilio
from channels.whatsapp.testing.webhooks import Undelivered
from channels.whatsapp.testing.world import Message

DELAYS = (0.1, 0.2, 0.4, 0.8, 1.6)
"""Seconds before a platform brings again what was not taken."""

Reached = Callable[[bool, int], None]
"""Told each time a replica's call that may be seen by a customer arrives (False), and when it is done (True).

The number is the port the call came from, 0 when that is not known.
"""

PORT: ContextVar[int] = ContextVar("PORT", default=0)


class Platform(Protocol):
    """One of them. `name` is its channel's."""

    name: str

    def say(self, chat: int, text: str) -> None:
        """A customer writes; it is brought to the bot whenever that takes it."""
        ...

    def repeat(self, chance: random.Random) -> None:
        """Bring one message once more that the bot has confirmed, or the platform thinks so."""
        ...

    def posts(self, chat: int) -> Sequence[str]:
        """What the bot said in this chat, as it now stands, oldest first."""
        ...

    def address(self, chat: int) -> str:
        """The chat's name in the store."""
        ...

    @property
    def waiting(self) -> int:
        """Messages the bot has not taken yet."""
        ...


def port_of(request: web.Request) -> int:
    """The port a request came from."""
    peer = request.transport.get_extra_info("peername") if request.transport else None
    return int(peer[1]) if peer else 0


class Telegram(FakeBotApi):
    """The strict Bot API; `reached` is told of sends and edits."""

    name = "telegram"

    def __init__(self, reached: Reached) -> None:
        super().__init__(flood=None, delays=DELAYS)
        self._reached = reached
        self._said: dict[int, dict[str, Any]] = {}

    def say(self, chat: int, text: str) -> None:
        number = self.says(chat, text)
        self._said[number] = self.updates.pending[number]

    def repeat(self, chance: random.Random) -> None:
        confirmed = [number for number in [*self._said][-200:] if number not in self.updates.pending]
        if confirmed:
            self.update(self._said[chance.choice(confirmed)])

    def posts(self, chat: int) -> Sequence[str]:
        return [post.text for post in self.chat(chat)]

    def address(self, chat: int) -> str:
        return f"telegram:{chat}"

    @property
    def waiting(self) -> int:
        return len(self.updates.pending)

    async def _answer(self, request: web.Request) -> web.Response:
        PORT.set(port_of(request))
        return await super()._answer(request)

    async def _do(self, method: str, params: Any) -> Any:
        if method not in {"sendMessage", "editMessageText"}:
            return await super()._do(method, params)
        self._reached(False, PORT.get())
        result = await super()._do(method, params)
        self._reached(True, PORT.get())
        return result


class WhatsApp(FakeTwilio):
    """The strict Twilio. `lost` are messages it gave up on, as Twilio does."""

    name = "whatsapp"

    def __init__(self, reached: Reached) -> None:
        super().__init__(rate=None, delays=DELAYS)
        follow = self.callbacks.follow

        def accepted(message: Message) -> None:
            reached(False, 0)
            follow(message)
            reached(True, 0)

        vars(self.callbacks)["follow"] = accepted
        self._under_way: dict[asyncio.Task[None], str] = {}
        self._taken: list[tuple[int, str, str]] = []
        self.lost: list[str] = []

    def say(self, chat: int, text: str) -> None:
        self._bring(self._says(chat, text), text)

    def repeat(self, chance: random.Random) -> None:
        if self._taken:
            chat, text, sid = chance.choice(self._taken[-50:])
            self._bring(self._says(chat, text, sid), "")

    def posts(self, chat: int) -> Sequence[str]:
        return [message.body for message in self.chat(_phone(chat))]

    def address(self, chat: int) -> str:
        return f"whatsapp:{_phone(chat)}"

    @property
    def waiting(self) -> int:
        return len(self._under_way)

    async def _says(self, chat: int, text: str, sid: str = "") -> None:
        again = {"MessageSid": sid, "SmsSid": sid, "SmsMessageSid": sid} if sid else {}
        try:
            taken = await self.says(_phone(chat), text, media=(), name="", **again)
        except Undelivered:
            if not again:
                self.lost.append(text)
        else:
            if not again:
                self._taken.append((chat, text, taken))

    def _bring(self, work: Any, text: str) -> None:
        task = asyncio.create_task(work)
        self._under_way[task] = text
        task.add_done_callback(self._under_way.pop)

    async def __aexit__(self, *exc: object) -> None:
        for task in list(self._under_way):
            task.cancel()
        await asyncio.gather(*self._under_way, return_exceptions=True)
        await super().__aexit__(*exc)


def _phone(chat: int) -> str:
    return f"+45{chat:08d}"
