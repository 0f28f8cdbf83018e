"""The platforms customers write on, as one shape: write, write again what was confirmed, see what stands in a chat.

Telegram and Twilio are the strict fakes that ship with the product; the posting platform is a minimum of its own: it
takes texts and brings messages, in the order of a chat, until they are taken.
"""

from __future__ import annotations

import asyncio
import itertools
import random
from collections import defaultdict
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any, Protocol, Self

import aiohttp
from aiohttp import web

from channels.telegram.testing import FakeBotApi
from channels.whatsapp.testing import FakeTwilio
from channels.whatsapp.testing.webhooks import Undelivered
from channels.whatsapp.testing.world import Message

DELAYS = (0.1, 0.2, 0.4, 0.8, 1.6)
"""Seconds before a platform brings again what was not taken."""

Reached = Callable[[bool], None]
"""Told each time a replica's call that may be seen by a customer arrives (False), and when it is done (True)."""


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

    async def _do(self, method: str, params: Any) -> Any:
        if method not in {"sendMessage", "editMessageText"}:
            return await super()._do(method, params)
        self._reached(False)
        result = await super()._do(method, params)
        self._reached(True)
        return result


class WhatsApp(FakeTwilio):
    """The strict Twilio. `lost` are messages it gave up on, as Twilio does."""

    name = "whatsapp"

    def __init__(self, reached: Reached) -> None:
        super().__init__(rate=None, delays=DELAYS)
        follow = self.callbacks.follow

        def accepted(message: Message) -> None:
            reached(False)
            follow(message)
            reached(True)

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


class Posting:
    """A platform that takes a text and tells nothing more about it."""

    def __init__(self, name: str, reached: Reached) -> None:
        self.name = name
        self.url = self.base = ""
        self._reached = reached
        self._posts: defaultdict[str, list[str]] = defaultdict(list)
        self._numbers = itertools.count(1)
        self._lines: dict[int, asyncio.Queue[dict[str, Any]]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._confirmed: list[tuple[int, dict[str, Any]]] = []
        self._waiting = 0

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_post("/send", self._send)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}/send"
        self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._session.close()
        await self._runner.cleanup()

    def say(self, chat: int, text: str) -> None:
        self._put(chat, {"id": next(self._numbers), "chat": str(chat), "text": text})

    def repeat(self, chance: random.Random) -> None:
        if self._confirmed:
            self._put(*chance.choice(self._confirmed[-50:]))

    def posts(self, chat: int) -> Sequence[str]:
        return self._posts[str(chat)]

    def address(self, chat: int) -> str:
        return f"{self.name}:{chat}"

    @property
    def waiting(self) -> int:
        return self._waiting

    def _put(self, chat: int, message: dict[str, Any]) -> None:
        if chat not in self._lines:
            self._lines[chat] = asyncio.Queue()
            self._tasks.add(asyncio.create_task(self._serve(chat, self._lines[chat])))
        self._waiting += 1
        self._lines[chat].put_nowait(message)

    async def _serve(self, chat: int, line: asyncio.Queue[dict[str, Any]]) -> None:
        while True:
            message = await line.get()
            tries = 0
            while not await self._taken(message):
                await asyncio.sleep(DELAYS[min(tries, len(DELAYS) - 1)])
                tries += 1
            self._confirmed.append((chat, message))
            self._waiting -= 1

    async def _taken(self, message: dict[str, Any]) -> bool:
        try:
            async with self._session.post(f"{self.base}/{self.name}", json=message) as answer:
                return answer.ok
        except (aiohttp.ClientError, TimeoutError):
            return False

    async def _send(self, request: web.Request) -> web.Response:
        given = await request.json()
        self._reached(False)
        posts = self._posts[given["chat"]]
        posts.append(given["text"])
        self._reached(True)
        return web.json_response({"id": len(posts)})
