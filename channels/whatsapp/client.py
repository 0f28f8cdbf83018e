"""A small client for the few calls of Twilio's REST API this channel makes; every wait is bounded, no POST is repeated.

What a refusal means is in `codes`; when to send again is decided in `delivery`. Foreign errors are translated here.
Addresses of the API: research, channels, section 9, and Twilio's OpenAPI description (twilio/twilio-oai).
"""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urljoin, urlsplit

import aiohttp

from channels.whatsapp import codes
from channels.whatsapp.posts import Post, Posted, posted
from core.errors import ChannelError, NotSent, Unconfirmed

CONNECTIONS = 50
PAGE = 1000  # Twilio's largest
MOST_PAGES = 100
MOST_BYTES = 16 * 2**20  # of one answer; a page of 1,000 messages is about 3 MB
ERROR_BYTES = 2**16
LONGEST_WAIT = 300.0  # seconds a Retry-After is believed


@dataclass(frozen=True, slots=True, repr=False)
class Account:
    """Whose account it is and who asks: `user` and `password` are the account with its token, or an API key."""

    sid: str
    user: str
    password: str
    base_url: str = "https://api.twilio.com"
    messaging_url: str = "https://messaging.twilio.com"


@dataclass(frozen=True, slots=True)
class Limits:
    """How long a call may take, in seconds: to connect, between two pieces of the answer, and in all."""

    connect: float = 5.0
    read: float = 15.0
    total: float = 30.0


@dataclass(frozen=True, slots=True)
class Sender:
    """A WhatsApp sender's settings at Twilio: where it posts what customers write, and states, and by which method."""

    status: str
    messages_url: str
    messages_method: str
    status_url: str


class Client:
    """Twilio's API with these credentials. The session is made on first use. Every call raises ChannelError only."""

    def __init__(self, account: Account, limits: Limits | None = None) -> None:
        self._account = account
        self._limits = limits or Limits()
        self._session: aiohttp.ClientSession | None = None
        self._messages = f"{account.base_url.rstrip('/')}/2010-04-01/Accounts/{account.sid}/Messages"

    async def send(self, post: Post) -> Posted:
        """Send one message; Unconfirmed when it may have left all the same."""
        return posted(await self._call("POST", f"{self._messages}.json", post.form))

    async def message(self, sid: str) -> Posted:
        """How a message stands now."""
        return posted(await self._call("GET", f"{self._messages}/{sid}.json"))

    async def listing(self, to: str, since: datetime) -> list[Posted]:
        """Every message to this address made at `since` or later, in Twilio's order."""
        # Not by DateSent: a message that still waits at Twilio has none.
        query = {"To": to, "PageSize": str(PAGE)}
        found = [posted(row) for row in await self._pages(f"{self._messages}.json", query, "messages")]
        return [one for one in found if one.made is None or one.made >= since]

    async def since(self, at: datetime, most: int, *, to: str = "", sender: str = "") -> list[Posted]:
        """Messages to or from an address made at this instant or later, at most so many of the newest, oldest first.

        Twilio filters by its day (GMT) and lists the newest first; nobody promises either to the second, so whole pages
        are read until one has nothing new enough, and sorted here.
        """
        # The start of the day in full: valid by Twilio's description, whose own words know days only.
        query = {
            "DateSent>": f"{at.astimezone(UTC):%Y-%m-%d}T00:00:00Z",
            "PageSize": str(PAGE),
            "To": to,
            "From": sender,
        }
        found: list[Posted] = []
        async with aclosing(self._each_page(f"{self._messages}.json", query, "messages")) as pages:
            async for rows in pages:
                fresh = [one for row in rows if (one := posted(row)).made is None or one.made >= at]
                found += fresh
                if not fresh or len(found) >= most:
                    break
        found.reverse()
        return sorted(found[-most:], key=lambda one: one.made or at)

    async def files(self, sid: str) -> list[tuple[str, str]]:
        """The files of a message: each one's address and MIME type, as a webhook tells them."""
        rows = await self._pages(f"{self._messages}/{sid}/Media.json", {"PageSize": "100"}, "media_list")
        names = [(str(row.get("sid") or ""), str(row.get("content_type") or "")) for row in rows]
        return [(f"{self._messages}/{sid}/Media/{file}", mime) for file, mime in names if file]

    async def typing(self, sid: str) -> None:
        """Show "typing" to the customer who wrote this message, and mark it read; a public beta of Twilio's."""
        url = f"{self._account.messaging_url.rstrip('/')}/v2/Indicators/Typing.json"
        await self._call("POST", url, {"messageId": sid, "channel": "whatsapp"})

    async def sender(self, number: str) -> Sender | None:
        """The settings of a WhatsApp sender (`whatsapp:+...`); None when the account has no such one."""
        url = f"{self._account.messaging_url.rstrip('/')}/v2/Channels/Senders"
        rows = await self._pages(url, {"Channel": "whatsapp", "PageSize": "100"}, "senders")
        sid = next((row.get("sid") for row in rows if row.get("sender_id") == number), None)
        if sid is None:
            return None
        found = await self._call("GET", f"{url}/{sid}")
        hook = _object(found.get("webhook"))
        return Sender(
            str(found.get("status") or ""),
            str(hook.get("callback_url") or ""),
            str(hook.get("callback_method") or ""),
            str(hook.get("status_callback_url") or ""),
        )

    async def account(self) -> None:
        """Return when the account lets these credentials in; ChannelError otherwise.

        It asks for messages, as an ordinary API key may not read the account itself.
        """
        await self._call("GET", f"{self._messages}.json", query={"PageSize": "1"})

    async def aclose(self) -> None:
        """Give connections back."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _pages(self, url: str, query: Mapping[str, str], key: str) -> list[dict[str, Any]]:
        return [row async for rows in self._each_page(url, query, key) for row in rows]

    async def _each_page(
        self, url: str, query: Mapping[str, str], key: str
    ) -> AsyncGenerator[list[dict[str, Any]], None]:
        here, query = url, {name: value for name, value in query.items() if value}
        for _ in range(MOST_PAGES):
            page = await self._call("GET", here, query=query)
            yield [row for row in page.get(key) or () if isinstance(row, dict)]
            further = page.get("next_page_uri") or _object(page.get("meta")).get("next_page_url")
            if not further:
                return
            here, query = urljoin(here, str(further)), {}
            if urlsplit(here)[:2] != urlsplit(url)[:2]:
                raise NotSent("Twilio's next page is on another host")
        raise NotSent(f"Twilio's list has more than {MOST_PAGES} pages")

    async def _call(
        self, method: str, url: str, form: Mapping[str, str] | None = None, query: Mapping[str, str] | None = None
    ) -> dict[str, Any]:
        """The answer's JSON object. The failure is made after the `except`, so that it leads to no request."""
        try:
            async with self._open().request(method, url, data=form, params=query, allow_redirects=False) as response:
                status, retry_after = response.status, response.headers.get("Retry-After", "")
                body = await _body(response.content, MOST_BYTES if status < 300 else ERROR_BYTES)
            return _answer(status, body, retry_after)
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError, aiohttp.InvalidURL) as reason:
            failure: ChannelError = NotSent(f"no connection to Twilio ({type(reason).__name__})")
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as reason:
            failure = Unconfirmed(f"no answer from Twilio ({type(reason).__name__})")
        raise failure

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                headers={
                    "Authorization": aiohttp.encode_basic_auth(self._account.user, self._account.password),
                    "User-Agent": "firstline",
                    "Accept": "application/json",
                },
                timeout=aiohttp.ClientTimeout(
                    total=self._limits.total, connect=self._limits.connect, sock_read=self._limits.read
                ),
                connector=aiohttp.TCPConnector(limit=CONNECTIONS),
                cookie_jar=aiohttp.DummyCookieJar(),
            )
        return self._session


async def _body(content: aiohttp.StreamReader, most: int) -> bytes:
    """The answer's first `most` bytes."""
    body = bytearray()
    while len(body) < most and (piece := await content.read(most - len(body))):
        body += piece
    return bytes(body)


def _answer(status: int, body: bytes, retry_after: str) -> dict[str, Any]:
    """The object in a 2xx answer, else the error. ValueError: answered well, but with nothing that can be read."""
    if 200 <= status < 300:
        found = json.loads(body)
        if not isinstance(found, dict):
            raise ValueError("not a JSON object")
        return found
    try:
        told = json.loads(body)
        code = int(told["code"])
    except (ValueError, KeyError, TypeError):
        code = 0
    try:
        wait = min(LONGEST_WAIT, max(0.0, float(retry_after)))
    except ValueError:
        wait = codes.UNSAID_WAIT
    raise codes.refusal(status, code, wait)


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
