"""Who is an operator: somebody at this machine, or with the operator key. What they may do is not known here."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import time
from collections import deque
from urllib.parse import urlsplit

from aiohttp import web

from channels.web import door
from core.errors import FirstlineError

COOKIE = "firstline_operator"
SESSION_SECONDS = 12 * 3600
WRONG_KEYS = 10
WRONG_KEYS_SECONDS = 60.0
LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
FORWARDED = ("X-Forwarded-For", "X-Forwarded-Host", "X-Real-IP", "Forwarded", "Via")


def is_loopback(request: web.Request) -> bool:
    """Whether the person at this very machine asks: by address and by host name (a name from outside may be rebound
    to 127.0.0.1), and not through a proxy.
    """
    peer = request.transport.get_extra_info("peername") if request.transport is not None else None
    if not isinstance(peer, tuple) or any(name in request.headers for name in FORWARDED):
        return False
    try:
        near = ipaddress.ip_address(peer[0]).is_loopback
        host = urlsplit(f"//{request.host}").hostname
    except ValueError:
        return False
    return near and host in LOOPBACK_NAMES


class KeyRefused(FirstlineError):
    """A wrong key, or one too many; `status` is the HTTP status that says so."""

    def __init__(self, problem: str, status: int) -> None:
        super().__init__(problem)
        self.status = status


class Gate:
    """Who is an operator: loopback, the key as a bearer token, or the cookie the login form set."""

    def __init__(self, key: str) -> None:
        self._key = key.encode()
        self._wrong: deque[float] = deque(maxlen=WRONG_KEYS)

    def allows(self, request: web.Request) -> bool:
        """Whether this request comes from an operator."""
        if is_loopback(request):
            return True
        if not self._key:
            return False
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            return self._matches(token.strip())
        return self._knows(request.cookies.get(COOKIE, ""))

    def check_known(self) -> None:
        """Refuse with 404 where there is no key anybody could give."""
        if not self._key:
            raise web.HTTPNotFound

    def check(self, request: web.Request) -> None:
        """Refuse everybody else: 404 where there is no key to ask for, else 401."""
        if self.allows(request):
            return
        self.check_known()
        raise door.refuse(401, "This needs the operator key.", www_authenticate="Bearer")

    def check_post(self, request: web.Request) -> None:
        """As check, and only from a page of ours."""
        self.check(request)
        if not door.from_here(request):
            raise door.refuse(403, "This page is not allowed to do that.")

    def open(self, request: web.Request, key: str) -> str:
        """The Set-Cookie header for somebody who knows the key. KeyRefused else, and a while after many wrong ones."""
        self.check_known()
        now = time.monotonic()
        if len(self._wrong) == WRONG_KEYS and now - self._wrong[0] < WRONG_KEYS_SECONDS:
            raise KeyRefused("Too many wrong keys. Wait a minute.", 429)
        if not self._matches(key):
            self._wrong.append(now)
            raise KeyRefused("That is not the operator key.", 401)
        until = str(int(time.time()) + SESSION_SECONDS)
        return self._cookie(request, f"{until}.{self._sign(until)}", SESSION_SECONDS)

    def close(self, request: web.Request) -> str:
        """The Set-Cookie header that forgets an operator."""
        return self._cookie(request, "", 0)

    def _matches(self, key: str) -> bool:
        return hmac.compare_digest(key.encode("utf-8", "surrogateescape"), self._key)

    def _knows(self, session: str) -> bool:
        until, _, signature = session.partition(".")
        if not (until.isascii() and until.isdecimal() and len(until) < 16 and signature.isascii()):
            return False
        return hmac.compare_digest(signature, self._sign(until)) and int(until) > time.time()

    def _sign(self, until: str) -> str:
        return hmac.new(self._key, f"operator session until {until}".encode(), hashlib.sha256).hexdigest()

    def _cookie(self, request: web.Request, value: str, age: int) -> str:
        tail = "; Secure" if request.secure else ""
        return f"{COOKIE}={value}; Path=/; Max-Age={age}; HttpOnly; SameSite=Strict{tail}"
