"""The fake Bot API over HTTP, and what a test does to it: customers write, press and stop; calls are made to fail."""

from __future__ import annotations

import asyncio
import json
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import aiohttp
from aiohttp import web

from channels.telegram.testing.methods import BadRequestError, Methods
from channels.telegram.testing.platform import Platform, Shown

TOKEN = "42:TEST"  # noqa: S105 - the fake's own, worth nothing
AGAIN = 0.05
"""Seconds before a webhook update that was not taken is delivered again."""


@dataclass(frozen=True, slots=True)
class Called:
    """One call: its method, typed parameters, time, and the HTTP status it was answered with (0: not answered)."""

    method: str
    params: dict[str, Any]
    at: float
    status: int


@dataclass
class _Fault:
    status: int
    description: str
    parameters: dict[str, Any]
    after_effect: bool
    left: int


@dataclass
class FakeBotApi:
    """`async with FakeBotApi() as api`: then `api.base_url` is a Bot API server. `limits` turns flood control on."""

    folder: Path | None = None
    limits: bool = True
    base_url: str = ""
    log: list[Called] = field(default_factory=list)

    async def __aenter__(self) -> Self:
        self.platform = Platform(limits=self.limits)
        self._methods = Methods(self.folder)
        self._faults: defaultdict[str, list[_Fault]] = defaultdict(list)
        self._changed = asyncio.Event()
        self._out = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10))
        self._posts: dict[int, asyncio.Queue[dict[str, Any]]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        app = web.Application(client_max_size=2**22)
        app.router.add_route("*", "/bot{token}/{method}", self._handle)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.base_url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(self, *exc: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._wake()
        await self._runner.cleanup()
        await self._out.close()

    # -- the customers' side

    def says(self, chat: int, text: str, **more: Any) -> int:
        """A person writes in a private chat (or, with a negative id, in a group); the update's id."""
        kind = {"type": "private", "first_name": "C"} if chat > 0 else {"type": "supergroup", "title": "G"}
        message = {
            "message_id": self.platform.next_id(),
            "date": int(time.time()),
            "chat": {"id": chat, **kind},
            "from": {"id": abs(chat), "is_bot": False, "first_name": "Customer", "language_code": "en"},
            "text": text,
        }
        return self.update({"message": message | more})

    def presses(self, chat: int, message_id: int, data: str) -> int:
        """A person presses a button under a message of the bot's."""
        pressed = {"id": str(self.platform.next_id()), "chat_instance": "1", "data": data}
        who = {"from": {"id": abs(chat), "is_bot": False, "first_name": "Customer"}}
        under = {"message": {"message_id": message_id, "date": 0, "chat": {"id": chat, "type": "private"}}}
        return self.update({"callback_query": pressed | who | under})

    def stops(self, chat: int, draft: int) -> int:
        """A person presses Stop under a draft."""
        stopped = {"chat": {"id": chat, "type": "private", "first_name": "C"}, "draft_id": draft}
        return self.update({"stopped_message_generation": stopped})

    def update(self, update: dict[str, Any]) -> int:
        """Any raw update happens; its id."""
        number = self.platform.add(update)
        if self.platform.webhook["url"]:
            self._post(self.platform.updates.pop())
        self._wake()
        return number

    # -- what a test arranges and looks at

    def fail_next(
        self,
        method: str,
        status: int,
        description: str,
        *,
        times: int = 1,
        after_effect: bool = False,
        **parameters: Any,
    ) -> None:
        """Answer the method's next calls so. Status 0 cuts the connection; `after_effect`: once the call was done."""
        self._faults[method].append(_Fault(status, description, parameters, after_effect, times))

    def chat(self, chat: int) -> list[Shown]:
        """The bot's messages in a chat as they now stand."""
        return [shown for (where, _), shown in sorted(self.platform.messages.items()) if where == chat]

    def calls(self, method: str, chat: int | None = None) -> list[Called]:
        """The calls of a method, of one chat's or all."""
        return [c for c in self.log if c.method == method and (chat is None or c.params.get("chat_id") == chat)]

    async def wait_for(self, condition: Callable[[], bool], timeout: float = 10.0) -> None:  # noqa: ASYNC109 - for tests
        """Wait until the condition holds; it is looked at after every call. TimeoutError."""
        async with asyncio.timeout(timeout):
            while not condition():
                self._changed.clear()
                await self._changed.wait()

    # -- HTTP

    def _wake(self) -> None:
        self._changed.set()

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        method, status = request.match_info["method"], 0
        params: dict[str, Any] = {}
        try:
            if request.match_info["token"] != TOKEN:
                raise BadRequestError("Unauthorized", 401)
            method, params = self._methods.check(method, await _raw(request))
            result = await self._do(method, params, request)
            status = 200
            return web.json_response({"ok": True, "result": result})
        except BadRequestError as error:
            status = error.code
            body: dict[str, Any] = {"ok": False, "error_code": error.code, "description": error.description}
            return web.json_response(
                body | ({"parameters": error.parameters} if error.parameters else {}), status=status
            )
        finally:
            self.log.append(Called(method, params, time.monotonic(), status))
            self._wake()

    async def _do(self, method: str, params: dict[str, Any], request: web.Request) -> Any:
        fault = self._faults[method][0] if self._faults[method] else None
        if fault:
            fault.left -= 1
            if not fault.left:
                self._faults[method].pop(0)
        if fault is None or fault.after_effect:
            result = await self._poll(params) if method == "getUpdates" else self.platform.call(method, params)
            if fault is None:
                return result
        if fault.status:
            raise BadRequestError(fault.description, fault.status, fault.parameters)
        if request.transport is not None:
            request.transport.abort()
        raise asyncio.CancelledError

    async def _poll(self, params: dict[str, Any]) -> list[dict[str, Any]]:
        if self.platform.webhook["url"]:
            raise BadRequestError("Conflict: can't use getUpdates method while webhook is active", 409)
        self.platform.confirm(params.get("offset", 0))
        until = time.monotonic() + min(50, params.get("timeout", 0))
        while not self.platform.updates and (left := until - time.monotonic()) > 0:
            self._changed.clear()
            try:
                async with asyncio.timeout(left):
                    await self._changed.wait()
            except TimeoutError:
                break
        return list(self.platform.updates)[: params.get("limit", 100)]

    def _post(self, update: dict[str, Any]) -> None:
        """Queue for its chat: one at a time, and again until it is taken."""
        inner = next(value for key, value in update.items() if key != "update_id")
        chat = (inner.get("message", inner).get("chat") or {"id": 0})["id"]
        if chat not in self._posts:
            self._posts[chat] = asyncio.Queue()
            task = asyncio.ensure_future(self._deliver(self._posts[chat]))
            self._tasks.add(task)
        self._posts[chat].put_nowait(update)

    async def _deliver(self, queue: asyncio.Queue[dict[str, Any]]) -> None:
        while True:
            update, taken = await queue.get(), False
            while not taken:
                hook = self.platform.webhook
                headers = {"X-Telegram-Bot-Api-Secret-Token": hook["secret"]} if hook["secret"] else {}
                try:
                    async with self._out.post(hook["url"], json=update, headers=headers) as answer:
                        taken = answer.status < 300
                except aiohttp.ClientError:
                    taken = False
                if not taken:
                    await asyncio.sleep(AGAIN)


async def _raw(request: web.Request) -> dict[str, Any]:
    """The parameters as sent: JSON, a form, or the query."""
    if request.content_type == "application/json":
        body = json.loads(await request.text() or "{}")
        return body if isinstance(body, dict) else {}
    return {**request.query, **{key: value for key, value in (await request.post()).items() if isinstance(value, str)}}
