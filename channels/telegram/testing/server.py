"""The Bot API on a loopback port: takes calls as Telegram does, answers as it would, and writes down every one.

Transport only: reading a call, faults on order, the answer's shape and the log. What a call means is in `calls` and
`updates`; what people do is in `customers`.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections import defaultdict, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from aiohttp import web

from channels.telegram.testing.calls import perform
from channels.telegram.testing.customers import Customers
from channels.telegram.testing.description import described
from channels.telegram.testing.flood import Flood, FloodGuard
from channels.telegram.testing.news import News
from channels.telegram.testing.refusal import Refusal, Upload
from channels.telegram.testing.updates import Updates
from channels.telegram.testing.world import World

TOKEN = "42:TEST"  # noqa: S105 - it opens nothing
MOST_CALLS = 100_000
LARGEST_BODY = 64 << 20
DELAYS = (0.05, 0.1, 0.2, 0.5, 1.0)


@dataclass(frozen=True, slots=True)
class Call:
    """One call: its parameters as far as they could be read, when it was answered (Unix seconds), what became of it.

    `outcome` is `ok`, `dropped` (no answer was given) or the status and description of a refusal.
    """

    method: str
    params: Mapping[str, Any]
    at: float
    outcome: str


@dataclass(frozen=True, slots=True)
class Fault:
    """What happens to a call instead of its answer; status 0 cuts the connection."""

    status: int
    description: str
    parameters: Mapping[str, Any] | None
    after_effect: bool


class Dropped(Exception):
    """The connection is to be cut without an answer."""


class FakeBotApi(Customers):
    """A Bot API server on 127.0.0.1 for one bot with the token `42:TEST`; `async with` it.

    `shared_folder` holds the published description (bot-api-10.1.json, itself or in `peers/`); without one the table
    of the methods firstline uses serves. `flood` None counts nothing. `delays`: before a webhook gets an update again.
    """

    token = TOKEN

    def __init__(
        self,
        shared_folder: Path | None = None,
        *,
        flood: Flood | None = Flood(),  # noqa: B008 - a frozen value
        delays: Sequence[float] = DELAYS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        news = News()
        super().__init__(World(clock), Updates(news, delays), news)
        self.log: deque[Call] = deque(maxlen=MOST_CALLS)
        self.url = ""
        self._description = described(shared_folder)
        self._flood = FloodGuard(flood)
        self._faults: dict[str, deque[Fault]] = defaultdict(deque)

    @property
    def base_url(self) -> str:
        """What python-telegram-bot's `base_url` takes; the token follows it. Files are under `/file/bot`."""
        return f"{self.url}/bot"

    async def __aenter__(self) -> Self:
        app = web.Application(client_max_size=LARGEST_BODY)
        app.router.add_route("*", "/bot{token:[^/]+}/{method:[^/]+}", self._answer)
        app.router.add_get("/file/bot{token:[^/]+}/files/{file_id:[^/]+}", self._file)
        app.router.add_get("/log", self._show_log)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        host, port = self._runner.addresses[0][:2]
        self.url = f"http://{host}:{port}"
        self._delivery = asyncio.create_task(self.updates.deliver())
        return self

    async def __aexit__(self, *_: object) -> None:
        self.updates.stop()
        self._delivery.cancel()
        await asyncio.wait({self._delivery})
        await self._runner.cleanup()
        if not self._delivery.cancelled():
            self._delivery.result()

    def fail_next(
        self,
        method: str,
        status: int,
        description: str,
        parameters: Mapping[str, Any] | None = None,
        times: int = 1,
        after_effect: bool = False,
    ) -> None:
        """The next calls of a method fail so; status 0 cuts the connection before anything was done.

        With `after_effect` the call is done and then the connection is cut: the client cannot know.
        """
        self._faults[method].extend([Fault(status, description, parameters, after_effect)] * times)

    def calls(self, method: str) -> list[Call]:
        """What the log holds of a method, oldest first."""
        return [call for call in self.log if call.method == method]

    async def wait_for(self, predicate: Callable[[], object], timeout: float = 5.0) -> None:  # noqa: ASYNC109 - its API
        """Return once it is true, looked at after every call and update; TimeoutError after `timeout` seconds."""
        await self.news.until(predicate, timeout)

    async def _answer(self, request: web.Request) -> web.Response:
        method = request.match_info["method"]
        given: dict[str, Any] = {}
        try:
            self._check_token(request.match_info["token"])
            given, is_form = await _read(request)
            fault = self._fault(method)
            given = self._description.check(method, given, is_form)
            result = await self._do(method, given)
            if fault:
                raise Dropped
        except Refusal as refusal:
            return self._refused(method, given, refusal)
        except Dropped:
            self._note(method, given, "dropped")
            if request.transport is not None:
                request.transport.abort()
            return web.Response()
        self._note(method, given, "ok")
        return web.json_response({"ok": True, "result": result})

    def _fault(self, method: str) -> Fault | None:
        """What was ordered for this call: raised here, or returned when the call is to be done first."""
        faults = self._faults[method]
        fault = faults.popleft() if faults else None
        if fault is None or fault.after_effect:
            return fault
        if not fault.status:
            raise Dropped
        raise Refusal(fault.status, fault.description, fault.parameters)

    async def _do(self, method: str, params: Mapping[str, Any]) -> Any:
        chat = params.get("chat_id")
        self._flood.check(method, chat if isinstance(chat, int) else None, self.world.clock())
        match method:
            case "getUpdates":
                return await self.updates.get(params)
            case "setWebhook":
                return self.updates.set_webhook(params)
            case "deleteWebhook":
                return self.updates.delete_webhook(params)
            case "getWebhookInfo":
                return self.updates.webhook_info()
        return perform(self.world, method, params)

    def _check_token(self, token: str) -> None:
        if token != self.token:
            raise Refusal(401, "Unauthorized") if token.partition(":")[0].isdigit() else Refusal(404, "Not Found")

    def _refused(self, method: str, given: Mapping[str, Any], refusal: Refusal) -> web.Response:
        self._note(method, given, str(refusal))
        body = {"ok": False, "error_code": refusal.status, "description": refusal.description}
        more = {"parameters": dict(refusal.parameters)} if refusal.parameters else {}
        return web.json_response(body | more, status=refusal.status)

    def _note(self, method: str, given: Mapping[str, Any], outcome: str) -> None:
        self.log.append(Call(method, dict(given), time.time(), outcome))
        self.news.tell()

    async def _file(self, request: web.Request) -> web.Response:
        upload = self.world.files.get(request.match_info["file_id"])
        if request.match_info["token"] != self.token or upload is None:
            raise web.HTTPNotFound
        return web.Response(body=upload.content, content_type=upload.mime)

    async def _show_log(self, _: web.Request) -> web.Response:
        log = [{name: getattr(call, name) for name in Call.__slots__} for call in self.log]
        return web.Response(text=json.dumps(log, default=str), content_type="application/json")


async def _read(request: web.Request) -> tuple[dict[str, Any], bool]:
    """A call's parameters from its address and body, and whether they are text as forms have it. Raises Refusal."""
    given: dict[str, Any] = dict(request.query)
    if request.content_type == "application/json":
        try:
            body = await request.json()
        except ValueError:
            body = None
        if not isinstance(body, dict):
            raise Refusal(400, "Bad Request: can't parse the request's JSON object")
        return given | body, False
    try:
        form = await request.post()
    except ValueError:
        raise Refusal(400, "Bad Request: can't parse the request's form") from None
    for name, value in form.items():
        if isinstance(value, web.FileField):
            given[name] = Upload(value.filename, value.content_type, value.file.read())
        else:
            given[name] = value
    for name, value in given.items():
        if isinstance(value, str) and value.startswith("attach://"):
            given[name] = given.get(value.removeprefix("attach://"), value)
    return given, True
