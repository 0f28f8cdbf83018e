"""What stands before the replicas: each request goes to one of those that are up, whichever chance picks.

It notices a dead one only when a connection fails, and gives up with 502 then: repeating is the platforms' affair.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Self

import aiohttp
from aiohttp import web

PATIENCE = aiohttp.ClientTimeout(total=15)
PASSED_ON = ("Content-Type", "X-Telegram-Bot-Api-Secret-Token", "X-Twilio-Signature", "I-Twilio-Idempotency-Token")


class Balancer:
    """Listens on a loopback port; `targets` tells the addresses of the moment."""

    def __init__(self, targets: Callable[[], Sequence[str]], chance: random.Random) -> None:
        self.url = ""
        self._targets = targets
        self._chance = chance

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(timeout=PATIENCE, auto_decompress=False)
        app = web.Application()
        app.router.add_post("/{path:.*}", self._pass_on)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._runner.cleanup()
        await self._session.close()

    async def _pass_on(self, request: web.Request) -> web.Response:
        targets = self._targets()
        if not targets:
            return web.Response(status=502)
        headers = {name: request.headers[name] for name in PASSED_ON if name in request.headers}
        address = f"{self._chance.choice(targets)}{request.path_qs}"
        try:
            async with self._session.post(address, data=await request.read(), headers=headers) as answer:
                kind = answer.headers.get("Content-Type", "")
                return web.Response(
                    status=answer.status, body=await answer.read(), headers={"Content-Type": kind} if kind else {}
                )
        except (aiohttp.ClientError, TimeoutError):
            return web.Response(status=502)
