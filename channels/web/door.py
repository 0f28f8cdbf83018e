"""Who is let in: the visitor's cookie, where a request may come from, how much of a body is read, the headers sent.

Nothing here knows what is asked for. The operator page stands behind the same door.
"""

from __future__ import annotations

import asyncio
import json
import re
import secrets
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from aiohttp import web

COOKIE = "firstline_visitor"
YEAR = 365 * 24 * 3600
BODY_BYTES = 64 * 1024
BODY_SECONDS = 10.0
"""How long a body may take to arrive."""

_VISITOR = re.compile(r"[A-Za-z0-9_-]{22}")
_REFUSALS: Mapping[int, type[web.HTTPException]] = {
    400: web.HTTPBadRequest,
    401: web.HTTPUnauthorized,
    403: web.HTTPForbidden,
    404: web.HTTPNotFound,
    409: web.HTTPConflict,
    429: web.HTTPTooManyRequests,
    502: web.HTTPBadGateway,
    503: web.HTTPServiceUnavailable,
}


def visitor_of(request: web.Request) -> str:
    """The visitor's id from the cookie, empty when there is none this server could have given out."""
    visitor = request.cookies.get(COOKIE, "")
    return visitor if _VISITOR.fullmatch(visitor) else ""


def visitor_cookie(visitor: str, embedded: bool) -> str:
    """The Set-Cookie header that keeps this id, or a new one of 128 random bits.

    Embedded in another site's page browsers keep it only partitioned, and only where the chat is served by HTTPS.
    """
    site = "SameSite=None; Secure; Partitioned" if embedded else "SameSite=Lax"
    return f"{COOKIE}={visitor or secrets.token_urlsafe(16)}; Path=/; Max-Age={YEAR}; HttpOnly; {site}"


def from_here(request: web.Request, origins: Sequence[str] = ()) -> bool:
    """Whether a POST comes from a page of ours or of one of these origins; browsers name the origin of every POST."""
    origin = request.headers.get("Origin")
    if origin is None:
        return request.headers.get("Sec-Fetch-Site", "same-origin") == "same-origin"
    return origin in origins or (bool(request.host) and urlsplit(origin).netloc.lower() == request.host.lower())


def headers(frame_ancestors: Sequence[str] = ()) -> dict[str, str]:
    """What every page of ours is sent with: nothing loads, runs or is framed that we did not write or name."""
    framed = " ".join(frame_ancestors) or "'none'"
    return {
        "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
        f"img-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors {framed}",
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "same-origin",
    }


def refuse(status: int, problem: str, **extra: str) -> web.HTTPException:
    """An error to raise: JSON with the problem in words; `retry_after="2"` becomes a header."""
    names = {name.replace("_", "-").title(): value for name, value in extra.items()}
    return _REFUSALS[status](text=json.dumps({"problem": problem}), content_type="application/json", headers=names)


async def body_of(request: web.Request) -> bytes:
    """The request's body. Refused when it is larger than BODY_BYTES or takes longer than BODY_SECONDS."""
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_SECONDS):
            async for chunk in request.content.iter_any():
                body += chunk
                if len(body) > BODY_BYTES:
                    problem = json.dumps({"problem": f"send at most {BODY_BYTES // 1024} KB at once"})
                    raise web.HTTPRequestEntityTooLarge(BODY_BYTES, text=problem, content_type="application/json")
    except TimeoutError:
        raise refuse(400, "the message did not arrive whole") from None
    return bytes(body)


def object_in(body: bytes) -> dict[str, Any]:
    """The JSON object a body holds; anything else is refused."""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        raise refuse(400, "send a JSON object") from None
    if not isinstance(value, dict):
        raise refuse(400, "send a JSON object")
    return value


def words(value: object, name: str, longest: int) -> str:
    """A text field, trimmed and fit for any store: no NUL, no lone surrogate. Refused when empty or too long."""
    if not isinstance(value, str):
        raise refuse(400, f"{name!r} must be a text")
    text = value.replace("\0", "").encode("utf-16", "surrogatepass").decode("utf-16", "replace").strip()
    if not text:
        raise refuse(400, f"{name!r} is empty")
    if len(text) > longest:
        raise refuse(400, f"{name!r} has {len(text)} characters; at most {longest} fit")
    return text
