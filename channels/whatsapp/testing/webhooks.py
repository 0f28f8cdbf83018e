"""Forms brought to the bot as Twilio brings them: signed, one at a time a chat, and again after a failure if asked to.

A `#rc=5&rp=all` behind an address orders the repeats (Twilio: "connection overrides"); without one there is one repeat,
and only when no connection was made. What the forms say is in `customers` and `callbacks`.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import re
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urldefrag, urlencode

import aiohttp
from yarl import URL

from channels.whatsapp.testing.news import News
from channels.whatsapp.testing.world import TOKEN

PATIENCE = aiohttp.ClientTimeout(total=15)  # what Twilio allows a webhook
MOST_REPEATS = 5
NO_CONNECTION, NOT_TAKEN, NOT_XML, NOT_EMPTY = 11205, 11200, 12300, 12100  # alarms
EMPTY_DOCUMENT = re.compile(r"\s*(<\?xml[^>]*\?>)?\s*<Response\s*(/>|>\s*</Response>)\s*")
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


class Undelivered(Exception):
    """The bot did not take a message, however often it was brought."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """One request we made: the public address it was signed for, its form, and what was answered (0: nothing).

    `alarm` is what Twilio's debugger would show: 11205 no connection, 11200 not taken, 12300 an answer to a message
    that is not XML, 12100 an XML document that is not an empty `<Response>`, 0 all well.
    """

    url: str
    form: Mapping[str, str]
    status: int
    alarm: int = 0
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Repeats:
    """How often, and after what, a form is brought again."""

    count: int = 1
    after: frozenset[str] = frozenset({"ct"})

    def again(self, made: Delivery) -> bool:
        """Whether what came of a request asks for a repeat."""
        if made.status // 100 == 2:
            return False
        silence = "ct" if made.alarm == NO_CONNECTION else "rt"
        return "all" in self.after or (f"{made.status // 100}xx" if made.status else silence) in self.after


def repeats(address: str) -> Repeats:
    """What the fragment of an address orders."""
    found = parse_qs(urldefrag(address).fragment)
    count = found.get("rc", ["1"])[0]
    policy = found.get("rp", ["ct"])[0]
    return Repeats(min(int(count), MOST_REPEATS) if count.isdecimal() else 1, frozenset(policy.split(",")))


def signature(url: str, form: Mapping[str, str], token: str = TOKEN) -> str:
    """X-Twilio-Signature: the address and then every name and value, sorted by name, HMAC-SHA1, base64."""
    text = url + "".join(name + form[name] for name in sorted(form))
    return base64.b64encode(hmac.new(token.encode(), text.encode(), hashlib.sha1).digest()).decode()


class Webhooks:
    """Brings forms to one bot. `delays`: seconds before a repeat, the last one used again."""

    def __init__(self, news: News, delays: Sequence[float]) -> None:
        self.made: list[Delivery] = []
        self.base = ""
        self.public_url = ""
        self.session: aiohttp.ClientSession | None = None
        self._news = news
        self._delays = delays

    def connect(self, base: str, public_url: str) -> None:
        """Where the bot listens, and the address it is known by, as a proxy in front of it would have it."""
        self.base, self.public_url = base.rstrip("/"), public_url.rstrip("/")

    async def bring(self, address: str, form: Mapping[str, str], *, is_message: bool = False) -> Delivery:
        """Bring a form until it is taken or nothing orders a repeat; the last request."""
        url, order = urldefrag(address).url, repeats(address)
        token = str(uuid.uuid4())
        for attempt in range(order.count + 1):
            if attempt:
                await asyncio.sleep(self._delays[min(attempt, len(self._delays)) - 1])
            made = await self._post(url, form, token, is_message)
            self.made.append(made)
            self._news.tell()
            if not order.again(made):
                break
        return made

    async def _post(self, url: str, form: Mapping[str, str], token: str, is_message: bool) -> Delivery:
        headers = {
            "X-Twilio-Signature": signature(url, form),
            "I-Twilio-Idempotency-Token": token,
            "Content-Type": "application/x-www-form-urlencoded; charset=UTF-8",
            "User-Agent": "TwilioProxy/1.1",
            "Accept": "*/*",
        }
        target = self._behind_the_proxy(url)
        if self.session is None or target is None:
            return Delivery(url, form, 0, NO_CONNECTION, headers)
        try:
            async with self.session.post(
                target, data=urlencode(form), headers=headers, allow_redirects=False, timeout=PATIENCE
            ) as answer:
                text = await answer.text(errors="replace")
                alarm = _alarm(answer.status, answer.content_type, text) if is_message else 0
                return Delivery(url, form, answer.status, alarm or _taken(answer.status), headers)
        except aiohttp.ClientConnectorError:
            return Delivery(url, form, 0, NO_CONNECTION, headers)
        except (aiohttp.ClientError, TimeoutError):
            return Delivery(url, form, 0, NOT_TAKEN, headers)

    def _behind_the_proxy(self, url: str) -> URL | None:
        """Where a public address really is. None when it is no machine a test may call."""
        inside = self.public_url and url.startswith(self.public_url) and url[len(self.public_url) :][:1] in ("/", "?")
        target = URL(self.base + url[len(self.public_url) :] if inside else url, encoded=True)
        return target if target.host in LOOPBACK else None


def _taken(status: int) -> int:
    return 0 if status // 100 == 2 else NOT_TAKEN


def _alarm(status: int, kind: str, text: str) -> int:
    """What is wrong with the answer to a message: Twilio reads it as a document of orders, and we want none given."""
    if status // 100 != 2 or (status == 204 and not text):
        return _taken(status)
    if kind not in {"text/xml", "application/xml"}:
        return NOT_XML
    return 0 if EMPTY_DOCUMENT.fullmatch(text) else NOT_EMPTY
