"""The client: the requests Twilio's own SDK would make, every wait bounded, no POST twice, every error one of ours."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aiohttp import web
from twilio.base.exceptions import TwilioRestException
from twilio.http.http_client import TwilioHttpClient
from twilio.rest import Client as Sdk

from channels.whatsapp.client import Account, Client, Limits
from channels.whatsapp.codes import SetUp
from channels.whatsapp.posts import Post
from channels.whatsapp.testing import Call, FakeTwilio
from core.errors import NotSent, Rejected, Throttled, Unconfirmed, Unreachable

TO = "whatsapp:+4512345678"
CALLBACK = "https://bot.example.com/whatsapp/status?part=SM1.0.ab"
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


@pytest.fixture
async def twilio() -> AsyncIterator[FakeTwilio]:
    async with FakeTwilio(auto=()) as api:
        api.world.heard[TO] = api.world.clock()
        yield api


def account(url: str, **changes: str) -> Account:
    given = {"sid": FakeTwilio.account, "user": FakeTwilio.account, "password": FakeTwilio.token}
    return Account(**given | changes, base_url=url, messaging_url=url)


@pytest.fixture
async def client(twilio: FakeTwilio) -> AsyncIterator[Client]:
    made = Client(account(twilio.url))
    yield made
    await made.aclose()


@pytest.fixture
def sdk(twilio: FakeTwilio) -> Iterator[Sdk]:
    http = TwilioHttpClient()
    made = Sdk(twilio.account, twilio.token, http_client=http)
    made.api.base_url = made.messaging.base_url = twilio.url
    yield made
    assert http.session is not None
    http.session.close()


def post(twilio: FakeTwilio, **fields: Any) -> Post:
    return Post(TO, twilio.number, **{"body": "It left.", "status_callback": CALLBACK} | fields)


def same(one: Call, other: Call) -> None:
    """Two calls Twilio could not tell apart, but for who made them."""
    assert (one.method, one.path, one.user) == (other.method, other.path, other.user)
    assert sorted(one.form.items()) == sorted(other.form.items())
    if one.method == "POST":  # the SDK names a type for the body a GET has not
        assert one.headers["Content-Type"] == other.headers["Content-Type"]
    assert one.headers["Authorization"] == other.headers["Authorization"]


SDK_CALLS: dict[str, tuple[Callable[[Client, FakeTwilio], Any], Callable[[Sdk, FakeTwilio], Any]]] = {
    "text": (
        lambda client, twilio: client.send(post(twilio)),
        lambda sdk, twilio: sdk.messages.create(to=TO, from_=twilio.number, body="It left.", status_callback=CALLBACK),
    ),
    "template": (
        lambda client, twilio: client.send(
            post(twilio, body="", content=twilio.template, variables={"1": "På vej \U0001f69a"})
        ),
        lambda sdk, twilio: sdk.messages.create(
            to=TO,
            from_=twilio.number,
            content_sid=twilio.template,
            content_variables='{"1": "På vej \U0001f69a"}',
            status_callback=CALLBACK,
        ),
    ),
    "message": (
        lambda client, twilio: client.message(twilio.sent[0].sid),
        lambda sdk, twilio: sdk.messages(twilio.sent[0].sid).fetch(),
    ),
    "listing": (
        lambda client, twilio: client.listing(TO, LONG_AGO),
        lambda sdk, twilio: sdk.messages.list(to=TO, page_size=1000),
    ),
    "senders": (
        lambda client, twilio: client.sender("whatsapp:+1"),
        lambda sdk, twilio: sdk.messaging.v2.channels_senders.list(channel="whatsapp", page_size=100),
    ),
    "typing": (
        lambda client, twilio: client.typing(next(iter(twilio.world.messages))),
        lambda sdk, twilio: sdk.messaging.v2.typing_indicator.create("whatsapp", next(iter(twilio.world.messages))),
    ),
}


@pytest.mark.parametrize("call", SDK_CALLS)
async def test_it_asks_as_twilios_own_sdk_does(twilio: FakeTwilio, client: Client, sdk: Sdk, call: str) -> None:
    if call == "typing":
        form = {"From": TO, "MessageSid": "SM" + "1" * 32, "Body": "hello"}
        twilio._remember(form)
    else:
        await client.send(post(twilio))
    ours, theirs = SDK_CALLS[call]
    await ours(client, twilio)
    await asyncio.to_thread(theirs, sdk, twilio)
    same(twilio.log[-2], twilio.log[-1])
    assert twilio.log[-1].status in {200, 201}
    assert twilio.log[-2].headers["User-Agent"] == "firstline"


@pytest.mark.parametrize("code", [21211, 21610, 21617, 20429])
async def test_the_sdk_sees_the_same_refusal(twilio: FakeTwilio, client: Client, sdk: Sdk, code: int) -> None:
    twilio.fail_next("send", 429 if code == 20429 else 400, code, times=2)
    with pytest.raises((Rejected, Unreachable, Throttled)) as ours:
        await client.send(post(twilio))
    with pytest.raises(TwilioRestException) as theirs:
        await asyncio.to_thread(sdk.messages.create, to=TO, from_=twilio.number, body="It left.")
    assert theirs.value.code == code
    assert str(code) in str(ours.value)


async def test_a_sent_message_comes_back_with_its_id_and_state(twilio: FakeTwilio, client: Client) -> None:
    sent = await client.send(post(twilio))
    assert (sent.sid, sent.status, sent.body) == (twilio.sent[0].sid, "queued", "It left.")
    assert (await client.message(sent.sid)).direction == "outbound-api"


@pytest.mark.parametrize(("status", "tries"), [(500, 1), (503, 1), (0, 1), (429, 1)])
async def test_no_post_is_repeated_by_itself(twilio: FakeTwilio, client: Client, status: int, tries: int) -> None:
    await client.send(post(twilio))  # the connection is kept, so that a cut could be taken for a stale one
    twilio.fail_next("send", status, times=5)
    with pytest.raises((Unconfirmed, Throttled)):
        await client.send(post(twilio))
    assert len(twilio._api.faults["send"]) == 4


async def test_trap_17_an_answer_that_does_not_come_ends_after_its_limit(twilio: FakeTwilio) -> None:
    client = Client(account(twilio.url), Limits(read=0.1))
    twilio.fail_next("send", -1)
    try:
        with pytest.raises(Unconfirmed):
            await client.send(post(twilio))
    finally:
        await client.aclose()


async def test_an_answer_that_trickles_ends_after_the_limit_for_all_of_it() -> None:
    async def drip(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(status=201)
        await response.prepare(request)
        while True:
            await response.write(b" ")
            await asyncio.sleep(0.02)

    async with _Server(drip) as url:
        client = Client(account(url), Limits(read=1.0, total=0.3))
        try:
            with pytest.raises(Unconfirmed):
                await client.send(Post(TO, FakeTwilio.number, "It left."))
        finally:
            await client.aclose()


async def test_where_nobody_listens_nothing_was_sent() -> None:
    client = Client(account("http://127.0.0.1:9"))
    try:
        with pytest.raises(NotSent):
            await client.send(Post(TO, FakeTwilio.number, "It left."))
    finally:
        await client.aclose()


async def test_a_connection_nobody_takes_is_not_sent() -> None:
    """One connection, held by another call: this one never left."""
    asked, go_on = asyncio.Event(), asyncio.Event()

    async def wait(_: web.Request) -> web.Response:
        asked.set()
        await go_on.wait()
        return web.json_response({"sid": "SM1"})

    async with _Server(wait) as url:
        client = Client(account(url), Limits(connect=0.05))
        session = client._open()
        assert session.connector is not None
        session.connector._limit = 1
        try:
            first = asyncio.create_task(client.send(Post(TO, FakeTwilio.number, "1")))
            await asked.wait()
            with pytest.raises(NotSent):
                await client.send(Post(TO, FakeTwilio.number, "2"))
            go_on.set()
            await first
        finally:
            await client.aclose()


@pytest.mark.parametrize("body", ["", "<html>", "[]", "{}", '{"sid": null}', '{"sid": "SM1"'])
async def test_a_good_answer_that_cannot_be_read_is_unconfirmed(body: str) -> None:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(status=201, text=body)

    async with _Server(answer) as url:
        client = Client(account(url))
        try:
            with pytest.raises(Unconfirmed):
                await client.send(Post(TO, FakeTwilio.number, "It left."))
        finally:
            await client.aclose()


async def test_a_redirect_is_not_followed_with_credentials(twilio: FakeTwilio) -> None:
    async def elsewhere(_: web.Request) -> web.Response:
        raise web.HTTPTemporaryRedirect(f"{twilio.url}/2010-04-01/Accounts/{twilio.account}/Messages.json")

    async with _Server(elsewhere) as url:
        client = Client(account(url))
        try:
            with pytest.raises(Rejected):
                await client.send(post(twilio))
        finally:
            await client.aclose()
    assert not twilio.log


async def test_a_retry_after_is_kept_within_reason() -> None:
    async def busy(_: web.Request) -> web.Response:
        return web.json_response({"code": 20429}, status=429, headers={"Retry-After": "1e9"})

    async with _Server(busy) as url:
        client = Client(account(url))
        try:
            with pytest.raises(Throttled) as error:
                await client.send(Post(TO, FakeTwilio.number, "It left."))
        finally:
            await client.aclose()
    assert error.value.retry_after == 300.0


async def test_a_list_is_read_to_its_last_page(twilio: FakeTwilio, client: Client, monkeypatch: Any) -> None:
    monkeypatch.setattr("channels.whatsapp.client.PAGE", 2)
    for n in range(5):
        await client.send(post(twilio, body=str(n)))
    assert {one.body for one in await client.listing(TO, LONG_AGO)} == {"0", "1", "2", "3", "4"}
    assert len(twilio.calls("GET", "/Messages.json")) == 3


async def test_a_list_holds_only_what_was_made_since(twilio: FakeTwilio, client: Client) -> None:
    await client.send(post(twilio))
    assert await client.listing(TO, twilio.world.clock() + timedelta(minutes=1)) == []
    assert await client.listing("whatsapp:+4500000000", LONG_AGO) == []


async def test_a_next_page_on_another_host_is_not_asked_for() -> None:
    asked: list[str] = []

    async def page(request: web.Request) -> web.Response:
        asked.append(request.path)
        return web.json_response({"messages": [], "next_page_uri": "http://127.0.0.1:9/further"})

    async with _Server(page) as url:
        client = Client(account(url))
        try:
            with pytest.raises(NotSent, match="another host"):
                await client.listing(TO, LONG_AGO)
        finally:
            await client.aclose()
    assert len(asked) == 1


async def test_the_senders_settings_are_read(twilio: FakeTwilio, client: Client) -> None:
    twilio.connect("http://127.0.0.1:9", "https://bot.example.com")
    found = await client.sender(twilio.number)
    assert found is not None
    assert found.messages_url == "https://bot.example.com/whatsapp/messages#rc=5&rp=all"
    assert (found.status, found.messages_method) == ("ONLINE", "POST")
    assert await client.sender("whatsapp:+4500000000") is None


async def test_an_api_key_is_let_in(twilio: FakeTwilio) -> None:
    client = Client(account(twilio.url, user=twilio.api_key, password=twilio.api_secret))
    try:
        await client.account()
    finally:
        await client.aclose()


async def test_wrong_credentials_are_for_an_operator(twilio: FakeTwilio) -> None:
    client = Client(account(twilio.url, password="wrong"))
    try:
        with pytest.raises(SetUp, match="token"):
            await client.account()
    finally:
        await client.aclose()


async def test_an_error_leads_to_no_request_and_says_no_secret(twilio: FakeTwilio, client: Client) -> None:
    twilio.fail_next("send", 0)
    with pytest.raises(Unconfirmed) as error:
        await client.send(post(twilio))
    assert error.value.__cause__ is None
    assert error.value.__context__ is None
    assert TO not in repr(error.value)
    assert TO not in repr(post(twilio))
    assert FakeTwilio.token not in repr(account("http://x"))


class _Server:
    """Any answer to every request."""

    def __init__(self, answer: Callable[[web.Request], Any]) -> None:
        self._app = web.Application()
        self._app.router.add_route("*", "/{rest:.*}", answer)
        self._runner = web.AppRunner(self._app, access_log=None, shutdown_timeout=0.1)

    async def __aenter__(self) -> str:
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        return f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()
