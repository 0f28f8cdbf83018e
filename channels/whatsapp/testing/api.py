"""Twilio's REST API as web routes: letting a call in, faults on order, the answer's shape, the log.

Transport only. What a call means is in `calls`, what becomes of a message in `callbacks`, the machines in `server`.
"""

from __future__ import annotations

import asyncio
import base64
import time
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from multidict import CIMultiDictProxy, MultiDict, MultiDictProxy

from channels.whatsapp.testing import calls, shapes
from channels.whatsapp.testing.callbacks import Callbacks
from channels.whatsapp.testing.news import News
from channels.whatsapp.testing.refusal import Refusal, not_found
from channels.whatsapp.testing.world import ACCOUNT, API_KEY, API_SECRET, SENDER, TOKEN, Media, World
from core.pacing import Bucket

FORM = "application/x-www-form-urlencoded"
MOST_CALLS = 100_000
KEYS = {(ACCOUNT, TOKEN), (API_KEY, API_SECRET)}
NOTHING: MultiDictProxy[str] = MultiDictProxy(MultiDict())

Given = MultiDictProxy[str]
Answer = Awaitable[tuple[int, Any]]
"""An HTTP status and what is answered as JSON; of a redirect, its address."""


@dataclass(frozen=True, slots=True)
class Call:
    """One request: its form (a GET's query), when it was answered (Unix seconds), what became of it.

    `status` 0 is no answer; `code` is Twilio's, 0 for none. `user` is the name of its Basic authentication. Requests to
    the machine with the files have its address in front of their path.
    """

    method: str
    path: str
    form: Given
    status: int
    code: int
    user: str
    headers: CIMultiDictProxy[str] = field(repr=False)
    at: float = 0.0


@dataclass(frozen=True, slots=True)
class Fault:
    """What happens to a call instead of its answer: status 0 cuts the connection, -1 leaves it without an answer."""

    status: int
    code: int = 0
    after_effect: bool = False
    retry_after: str = ""


class Dropped(Exception):
    """The connection is to be cut without an answer."""


class Api:
    """The API of one account. `bucket` counts messages sent, None counts nothing."""

    def __init__(self, world: World, callbacks: Callbacks, news: News, bucket: Bucket | None) -> None:
        self.log: deque[Call] = deque(maxlen=MOST_CALLS)
        self.faults: dict[str, deque[Fault]] = defaultdict(deque)
        self.url = self.cdn = ""
        self.detours = 0
        self.list_away = False
        self.closing = asyncio.Event()
        self._world = world
        self._callbacks = callbacks
        self._news = news
        self._bucket = bucket

    def routes(self) -> list[web.RouteDef]:
        """The API's own addresses, api.twilio.com's and messaging.twilio.com's."""
        message, root = f"{shapes.ROOT}/Messages/{{sid}}", shapes.ROOT
        senders = "/v2/Channels/Senders"
        return [
            web.post(f"{root}/Messages.json", self._route("send", self._send)),
            web.get(f"{root}/Messages.json", self._route("list", self._list)),
            web.get(f"{message}.json", self._route("fetch", self._fetch)),
            web.get(f"{message}/Media.json", self._route("media", self._list_media)),
            web.get(f"{message}/Media/{{media}}.json", self._route("media", self._about_media)),
            web.get(f"{message}/Media/{{media}}", self._route("media", self._to_the_file)),
            web.get(f"{root}.json", self._route("account", self._account)),
            web.post("/v2/Indicators/Typing.json", self._route("typing", self._typing)),
            web.get(senders, self._route("senders", self._list_senders)),
            web.get(f"{senders}/{{sid}}", self._route("senders", self._about_sender)),
            web.route("*", "/{rest:.*}", self._route("", self._nothing)),
        ]

    def files(self) -> list[web.RouteDef]:
        """The addresses of the machine with the files."""
        return [web.get("/{left:[0-9]+}/{media}", self._file)]

    def _route(self, what: str, do: Callable[[web.Request, Given], Answer]) -> Callable[..., Awaitable[web.Response]]:
        async def answered(request: web.Request) -> web.Response:
            given, user = NOTHING, ""
            try:
                user = _let_in(request)
                given = await _read(request)
                status, body = await self._with_faults(what, lambda: do(request, given))
            except Refusal as refusal:
                self._note(request, given, user, refusal)
                return web.json_response(refusal.body(), status=refusal.status, headers=refusal.headers)
            except Dropped:
                self._note(request, given, user, 0)
                if request.transport is not None:
                    request.transport.abort()
                return web.Response()
            self._note(request, given, user, status)
            if status == 307:
                return web.Response(status=status, headers={"Location": body})
            return web.json_response(body, status=status)

        return answered

    async def _with_faults(self, what: str, do: Callable[[], Answer]) -> tuple[int, Any]:
        if what == "list" and self.list_away:
            raise Dropped
        fault = self.faults[what].popleft() if self.faults[what] else None
        if fault is None:
            return await do()
        if fault.after_effect:
            await do()
        if fault.status < 0:
            await self.closing.wait()
        if fault.status <= 0:
            raise Dropped
        raise Refusal(fault.status, fault.code, "ordered by a test", fault.retry_after)

    def _note(self, request: web.Request, given: Given, user: str, outcome: Refusal | int) -> None:
        status, code = (outcome.status, outcome.code) if isinstance(outcome, Refusal) else (outcome, 0)
        call = Call(request.method, request.path, given, status, code, user, request.headers, time.time())
        self.log.append(call)
        self._news.tell()

    async def _send(self, _: web.Request, given: Given) -> tuple[int, Any]:
        self._count()
        message = calls.send(self._world, given)
        shown = shapes.message(message)
        await self._callbacks.precede(message)
        self._callbacks.follow(message)
        return 201, shown

    async def _list(self, _: web.Request, given: Given) -> tuple[int, Any]:
        found = [shapes.message(message) for message in calls.listed(self._world, given)]
        return 200, shapes.page(f"{shapes.ROOT}/Messages.json", "messages", found, given)

    async def _fetch(self, request: web.Request, _: Given) -> tuple[int, Any]:
        return 200, shapes.message(calls.fetch(self._world, request.match_info["sid"]))

    async def _typing(self, _: web.Request, given: Given) -> tuple[int, Any]:
        return 200, calls.typing(self._world, given)

    async def _account(self, _: web.Request, __: Given) -> tuple[int, Any]:
        return 200, shapes.account()

    async def _list_senders(self, _: web.Request, given: Given) -> tuple[int, Any]:
        calls.check_senders(given)
        return 200, shapes.senders(self._world, self.url)

    async def _about_sender(self, request: web.Request, _: Given) -> tuple[int, Any]:
        if request.match_info["sid"] != SENDER or self._world.sandbox:
            raise not_found(request.path)
        return 200, shapes.sender(self._world, self.url)

    async def _list_media(self, request: web.Request, given: Given) -> tuple[int, Any]:
        sid = request.match_info["sid"]
        found = [shapes.media(one) for one in self._world.media.values() if one.message == sid]
        return 200, shapes.page(request.path, "media_list", found, given)

    async def _about_media(self, request: web.Request, _: Given) -> tuple[int, Any]:
        return 200, shapes.media(self._media(request))

    async def _to_the_file(self, request: web.Request, _: Given) -> tuple[int, Any]:
        return 307, f"{self.cdn}/{self.detours}/{self._media(request).sid}"

    async def _nothing(self, request: web.Request, _: Given) -> tuple[int, Any]:
        raise not_found(request.path)

    async def _file(self, request: web.Request) -> web.Response:
        """The file, after as many redirects more as ordered. Credentials are refused, as by a store of signed links."""
        media, left = self._world.media.get(request.match_info["media"]), int(request.match_info["left"])
        status = 400 if "Authorization" in request.headers else 404 if media is None else 307 if left else 200
        call = Call("GET", self.cdn + request.path, NOTHING, status, 0, "", request.headers, time.time())
        self.log.append(call)
        self._news.tell()
        if status == 307:
            return web.Response(
                status=307, headers={"Location": f"{self.cdn}/{left - 1}/{request.match_info['media']}"}
            )
        if media is None or status != 200:
            return web.Response(status=status)
        return web.Response(body=media.content, headers={"Content-Type": media.mime})

    def _media(self, request: web.Request) -> Media:
        media = self._world.media.get(request.match_info["media"])
        if media is None or media.message != request.match_info["sid"]:
            raise not_found(request.path)
        return media

    def _count(self) -> None:
        if self._bucket is None:
            return
        wait, bucket = self._bucket.take(self._world.clock().timestamp())
        if wait > 0:
            raise Refusal(429, 20429, "Too Many Requests")
        self._bucket = bucket


def _let_in(request: web.Request) -> str:
    """Who calls. Raises Refusal."""
    scheme, _, given = request.headers.get("Authorization", "").partition(" ")
    try:
        user, _, secret = base64.b64decode(given, validate=True).decode().partition(":")
    except ValueError:
        user = secret = ""
    if scheme.lower() != "basic" or (user, secret) not in KEYS:
        raise Refusal(401, 20003, "Authenticate")
    return user


async def _read(request: web.Request) -> Given:
    """A call's parameters. Raises Refusal."""
    if request.method != "POST":
        return MultiDictProxy(MultiDict(request.query))
    if request.content_type != FORM:
        raise Refusal(415, 20001, f"The request must be {FORM}")
    form = await request.post()
    return MultiDictProxy(MultiDict((name, value) for name, value in form.items() if isinstance(value, str)))
