"""10,000 requests as Twilio, a forger or a broken proxy would send them: only true ones pass, and each has one effect.

What a request must be answered with follows from how it was made, not from the code under test: the signature is made
here by its published description.
"""

from __future__ import annotations

import asyncio
import base64
import hmac
import logging
import random
import re
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode

import pytest
from aiohttp import web

from channels.whatsapp import statuses
from channels.whatsapp.door import Door
from channels.whatsapp.forms import Ear, Form, read
from channels.whatsapp.words import words

SEED = 20261121
REQUESTS = 10_000
CONNECTIONS = 4
TOKEN = "0123456789abcdef0123456789abcdef"
ACCOUNT = "AC" + "0" * 32
PUBLIC = "https://bot.example.com/shop"
EVIL = "https://evil.example"
NOW = datetime(2026, 11, 21, tzinfo=UTC)
SIGNATURE, SETTINGS = "X-Twilio-Signature", "X-Twilio-Webhooks-Signature-Settings"

Pairs = tuple[tuple[str, str], ...]


def signed(url: str, pairs: Sequence[tuple[str, str]], key: str = TOKEN, digest: str = "sha1") -> str:
    names = sorted({name for name, _ in pairs})
    values = {name: sorted({value for key, value in pairs if key == name}) for name in names}
    text = url + "".join(name + value for name in names for value in values[name])
    return base64.b64encode(hmac.new(key.encode(), text.encode(), digest).digest()).decode()


@dataclass(frozen=True)
class Request:
    """One request as it goes out. `server` is the index of the installation it is sent to; `fresh`: a new message."""

    path: str
    pairs: Pairs
    signature: str
    headers: tuple[str, ...] = ()
    body: bytes | None = None
    host: str = "bot.example.com"
    server: int = 0
    fresh: bool = True

    @property
    def sent(self) -> bytes:
        return urlencode(self.pairs).encode() if self.body is None else self.body

    @property
    def wire(self) -> bytes:
        lines = [f"POST {self.path} HTTP/1.1", f"Host: {self.host}", *self.headers]
        if not any(line.lower().startswith("content-type") for line in self.headers):
            lines.append("Content-Type: application/x-www-form-urlencoded")
        if not any(line.lower().startswith(SIGNATURE.lower()) for line in self.headers):
            lines.append(f"{SIGNATURE}: {self.signature}")
        lines.append(f"Content-Length: {len(self.sent)}")
        return "\r\n".join(lines).encode("utf-8", "surrogateescape") + b"\r\n\r\n" + self.sent


def url(request: Request) -> str:
    return PUBLIC + request.path


def true_request(rng: random.Random) -> Request:
    """As Twilio posts it: a message, or the state of one with its part in the query."""
    sid = rng.choice(["SM", "MM"]) + f"{rng.getrandbits(128):032x}"
    words_of_it = ["hello", "where is æøå", "100 % & more = +", "1/2~3", "naïve 漢字", "", "a\nb", "%2F", "stop"]
    pairs = [
        ("MessageSid", sid),
        ("AccountSid", ACCOUNT),
        ("From", rng.choice(["whatsapp:+45", "whatsapp:US."]) + str(rng.randrange(10**7, 10**8))),
        ("To", "whatsapp:+14155238886"),
        ("Body", " ".join(rng.choices(words_of_it, k=rng.randrange(1, 5)))),
        ("NumMedia", "0"),
        ("ProfileName", rng.choice(["", "A customer", "Ærø"])),
        ("Forwarded", ""),
        (f"New{rng.randrange(1000)}", rng.choice(words_of_it)),
    ]
    path = "/whatsapp/messages"
    if rng.random() < 0.4:
        pairs.append(("MessageStatus", rng.choice(["sent", "delivered", "read"])))
        path = f"/whatsapp/status?part=r{rng.randrange(1000)}.0.abc&x=%2F%7e{rng.randrange(10)}"
    made = tuple(rng.sample(pairs, len(pairs)))
    return Request(path, made, signed(PUBLIC + path, made))


# --- true requests in other clothes: accepted -------------------------------------------------------------------------


def unchanged(request: Request, rng: random.Random) -> Request:
    return request


def fields_reordered(request: Request, rng: random.Random) -> Request:
    return replace(request, pairs=tuple(rng.sample(request.pairs, len(request.pairs))))


def signed_with_port(request: Request, rng: random.Random) -> Request:
    there = url(request).replace("bot.example.com", "bot.example.com:443")
    return replace(request, signature=signed(there, request.pairs))


def encoded_otherwise(request: Request, rng: random.Random) -> Request:
    """Every character as %xx in small letters, blanks as %20: the same fields."""
    text = "&".join(f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in request.pairs)
    return replace(request, body=re.sub("%..", lambda code: code[0].lower(), text).encode())


def repeated_and_signed(request: Request, rng: random.Random) -> Request:
    pairs = (*request.pairs, ("Extra", "1"), ("Extra", ""), ("Extra", "2"))
    return replace(request, pairs=pairs, signature=signed(url(request), pairs))


def a_proxy_s_headers(request: Request, rng: random.Random) -> Request:
    said = (
        "X-Forwarded-Host: evil.example",
        "X-Forwarded-Proto: http",
        "X-Forwarded-For: 10.0.0.1",
        "X-Original-URL: /",
    )
    return replace(request, headers=tuple(rng.sample(said, 3)), host=rng.choice(["10.0.0.1:8080", "evil.example"]))


def whole_address(request: Request, rng: random.Random) -> Request:
    return replace(request, path=f"http://evil.example:81{request.path}")


def settings_named_in_vain(request: Request, rng: random.Random) -> Request:
    return replace(request, headers=(f"{SETTINGS}: key=k,algorithm=HMAC_SHA1",))


# --- forged, broken or changed: refused -------------------------------------------------------------------------------


def without_signature(request: Request, rng: random.Random) -> Request:
    return replace(request, headers=(f"{SIGNATURE}-Not: x",))


def signature_made_up(request: Request, rng: random.Random) -> Request:
    other = base64.b64encode(rng.randbytes(20)).decode()
    true = request.signature
    forms = [
        "",
        " ",
        "None",
        "null",
        "0",
        "=",
        true.lower(),
        true[:-1],
        true + "=",
        true[::-1],
        f'"{true}"',
        other,
        other * 9,
    ]
    return replace(request, signature=rng.choice([form for form in forms if form.strip() != true]))


def signature_one_character_off(request: Request, rng: random.Random) -> Request:
    place = rng.randrange(27)
    wrong = rng.choice([c for c in "ABCabc019+/" if c != request.signature[place]])
    return replace(request, signature=request.signature[:place] + wrong + request.signature[place + 1 :])


def signed_with_another_key(request: Request, rng: random.Random) -> Request:
    key = rng.choice(["", "None", ACCOUNT, TOKEN[:-1], TOKEN.upper(), "0" * 32, TOKEN + "\0\0"[:1]])
    # HMAC fills a short key up with NUL bytes, so a key with one more at its end is the same key: leave that one out.
    key = TOKEN + "x" if key.endswith("\0") else key
    return replace(request, signature=signed(url(request), request.pairs, key))


def to_an_installation_without_a_token(request: Request, rng: random.Random) -> Request:
    key = rng.choice(["", "None", TOKEN])
    return replace(request, server=rng.choice([1, 2]), signature=signed(url(request), request.pairs, key))


def another_algorithm(request: Request, rng: random.Random) -> Request:
    digest = rng.choice(["sha256", "sha512", "md5"])
    header = f"{SETTINGS}: key=k,algorithm=HMAC_{digest.upper()}"
    return replace(request, headers=(header,), signature=signed(url(request), request.pairs, digest=digest))


def signed_over_a_forged_host(request: Request, rng: random.Random) -> Request:
    base = rng.choice([EVIL, "http://bot.example.com/shop", "https://bot.example.com", f"{EVIL}/shop"])
    headers = ("X-Forwarded-Host: evil.example", "X-Forwarded-Proto: https", "X-Forwarded-Prefix: /shop")
    signature = signed(base + request.path, request.pairs)
    return replace(request, signature=signature, headers=headers, host=rng.choice(["evil.example", "bot.example.com"]))


def query_changed(request: Request, rng: random.Random) -> Request:
    path, _, query = request.path.partition("?")
    changed = ["part=other.0.abc", "", "x", "part=", f"{query}&", f"{query}&a=1", f"&{query}", query + "%20"]
    if query:
        changed += ["&".join(reversed(query.split("&"))), query.replace("%7e", "~"), query.replace("%7e", "%7E")]
    return replace(request, path=f"{path}?{rng.choice([one for one in changed if one != query or not query])}")


def sent_to_the_other_address(request: Request, rng: random.Random) -> Request:
    other = "/whatsapp/status" if "messages" in request.path else "/whatsapp/messages"
    return replace(request, path=request.path.replace(request.path.partition("?")[0], other))


def field_changed(request: Request, rng: random.Random) -> Request:
    place = rng.randrange(len(request.pairs))
    name, value = request.pairs[place]
    at = rng.randrange(len(value) + 1)
    changed = rng.choice([value[:at] + "x" + value[at:], value[:at] + "\u200b" + value[at:], value + " ", value + "\0"])
    return replace(request, pairs=(*request.pairs[:place], (name, changed), *request.pairs[place + 1 :]))


def field_added(request: Request, rng: random.Random) -> Request:
    extra = rng.choice([("OptOutType", "STOP"), ("Body", "another"), ("X", ""), ("From", "whatsapp:+1"), ("", "x")])
    return replace(request, pairs=rng.choice([(extra, *request.pairs), (*request.pairs, extra)]))


def field_left_out(request: Request, rng: random.Random) -> Request:
    place = rng.randrange(len(request.pairs))
    return replace(request, pairs=(*request.pairs[:place], *request.pairs[place + 1 :]))


def field_repeated_otherwise(request: Request, rng: random.Random) -> Request:
    name, value = rng.choice(request.pairs)
    return replace(
        request, pairs=rng.choice([((name, value + "x"), *request.pairs), (*request.pairs, (name, value + "x"))])
    )


def bytes_changed(request: Request, rng: random.Random) -> Request:
    """Some bytes of the body replaced, cut, doubled or added, until the fields it carries are others."""
    while True:
        body = bytearray(request.sent)
        for _ in range(rng.randrange(1, 4)):
            at = rng.randrange(len(body))
            body[at : at + rng.randrange(3)] = rng.randbytes(rng.randrange(3))
        fields = parse_qsl(bytes(body).decode("utf-8", "replace"), keep_blank_values=True)
        if run_together(fields) != run_together(request.pairs):
            return replace(request, body=bytes(body))


def run_together(pairs: Sequence[tuple[str, str]]) -> str:
    """What Twilio signs of the fields."""
    return "".join(name + value for name, value in sorted(set(pairs)))


def another_type_of_body(request: Request, rng: random.Random) -> Request:
    kinds = [
        "application/json",
        "multipart/form-data; boundary=x",
        "text/plain",
        "",
        "application/x-www-form-urlencoded-x",
    ]
    return replace(request, headers=(f"Content-Type: {rng.choice(kinds)}",))


def two_signatures(request: Request, rng: random.Random) -> Request:
    both = rng.sample([f"{SIGNATURE}: {request.signature}", f"{SIGNATURE}: {rng.choice(['x', request.signature])}"], 2)
    return replace(request, headers=tuple(both))


def signed_as_sent(request: Request, rng: random.Random) -> Request:
    """A signature over the body's bytes, as other vendors make it."""
    mac = hmac.new(TOKEN.encode(), url(request).encode() + request.sent, "sha1").digest()
    return replace(request, signature=base64.b64encode(mac).decode())


TRUE: tuple[Callable[[Request, random.Random], Request], ...] = (
    unchanged, fields_reordered, signed_with_port, encoded_otherwise, repeated_and_signed, a_proxy_s_headers,
    whole_address, settings_named_in_vain,
)  # fmt: skip
FORGED: tuple[Callable[[Request, random.Random], Request], ...] = (
    without_signature, signature_made_up, signature_one_character_off, signed_with_another_key,
    to_an_installation_without_a_token, another_algorithm, signed_over_a_forged_host, query_changed,
    sent_to_the_other_address, field_changed, field_added, field_left_out, field_repeated_otherwise, bytes_changed,
    another_type_of_body, two_signatures, signed_as_sent,
)  # fmt: skip


# --- replayed: accepted, and nothing happens a second time ------------------------------------------------------------


def replayed(request: Request, rng: random.Random) -> Request:
    return replace(fields_reordered(request, rng), fresh=False)


def cut_anew(request: Request, rng: random.Random) -> Request:
    """Names and values run together are what is signed: the same text can be cut into other fields."""
    pairs = sorted(request.pairs)
    place = rng.randrange(len(pairs) - 1)
    (name, value), (following, rest) = pairs[place], pairs[place + 1]
    joined = (name, value + following + rest)
    moved = (name + value[:1], value[1:])
    options = [(*pairs[:place], joined, *pairs[place + 2 :]), (*pairs[:place], moved, *pairs[place + 1 :])]
    same = [tuple(option) for option in options if run_together(option) == run_together(pairs)]
    return replace(request, pairs=rng.choice(same) if same else request.pairs, fresh=False)


REPLAYED: tuple[Callable[[Request, random.Random], Request], ...] = (replayed, cut_anew)


@dataclass
class Desk:
    """The inbox's promise: a key once seen has no second effect. `effects` counts those that reached a conversation."""

    keys: set[str] = field(default_factory=set)
    states: set[tuple[str, str, str]] = field(default_factory=set)
    effects: int = 0

    async def hear(self, form: Form) -> bool:
        arrival = read(form, Ear(ACCOUNT, words(("en",)), NOW)).arrival()
        self.effects += arrival.message is not None and arrival.key not in self.keys
        self.keys.add(arrival.key)
        return True

    async def tell(self, form: Form, part: str) -> bool:
        status = statuses.read(form)
        if status is not None:
            self.effects += (part, status.sid, status.word) not in self.states
            self.states.add((part, status.sid, status.word))
        return True


@asynccontextmanager
async def serving(desk: Desk, secret: Any) -> AsyncIterator[int]:
    app = web.Application()
    app.add_routes(Door(PUBLIC, secret, desk.hear, desk.tell).routes())
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield runner.addresses[0][1]
    await runner.cleanup()


class Line:
    """One connection to each installation, opened again whenever it was closed."""

    def __init__(self, ports: Sequence[int]) -> None:
        self._ports = ports
        self._open: dict[int, tuple[asyncio.StreamReader, asyncio.StreamWriter]] = {}

    async def send(self, request: Request) -> int:
        if request.server not in self._open:
            self._open[request.server] = await asyncio.open_connection("127.0.0.1", self._ports[request.server])
        reader, writer = self._open[request.server]
        writer.write(request.wire)
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        length = re.search(r"(?i)content-length: (\d+)", head)
        await reader.readexactly(int(length[1]) if length else 0)
        if re.search(r"(?i)connection: close", head):
            await self._close(request.server)
        return int(head.split()[1])

    async def aclose(self) -> None:
        for server in list(self._open):
            await self._close(server)

    async def _close(self, server: int) -> None:
        _, writer = self._open.pop(server)
        writer.close()
        await writer.wait_closed()


@dataclass
class Tally:
    """What became of all requests, by how they were made."""

    made: Counter[str] = field(default_factory=Counter)
    wrong: list[tuple[str, int, Request]] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)


async def play(line: Line, desk: Desk, rng: random.Random, count: int, tally: Tally) -> None:
    for turn in range(count):
        true = true_request(rng)
        kinds = (TRUE, FORGED, FORGED, REPLAYED)[turn % 4]
        change = kinds[turn // 4 % len(kinds)]
        request = change(true, rng)
        if kinds is REPLAYED:  # the true one came first
            assert await line.send(true) == 200
        status = await line.send(request)
        tally.made[change.__name__] += 1
        tally.statuses[status] += 1
        if (status == 200) is (kinds is FORGED) or status >= 500 or status == 410:
            tally.wrong.append((change.__name__, status, request))


@pytest.mark.timeout(90)  # 4 s of work, on a machine that may have much else to do
async def test_of_10000_requests_only_true_ones_are_accepted_and_none_has_a_second_effect(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.WARNING)
    broken: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: broken.append(context))
    desk, tally = Desk(), Tally()
    async with serving(desk, TOKEN) as first, serving(desk, "") as second, serving(desk, None) as third:
        lines = [Line((first, second, third)) for _ in range(CONNECTIONS)]
        games = (
            play(line, desk, random.Random(SEED + n), REQUESTS // CONNECTIONS, tally) for n, line in enumerate(lines)
        )
        await asyncio.gather(*games)
        for line in lines:
            await line.aclose()
    accepted = sum(tally.made[change.__name__] for change in (*TRUE, *REPLAYED))
    assert tally.made.total() == REQUESTS
    assert not tally.wrong, [(name, status, request.path) for name, status, request in tally.wrong[:5]]
    assert tally.statuses[200] == accepted
    # One effect for each true request, and one for the original of each replayed one.
    assert desk.effects == accepted
    assert not broken
    assert not caplog.records, caplog.text[:2000]
    assert min(tally.made[change.__name__] for change in (*TRUE, *FORGED, *REPLAYED)) >= 200
