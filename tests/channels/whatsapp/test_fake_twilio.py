"""Our Twilio refuses what Twilio would, as Twilio's own client and its own description of the API meet it."""

from __future__ import annotations

import asyncio
import json
import os
import re
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import pytest
from twilio.base.exceptions import TwilioRestException
from twilio.http.http_client import TwilioHttpClient
from twilio.rest import Client

from channels.whatsapp.testing import FakeTwilio, Message
from channels.whatsapp.testing.calls import LISTING, SENDING

SHARED = Path(os.environ.get("FIRSTLINE_SHARED", Path(__file__).resolve().parents[4] / "shared"))
PUBLISHED = SHARED / "peers" / "twilio-messages.openapi.json"
needs_the_description = pytest.mark.skipif(not PUBLISHED.exists(), reason=f"needs {PUBLISHED}")
PAGE = "/2010-04-01/Accounts/{AccountSid}/Messages.json"
YOU = "+4512345678"
TO = f"whatsapp:{YOU}"


class Clock:
    """A wall's time that moves when a test says so."""

    def __init__(self) -> None:
        self.now = datetime(2026, 3, 1, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def twilio(clock: Clock) -> AsyncIterator[FakeTwilio]:
    async with FakeTwilio(clock=clock, delays=(0.0,)) as server:
        server.world.heard[TO] = clock()
        yield server


class Sdk:
    """Twilio's own client, in threads: it blocks."""

    def __init__(self, twilio: FakeTwilio, user: str = "", secret: str = "") -> None:
        self._http = TwilioHttpClient()
        user, secret = user or twilio.account, secret or twilio.token
        self.client = Client(user, secret, twilio.account, http_client=self._http)
        self.client.api.base_url = self.client.messaging.base_url = twilio.url
        self._twilio = twilio

    def close(self) -> None:
        assert self._http.session is not None
        self._http.session.close()

    async def do(self, call: Callable[[Client], Any]) -> Any:
        return await asyncio.to_thread(call, self.client)

    async def send(self, **more: Any) -> Any:
        given = {"to": TO, "from_": self._twilio.number, "body": "hello"} | more
        given = {name: value for name, value in given.items() if value is not None}
        return await self.do(lambda client: client.messages.create(**given))

    async def refused(self, **more: Any) -> tuple[int, int]:
        """HTTP status and Twilio's code of a message that is not accepted."""
        before = len(self._twilio.sent)
        with pytest.raises(TwilioRestException) as caught:
            await self.send(**more)
        assert len(self._twilio.sent) == before
        return caught.value.status, caught.value.code


@pytest.fixture
async def sdk(twilio: FakeTwilio) -> AsyncIterator[Sdk]:
    made = Sdk(twilio)
    yield made
    made.close()


async def raw(twilio: FakeTwilio, method: str, path: str, **more: Any) -> tuple[int, dict[str, Any]]:
    """A request past every check of a client library."""
    headers = more.pop("headers", {"Authorization": aiohttp.encode_basic_auth(twilio.account, twilio.token)})
    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.request(method, twilio.url + path, **more) as answer,
    ):
        return answer.status, await answer.json()


async def test_a_message_is_queued_and_then_fetched_as_delivered(twilio: FakeTwilio, sdk: Sdk) -> None:
    made = await sdk.send(body="hello you")
    assert (made.status, made.to, made.from_, made.body) == ("queued", TO, twilio.number, "hello you")
    assert (made.direction, made.price, made.error_code) == ("outbound-api", None, None)
    await twilio.settled()
    fetched = await sdk.do(lambda client: client.messages(made.sid).fetch())
    assert (fetched.status, fetched.date_sent) == ("delivered", datetime(2026, 3, 1, 12, tzinfo=UTC))


async def test_what_was_sent_is_kept_in_order_with_everything_asked_for(twilio: FakeTwilio, sdk: Sdk) -> None:
    first = await sdk.send(status_callback="https://bot.example/s?part=1")
    second = await sdk.send(body=None, content_sid=twilio.template, content_variables='{"1": "hi"}')
    assert [message.sid for message in twilio.sent] == [first.sid, second.sid]
    assert twilio.sent[0].status_callback == "https://bot.example/s?part=1"
    assert (twilio.sent[1].content_sid, twilio.sent[1].content_variables) == (twilio.template, '{"1": "hi"}')
    assert twilio.sent[1].body == second.body == "About your question: hi"


@pytest.mark.parametrize(
    ("given", "answer"),
    [
        ({"to": "whatsapp:garbage"}, (400, 21211)),
        ({"to": "whatsapp:+45 12 34 56 78"}, (400, 21211)),
        ({"to": "whatsapp:4512345678"}, (400, 21211)),
        ({"to": YOU}, (400, 21910)),
        ({"to": ""}, (400, 21604)),
        ({"from_": None}, (400, 21603)),
        ({"from_": "whatsapp:+4587654321"}, (400, 63007)),
        ({"body": None}, (400, 21619)),
        ({"body": "  "}, (400, 21619)),
        ({"body": "x" * 1601}, (400, 21617)),
        ({"body": "\N{GRINNING FACE}" * 801}, (400, 21617)),
        ({"media_url": ["https://bot.example/a.png", "https://bot.example/b.png"]}, (400, 21623)),
        ({"media_url": ["a.png"]}, (400, 21620)),
        ({"status_callback": "no address"}, (400, 21609)),
        ({"status_callback": "ftp://bot.example/"}, (400, 21609)),
        ({"status_callback": "https://my_bot.example/s"}, (400, 21609)),
        ({"content_sid": "HX" + "a" * 32, "content_variables": '{"1":"x"}'}, (400, 20001)),
        ({"body": None, "content_sid": "HX" + "c" * 32}, (400, 21655)),
        ({"content_variables": '{"1":"x"}'}, (400, 20001)),
        ({"attempt": 3}, (400, 20001)),
    ],
)
async def test_a_message_twilio_would_refuse_is_refused(
    sdk: Sdk, given: dict[str, Any], answer: tuple[int, int]
) -> None:
    assert await sdk.refused(**given) == answer


@pytest.mark.parametrize(
    "variables",
    [
        *(None, "x", "[]", "{}", '{"1": 1}', '{"1": ""}', '{"1": null}', '{"1": "x", "2": "y"}'),
        *('{"1": "a\\nb"}', '{"1": "a\\tb"}', '{"1": "a     b"}'),
    ],
)
async def test_template_variables_are_an_object_of_texts_a_template_can_show(
    twilio: FakeTwilio, sdk: Sdk, variables: str | None
) -> None:
    given = {"body": None, "content_sid": twilio.template, "content_variables": variables}
    assert await sdk.refused(**given) == (400, 21656)
    long = json.dumps({"1": "x" * 1601})
    assert await sdk.refused(**given | {"content_variables": long}) == (400, 21658)


@pytest.mark.parametrize("body", ["x" * 1600, "\N{GRINNING FACE}" * 800])
async def test_a_body_of_1600_units_is_accepted(twilio: FakeTwilio, sdk: Sdk, body: str) -> None:
    await sdk.send(body=body)
    assert twilio.sent[0].body == body


async def test_an_address_without_a_phone_number_is_as_good_as_one_with(
    twilio: FakeTwilio, sdk: Sdk, clock: Clock
) -> None:
    twilio.world.heard["whatsapp:US.ABC123"] = clock()
    await sdk.send(to="whatsapp:US.ABC123")
    await twilio.settled()
    assert [message.status for message in twilio.chat("US.ABC123")] == ["delivered"]


async def test_wrong_credentials_are_refused_and_an_api_key_is_taken(twilio: FakeTwilio) -> None:
    for user, secret in [(twilio.account, "wrong"), (twilio.account, twilio.api_secret), (twilio.api_key, "wrong")]:
        stranger = Sdk(twilio, user, secret)
        assert await stranger.refused() == (401, 20003)
        stranger.close()
    known = Sdk(twilio, twilio.api_key, twilio.api_secret)
    await known.send()
    known.close()
    assert [call.user for call in twilio.log] == ["", "", "", twilio.api_key]
    assert (await raw(twilio, "GET", f"/2010-04-01/Accounts/{twilio.account}.json", headers={}))[1]["code"] == 20003


async def test_only_forms_of_known_parameters_at_known_addresses_are_taken(twilio: FakeTwilio) -> None:
    path = f"/2010-04-01/Accounts/{twilio.account}/Messages.json"
    form = [("To", TO), ("From", twilio.number), ("Body", "x")]
    assert (await raw(twilio, "POST", path, json=dict(form)))[0] == 415
    assert (await raw(twilio, "POST", path, data=[*form, ("Sender", "me")]))[1]["code"] == 20001
    assert (await raw(twilio, "POST", path, data=[*form, ("Body", "y")]))[1]["code"] == 20001
    assert (await raw(twilio, "POST", path.replace("AC", "AD"), data=form))[1]["code"] == 20404
    assert (await raw(twilio, "DELETE", path))[1] == {
        "code": 20404,
        "message": f"The requested resource {path} was not found",
        "more_info": "https://www.twilio.com/docs/errors/20404",
        "status": 404,
    }
    assert not twilio.sent


async def test_a_message_of_an_unknown_id_is_not_found(sdk: Sdk) -> None:
    with pytest.raises(TwilioRestException) as caught:
        await sdk.do(lambda client: client.messages("SM" + "0" * 32).fetch())
    assert (caught.value.status, caught.value.code) == (404, 20404)


async def test_free_text_after_24_hours_is_accepted_and_fails(twilio: FakeTwilio, sdk: Sdk, clock: Clock) -> None:
    clock.now += timedelta(hours=24)
    late = await sdk.send()
    assert late.status == "queued"
    await twilio.settled()
    fetched = await sdk.do(lambda client: client.messages(late.sid).fetch())
    assert (fetched.status, fetched.error_code) == ("failed", 63016)


async def test_the_24_hours_end_at_the_24th(twilio: FakeTwilio, sdk: Sdk, clock: Clock) -> None:
    clock.now += timedelta(hours=24, microseconds=-1)
    await sdk.send()
    await twilio.settled()
    assert twilio.sent[0].status == "delivered"


async def test_after_24_hours_an_approved_template_arrives_and_a_list_picker_does_not(
    twilio: FakeTwilio, sdk: Sdk, clock: Clock
) -> None:
    clock.now += timedelta(days=2)
    for content in (twilio.template, twilio.picker):
        await sdk.send(body=None, content_sid=content, content_variables='{"1":"x"}')
    await twilio.settled()
    assert [(message.status, message.code) for message in twilio.sent] == [("delivered", 0), ("failed", 63016)]


async def test_a_message_to_come_to_grief_is_accepted_and_then_fails(twilio: FakeTwilio, sdk: Sdk) -> None:
    twilio.lose_next(63005)
    for _ in range(2):
        await sdk.send()
    await twilio.settled()
    assert [(message.status, message.code) for message in twilio.sent] == [("failed", 63005), ("delivered", 0)]


async def test_who_opted_out_gets_nothing(twilio: FakeTwilio, sdk: Sdk) -> None:
    twilio.world.opted_out.add(TO)
    assert await sdk.refused() == (400, 21610)


async def test_more_messages_a_second_than_allowed_are_refused_until_time_has_passed(clock: Clock) -> None:
    async with FakeTwilio(clock=clock, rate=2) as twilio:
        sdk = Sdk(twilio)
        for _ in range(2):
            await sdk.send()
        assert await sdk.refused() == (429, 20429)
        clock.now += timedelta(seconds=1)
        await sdk.send()
        sdk.close()
        assert [call.status for call in twilio.log] == [201, 201, 429, 201]


async def test_lists_hold_both_directions_newest_first_and_filter(twilio: FakeTwilio, sdk: Sdk, clock: Clock) -> None:
    first = await sdk.send()
    clock.now += timedelta(minutes=1)
    twilio.world.heard["whatsapp:+4511111111"] = clock()
    other = await sdk.send(to="whatsapp:+4511111111")
    clock.now += timedelta(days=1)
    last = await sdk.send()
    await twilio.settled()
    heard = Message("SM" + "1" * 32, twilio.number, TO, "hi", clock(), inbound=True, status="received")
    twilio.world.hear(heard)

    async def listed(**filters: Any) -> list[str]:
        return [message.sid for message in await sdk.do(lambda client: client.messages.list(**filters))]

    assert await listed() == [heard.sid, last.sid, other.sid, first.sid]
    assert await listed(to=TO) == [last.sid, first.sid]
    assert await listed(from_=TO) == [heard.sid]
    assert await listed(date_sent_after=datetime(2026, 3, 1, 12, 1, tzinfo=UTC)) == [heard.sid, last.sid, other.sid]
    assert await listed(date_sent_before=datetime(2026, 3, 1, 12, 0, tzinfo=UTC)) == [first.sid]
    assert await listed(date_sent=datetime(2026, 3, 1, 12, 0, tzinfo=UTC)) == [first.sid]
    path = f"/2010-04-01/Accounts/{twilio.account}/Messages.json"
    days = {"DateSent=2026-03-01": 2, "DateSent>=2026-03-02": 2, "DateSent>=2026-03-03": 0}
    days |= {"DateSent<=2026-03-01": 2, "DateSent<=2026-03-02": 4, "DateSent<=2026-02-28": 0}
    found = {query: len((await raw(twilio, "GET", f"{path}?{query}"))[1]["messages"]) for query in days}
    assert found == days


async def test_a_long_list_comes_in_pages_by_the_next_page_s_address(twilio: FakeTwilio, sdk: Sdk) -> None:
    sids = [(await sdk.send(body=str(number))).sid for number in range(7)]
    found = await sdk.do(lambda client: client.messages.list(to=TO, page_size=3))
    assert [message.sid for message in found] == sids[::-1]
    assert [call.form.get("Page") for call in twilio.calls("GET")] == [None, "1", "2"]
    assert {call.form["To"] for call in twilio.calls("GET")} == {TO}


@pytest.mark.parametrize("query", ["PageSize=0", "PageSize=1001", "PageSize=x", "DateSent=yesterday", "Direction=in"])
async def test_a_list_twilio_would_refuse_is_refused(twilio: FakeTwilio, query: str) -> None:
    path = f"/2010-04-01/Accounts/{twilio.account}/Messages.json?{query}"
    assert (await raw(twilio, "GET", path))[1]["code"] == 20001


async def test_typing_is_shown_for_a_message_of_the_customer_s_only(twilio: FakeTwilio, sdk: Sdk) -> None:
    mine = await sdk.send()
    with pytest.raises(TwilioRestException) as caught:
        await sdk.do(lambda client: client.messaging.v2.typing_indicator.create("whatsapp", mine.sid))
    assert caught.value.code == 20422
    twilio.connect("http://127.0.0.1:1", "http://127.0.0.1:1")
    sid = "SM" + "1" * 32
    with pytest.raises(Exception, match="answered nothing"):
        await twilio.brings({"MessageSid": sid, "From": TO})
    shown = await sdk.do(lambda client: client.messaging.v2.typing_indicator.create("whatsapp", sid))
    assert shown.success
    assert twilio.world.typings == [sid]


async def test_the_sender_tells_what_was_entered_for_it_and_the_sandbox_has_none(twilio: FakeTwilio, sdk: Sdk) -> None:
    twilio.connect("http://127.0.0.1:1", "https://bot.example/x/")
    (sender,) = await sdk.do(lambda client: client.messaging.v2.channels_senders.list(channel="whatsapp"))
    assert (sender.sender_id, sender.status) == (twilio.number, "ONLINE")
    assert sender.webhook["callback_url"] == "https://bot.example/x/whatsapp/messages#rc=5&rp=all"
    assert (await sdk.do(lambda client: client.messaging.v2.channels_senders(sender.sid).fetch())).sid == sender.sid
    twilio.world.sandbox = True
    assert await sdk.do(lambda client: client.messaging.v2.channels_senders.list(channel="whatsapp")) == []


async def test_the_account_answers(sdk: Sdk, twilio: FakeTwilio) -> None:
    account = await sdk.do(lambda client: client.api.v2010.accounts(twilio.account).fetch())
    assert (account.sid, account.status) == (twilio.account, "active")


async def test_a_fault_ordered_hits_the_next_calls_of_its_kind_and_no_other(twilio: FakeTwilio, sdk: Sdk) -> None:
    twilio.fail_next("send", 500, 20500, times=2)
    assert await sdk.do(lambda client: client.messages.list()) == []
    assert [await sdk.refused(), await sdk.refused()] == [(500, 20500)] * 2
    await sdk.send()
    with pytest.raises(ValueError, match="there is no 'sending' to fail"):
        twilio.fail_next("sending", 500)


async def test_a_list_that_is_away_answers_nothing_while_messages_are_taken(twilio: FakeTwilio, sdk: Sdk) -> None:
    twilio.list_away = True
    with pytest.raises(OSError, match="without response"):
        await sdk.do(lambda client: client.messages.list())
    assert (await sdk.send()).sid
    twilio.list_away = False
    assert len(await sdk.do(lambda client: client.messages.list())) == 1


async def test_a_refusal_says_when_to_come_again_if_a_test_wants(twilio: FakeTwilio) -> None:
    twilio.fail_next("send", 429, 20429, retry_after="7")
    auth = {"Authorization": aiohttp.encode_basic_auth(twilio.account, twilio.token)}
    async with aiohttp.ClientSession(headers=auth) as client:
        path = PAGE.format(AccountSid=twilio.account)
        async with client.post(twilio.url + path, data={"To": TO, "From": twilio.number, "Body": "x"}) as answer:
            assert (answer.status, answer.headers["Retry-After"]) == (429, "7")


@pytest.mark.parametrize(("after_effect", "kept"), [(False, 0), (True, 1)])
async def test_a_connection_is_cut_before_or_after_the_message_was_taken(
    twilio: FakeTwilio, after_effect: bool, kept: int
) -> None:
    twilio.fail_next("send", 0, after_effect=after_effect)
    path = f"/2010-04-01/Accounts/{twilio.account}/Messages.json"
    with pytest.raises(aiohttp.ServerDisconnectedError):
        await raw(twilio, "POST", path, data={"To": TO, "From": twilio.number, "Body": "x"})
    assert len(twilio.sent) == kept
    assert [call.status for call in twilio.log] == [0]


async def test_a_call_without_an_answer_ends_when_the_client_has_waited_enough(twilio: FakeTwilio) -> None:
    twilio.fail_next("account", -1)
    with pytest.raises(TimeoutError):
        await raw(
            twilio,
            "GET",
            f"/2010-04-01/Accounts/{twilio.account}.json",
            timeout=aiohttp.ClientTimeout(sock_read=0.05),
        )


# -- the published description ---------------------------------------------------------------------------------------


def described() -> dict[str, Any]:
    description: dict[str, Any] = json.loads(PUBLISHED.read_text("utf-8"))
    return description


def fits(value: Any, schema: dict[str, Any], schemas: dict[str, Any]) -> bool:
    """Whether a value is what this part of the description allows; formats apart from patterns are not looked at."""
    if "$ref" in schema:
        schema = schemas[schema["$ref"].rpartition("/")[2]]
    if value is None:
        return bool(schema.get("nullable"))
    if "enum" in schema:
        return value in schema["enum"]
    kinds = {"string": str, "integer": int, "object": dict, "array": list, "boolean": bool}
    if not isinstance(value, kinds[schema["type"]]):
        return False
    if isinstance(value, list):
        return all(fits(item, schema["items"], schemas) for item in value)
    if isinstance(value, dict) and "properties" in schema:
        return all(name in schema["properties"] for name in value) and all(
            fits(item, schema["properties"][name], schemas) for name, item in value.items()
        )
    return "pattern" not in schema or bool(re.search(schema["pattern"], str(value)))


@needs_the_description
def test_every_parameter_we_take_is_described() -> None:
    page = described()["paths"][PAGE]
    form = page["post"]["requestBody"]["content"]["application/x-www-form-urlencoded"]["schema"]["properties"]
    assert form.keys() >= SENDING
    assert {parameter["name"] for parameter in page["get"]["parameters"]} >= LISTING


@needs_the_description
async def test_every_answer_is_as_described(twilio: FakeTwilio, sdk: Sdk) -> None:
    description = described()
    schemas = description["components"]["schemas"]
    lost = await sdk.send()
    await twilio.settled()
    await twilio.callbacks.settled()
    twilio.sent[0].code = 63016
    file = twilio.world.keep(lost.sid, b"x", "image/png")
    root = f"/2010-04-01/Accounts/{twilio.account}"
    message = f"{root}/Messages/{lost.sid}"
    form = {"To": TO, "From": twilio.number, "Body": "x"}
    known = description["paths"]
    cases: list[tuple[str, str, dict[str, Any], dict[str, Any]]] = [
        ("POST", f"{root}/Messages.json", {"data": form}, known[PAGE]["post"]["responses"]["201"]),
        ("GET", f"{root}/Messages.json?PageSize=1", {}, known[PAGE]["get"]["responses"]["200"]),
        ("GET", f"{message}.json", {}, known[PAGE.replace(".json", "/{Sid}.json")]["get"]["responses"]["200"]),
        ("GET", f"{message}/Media.json", {}, _media(known, "")["get"]["responses"]["200"]),
        ("GET", f"{message}/Media/{file.sid}.json", {}, _media(known, "/{Sid}")["get"]["responses"]["200"]),
    ]
    for method, path, more, response in cases:
        status, body = await raw(twilio, method, path, **more)
        assert status in (200, 201)
        assert fits(body, response["content"]["application/json"]["schema"], schemas), (path, body)
    status, account = await raw(twilio, "GET", f"{root}.json")
    assert fits(account, schemas["api.v2010.account"], schemas)


def _media(paths: dict[str, Any], more: str) -> dict[str, Any]:
    found: dict[str, Any] = paths[PAGE.replace(".json", f"/{{MessageSid}}/Media{more}.json")]
    return found


async def test_a_file_is_behind_a_redirect_to_a_machine_that_wants_no_credentials(twilio: FakeTwilio) -> None:
    file = twilio.world.keep("MM" + "1" * 32, b"pixels", "image/png")
    twilio.detours = 1
    url = f"{twilio.url}/2010-04-01/Accounts/{twilio.account}/Messages/{file.message}/Media/{file.sid}"
    async with aiohttp.ClientSession() as session:
        async with session.get(url, allow_redirects=False) as answer:
            assert answer.status == 401
        headers = {"Authorization": aiohttp.encode_basic_auth(twilio.account, twilio.token)}
        async with session.get(url, headers=headers, allow_redirects=False) as answer:
            assert answer.status == 307
            place = answer.headers["Location"]
        assert urlsplit(place).netloc == urlsplit(twilio.cdn).netloc != urlsplit(twilio.url).netloc
        async with session.get(place, headers=headers) as answer:
            assert answer.status == 400
        async with session.get(place) as answer:
            assert (answer.status, answer.content_type, await answer.read()) == (200, "image/png", b"pixels")
    assert [call.path for call in twilio.log][-2:] == [f"{twilio.cdn}/1/{file.sid}", f"{twilio.cdn}/0/{file.sid}"]
