"""Who gets to the operator page and the why-drawer, and what they are given."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
from aiohttp import ClientSession, ClientTimeout, CookieJar, web

from bots.gate import is_loopback
from bots.office import AppliedRule, Receipt, Summary
from bots.office_api import routes
from core.abilities import Media
from core.conversation import Address, Author, Conversation, Customer, Holder, Message, Reply
from core.errors import FirstlineError, StoreError, Unreachable
from core.rules import Reading

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
KEY = "a long operator key"
CUSTOMER = Address("telegram", "7")
PROTECTED = (
    "/operator",
    "/operator/api/conversations",
    "/operator/api/transcript?address=telegram:7",
    "/operator/api/file?address=telegram:7&message=m1",
    "/why/m1?address=telegram:7",
)
ACTIONS = ("take", "reply", "back")


@dataclass
class TinyOffice:
    """An office with one customer; `error` is raised by whatever is asked next."""

    done: list[tuple[str, ...]] = field(default_factory=list)
    error: FirstlineError | None = None
    listed: list[Summary] = field(default_factory=list)

    async def conversations(self) -> list[Summary]:
        self._fail()
        return self.listed

    async def transcript(self, address: Address) -> Conversation:
        asked = Message("m1", address, "<b>where</b>?", NOW, Customer("7", "Customer"))
        replies = (Reply("On its *way*", NOW, Author.BOT, "quick"), Reply("Hello", NOW, Author.PERSON))
        return Conversation(address, (asked, *replies), Holder.WAITING)

    def limits(self, conversation: Conversation) -> str:
        return "Free text until noon."

    async def file(self, address: Address, message_id: str, number: int) -> Media | None:
        self._fail()
        files = [Media(b"pixels", "image/jpeg", "a.jpg"), Media(b"<script>", "text/html", "../æ b.html")]
        return files[number] if message_id == "m1" and number < len(files) else None

    async def why(self, address: Address, message_id: str) -> Receipt | None:
        if message_id != "m1":
            return None
        return Receipt(
            tier="expert",
            cost="unknown",
            rules=(
                AppliedRule("Money", "Refunds need care", "quick"),
                AppliedRule("Frustrated", "", "expert", held=True),
            ),
            readings={"money": Reading(True, "refund"), "frustration": Reading("high", "!!", 0.81)},
            first_text=412.5,
            total=1890.0,
            book="abc123",
        )

    async def take(self, address: Address, who: str) -> None:
        self._fail()
        self.done.append(("take", str(address), who))

    async def reply(self, address: Address, text: str, who: str) -> None:
        self._fail()
        self.done.append(("reply", str(address), text, who))

    async def back(self, address: Address, note: str) -> None:
        self._fail()
        self.done.append(("back", str(address), note))

    def _fail(self) -> None:
        if self.error is not None:
            raise self.error


Serve = Callable[..., Awaitable[ClientSession]]


@pytest.fixture
def office() -> TinyOffice:
    return TinyOffice()


@pytest.fixture
async def serve(office: TinyOffice) -> AsyncIterator[Serve]:
    """A server with this operator key, and a client for it."""
    async with AsyncExitStack() as stack:

        async def start(key: str = KEY) -> ClientSession:
            app = web.Application()
            app.add_routes(routes(office, key))
            runner = web.AppRunner(app, shutdown_timeout=1)
            await runner.setup()
            stack.push_async_callback(runner.cleanup)
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            host, port = runner.addresses[0][:2]
            client = ClientSession(
                f"http://{host}:{port}", cookie_jar=CookieJar(unsafe=True), timeout=ClientTimeout(total=5)
            )
            return await stack.enter_async_context(client)

        yield start


FROM_OUTSIDE = {"Host": "bot.example.com"}
PROXIED = {"X-Forwarded-For": "203.0.113.9"}
BEARER = {"Authorization": f"Bearer {KEY}"}
WRONG = {"Authorization": "Bearer a wrong operator key"}


@pytest.mark.parametrize("path", PROTECTED)
@pytest.mark.parametrize(
    ("key", "headers", "status"),
    [
        (KEY, {}, 200),
        ("", {}, 200),
        ("", {"Host": "localhost"}, 200),
        ("", {"Host": "[::1]:8080"}, 200),
        ("", FROM_OUTSIDE, 404),
        ("", PROXIED, 404),
        ("", {"Forwarded": "for=203.0.113.9"}, 404),
        ("", FROM_OUTSIDE | {"Authorization": "Bearer "}, 404),
        ("", {"Host": "localhost.evil.example"}, 404),
        ("", {"Host": "[::1"}, 404),
        (KEY, FROM_OUTSIDE, 401),
        (KEY, PROXIED, 401),
        (KEY, FROM_OUTSIDE | WRONG, 401),
        (KEY, FROM_OUTSIDE | {"Authorization": "Bearer "}, 401),
        (KEY, FROM_OUTSIDE | {"Authorization": f"Basic {KEY}"}, 401),
        (KEY, FROM_OUTSIDE | {"Cookie": "firstline_operator=99999999999.forged"}, 401),
        (KEY, FROM_OUTSIDE | BEARER, 200),
        (KEY, PROXIED | BEARER, 200),
    ],
)
async def test_only_this_machine_or_the_key_opens(
    serve: Serve, path: str, key: str, headers: dict[str, str], status: int
) -> None:
    client = await serve(key)
    async with client.get(path, headers=headers) as response:
        assert response.status == status
    async with client.get("/why?ping", headers=headers) as ping:
        assert (await ping.json()) == {"allowed": status == 200}


@pytest.mark.parametrize(
    ("key", "headers", "status"),
    [
        ("", {}, 200),
        ("", {"Origin": "https://evil.example"}, 403),
        ("", {"Origin": "null"}, 403),
        ("", {"Sec-Fetch-Site": "cross-site"}, 403),
        ("", FROM_OUTSIDE, 404),
        (KEY, FROM_OUTSIDE, 401),
        (KEY, FROM_OUTSIDE | BEARER, 200),
        (KEY, FROM_OUTSIDE | BEARER | {"Origin": "https://bot.example.com"}, 200),
        (KEY, FROM_OUTSIDE | BEARER | {"Origin": "https://evil.example"}, 403),
    ],
)
async def test_nothing_is_done_for_strangers_or_from_other_pages(
    serve: Serve, office: TinyOffice, key: str, headers: dict[str, str], status: int
) -> None:
    client = await serve(key)
    for action in ACTIONS:
        said = {"address": "telegram:7", "text": "hi"}
        async with client.post(f"/operator/api/{action}", json=said, headers=headers) as response:
            assert response.status == status, action
    assert len(office.done) == (len(ACTIONS) if status == 200 else 0)


async def test_an_address_outside_is_not_loopback_whatever_it_calls_itself() -> None:
    class Request:
        host = "localhost"

        def __init__(self, peer: object) -> None:
            self.peer = peer
            self.headers: dict[str, str] = {}

        @property
        def transport(self) -> Request:
            return self

        def get_extra_info(self, name: str) -> object:
            return self.peer

    for peer, near in [
        (("127.0.0.9", 1), True),
        (("::1", 1, 0, 0), True),
        (("10.0.0.5", 1), False),
        ("", False),
        (None, False),
    ]:
        assert is_loopback(Request(peer)) is near  # type: ignore[arg-type]


async def test_the_login_form_sets_a_strict_cookie_that_opens_and_never_holds_the_key(serve: Serve) -> None:
    client = await serve()
    async with client.get("/operator", headers=FROM_OUTSIDE) as form:
        assert form.status == 401
        assert "Operator key" in await form.text()
    posted = client.post("/operator/login", data={"key": KEY}, headers=FROM_OUTSIDE, allow_redirects=False)
    async with posted as response:
        assert response.status == 303
        cookie = response.headers["Set-Cookie"]
    assert "HttpOnly; SameSite=Strict" in cookie
    assert KEY not in cookie
    sent = FROM_OUTSIDE | {"Cookie": cookie.split(";")[0]}
    async with client.get("/operator/api/conversations", headers=sent) as response:
        assert response.status == 200
    other = await serve("another key")
    async with other.get("/operator/api/conversations", headers=sent) as response:
        assert response.status == 401


async def test_a_session_ends_by_itself(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bots.gate.SESSION_SECONDS", -1)
    client = await serve()
    async with client.post(
        "/operator/login", data={"key": KEY}, headers=FROM_OUTSIDE, allow_redirects=False
    ) as response:
        cookie = response.headers["Set-Cookie"].split(";")[0]
    async with client.get("/operator/api/conversations", headers=FROM_OUTSIDE | {"Cookie": cookie}) as response:
        assert response.status == 401


async def test_guessing_the_key_is_slowed_down(serve: Serve) -> None:
    client = await serve()
    statuses = []
    for _ in range(12):
        async with client.post("/operator/login", data={"key": "guess"}, headers=FROM_OUTSIDE) as response:
            statuses.append(response.status)
    assert statuses == [401] * 10 + [429] * 2


async def test_a_login_from_another_page_or_without_a_key_to_know_is_refused(serve: Serve) -> None:
    client, keyless = await serve(), await serve("")
    async with client.post(
        "/operator/login", data={"key": KEY}, headers={"Origin": "https://evil.example"}
    ) as response:
        assert response.status == 403
    async with keyless.post("/operator/login", data={"key": ""}, headers=FROM_OUTSIDE) as response:
        assert response.status == 404


async def test_the_page_runs_nothing_but_its_own_and_is_never_framed(serve: Serve) -> None:
    client = await serve()
    async with client.get("/operator") as page:
        policy = page.headers["Content-Security-Policy"]
        assert "script-src 'self'" in policy
        assert "frame-ancestors 'none'" in policy
        assert page.headers["Cache-Control"] == "no-store"


async def test_the_page_brings_its_own_scripts_so_that_it_works_without_the_web_chat(serve: Serve) -> None:
    client = await serve("")
    async with client.get("/operator") as page:
        html = await page.text()
    paths = [piece.split('"')[0] for piece in html.replace('href="', 'src="').split('src="')[1:]]
    assert len(paths) >= 4
    for path in paths:
        async with client.get(path) as response:
            assert response.status == 200, path
            assert "immutable" in response.headers["Cache-Control"]


async def test_those_who_wait_come_first_and_the_longest_waiting_at_the_top(serve: Serve, office: TinyOffice) -> None:
    def summary(name: str, holder: Holder, minutes: int) -> Summary:
        at = NOW - timedelta(minutes=minutes)
        return Summary(Address("web", name), name, "x" * 500, at, holder, at if holder is Holder.WAITING else None)

    office.listed = [
        summary("bot old", Holder.BOT, 50),
        summary("bot new", Holder.BOT, 1),
        summary("waits short", Holder.WAITING, 2),
        summary("person", Holder.PERSON, 3),
        summary("waits long", Holder.WAITING, 30),
    ]
    client = await serve()
    async with client.get("/operator/api/conversations") as response:
        listed = (await response.json())["conversations"]
    assert [one["customer"] for one in listed] == ["waits long", "waits short", "person", "bot new", "bot old"]
    assert len(listed[0]["last_text"]) == 200


async def test_a_transcript_is_plain_values_with_the_question_each_answer_belongs_to(serve: Serve) -> None:
    client = await serve()
    async with client.get("/operator/api/transcript?address=telegram:7") as response:
        assert response.headers["Cache-Control"] == "no-store"
        transcript = await response.json()
    assert transcript["holder"] == "waiting"
    assert [(t["author"], t.get("answers", "")) for t in transcript["turns"]] == [
        ("customer", ""),
        ("bot", "m1"),
        ("person", ""),
    ]
    assert transcript["turns"][0]["text"] == "<b>where</b>?"


async def test_what_the_operator_does_reaches_the_office_with_a_name(serve: Serve, office: TinyOffice) -> None:
    client = await serve()
    said = {"address": "telegram:7", "who": "Desk 2", "text": " I will look. ", "note": "Refund promised"}
    for action in ACTIONS:
        async with client.post(f"/operator/api/{action}", json=said) as response:
            assert response.status == 200
    assert office.done == [
        ("take", "telegram:7", "Desk 2"),
        ("reply", "telegram:7", "I will look.", "Desk 2"),
        ("back", "telegram:7", "Refund promised"),
    ]


@pytest.mark.parametrize(
    "said",
    [
        {},
        {"address": "nocolon", "text": "x"},
        {"address": 7, "text": "x"},
        {"address": "telegram:7", "text": ""},
        {"address": "telegram:7", "text": "x" * 4001},
        {"address": "telegram:7", "text": "x", "who": "x" * 61},
    ],
)
async def test_a_reply_that_makes_no_sense_is_refused_in_words(
    serve: Serve, office: TinyOffice, said: dict[str, object]
) -> None:
    client = await serve()
    async with client.post("/operator/api/reply", json=said) as response:
        assert response.status == 400
        assert (await response.json())["problem"]
    assert office.done == []


@pytest.mark.parametrize(
    ("error", "status"),
    [(StoreError("disk"), 503), (Unreachable("the chat is blocked"), 502), (FirstlineError("nobody is there"), 409)],
)
async def test_what_could_not_be_done_is_said(
    serve: Serve, office: TinyOffice, error: FirstlineError, status: int
) -> None:
    client = await serve()
    office.error = error
    async with client.post("/operator/api/reply", json={"address": "telegram:7", "text": "hi"}) as response:
        assert response.status == status
        problem = (await response.json())["problem"]
    assert ("disk" in problem) is False
    assert status == 503 or str(error) in problem


async def test_why_tells_tier_rules_readings_cost_and_time(serve: Serve) -> None:
    client = await serve()
    async with client.get("/why/m1?address=telegram:7") as response:
        why = await response.json()
    assert (why["tier"], why["cost"], why["first_text"], why["total"]) == ("expert", "unknown", 412.5, 1890.0)
    assert why["rules"][0] == {"name": "Money", "why": "Refunds need care", "without": "quick", "held": False}
    assert why["rules"][1]["held"] is True
    assert why["readings"][1] == {"name": "frustration", "value": "high", "note": "!!", "score": 0.81, "failed": False}
    async with client.get("/why/other?address=telegram:7") as response:
        assert response.status == 404
        assert json.loads(await response.text())["problem"]


async def test_a_visitors_own_page_asks_why_by_its_cookie(
    serve: Serve, office: TinyOffice, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: asyncio.Queue[Address] = asyncio.Queue()

    async def why(address: Address, message_id: str) -> Receipt | None:
        asked.put_nowait(address)
        return None

    monkeypatch.setattr(office, "why", why)
    client = await serve()
    visitor = "v" * 22
    async with client.get("/why/m1", headers={"Cookie": f"firstline_visitor={visitor}"}) as response:
        assert response.status == 404
    assert asked.get_nowait() == Address("web", visitor)
    async with client.get("/why/m1") as response:
        assert response.status == 400


async def test_a_customer_s_picture_is_shown_and_everything_else_only_saved(serve: Serve, office: TinyOffice) -> None:
    client = await serve()
    async with client.get("/operator/api/file?address=telegram:7&message=m1&number=0") as shown:
        assert (shown.status, await shown.read(), shown.content_type) == (200, b"pixels", "image/jpeg")
        assert shown.headers["Content-Disposition"] == "inline"
        assert shown.headers["X-Content-Type-Options"] == "nosniff"
    async with client.get("/operator/api/file?address=telegram:7&message=m1&number=1") as saved:
        assert saved.content_type == "application/octet-stream"
        assert saved.headers["Content-Disposition"] == "attachment; filename*=UTF-8''..%2F%C3%A6%20b.html"
        assert "sandbox" in saved.headers["Content-Security-Policy"]


@pytest.mark.parametrize(
    "query", ["message=m2&number=0", "message=m1&number=9", "message=m1&number=99999", "message=m1&number=x"]
)
async def test_a_file_that_is_not_there_is_404(serve: Serve, office: TinyOffice, query: str) -> None:
    async with (await serve()).get(f"/operator/api/file?address=telegram:7&{query}") as answer:
        assert answer.status == 404


async def test_a_file_its_platform_does_not_give_is_said_in_words(serve: Serve, office: TinyOffice) -> None:
    client = await serve()
    office.error = Unreachable("the file is gone")
    async with client.get("/operator/api/file?address=telegram:7&message=m1") as answer:
        assert answer.status == 502
        assert "the file is gone" in (await answer.json())["problem"]
