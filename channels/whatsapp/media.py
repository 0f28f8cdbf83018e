"""Fetching a file a customer sent: only from Twilio's own hosts, with credentials for the first of them alone.

The address comes from a form, so it is not trusted although the form was signed: every hop is checked, by its name here
and by the network address behind the name in `resolver`.
"""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from typing import Self

import aiohttp
from yarl import URL

from channels.whatsapp.forms import essence
from channels.whatsapp.resolver import PublicOnly
from core.abilities import MOST_BYTES, Media
from core.conversation import Attachment
from core.errors import ChannelError, NotSent, Rejected, Throttled

#: api.twilio.com answers with a redirect to mms.twiliocdn.com, whose link lives four hours (help.twilio.com, "Protect
#: Media Access with HTTP Basic Authentication").
HOSTS = (".twilio.com", ".twiliocdn.com")
MOST_REDIRECTS = 3
PAUSES = (1.0, 3.0)
"""Seconds to wait for a file that is not there yet: fresh ones answer 404 for a moment (chatwoot/chatwoot#15499)."""
AGENT = "firstline"

# What WhatsApp carries (twilio.com/docs/whatsapp/guidance-whatsapp-media-messages and Meta's list of media types).
TYPES = frozenset(
    (
        *("image/jpeg", "image/jpg", "image/png", "image/webp"),
        *("audio/ogg", "audio/amr", "audio/3gpp", "audio/aac", "audio/mpeg", "audio/mp4"),
        *("video/mp4", "video/3gpp", "video/3gp"),
        *("text/plain", "text/csv", "text/vcard", "text/x-vcard"),
        *("application/pdf", "application/msword", "application/vnd.ms-excel", "application/vnd.ms-powerpoint"),
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    )
)
#: What a store of files says when it was told no type; the form's own type counts then.
UNSAID = frozenset({"", "application/octet-stream", "binary/octet-stream"})

# Far narrower than a URL may be: no user, no backslash, no space, no other alphabet, nothing encoded in the host.
_PLAIN = re.compile(
    r"(?P<scheme>https?)://(?P<host>[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?)(?::(?P<port>[0-9]{1,5}))?"
    r"(?P<rest>/[A-Za-z0-9/_.~%!$&'()*+,;=:@-]*(?:\?[A-Za-z0-9/_.~%!$&'()*+,;=:@?-]*)?)",
    re.ASCII,
)
_PORTS = {"http": 80, "https": 443}
_MOVED = frozenset({301, 302, 303, 307, 308})


@dataclass(frozen=True, slots=True)
class Origin:
    """A scheme, a host and a port: what a browser compares too."""

    scheme: str
    host: str
    port: int

    @classmethod
    def of(cls, url: str) -> Self:
        """The origin of an address in plain form. Rejected for every other one."""
        found = _PLAIN.fullmatch(url if url.count("/") > 2 else f"{url}/")
        if not found:
            raise Rejected("the file's address is not in plain form")
        return cls(found["scheme"], found["host"], int(found["port"] or _PORTS[found["scheme"]]))


@dataclass(frozen=True, slots=True, repr=False)
class Source:
    """Where files lie and who asks: the API's address, user and password of the Basic auth.

    `others` are further origins (`http://127.0.0.1:9000`) a test redirects to. `seconds` is for all of one fetch,
    `most` in bytes; `pauses` before a file that is not there yet is asked for again.
    """

    base_url: str
    user: str
    password: str
    others: tuple[str, ...] = ()
    seconds: float = 60.0
    most: int = MOST_BYTES
    pauses: tuple[float, ...] = PAUSES

    @property
    def api(self) -> Origin:
        """The one origin that is given credentials."""
        return Origin.of(self.base_url.rstrip("/"))

    @property
    def named(self) -> frozenset[Origin]:
        """Origins the operator or a test wrote down."""
        return frozenset({self.api, *map(Origin.of, self.others)})

    def serves(self, url: str) -> bool:
        """Whether a redirect may lead here: a named origin, or one of Twilio's hosts by HTTPS on its usual port."""
        origin = Origin.of(url)
        return origin in self.named or (_twilios(origin.host) and (origin.scheme, origin.port) == ("https", 443))

    @property
    def trusted(self) -> frozenset[str]:
        """Hosts that may be in our own network: those written down which are none of Twilio's."""
        return frozenset(origin.host for origin in self.named if not _twilios(origin.host))


def _twilios(host: str) -> bool:
    return f".{host}".endswith(HOSTS) and ".." not in host


async def fetch(attachment: Attachment, source: Source) -> Media:
    """The file behind the attachment's handle, `source.most` bytes at most.

    Raises Rejected for an address, size or type that is not taken and a file that is gone, Throttled when Twilio asks
    to wait, else NotSent: asking again is safe.
    """
    if Origin.of(attachment.handle) != source.api:
        raise Rejected("the file does not lie at Twilio")
    connector = aiohttp.TCPConnector(resolver=PublicOnly(source.trusted))
    try:
        async with (
            asyncio.timeout(source.seconds),
            # No jar for cookies and no proxy of the environment: a hop learns nothing from the one before.
            aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar()) as session,
        ):
            return await _patiently(session, attachment, source)
    except ChannelError:
        raise
    except TimeoutError:
        raise NotSent("the file did not arrive in time") from None
    except (aiohttp.ClientError, OSError, ValueError) as error:
        raise NotSent(f"the file could not be fetched: {type(error).__name__}") from None


async def _patiently(session: aiohttp.ClientSession, attachment: Attachment, source: Source) -> Media:
    for pause in source.pauses:
        found = await _once(session, attachment, source)
        if found is not None:
            return found
        await asyncio.sleep(pause)
    found = await _once(session, attachment, source)
    if found is None:
        raise Rejected("the file is gone")
    return found


async def _once(session: aiohttp.ClientSession, attachment: Attachment, source: Source) -> Media | None:
    """Follow the address to the file; None when it is not there."""
    url, auth = attachment.handle, aiohttp.encode_basic_auth(source.user, source.password)
    headers = {"Authorization": auth, "User-Agent": AGENT, "Accept-Encoding": "identity"}
    for _ in range(MOST_REDIRECTS + 1):
        async with session.get(URL(url, encoded=True), headers=headers, allow_redirects=False) as response:
            if response.status not in _MOVED:
                return await _file(response, attachment, source)
            url = _next(url, response.headers.get("Location", ""))
            if not source.serves(url):
                raise Rejected("the file's address leads away from Twilio")
        headers.pop("Authorization", None)
    raise Rejected("the file's address leads from one to another without end")


def _next(url: str, location: str) -> str:
    """Where a redirect leads; a path stays on its host. Nothing else relative is understood."""
    if not location.startswith("/") or location.startswith("//"):
        return location
    origin = Origin.of(url)
    return f"{origin.scheme}://{origin.host}:{origin.port}{location}"


async def _file(response: aiohttp.ClientResponse, attachment: Attachment, source: Source) -> Media | None:
    if response.status == 404:
        return None
    if response.status == 429:
        raise Throttled("too many files are asked for at once", 1.0)
    if response.status >= 500:
        raise NotSent(f"the file could not be fetched: status {response.status}")
    if response.status != 200:
        raise Rejected(f"the file is refused: status {response.status}")
    told = essence(response.headers.get("Content-Type", ""))
    mime = essence(attachment.mime) if told in UNSAID else told
    if mime not in TYPES:
        raise Rejected("the file is of a type that WhatsApp does not carry")
    content = bytearray()
    async for piece in response.content.iter_chunked(64 * 1024):
        content += piece
        if len(content) > source.most:
            raise Rejected(f"the file has more than {source.most} bytes")
    return Media(bytes(content), mime, attachment.name)
