"""Files customers send: fetched from Twilio's hosts only, credentials for the first alone, nothing else touched."""

from __future__ import annotations

import asyncio
import base64
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from itertools import product
from typing import Any

import pytest
from aiohttp import web
from aiohttp.resolver import ThreadedResolver

from channels.whatsapp.media import MOST_REDIRECTS, Origin, Source, fetch
from channels.whatsapp.resolver import public
from core.conversation import Attachment
from core.errors import ChannelError, NotSent, Rejected, Throttled

USER, PASSWORD = "AC" + "0" * 32, "a-secret"
BASIC = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
FILE = "/2010-04-01/Accounts/AC/Messages/SM/Media/ME1"
PICTURE = b"\x89PNG" + b"\0" * 2000

Answer = Callable[[web.Request], web.StreamResponse]


@dataclass
class Host:
    """A server that keeps what it was asked and with which credentials."""

    answer: Answer
    port: int = 0
    asked: list[tuple[str, str]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.asked.append((request.raw_path, request.headers.get("Authorization", "")))
        self.headers.append(dict(request.headers))
        return self.answer(request)


def picture(request: web.Request) -> web.StreamResponse:
    return web.Response(body=PICTURE, content_type="image/png")


def leads_to(*places: str, status: int = 307) -> Answer:
    """A redirect to each of these in turn; the last one for ever."""
    left = list(places)

    def answer(request: web.Request) -> web.StreamResponse:
        place = left.pop(0) if len(left) > 1 else left[0]
        return web.Response(status=status, headers={"Location": place})

    return answer


@asynccontextmanager
async def serving(answer: Answer) -> AsyncIterator[Host]:
    host = Host(answer)
    app = web.Application()
    app.router.add_route("*", "/{rest:.*}", host.handle)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host.port = runner.addresses[0][1]
    try:
        yield host
    finally:
        await runner.cleanup()


@asynccontextmanager
async def listening(
    hear: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]],
) -> AsyncIterator[str]:
    server = await asyncio.start_server(hear, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


@pytest.fixture
async def api() -> AsyncIterator[Host]:
    async with serving(picture) as host:
        yield host


@pytest.fixture
async def cdn() -> AsyncIterator[Host]:
    async with serving(picture) as host:
        yield host


@pytest.fixture
def source(api: Host, cdn: Host) -> Source:
    return Source(api.origin, USER, PASSWORD, (cdn.origin,), seconds=10.0, pauses=())


def at(host: Host, mime: str = "image/png") -> Attachment:
    return Attachment("photo", name="a label", mime=mime, handle=host.origin + FILE)


async def test_a_file_is_fetched_with_credentials(api: Host, source: Source) -> None:
    media = await fetch(at(api), source)
    assert (media.content, media.mime, media.name) == (PICTURE, "image/png", "a label")
    assert api.asked == [(FILE, BASIC)]
    assert api.headers[0]["User-Agent"] == "firstline"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_followed_without_credentials(api: Host, cdn: Host, source: Source, status: int) -> None:
    signed = "/a%2fb%7Ec?Signature=x%2by_&Key=%41"  # as it was signed: no other spelling of it will do
    api.answer = leads_to(cdn.origin + signed, status=status)
    assert (await fetch(at(api), source)).content == PICTURE
    assert api.asked == [(FILE, BASIC)]
    assert cdn.asked == [(signed, "")]


async def test_even_the_first_host_gets_no_credentials_a_second_time(api: Host, source: Source) -> None:
    api.answer = lambda request: (
        picture(request) if request.path == "/there" else web.Response(status=302, headers={"Location": "/there"})
    )
    assert (await fetch(at(api), source)).content == PICTURE
    assert api.asked == [(FILE, BASIC), ("/there", "")]


async def test_a_cookie_of_one_hop_is_not_shown_to_the_next(api: Host, cdn: Host, source: Source) -> None:
    # Cookies count for a name, whatever the port; for a mere number there are none anyway.
    first, second = (host.origin.replace("127.0.0.1", "localhost") for host in (api, cdn))
    api.answer = lambda request: web.Response(
        status=302, headers={"Location": second + "/x", "Set-Cookie": "a=1; Path=/"}
    )
    named = replace(source, base_url=first, others=(second,))
    await fetch(Attachment("photo", mime="image/png", handle=first + FILE), named)
    assert "Cookie" not in cdn.headers[0]


async def test_redirects_end(api: Host, source: Source) -> None:
    api.answer = leads_to("/again")
    with pytest.raises(Rejected, match="without end"):
        await fetch(at(api), source)
    assert len(api.asked) == MOST_REDIRECTS + 1 == 4


async def test_three_redirects_are_followed(api: Host, cdn: Host, source: Source) -> None:
    api.answer = leads_to("/1", "/2", f"{cdn.origin}/3")
    assert (await fetch(at(api), source)).content == PICTURE


async def test_a_proxy_of_the_environment_sees_nothing(
    api: Host, cdn: Host, source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, cdn.origin)
    await fetch(at(api), source)
    assert not cdn.asked


async def test_a_file_of_another_host_is_not_asked_for_even_when_redirects_may_lead_there(
    api: Host, cdn: Host, source: Source
) -> None:
    with pytest.raises(Rejected, match="does not lie at Twilio"):
        await fetch(at(cdn), source)
    assert not cdn.asked


async def test_a_file_up_to_the_limit_is_taken_and_no_larger_one(api: Host, source: Source) -> None:
    assert (await fetch(at(api), replace(source, most=len(PICTURE)))).content == PICTURE
    with pytest.raises(Rejected, match="more than"):
        await fetch(at(api), replace(source, most=len(PICTURE) - 1))


async def test_a_file_that_never_ends_is_cut_at_the_limit(source: Source) -> None:
    sent = 0

    async def endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: image/png\r\n\r\n")
        while not writer.is_closing():
            writer.write(b"x" * 65536)
            sent += 65536
            with suppress(ConnectionError):
                await writer.drain()

    async with listening(endless) as origin:
        attachment = Attachment("photo", handle=origin + FILE)
        with pytest.raises(Rejected, match="more than 1000000 bytes"):
            await fetch(attachment, replace(source, base_url=origin, most=1_000_000))
    assert sent < 50_000_000


async def test_a_fetch_that_takes_too_long_is_given_up(source: Source) -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    async with listening(silent) as origin:
        with pytest.raises(NotSent, match="in time"):
            await fetch(Attachment("photo", handle=origin + FILE), replace(source, base_url=origin, seconds=0.1))


@pytest.mark.parametrize(
    "mime", ["text/html", "image/svg+xml", "application/zip", "application/x-msdownload", "image/gif"]
)
async def test_a_type_whatsapp_does_not_carry_is_refused(api: Host, source: Source, mime: str) -> None:
    api.answer = lambda request: web.Response(body=b"x", content_type=mime)
    with pytest.raises(Rejected, match="type"):
        await fetch(at(api), source)


@pytest.mark.parametrize("told", ["application/octet-stream", "binary/octet-stream"])
async def test_where_the_host_tells_no_type_the_forms_counts(api: Host, source: Source, told: str) -> None:
    api.answer = lambda request: web.Response(body=b"x", content_type=told)
    assert (await fetch(at(api, "audio/ogg"), source)).mime == "audio/ogg"
    with pytest.raises(Rejected, match="type"):
        await fetch(at(api, "text/html"), source)


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, Rejected),
        (401, Rejected),
        (403, Rejected),
        (410, Rejected),
        (429, Throttled),
        (500, NotSent),
        (503, NotSent),
    ],
)
async def test_a_refusal_is_one_of_our_errors(
    api: Host, source: Source, status: int, error: type[ChannelError]
) -> None:
    api.answer = lambda request: web.Response(status=status)
    with pytest.raises(error) as found:
        await fetch(at(api), source)
    assert type(found.value) is error
    assert USER not in str(found.value)


async def test_a_fresh_file_that_is_not_there_yet_is_asked_for_again(api: Host, source: Source) -> None:
    api.answer = lambda request: picture(request) if len(api.asked) == 3 else web.Response(status=404)
    assert (await fetch(at(api), replace(source, pauses=(0.0, 0.0)))).content == PICTURE
    assert [credentials for _, credentials in api.asked] == [BASIC] * 3


async def test_a_file_that_stays_away_is_gone(api: Host, source: Source) -> None:
    api.answer = lambda request: web.Response(status=404)
    with pytest.raises(Rejected, match="gone"):
        await fetch(at(api), replace(source, pauses=(0.0, 0.0)))
    assert len(api.asked) == 3


async def test_a_host_that_is_not_there_is_a_failure_that_may_be_repeated(source: Source) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound and not listening: refused
        origin = f"http://127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(NotSent):
            await fetch(Attachment("photo", handle=origin + FILE), replace(source, base_url=origin))


def test_a_source_shows_no_secret(source: Source) -> None:
    assert PASSWORD not in repr(source)


@pytest.mark.parametrize(
    ("url", "serves"),
    [
        ("https://api.twilio.com/x", True), ("https://mms.twiliocdn.com/x?y=z", True), ("https://twilio.com/", True),
        ("https://mcs.us1.twilio.com:443/x", True), ("http://mms.twiliocdn.com/x", False),
        ("https://mms.twiliocdn.com:8443/x", False), ("https://eviltwilio.com/x", False),
        ("https://twilio.com.evil.example/x", False), ("https://mms.twiliocdn.com.evil.example/", False),
        ("https://s3-external-1.amazonaws.com/x", False), ("https://.twilio.com/x", None),
        ("https://a..twilio.com/", False),
    ],
)  # fmt: skip
def test_only_hosts_of_twilios_by_https_are_followed(url: str, serves: bool | None) -> None:
    source = Source("https://api.twilio.com", USER, PASSWORD)
    if serves is None:
        with pytest.raises(Rejected):
            source.serves(url)
    else:
        assert source.serves(url) is serves


@pytest.mark.parametrize(
    "tail", ["/x y", "/x\r\nHost: y", "/x\n", "/x\0", "/é", "/x#y", "/x\\y", "/<x>", '/"', "x", ""]
)
def test_an_address_that_is_not_in_plain_form_has_no_origin(tail: str) -> None:
    url = f"https://api.twilio.com/2010{tail}"
    if tail in {"x", ""}:
        assert Origin.of(url) == Origin("https", "api.twilio.com", 443)
    else:
        with pytest.raises(Rejected):
            Origin.of(url)


# --- addresses somebody would like us to call -------------------------------------------------------------------------

LOOPBACK = r"""
    127.0.0.1 127.1 127.0.1 0 0.0.0.0 2130706433 0x7f000001 0x7f.0.0.1 0x7F.1 017700000001 0177.0.0.1 127.0.0.1.
    127.000.000.001 127.0.0.01 [::1] [::] [0:0:0:0:0:0:0:1] [::ffff:127.0.0.1] [::ffff:7f00:1] [64:ff9b::7f00:1]
    [::1%25lo] localhost LOCALHOST localhost. localhost.localdomain ip6-localhost 127.0.0.1%00.twilio.com
    127.0.0.1%2f.twilio.com 127%2e0%2e0%2e1 %31%32%37.0.0.1 １２７.0.0.1 127。0。0。1 127．0．0．1 ①②⑦.0.0.1
    ⓛocalhost 127.0.0.1\.twilio.com 127.0.0.1#.twilio.com 127.0.0.1?.twilio.com 127.0.0.1;.twilio.com
    127.0.0.1,api.twilio.com 127.0.0.1/.twilio.com 127.0.0.1.nip.io 127-0-0-1.sslip.io"""
LOOPBACK_WITH_BLANKS = ("loc\u00adalhost", "127.0.0.1\u200b", "127.0.0.1\t.twilio.com", "127.0.0.1 .twilio.com")
NEARLY_TWILIOS = r"""
    api.twilio.com. api.twilio.com.evil.example evil-twilio.com eviltwilio.com twilio.com. api.twilio.com%00 twilio.org
    api.twilio.com%2e api.twilio.com%2eevil.example api。twilio。com ａｐｉ.twilio.com api.twilio.cοm api.twіlio.com
    .twilio.com -.twilio.com api.twilio.com\ api_x.twilio.com *.twilio.com xn--twilio-x.com twiliocdn.org
    twiliocdn.com.evil.example mms.twiliocdn.com.localhost a..twiliocdn.com [mms.twiliocdn.com]
    s3-external-1.amazonaws.com api.twilio.com%E2%80%8B api.twilio.com%09"""
USERS = r"""
    api.twilio.com@ api.twilio.com:443@ api.twilio.com%40 x:y@ @ api.twilio.com#@ api.twilio.com?@ api.twilio.com\@
    api.twilio.com/@ https://api.twilio.com@ mms.twiliocdn.com:x@y@ mms.twiliocdn.com&@ %00@ .twilio.com@"""
SCHEMES = r"""
    http:// HTTP:// hTTp:// // http:/ http: http:/// http:\\ http:/\ ftp:// ws:// wss:// file:// gopher:// dict://
    ldap:// jar:http:// view-source:http:// unix:// data:,"""
SCHEMES_WITH_BLANKS = ("\thttp://", " http://", "http\n://", "")


def forms_of_urls(port: int) -> list[str]:
    """Ways to write an address that some reader takes for this listener, or for a host of Twilio's that it is not."""
    here, webs = f"127.0.0.1:{port}", ("http://", "https://")
    loopback = (*LOOPBACK.split(), *LOOPBACK_WITH_BLANKS)
    made = [f"{web}{host}:{port}{FILE}" for web, host in product(webs, loopback)]
    made += [f"{web}{host}{FILE}" for web, host in product(webs, (*loopback, *NEARLY_TWILIOS.split()))]
    made += [
        f"{web}{user}{host}{FILE}" for web, user, host in product(webs, USERS.split(), (here, f"localhost:{port}"))
    ]
    made += [f"{scheme}{here}{FILE}" for scheme in (*SCHEMES.split(), *SCHEMES_WITH_BLANKS)]
    made += [
        f"http://127.0.0.1:{n}{FILE}" for n in (f"{port}.", f"0x{port:x}", f"+{port}", f" {port}", f"{port}:80", "")
    ]
    made += [
        f"https://{host}:{n}{FILE}" for host in ("api.twilio.com", "x.twiliocdn.com") for n in (80, port, 0, 65536)
    ]
    made += [f"http://{host}{FILE}" for host in ("api.twilio.com", "mms.twiliocdn.com")]
    # By name these are Twilio's; the name leads to our own network.
    made += [f"https://{host}{FILE}" for host in ("mms.twiliocdn.com", "rebound.twilio.com", "twilio.com")]
    return sorted(set(made))


@dataclass
class Canary:
    """Listens where nobody should call, on every loopback address there is."""

    port: int = 0
    calls: int = 0

    async def hear(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.calls += 1
        writer.close()


@pytest.fixture
async def canary(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Canary]:
    """With a name server that leads every name to the canary."""
    bird = Canary()
    server = await asyncio.start_server(bird.hear, "0.0.0.0", 0)
    bird.port = server.sockets[0].getsockname()[1]

    async def resolve(self: object, host: str, port: int = 0, family: int = socket.AF_INET) -> list[dict[str, Any]]:
        answer = {"hostname": host, "host": "127.0.0.1", "port": bird.port, "family": socket.AF_INET}
        return [answer | {"proto": 0, "flags": socket.AI_NUMERICHOST}]

    monkeypatch.setattr(ThreadedResolver, "resolve", resolve)
    async with server:
        yield bird


async def test_the_canary_hears_who_calls(canary: Canary) -> None:
    origin = f"http://localhost:{canary.port}"
    with pytest.raises(NotSent):
        await fetch(Attachment("photo", handle=origin + FILE), Source(origin, USER, PASSWORD, pauses=()))
    assert canary.calls >= 1


@pytest.mark.parametrize("base", ["https://api.twilio.com", "http://127.0.0.1:1"])
async def test_no_form_of_an_address_makes_us_call_anybody_but_twilio(canary: Canary, base: str) -> None:
    forms = forms_of_urls(canary.port)
    assert len(forms) >= 300
    source = Source(base, USER, PASSWORD, pauses=(), seconds=5.0)
    for url in forms:
        with pytest.raises((Rejected, NotSent)):
            await fetch(Attachment("photo", mime="image/png", handle=url), source)
    assert canary.calls == 0


async def test_no_form_of_a_redirect_makes_us_call_anybody_but_twilio(
    api: Host, canary: Canary, source: Source
) -> None:
    forms = [url for url in forms_of_urls(canary.port) if not {"\n", "\t"} & set(url)]
    assert len(forms) >= 300
    for url in forms:
        api.answer = leads_to(url)
        with pytest.raises((Rejected, NotSent)):
            await fetch(at(api), replace(source, others=()))
    assert canary.calls == 0
    assert len(api.asked) == len(forms)


async def test_a_name_of_twilios_that_leads_into_our_network_is_not_called(canary: Canary) -> None:
    source = Source("https://api.twilio.com", USER, PASSWORD, pauses=())
    with pytest.raises(ChannelError):
        await fetch(
            Attachment("photo", handle=f"https://api.twilio.com{FILE}"),
            replace(source, base_url="https://api.twilio.com"),
        )
    assert canary.calls == 0


PRIVATE = """127.0.0.1 10.0.0.1 172.16.0.1 192.168.1.1 169.254.169.254 100.64.0.1 0.0.0.0 224.0.0.1 255.255.255.255
    ::1 :: fe80::1 fe80::1%eth0 fc00::1 ff02::1 ::ffff:127.0.0.1 ::ffff:10.0.0.1 2002:7f00:1:: 64:ff9b::7f00:1
    64:ff9b::a00:1 localhost 192.0.2.1 2001:db8::1"""


@pytest.mark.parametrize("address", ["", *PRIVATE.split()])
def test_an_address_of_our_own_network_is_not_public(address: str) -> None:
    assert not public(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "54.172.60.0", "2600:1f18::1", "::ffff:8.8.8.8", "64:ff9b::808:808"])
def test_an_address_of_the_internet_is_public(address: str) -> None:
    assert public(address)
