"""The two addresses Twilio calls, over real HTTP on loopback: what each request is answered with (trap 16)."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import logging
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import urldefrag, urlencode

import pytest
from aiohttp import web

from channels.whatsapp.door import FORM, MOST_BYTES, MOST_FIELDS, Door
from channels.whatsapp.forms import Form
from core.plugins import PluginError

TOKEN = "a-token"
PUBLIC = "https://bot.example.com"
MESSAGES, STATUS = "/whatsapp/messages", "/whatsapp/status"
PAIRS = (("MessageSid", "SM1"), ("From", "whatsapp:+4512345678"), ("Body", "a b&c=d/é"), ("Empty", ""))


def signed(url: str, pairs: Sequence[tuple[str, str]] = PAIRS, token: str = TOKEN) -> str:
    text = url + "".join(name + value for name, value in sorted(pairs))
    return base64.b64encode(hmac.new(token.encode(), text.encode(), hashlib.sha1).digest()).decode()


@dataclass
class Desk:
    """What stands behind the door: says whether it could commit."""

    commits: bool = True
    heard: list[Form] = field(default_factory=list)
    told: list[tuple[Form, str]] = field(default_factory=list)

    async def hear(self, form: Form) -> bool:
        self.heard.append(form)
        return self.commits

    async def tell(self, form: Form, part: str) -> bool:
        self.told.append((form, part))
        return self.commits


@dataclass
class Caller:
    """Writes requests byte by byte, as no client library would."""

    port: int

    async def send(self, head: str, body: bytes = b"") -> tuple[int, str, bytes]:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            writer.write(head.encode("utf-8", "surrogateescape") + b"\r\n" + body)
            await writer.drain()
            top = (await reader.readuntil(b"\r\n\r\n")).decode()
            length = re.search(r"Content-Length: (\d+)", top)
            rest = await reader.readexactly(int(length[1]) if length and not head.startswith("HEAD") else 0)
        finally:
            writer.close()
            await writer.wait_closed()
        return int(top.split()[1]), top, rest

    async def post(
        self, path: str, signature: str | None, body: bytes | None = None, *extra: str, host: str = "bot.example.com"
    ) -> tuple[int, str, bytes]:
        sent = urlencode(PAIRS).encode() if body is None else body
        lines = [f"POST {path} HTTP/1.1", f"Host: {host}", "Connection: close", f"Content-Length: {len(sent)}", *extra]
        if not any(line.lower().startswith("content-type") for line in extra):
            lines.append(f"Content-Type: {FORM}")
        if signature is not None:
            lines.append(f"X-Twilio-Signature: {signature}")
        return await self.send("\r\n".join(lines) + "\r\n", sent)


@asynccontextmanager
async def serving(door: Door, most: int = 1024) -> AsyncIterator[Caller]:
    app = web.Application(client_max_size=most)  # far below ours: the door must not depend on it
    app.add_routes(door.routes())
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield Caller(runner.addresses[0][1])
    finally:
        await runner.cleanup()


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.fixture
def door(desk: Desk) -> Door:
    return Door(PUBLIC, TOKEN, desk.hear, desk.tell)


@pytest.fixture
async def caller(door: Door) -> AsyncIterator[Caller]:
    async with serving(door) as caller:
        yield caller


async def test_a_committed_message_is_answered_with_an_empty_response(caller: Caller, desk: Desk) -> None:
    status, head, body = await caller.post(MESSAGES, signed(PUBLIC + MESSAGES))
    assert (status, body) == (200, b"<Response/>")
    assert "Content-Type: text/xml" in head
    assert [form.pairs for form in desk.heard] == [PAIRS]


async def test_a_message_that_could_not_be_committed_is_asked_for_again(caller: Caller, desk: Desk) -> None:
    desk.commits = False
    for path in (MESSAGES, STATUS):
        status, head, _ = await caller.post(path, signed(PUBLIC + path))
        assert status == 503
        assert "Retry-After: 5" in head


@pytest.mark.parametrize("repeats", ["", "#rc=5&rp=all"])
async def test_a_state_is_told_with_the_part_it_is_about_whether_the_fragment_is_signed_or_not(
    door: Door, caller: Caller, desk: Desk, repeats: str
) -> None:
    part = "whatsapp:+45 12/a%2Fb&c.0.é"
    url = urldefrag(door.status_url(part)).url
    assert (await caller.post(url.removeprefix(PUBLIC), signed(url + repeats)))[0] == 200
    assert [(form.pairs, told) for form, told in desk.told] == [(PAIRS, part)]


async def test_a_state_is_answered_with_nothing(door: Door, caller: Caller) -> None:
    url = urldefrag(door.status_url("r.0.x")).url
    status, _, body = await caller.post(url.removeprefix(PUBLIC), signed(url))
    assert (status, body) == (200, b"")


async def test_a_state_without_a_part_is_told_all_the_same(caller: Caller, desk: Desk) -> None:
    await caller.post(STATUS, signed(PUBLIC + STATUS))
    assert [part for _, part in desk.told] == [""]


@pytest.mark.parametrize(
    "signature", [None, "", "None", "x", signed(PUBLIC + STATUS), signed(PUBLIC + MESSAGES, token="")]
)
async def test_a_request_that_is_not_twilios_is_refused(caller: Caller, desk: Desk, signature: str | None) -> None:
    assert (await caller.post(MESSAGES, signature))[0] == 403
    assert not desk.heard


async def test_two_signatures_are_none(caller: Caller, desk: Desk) -> None:
    true = signed(PUBLIC + MESSAGES)
    assert (await caller.post(MESSAGES, true, None, "X-Twilio-Signature: x"))[0] == 403
    assert (await caller.post(MESSAGES, true, None, f"X-Twilio-Signature: {true}"))[0] == 403
    assert not desk.heard


async def test_a_signature_over_the_host_somebody_claims_does_not_count(caller: Caller, desk: Desk) -> None:
    forged = ("X-Forwarded-Host: evil.example", "X-Forwarded-Proto: http", "Forwarded: host=evil.example")
    for url in (f"https://evil.example{MESSAGES}", f"http://evil.example{MESSAGES}"):
        assert (await caller.post(MESSAGES, signed(url), None, *forged, host="evil.example"))[0] == 403
    assert not desk.heard


async def test_a_true_signature_counts_whatever_a_proxy_says(caller: Caller) -> None:
    forged = ("X-Forwarded-Host: evil.example", "X-Forwarded-Proto: http", "X-Forwarded-Port: 8080")
    assert (await caller.post(MESSAGES, signed(PUBLIC + MESSAGES), None, *forged, host="10.0.0.1:8080"))[0] == 200


async def test_the_algorithm_a_sender_names_is_not_asked(caller: Caller, desk: Desk) -> None:
    text = PUBLIC + MESSAGES + "".join(name + value for name, value in sorted(PAIRS))
    other = base64.b64encode(hmac.new(TOKEN.encode(), text.encode(), hashlib.sha256).digest()).decode()
    header = "X-Twilio-Webhooks-Signature-Settings: key=k,algorithm=HMAC_SHA256"
    assert (await caller.post(MESSAGES, other, None, header))[0] == 403
    assert not desk.heard


async def test_percent_encoding_and_order_of_the_query_count_as_sent(caller: Caller) -> None:
    path = f"{STATUS}?b=%2F%7e&a=1"
    assert (await caller.post(path, signed(PUBLIC + path)))[0] == 200
    for other in (f"{STATUS}?a=1&b=%2F%7e", f"{STATUS}?b=/~&a=1", f"{STATUS}?b=%2f%7e&a=1", f"{path}&", f"{STATUS}?"):
        assert (await caller.post(other, signed(PUBLIC + path)))[0] == 403


async def test_the_usual_port_in_the_signed_address_counts_as_none(caller: Caller) -> None:
    assert (await caller.post(MESSAGES, signed(f"{PUBLIC}:443{MESSAGES}")))[0] == 200
    assert (await caller.post(MESSAGES, signed(f"{PUBLIC}:8443{MESSAGES}")))[0] == 403


async def test_a_request_line_with_a_whole_address_is_judged_by_path_and_query(caller: Caller) -> None:
    path = f"{STATUS}?part=x"
    assert (await caller.post(f"http://evil.example{path}", signed(PUBLIC + path)))[0] == 200
    assert (await caller.post(f"http://evil.example{path}", signed(f"http://evil.example{path}")))[0] == 403


@pytest.mark.parametrize("public", ["https://example.com/bots/shop", "https://example.com/bots/shop/"])
async def test_the_public_address_may_have_a_path_of_its_own(desk: Desk, public: str) -> None:
    door = Door(public, TOKEN, desk.hear, desk.tell)
    assert door.messages_url == "https://example.com/bots/shop/whatsapp/messages"
    assert door.status_url("r.0.x") == "https://example.com/bots/shop/whatsapp/status?part=r.0.x#rc=5&rp=all"
    async with serving(door) as caller:
        assert (await caller.post(MESSAGES, signed(door.messages_url)))[0] == 200
        assert (await caller.post(MESSAGES, signed(f"https://example.com{MESSAGES}")))[0] == 403


def test_the_address_for_the_console_asks_for_repeats_which_are_not_signed(door: Door) -> None:
    assert door.console_url == "https://bot.example.com/whatsapp/messages#rc=5&rp=all"
    assert door.messages_url == "https://bot.example.com/whatsapp/messages"
    assert door.status_url() == "https://bot.example.com/whatsapp/status#rc=5&rp=all"


@pytest.mark.parametrize(
    "public",
    [
        "", "bot.example.com", "ftp://x.example", "https://", "https://u:p@x.example", "https://x.example?a",
        "https://x.example/#a", "https://x.example:port", "https://x .example", "https://bøt.example", "https://[::1",
        "HTTPS://x.example", "https:\\\\x.example",
    ],
)  # fmt: skip
def test_an_address_twilio_could_not_call_is_refused(desk: Desk, public: str) -> None:
    with pytest.raises(PluginError, match="public_url") as found:
        Door(public, TOKEN, desk.hear, desk.tell)
    assert found.value.option == "public_url"


def test_an_underscore_in_the_host_is_refused_by_its_name(desk: Desk) -> None:
    with pytest.raises(PluginError, match="underscore"):
        Door("https://my_bot.example.com", TOKEN, desk.hear, desk.tell)


@pytest.mark.parametrize("secret", ["", None])
async def test_without_a_token_nobody_is_let_in(desk: Desk, secret: str | None) -> None:
    async with serving(Door(PUBLIC, secret, desk.hear, desk.tell)) as caller:  # type: ignore[arg-type]
        for key in ("", "None"):
            assert (await caller.post(MESSAGES, signed(PUBLIC + MESSAGES, token=key)))[0] == 403
        assert (await caller.post(MESSAGES, None))[0] == 403


@pytest.mark.parametrize(
    "header",
    [
        "Content-Type: application/json",
        "Content-Type: multipart/form-data; boundary=x",
        "Content-Type:",
        "Content-Encoding: gzip",
    ],
)
async def test_only_plain_forms_are_taken(caller: Caller, desk: Desk, header: str) -> None:
    assert (await caller.post(MESSAGES, signed(PUBLIC + MESSAGES), None, header))[0] == 415
    assert not desk.heard


async def test_a_form_that_names_its_characters_is_taken(caller: Caller) -> None:
    header = f"Content-Type: {FORM}; charset=UTF-8"
    assert (await caller.post(MESSAGES, signed(PUBLIC + MESSAGES), None, header))[0] == 200


@pytest.mark.parametrize("body", [b"\xff=1", b"Body=%FF", b"&".join([b"a=1"] * (MOST_FIELDS + 1))])
async def test_a_body_that_is_no_form_is_refused(caller: Caller, body: bytes) -> None:
    assert (await caller.post(MESSAGES, "x", body))[0] == 400


async def test_as_much_as_256_kb_is_read_whatever_the_servers_own_limit(caller: Caller, desk: Desk) -> None:
    pairs = (("Body", "x" * (MOST_BYTES - 5)),)
    body = urlencode(pairs).encode()
    assert len(body) == MOST_BYTES == 256 * 1024
    assert (await caller.post(MESSAGES, signed(PUBLIC + MESSAGES, pairs), body))[0] == 200
    assert len(desk.heard) == 1


async def test_more_than_256_kb_is_refused_by_its_announced_length(caller: Caller, desk: Desk) -> None:
    head = f"POST {MESSAGES} HTTP/1.1\r\nHost: x\r\nContent-Type: {FORM}\r\nConnection: close\r\n"
    assert (await caller.send(f"{head}Content-Length: {MOST_BYTES + 1}\r\n"))[0] == 413
    assert not desk.heard


async def test_more_than_256_kb_in_pieces_is_refused(caller: Caller, desk: Desk) -> None:
    head = f"POST {MESSAGES} HTTP/1.1\r\nHost: x\r\nContent-Type: {FORM}\r\nConnection: close\r\n"
    size = MOST_BYTES + 1
    assert (await caller.send(f"{head}Transfer-Encoding: chunked\r\n", b"%x\r\n%s\r\n0\r\n\r\n" % (size, b"x" * size)))[
        0
    ] == 413
    assert not desk.heard


async def test_pieces_of_nonsense_are_refused(caller: Caller) -> None:
    head = f"POST {MESSAGES} HTTP/1.1\r\nHost: x\r\nContent-Type: {FORM}\r\nConnection: close\r\n"
    assert (await caller.send(f"{head}Transfer-Encoding: chunked\r\n", b"zz\r\nx"))[0] == 400


@pytest.mark.parametrize("framing", ["Content-Length: 10", "Transfer-Encoding: chunked"])
async def test_a_sender_that_hangs_up_is_no_fault_of_ours(
    door: Door, desk: Desk, caplog: pytest.LogCaptureFixture, framing: str
) -> None:
    async with serving(door) as caller:
        reader, writer = await asyncio.open_connection("127.0.0.1", caller.port)
        head = f"POST {MESSAGES} HTTP/1.1\r\nHost: x\r\nContent-Type: {FORM}\r\nExpect: 100-continue\r\n"
        writer.write(f"{head}{framing}\r\n\r\n".encode())
        assert b" 100 " in await reader.readuntil(b"\r\n\r\n")  # from here on the body is being read
        writer.close()
        await writer.wait_closed()
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert not desk.heard


async def test_a_body_that_does_not_end_is_given_up(caller: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("channels.whatsapp.door.BODY_SECONDS", 0.05)
    head = f"POST {MESSAGES} HTTP/1.1\r\nHost: x\r\nContent-Type: {FORM}\r\nConnection: close\r\n"
    assert (await caller.send(f"{head}Content-Length: 10\r\n", b"a=1"))[0] == 408


async def test_other_methods_are_not_served(caller: Caller) -> None:
    for method in ("GET", "PUT", "HEAD"):
        assert (await caller.send(f"{method} {MESSAGES} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"))[0] == 405
