"""One vendor's connections: a streamed call by aiohttp, with every wait bounded and every foreign error translated.

What the bytes mean is a Transcript's business, one per call. The chain decides what is tried next; here only a kept
connection that closes before any answer is replaced, as it was most likely closed before the request came.

No key, header or vendor's word reaches an error: failures are made outside the `except` that caught the cause, so not
even `__context__` leads to a request.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import aiohttp

from core.errors import Denied, Interrupted, NotReached, ProviderError, Unavailable
from core.providers import _failures
from core.providers._sse import EventReader
from core.tiers import Chunk, Delta, Usage

CONNECTIONS = 1024
"""Streams one provider may have open; one more waits, within the limit for connecting."""

REACH = 3.0
"""Seconds a server has to answer when an operator asks whether it can be reached."""

LONGEST_ANSWER = 32_000
"""Characters of an answer; a server that ignores the token limit is cut here."""

_STALE = 3
"""Kept connections that may prove closed before a call counts as failed."""

_ERROR_BODY = 16 * 1024
_LINGER = 1.0
"""Seconds a finished stream may take for its usage and its end, which leaves the connection usable again."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How long a call may take, in seconds: to connect, to the first text, between two texts, and in all."""

    connect: float = 5.0
    first: float = 20.0
    stall: float = 15.0
    total: float = 120.0


class Transcript(Protocol):
    """One answer being heard. `finished`: the vendor said it is whole. `usage`: the newest count it told."""

    finished: bool
    usage: Usage | None

    def read(self, event: Any) -> str:
        """The text in one event, empty when it has none. A lookup, type or value error means malformed."""
        ...


class Client:
    """Calls one base URL with fixed headers. The session is made on first use, inside the loop that runs then.

    With a `problem` (no key) every call is Denied for that reason before anything is sent.
    """

    __slots__ = ("_headers", "_limits", "_problem", "_session", "_url")

    def __init__(self, url: str, headers: Mapping[str, str], limits: Limits, problem: str = "") -> None:
        self._url = url.rstrip("/")
        self._headers = headers
        self._limits = limits
        self._problem = problem
        self._session: aiohttp.ClientSession | None = None

    async def stream(self, path: str, body: Mapping[str, Any], transcript: Transcript) -> AsyncGenerator[Chunk, None]:
        """The texts of the answer as they come, then its Usage. Closing it closes the connection. ProviderError."""
        if self._problem:
            raise Denied(self._problem)
        clock = _Clock(self._limits)
        response = await self._post(path, body, clock)
        try:
            await _refuse_unless_ok(response, clock)
            reader, length = EventReader(), 0
            while data := await _read(response, clock, transcript.finished):
                for event in reader.feed(data):
                    text = _text(event, transcript)
                    if text:
                        length += len(text)
                        pulled = clock.now()
                        yield Delta(text)
                        clock.heard(pulled)
                if transcript.finished:
                    clock.linger()
                if length > LONGEST_ANSWER:
                    raise Interrupted(f"the answer is over {LONGEST_ANSWER} characters")
            if not transcript.finished:
                raise Interrupted("the stream was cut")
            if transcript.usage is not None:
                yield transcript.usage
        finally:
            response.close()

    async def probe(self, path: str, seconds: float) -> str:
        """Empty when a server answers here within `seconds`, else why not, in words for an operator."""
        where = re.sub(r"//[^/@]*@", "//", self._url)
        try:
            async with asyncio.timeout(seconds):
                response = await self._open().get(self._url + path, allow_redirects=False, trace_request_ctx=[])
            status = response.status
            response.close()
        except (aiohttp.ClientError, OSError, ValueError):
            return f"nothing answers at {where}"
        if status in (401, 403):
            return "the key is refused" if self._headers else "no key"
        return f"not ready (HTTP {status}) at {where}" if status >= 500 else ""

    async def aclose(self) -> None:
        """Give the connections back; a later call opens new ones."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            trace = aiohttp.TraceConfig()
            trace.on_connection_reuseconn.append(_kept)
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=CONNECTIONS),
                cookie_jar=aiohttp.DummyCookieJar(),
                # a compressed stream would be held back until a block is full
                headers={"Accept-Encoding": "identity", **self._headers},
                timeout=aiohttp.ClientTimeout(connect=self._limits.connect),
                trace_configs=[trace],
            )
        return self._session

    async def _post(self, path: str, body: Mapping[str, Any], clock: _Clock) -> aiohttp.ClientResponse:
        sent = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode(errors="replace")
        failure = Unavailable("no answer from the server")
        for _ in range(1 + _STALE):
            kept: list[bool] = []
            try:
                async with asyncio.timeout_at(clock.next):
                    return await self._open().post(
                        self._url + path,
                        data=sent,
                        headers={"Content-Type": "application/json"},
                        allow_redirects=False,
                        trace_request_ctx=kept,
                    )
            except (aiohttp.ClientError, OSError, ValueError) as error:
                kind = NotReached if isinstance(error, aiohttp.ClientConnectorError) else Unavailable
                failure = kind(f"no answer from the server ({type(error).__name__})")
                again = isinstance(error, aiohttp.ClientOSError | aiohttp.ServerDisconnectedError) and bool(kept)
            if not again:
                break
        raise failure


async def _kept(_: aiohttp.ClientSession, context: Any, __: aiohttp.TraceConnectionReuseconnParams) -> None:
    """A connection from an earlier call is used again: the one kind that may be closed without anybody's fault."""
    context.trace_request_ctx.append(True)


class _Clock:
    """When the next thing must have happened, in the loop's time.

    Keep-alives do not move it. The time a channel takes to show a text does: waiting for us is no fault of the server.
    """

    __slots__ = ("_end", "_stall", "begun", "next", "now")

    def __init__(self, limits: Limits) -> None:
        self.now = asyncio.get_running_loop().time
        self._end = self.now() + limits.total
        self._stall = limits.stall
        self.begun = False
        self.next = min(self._end, self.now() + limits.first)

    def heard(self, at: float) -> None:
        """Text came `at` this time and has been taken: the next may take as long from now as a stall may."""
        self.begun = True
        self._end += self.now() - at
        self.next = min(self._end, self.now() + self._stall)

    def linger(self) -> None:
        """The answer is whole: its end may take only a little longer."""
        self.next = min(self.next, self.now() + _LINGER)


async def _read(response: aiohttp.ClientResponse, clock: _Clock, finished: bool) -> bytes:
    """The next bytes, empty at the end. A finished answer takes no harm from how its stream ends."""
    failure: ProviderError
    try:
        async with asyncio.timeout_at(clock.next):
            return await response.content.readany()
    except TimeoutError:
        failure = Interrupted("the stream stalled") if clock.begun else Unavailable("no text came in time")
    except (aiohttp.ClientError, OSError) as error:
        failure = Interrupted(f"the stream was cut ({type(error).__name__})")
    if finished:
        return b""
    raise failure


async def _refuse_unless_ok(response: aiohttp.ClientResponse, clock: _Clock) -> None:
    if response.status == 200:
        return
    try:
        async with asyncio.timeout_at(clock.next):
            body = await response.content.read(_ERROR_BODY)
    except (aiohttp.ClientError, OSError):
        body = b""
    raise _failures.from_response(response.status, body, response.headers.get("Retry-After", ""))


def _text(event: bytes, transcript: Transcript) -> str:
    """What one event adds to the answer; whatever shape it has, nothing but a ProviderError comes out."""
    if event == b"[DONE]":
        transcript.finished = True
        return ""
    try:
        parsed = json.loads(event)
        error = parsed.get("error")
        text = "" if error else transcript.read(parsed)
    except (LookupError, TypeError, AttributeError, ValueError, RecursionError):
        error, text = None, None
    if error:
        raise _failures.from_event(error)
    if not isinstance(text, str):
        raise Interrupted("the stream is malformed")
    return _storable(text)


def _storable(text: str) -> str:
    """Without lone surrogates and NUL, which no database and no platform takes."""
    if text.isascii():
        return text.replace("\0", "")
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "ignore").replace("\0", "")
