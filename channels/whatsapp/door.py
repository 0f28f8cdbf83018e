"""Where Twilio's requests come in: what is read of them, whether they are Twilio's, and what they are answered with.

Nothing here knows what a form means. Twilio is told "arrived" only after `heard` or `told` has committed it; never 410.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from urllib.parse import parse_qsl, quote, urlsplit

from aiohttp import web

from channels.whatsapp.forms import Form
from channels.whatsapp.signature import HEADER, Signature
from core.plugins import PluginError

MESSAGES = "/whatsapp/messages"
STATUS = "/whatsapp/status"
#: Twilio repeats a request up to five times, on any failure (twilio.com/docs/usage/webhooks: connection overrides). A
#: fragment is never sent. Whether it is signed nobody at Twilio writes: who uses it says no, so both are taken.
REPEATS = "#rc=5&rp=all"
MOST_BYTES = 256 * 1024
MOST_FIELDS = 1000
BODY_SECONDS = 10.0
"""How long a body may take to arrive; Twilio gives up after 15 s."""
FORM = "application/x-www-form-urlencoded"
LATER = {"Retry-After": "5"}  # seconds

Heard = Callable[[Form], Awaitable[bool]]
Pairs = tuple[tuple[str, str], ...]
Told = Callable[[Form, str], Awaitable[bool]]


class Door:
    """The two addresses Twilio calls. `heard` and `told` commit a form and say whether they could."""

    def __init__(self, public_url: str, token: str, heard: Heard, told: Told) -> None:
        self._base = _base(public_url)
        self._signature = Signature(token)
        self._heard = heard
        self._told = told

    @property
    def messages_url(self) -> str:
        """The public address of incoming messages, without what is for Twilio alone."""
        return self._base + MESSAGES

    @property
    def console_url(self) -> str:
        """What an operator enters at Twilio for incoming messages."""
        return self.messages_url + REPEATS

    def status_url(self, part: str = "") -> str:
        """The public address where states of this part are told; without a part what an operator enters."""
        address = self._base + STATUS
        return (f"{address}?part={quote(part, safe='')}" if part else address) + REPEATS

    def routes(self) -> Sequence[web.RouteDef]:
        """What the server mounts."""
        return [web.post(MESSAGES, self._messages), web.post(STATUS, self._status)]

    async def _messages(self, request: web.Request) -> web.Response:
        committed = await self._heard(await self._form(request))
        return web.Response(text="<Response/>", content_type="text/xml") if committed else _later()

    async def _status(self, request: web.Request) -> web.Response:
        form = await self._form(request)
        return web.Response() if await self._told(form, request.query.get("part", "")) else _later()

    async def _form(self, request: web.Request) -> Form:
        """The form of a request that is Twilio's; 400, 403, 408, 413 or 415 for any other."""
        if request.content_type != FORM or request.headers.get("Content-Encoding"):
            raise web.HTTPUnsupportedMediaType
        pairs = _pairs(await _body(request))
        headers = request.headers.getall(HEADER, [])
        # A second header could be any proxy's: which one Twilio wrote is anybody's guess.
        if len(headers) != 1 or not self._holds(self._base + _target(request.raw_path), pairs, headers[0]):
            raise web.HTTPForbidden
        return Form(pairs)

    def _holds(self, url: str, pairs: Pairs, header: str) -> bool:
        return any(self._signature.holds(signed, pairs, header) for signed in (url, url + REPEATS))


def _base(public_url: str) -> str:
    """The address without a final slash. PluginError when Twilio could not call it or would sign something else."""
    try:
        parts = urlsplit(public_url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        raise PluginError("public_url is not an address", "https://bot.example.com", "public_url") from None
    extra = parts.query or parts.fragment or "@" in parts.netloc or "?" in public_url or "#" in public_url
    if (
        not public_url.startswith(("https://", "http://"))
        or not host
        or extra
        or not public_url.isascii()
        or " " in public_url
    ):
        raise PluginError("public_url is not a plain web address", "https://bot.example.com", "public_url")
    if "_" in host:  # Twilio refuses it as a callback: error 21609
        raise PluginError("public_url has an underscore in its host name", "a host without one", "public_url")
    return public_url.rstrip("/")


def _target(raw_path: str) -> str:
    """Path and query as they were sent, percent-encoding kept; of a request line with a whole address, without it."""
    if raw_path.startswith("/"):
        return raw_path
    _, _, rest = raw_path.partition("://")
    _, slash, path = rest.partition("/")
    return slash + path


async def _body(request: web.Request) -> bytes:
    """The body, read here: the server's own limit may be another one."""
    body = bytearray()
    if (request.content_length or 0) > MOST_BYTES:
        raise web.HTTPRequestEntityTooLarge(MOST_BYTES)
    try:
        async with asyncio.timeout(BODY_SECONDS):
            async for chunk in request.content.iter_any():
                body += chunk
                if len(body) > MOST_BYTES:
                    raise web.HTTPRequestEntityTooLarge(MOST_BYTES)
    except TimeoutError:
        raise web.HTTPRequestTimeout from None
    except (ConnectionError, web.RequestPayloadError):  # the sender hung up, or sent pieces of nonsense
        raise web.HTTPBadRequest from None
    return bytes(body)


def _pairs(body: bytes) -> Pairs:
    try:
        pairs = parse_qsl(body.decode(), keep_blank_values=True, errors="strict", max_num_fields=MOST_FIELDS)
    except ValueError:
        raise web.HTTPBadRequest from None
    return tuple(pairs)


def _later() -> web.Response:
    return web.Response(status=503, headers=LATER)
