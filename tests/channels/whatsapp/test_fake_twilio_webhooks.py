"""What our Twilio brings to a bot: signed as Twilio's own validator wants it, in order, and again after a failure."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from twilio.request_validator import RequestValidator

from channels.whatsapp.testing import FakeTwilio, Undelivered
from channels.whatsapp.testing.webhooks import repeats, signature

PUBLIC = "https://bot.example/whats%20app"
YOU = "+4512345678"


@dataclass
class Bot:
    """A bot that checks signatures as Twilio's own library does. `answers` come first, then it takes everything."""

    url: str = ""
    forms: list[dict[str, str]] = field(default_factory=list)
    parts: list[str] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)
    reply: Callable[[], web.Response] = lambda: web.Response(text="<Response/>", content_type="text/xml")
    gate: asyncio.Event = field(default_factory=asyncio.Event)

    def statuses(self) -> list[str]:
        return [form["MessageStatus"] for form in self.forms if "MessageStatus" in form]

    async def take(self, request: web.Request) -> web.Response:
        form = await request.post()
        given = request.headers["X-Twilio-Signature"]
        assert RequestValidator(FakeTwilio.token).validate(PUBLIC + request.raw_path, form, given)
        await self.gate.wait()
        self.forms.append({name: str(value) for name, value in form.items()})
        if "MessageStatus" in form:
            self.parts.append(request.query["part"])
        status = self.answers.pop(0) if self.answers else 200
        return self.reply() if status == 200 else web.Response(status=status)


@pytest.fixture
async def bot() -> AsyncIterator[Bot]:
    made = Bot()
    made.gate.set()
    app = web.Application()
    app.router.add_post("/whatsapp/{what}", made.take)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    made.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield made
    await runner.cleanup()


@pytest.fixture
async def twilio(bot: Bot) -> AsyncIterator[FakeTwilio]:
    async with FakeTwilio(delays=(0.0,)) as server:
        server.connect(bot.url, PUBLIC)
        yield server


async def send(twilio: FakeTwilio, body: str = "hello", part: str = "a.1.%2Fb") -> str:
    """The bot writes; its message's sid."""
    path = f"{twilio.url}/2010-04-01/Accounts/{twilio.account}/Messages.json"
    form = {"To": f"whatsapp:{YOU}", "From": twilio.number, "Body": body}
    form["StatusCallback"] = f"{PUBLIC}/whatsapp/status?part={part}"
    headers = {"Authorization": aiohttp.encode_basic_auth(twilio.account, twilio.token)}
    async with aiohttp.ClientSession() as session, session.post(path, data=form, headers=headers) as answer:
        made: dict[str, Any] = await answer.json()
        assert answer.status == 201
    return str(made["sid"])


def test_the_signature_is_the_one_twilio_s_documentation_works_out() -> None:
    form = {"CallSid": "CA1234567890ABCDE", "Caller": "+14158675310", "Digits": "1234", "From": "+14158675310"}
    form["To"] = "+18005551212"
    url = "https://mycompany.com/myapp.php?foo=1&bar=2"
    assert signature(url, form, "12345") == RequestValidator("12345").compute_signature(url, form)
    assert signature(url, form, "12345") == "GvWf1cFY/Q7PnoempGyD5oXAezc="


async def test_a_message_comes_with_the_fields_twilio_sends(twilio: FakeTwilio, bot: Bot) -> None:
    sid = await twilio.says(YOU, "hej æøå", name="Ida")
    (form,) = bot.forms
    assert form["MessageSid"] == form["SmsMessageSid"] == form["SmsSid"] == sid
    assert (form["From"], form["To"], form["WaId"]) == (f"whatsapp:{YOU}", twilio.number, YOU[1:])
    assert (form["Body"], form["ProfileName"], form["NumMedia"], form["NumSegments"]) == ("hej æøå", "Ida", "0", "1")
    assert (form["AccountSid"], form["SmsStatus"], form["MessageType"]) == (twilio.account, "received", "text")
    assert twilio.deliveries[0].url == f"{PUBLIC}/whatsapp/messages"
    assert twilio.deliveries[0].alarm == 0


async def test_somebody_without_a_phone_number_has_no_whatsapp_number_either(twilio: FakeTwilio, bot: Bot) -> None:
    await twilio.says("US.ABC123", "hi", ExternalUserId="whatsapp:US.ABC123", Body=None)
    (form,) = bot.forms
    assert form["From"] == "whatsapp:US.ABC123"
    assert "WaId" not in form
    assert "Body" not in form


async def test_media_come_as_addresses_at_twilio_with_their_types(twilio: FakeTwilio, bot: Bot) -> None:
    sid = await twilio.says(YOU, media=[(b"pixels", "image/png"), (b"sound", "audio/ogg")])
    (form,) = bot.forms
    assert sid.startswith("MM")
    assert (form["NumMedia"], form["Body"], form["MessageType"]) == ("2", "", "image")
    assert (form["MediaContentType0"], form["MediaContentType1"]) == ("image/png", "audio/ogg")
    assert form["MediaUrl0"].startswith(f"{twilio.url}/2010-04-01/Accounts/{twilio.account}/Messages/{sid}/Media/ME")
    assert twilio.world.messages[sid].media == (form["MediaUrl0"], form["MediaUrl1"])


async def test_an_opt_out_twilio_handled_is_told_and_kept(twilio: FakeTwilio, bot: Bot) -> None:
    await twilio.says(YOU, "STOP", OptOutType="STOP")
    assert twilio.world.opted_out == {f"whatsapp:{YOU}"}
    await twilio.says(YOU, "START", OptOutType="START")
    assert not twilio.world.opted_out
    assert [form["OptOutType"] for form in bot.forms] == ["STOP", "START"]


@pytest.mark.parametrize("status", [503, 500, 404, 410, 302])
async def test_a_message_not_taken_comes_again_the_same(twilio: FakeTwilio, bot: Bot, status: int) -> None:
    bot.answers = [status, status]
    sid = await twilio.says(YOU, "hello")
    assert [form["MessageSid"] for form in bot.forms] == [sid] * 3
    assert [made.status for made in twilio.deliveries] == [status, status, 200]
    assert [made.alarm for made in twilio.deliveries] == [11200, 11200, 0]
    assert len({made.headers["I-Twilio-Idempotency-Token"] for made in twilio.deliveries}) == 1


async def test_a_message_is_given_up_after_five_repeats(twilio: FakeTwilio, bot: Bot) -> None:
    bot.answers = [503] * 9
    with pytest.raises(Undelivered, match="answered 503"):
        await twilio.says(YOU, "hello")
    assert len(bot.forms) == 6


async def test_a_bot_that_is_not_there_is_called_six_times(twilio: FakeTwilio) -> None:
    twilio.connect("http://127.0.0.1:1", PUBLIC)
    with pytest.raises(Undelivered, match="answered nothing"):
        await twilio.says(YOU, "hello")
    assert [(made.status, made.alarm) for made in twilio.deliveries] == [(0, 11205)] * 6


async def test_no_machine_but_this_one_is_ever_called(twilio: FakeTwilio, bot: Bot) -> None:
    twilio.world.webhook["callback_url"] = "https://bot.example.org/whatsapp/messages"
    with pytest.raises(Undelivered):
        await twilio.says(YOU, "hello")
    assert not bot.forms
    for url in ("https://bot.example.org/", PUBLIC + "arently/", "http://127.0.0.1.example.org/"):
        assert twilio.webhooks._behind_the_proxy(url) is None


async def test_messages_of_one_customer_keep_their_order_while_another_s_go_on(twilio: FakeTwilio, bot: Bot) -> None:
    bot.answers = [503, 503]
    await asyncio.gather(*(twilio.says(YOU, text) for text in "abc"))
    assert [form["Body"] for form in bot.forms] == ["a", "a", "a", "b", "c"]
    bot.gate.clear()
    first = asyncio.create_task(twilio.says(YOU, "d"))
    second = asyncio.create_task(twilio.says("+4587654321", "e"))
    bot.gate.set()
    await asyncio.gather(first, second)
    assert {form["Body"] for form in bot.forms[5:]} == {"d", "e"}


async def test_the_same_message_once_more_does_not_begin_the_24_hours_again(twilio: FakeTwilio, bot: Bot) -> None:
    sid = await twilio.says(YOU, "hello")
    heard = dict(twilio.world.heard)
    assert await twilio.says(YOU, "hello", MessageSid=sid) == sid
    assert len(bot.forms) == 2
    assert twilio.world.heard == heard
    await twilio.says(YOU, "hello again")
    assert twilio.world.heard != heard


@pytest.mark.parametrize(
    ("reply", "alarm"),
    [
        (lambda: web.Response(status=204), 0),
        (lambda: web.Response(text='<?xml version="1.0"?>\n<Response></Response>', content_type="text/xml"), 0),
        (lambda: web.Response(text="ok"), 12300),
        (lambda: web.Response(text="<Response><Message>x</Message></Response>", content_type="text/xml"), 12100),
    ],
)
async def test_what_twilio_s_debugger_would_complain_about_is_noted(
    twilio: FakeTwilio, bot: Bot, reply: Callable[[], web.Response], alarm: int
) -> None:
    bot.reply = reply
    await twilio.says(YOU, "hello")
    assert [made.alarm for made in twilio.deliveries] == [alarm]


def test_a_fragment_orders_repeats_and_without_one_only_a_missing_connection_is_worth_one() -> None:
    plain, all_of_it, some = map(repeats, ("https://a/", "https://a/#rc=9&rp=all", "https://a/#rc=2&rp=5xx,rt"))
    assert (plain.count, plain.after) == (1, frozenset({"ct"}))
    assert (all_of_it.count, all_of_it.after) == (5, frozenset({"all"}))
    assert (some.count, some.after) == (2, frozenset({"5xx", "rt"}))


async def test_status_callbacks_follow_a_message_to_the_address_it_named(twilio: FakeTwilio, bot: Bot) -> None:
    await twilio.says(YOU, "hi")
    sid = await send(twilio)
    await twilio.settled()
    told = bot.forms[1:]
    assert [form["MessageStatus"] for form in told] == ["sent", "delivered"]
    assert {(form["MessageSid"], form["To"], form["From"]) for form in told} == {
        (sid, f"whatsapp:{YOU}", twilio.number)
    }
    assert bot.parts == ["a.1./b"] * 2
    assert "ErrorCode" not in told[0]


async def test_a_status_callback_not_taken_is_not_brought_again_unless_ordered(twilio: FakeTwilio, bot: Bot) -> None:
    await twilio.says(YOU, "hi")
    bot.answers = [503]
    await send(twilio)
    await twilio.settled()
    assert bot.statuses() == ["sent", "delivered"]
    bot.answers = [503]
    await send(twilio, part="b#rc=1&rp=5xx")
    await twilio.settled()
    assert bot.statuses()[2:] == ["sent", "sent", "delivered"]
    assert bot.parts[2:] == ["b"] * 3


async def test_without_automatic_callbacks_a_test_tells_every_status(twilio: FakeTwilio, bot: Bot) -> None:
    twilio.auto = ()
    await twilio.says(YOU, "hi")
    sid = await send(twilio)
    await twilio.settled()
    assert twilio.sent[0].status == "queued"
    for status in ("read", "delivered", "sent"):
        assert await twilio.status(sid, status)
    assert bot.statuses() == ["read", "delivered", "sent"]
    assert bot.forms[1]["EventType"] == "READ"
    assert twilio.sent[0].status == "read"
    await twilio.status(sid, "failed", 63024)
    assert (bot.forms[-1]["ErrorCode"], twilio.sent[0].status) == ("63024", "read")


async def test_a_message_that_came_too_late_fails_even_without_automatic_callbacks(
    twilio: FakeTwilio, bot: Bot
) -> None:
    twilio.auto = ()
    await send(twilio)
    await twilio.settled()
    assert [(form["MessageStatus"], form["ErrorCode"]) for form in bot.forms] == [("failed", "63016")]


async def test_held_callbacks_come_in_the_order_a_test_wants(twilio: FakeTwilio, bot: Bot) -> None:
    twilio.auto = ("sent", "delivered", "read")
    twilio.hold_callbacks()
    await twilio.says(YOU, "hi")
    await send(twilio)
    await twilio.settled()
    assert (bot.statuses(), twilio.sent[0].status) == ([], "read")
    await twilio.release(2, 0)
    assert bot.statuses() == ["read", "sent"]
    await send(twilio, part="b")
    await twilio.settled()
    await twilio.release()
    assert bot.statuses() == ["read", "sent", "delivered", "sent", "delivered", "read"]
    await send(twilio, part="c")
    await twilio.settled()
    assert bot.statuses()[6:] == ["sent", "delivered", "read"]


async def test_a_callback_can_come_before_the_call_is_answered(twilio: FakeTwilio, bot: Bot) -> None:
    twilio.callbacks.early = ("sent",)
    await twilio.says(YOU, "hi")
    bot.gate.clear()
    sending = asyncio.create_task(send(twilio))
    await twilio.wait_for(lambda: twilio.sent)
    assert not sending.done()
    bot.gate.set()
    sid = await sending
    await twilio.settled()
    assert [form["MessageSid"] for form in bot.forms[1:]] == [sid, sid]
    assert bot.statuses() == ["sent", "delivered"]


async def test_a_message_whose_webhook_is_lost_is_at_twilio_and_nothing_is_brought(
    twilio: FakeTwilio, bot: Bot
) -> None:
    twilio.webhook_lost = True
    sid = await twilio.says(YOU, "hello?", media=[(b"x", "image/png")])
    assert not bot.forms
    assert not twilio.deliveries
    kept = twilio.world.messages[sid]
    assert (kept.inbound, kept.status, kept.body, len(kept.media)) == (True, "received", "hello?", 1)
    twilio.webhook_lost = False
    await twilio.says(YOU, "hello!")
    assert [form["Body"] for form in bot.forms] == ["hello!"]
