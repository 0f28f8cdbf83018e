"""The platform behind `posting`: it takes a text and nothing else, and brings messages, in order, until taken."""

from __future__ import annotations

import asyncio
import itertools
import random
from collections import defaultdict
from collections.abc import Sequence
from types import TracebackType
from typing import Any, Self

import aiohttp
from aiohttp import web

from tests.reliability.kill.platforms import DELAYS, Reached, port_of


class Noticeboard:
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
        self._reached(False, port_of(request))
        posts = self._posts[given["chat"]]
        posts.append(given["text"])
        self._reached(True, port_of(request))
        return web.json_response({"id": len(posts)})
