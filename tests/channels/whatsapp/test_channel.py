"""The channel as the desk and an operator see it: what comes in is committed first, what is told, what is examined."""

from __future__ import annotations

import inspect
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from channels.whatsapp import build, examination
from channels.whatsapp.door import REPEATS, STATUS
from channels.whatsapp.testing import FakeTwilio, Undelivered
from core import abilities, plugins
from core.conversation import Address, Attachment, Conversation, Customer, Message, MessageKind
from core.errors import ChannelError
from core.plugins import PluginError
from core.records import PartState
from core.tiers import Fee

CHAT = "+4512345678"
OPTIONS = {
    "account": "AC" + "0" * 32,
    "token": "it-opens-nothing",
    "number": "whatsapp:+14155238886",
    "public_url": "https://bot.example.com",
}

ABILITIES: tuple[type, ...] = (
    abilities.Files, abilities.Charges, abilities.Limited, abilities.Licensed, abilities.Examined, abilities.Counted,
    abilities.Rereads,
)  # fmt: skip


def message(sid: str = "SM1", chat: str = CHAT) -> Message:
    return Message(sid, Address("whatsapp", chat), "hello", datetime.now(UTC), Customer(chat))


async def test_a_message_is_committed_and_then_confirmed(bot: Any) -> None:
    sid = await bot.twilio.says(CHAT, "where is my parcel?", name="Kim")
    heard = bot.inbox.messages[0]
    assert (heard.id, heard.text, heard.address) == (sid, "where is my parcel?", Address("whatsapp", CHAT))
    assert (heard.customer.id, heard.customer.name) == (CHAT, "Kim")
    assert [made.status for made in bot.twilio.deliveries] == [200]


@pytest.mark.parametrize("away", [1, 2])
async def test_a_message_the_store_could_not_keep_is_not_confirmed_and_comes_again(bot: Any, away: int) -> None:
    bot.inbox.away = away
    await bot.twilio.says(CHAT, "where is my parcel?")
    assert [made.status for made in bot.twilio.deliveries] == [503] * away + [200]
    assert len(bot.inbox.messages) == 1


async def test_trap_20_no_webhook_is_ever_answered_with_410(bot: Any) -> None:
    bot.inbox.away = 99
    with pytest.raises(Undelivered):
        await bot.twilio.says(CHAT, "where is my parcel?")
    assert {made.status for made in bot.twilio.deliveries} == {503}


async def test_trap_19_a_user_without_a_phone_number_opens_a_conversation_and_is_answered(bot: Any) -> None:
    await bot.twilio.says("US.ABC123", "where is my parcel?")
    assert bot.inbox.messages[0].address == Address("whatsapp", "US.ABC123")
    await bot.answer("It left.", chat="US.ABC123")
    await bot.twilio.settled()
    assert [sent.to for sent in bot.twilio.sent] == ["whatsapp:US.ABC123"]
    assert bot.outbox.states == [PartState.DELIVERED]


async def test_a_changed_number_stays_the_same_conversation(bot: Any) -> None:
    await bot.twilio.says(CHAT, "one", ExternalUserId="whatsapp:US.ABC123")
    await bot.twilio.says("+4587654321", "two", ExternalUserId="whatsapp:US.ABC123")
    assert {heard.address for heard in bot.inbox.messages} == {Address("whatsapp", CHAT)}


async def test_stop_as_a_whole_message_is_an_opt_out(bot: Any) -> None:
    await bot.twilio.says(CHAT, "Stop.")
    assert bot.inbox.messages[0].kind is MessageKind.OPT_OUT


async def test_trap_20_a_file_is_fetched_through_the_redirect_without_credentials(bot: Any) -> None:
    await bot.twilio.says(CHAT, media=[(b"\xff\xd8picture", "image/jpeg")])
    found = await bot.channel.fetch(bot.inbox.messages[0].attachments[0])
    assert (found.content, found.mime) == (b"\xff\xd8picture", "image/jpeg")
    elsewhere = [call for call in bot.twilio.log if call.path.startswith(bot.twilio.cdn)]
    assert elsewhere
    assert not [call for call in elsewhere if "Authorization" in call.headers]


async def test_a_file_from_somewhere_else_is_not_fetched(bot: Any) -> None:
    with pytest.raises(ChannelError):
        await bot.channel.fetch(Attachment("photo", handle="http://169.254.169.254/latest"))
    assert not bot.twilio.log


async def test_a_status_the_store_could_not_keep_is_answered_503_and_comes_again(start: Any) -> None:
    bot = await start(twilio={"auto": ("sent",)})
    await bot.answer("It left.")
    await bot.twilio.settled()
    bot.inbox.away, before = 1, len(bot.twilio.deliveries)
    await bot.twilio.status(bot.twilio.sent[0].sid, "delivered")
    assert [made.status for made in bot.twilio.deliveries[before:]] == [503, 200]
    assert bot.outbox.states == [PartState.DELIVERED]


@pytest.mark.parametrize("part", ["", "x", "SM1.0", "SM1.0.00", "SM1.one.00", "SM1.0." + "0" * 32, ".0.é"])
async def test_a_status_for_no_part_of_ours_is_taken_and_changes_nothing(bot: Any, part: str) -> None:
    await bot.answer("It left.")
    await bot.twilio.settled()
    before = list(bot.inbox.told)
    sent = bot.twilio.sent[0]
    sent.status_callback = bot.channel._door.status_url(part)
    told = await bot.twilio.status(sent.sid, "read")
    assert told.status == 200
    assert bot.inbox.told == before


async def test_a_part_id_of_another_chat_does_not_count(bot: Any) -> None:
    await bot.answer("It left.")
    await bot.twilio.settled()
    before = list(bot.inbox.told)
    bot.twilio.sent[0].to = "whatsapp:+4511111111"
    assert (await bot.twilio.status(bot.twilio.sent[0].sid, "read")).status == 200
    assert bot.inbox.told == before


async def test_a_failure_told_after_the_answer_is_over_is_committed_with_its_reason(start: Any) -> None:
    bot = await start(twilio={"auto": ("sent",)})
    await bot.answer("It left.")
    await bot.twilio.settled()
    await bot.twilio.status(bot.twilio.sent[0].sid, "undelivered", 63016)
    assert bot.outbox.states == [PartState.REJECTED]
    assert bot.inbox.told[-1].why == "the 24-hour window is closed (Twilio's code 63016)"


async def test_typing_is_shown_once_when_switched_on(start: Any) -> None:
    bot = await start(typing=True)
    sid = await bot.twilio.says(CHAT, "hello")
    await bot.channel.acknowledge(message(sid))
    await bot.channel.acknowledge(message(sid))
    assert bot.twilio.world.typings == [sid]
    await bot.answer("Hello.")
    await bot.channel.acknowledge(message(sid))
    assert bot.twilio.world.typings == [sid, sid]


async def test_typing_that_fails_is_a_channel_error(start: Any) -> None:
    bot = await start(typing=True)
    with pytest.raises(ChannelError):
        await bot.channel.acknowledge(message("SM" + "0" * 32))


async def test_typing_is_off_by_itself(bot: Any) -> None:
    await bot.channel.acknowledge(message())
    assert not bot.twilio.log


async def test_an_empty_answer_is_not_planned(bot: Any) -> None:
    assert await bot.answer("  \n") == ""
    assert not bot.outbox.parts


async def test_the_channel_has_every_ability_it_should(start: Any) -> None:
    table = {"in": "0.005", "out": "0.005", "currency": "USD", "dated": "2026-01-31", "source": "https://e.com"}
    bot = await start(fees=table)
    assert all(isinstance(bot.channel, ability) for ability in ABILITIES)
    assert set(bot.channel.conditions) == {"person", "disclosure", "scope"}
    fees = bot.channel.received(message())
    assert [str(fee.cost.amount) for fee in fees] == ["0.005"]


async def test_without_a_table_every_fee_is_unknown(bot: Any) -> None:
    assert list(bot.channel.received(message())) == [Fee("whatsapp in")]


async def test_people_are_told_until_when_they_can_write(bot: Any) -> None:
    chat = Address("whatsapp", CHAT)
    at = datetime.now(UTC) - timedelta(hours=1)
    open_one = Conversation(chat, (Message("1", chat, "hello", at),))
    closes = f"{at + timedelta(hours=24):%Y-%m-%d %H:%M} UTC"
    assert closes in bot.channel.limits(open_one)
    old = Conversation(chat, (Message("1", chat, "hello", at - timedelta(days=2)),))
    assert "closed" in bot.channel.limits(old)
    assert bot.channel.limits(Conversation(chat)) == ""


async def test_doctor_shows_both_addresses_and_says_the_sandbox_cannot_be_read(bot: Any) -> None:
    checks = {check.name: check for check in await bot.channel.examine()}
    assert "https://bot.example.com/firstline/whatsapp/messages#rc=5&rp=all" in checks["incoming messages"].detail
    assert f"https://bot.example.com/firstline{STATUS}#rc=5&rp=all" in checks["message states"].detail
    assert "72 hours" in checks["lost messages"].detail
    assert "every 120 s" in checks["lost messages"].detail
    assert "fallback URL" in checks["lost messages"].detail
    assert checks["account"].state == "ok"
    assert checks["sender"].state == "warning"


@pytest.fixture
async def live(start: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A bot whose number is not the sandbox's."""
    monkeypatch.setattr(examination, "SANDBOX", "whatsapp:+1")
    return await start()


async def test_doctor_is_content_when_the_sender_has_both_addresses(live: Any) -> None:
    live.twilio.world.webhook["status_callback_url"] = f"https://bot.example.com/firstline{STATUS}{REPEATS}"
    assert [check.state for check in await live.channel.examine()] == ["ok"] * 5


@pytest.mark.parametrize(
    ("field", "value", "state"),
    [
        ("callback_url", "https://old.example.com/whatsapp/messages", "failed"),
        ("callback_url", "https://bot.example.com/firstline/whatsapp/messages", "warning"),
        ("callback_url", "", "failed"),
        ("callback_method", "PUT", "failed"),
        ("status_callback_url", "https://old.example.com", "warning"),
    ],
)
async def test_doctor_says_what_else_stands_at_the_sender(live: Any, field: str, value: str, state: str) -> None:
    live.twilio.world.webhook["status_callback_url"] = f"https://bot.example.com/firstline{STATUS}{REPEATS}"
    live.twilio.world.webhook[field] = value
    found = [check for check in await live.channel.examine() if check.name == "sender"]
    assert [check.state for check in found] == [state]


async def test_doctor_says_when_the_number_is_not_the_accounts(start: Any) -> None:
    bot = await start(number="whatsapp:+4512345678")
    assert [check.state for check in await bot.channel.examine()] == ["ok", "ok", "ok", "ok", "failed"]


async def test_doctor_says_when_the_credentials_are_wrong(start: Any) -> None:
    bot = await start(token="wrong")
    checks = {check.name: check for check in await bot.channel.examine()}
    assert checks["account"].state == "failed"
    assert "token" in checks["account"].detail


async def test_doctor_never_raises(bot: Any) -> None:
    bot.twilio.fail_next("list", 500)
    assert [check.state for check in await bot.channel.examine()] == ["ok", "ok", "ok", "failed"]


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("account", "AC1"), ("token", ""), ("number", "+4512345678"), ("public_url", "shop.example"),
        ("public_url", "https://my_bot.example.com"), ("template", "HX1"), ("api_key", "SK" + "0" * 32),
        ("fees", {"in": "0.005"}), ("base_url", "ftp://x"), ("unsure", {"people": "maybe"}),
        ("unsure", {"bots": "leave"}), ("unsure", "often"),
    ],
)  # fmt: skip
def test_an_option_that_does_not_fit_is_named_and_its_value_is_not_shown(option: str, value: Any) -> None:
    with pytest.raises(PluginError) as error:
        build(**OPTIONS | {"languages": ("en",), option: value})
    assert error.value.option in {option, "api_secret"}
    assert error.value.write
    assert not isinstance(value, str) or not value or value not in str(error.value)


def test_a_language_without_words_to_opt_out_is_named() -> None:
    with pytest.raises(PluginError, match="'fr'"):
        build(**OPTIONS, languages=("en", "fr"))
    build(**OPTIONS, languages=("en", "fr"), opt_out={"fr": ["arret"]}, opt_in={"fr": ["reprendre"]})


def test_config_yaml_can_name_every_option() -> None:
    channel = plugins.build("channels", "whatsapp", OPTIONS | {"typing": True}, {"languages": ("en",)})
    assert channel.name == "whatsapp"
    assert {"api_key", "template", "fees", "opt_out", "unsure"} <= set(inspect.signature(build).parameters)
    with pytest.raises(PluginError, match="tokn"):
        plugins.build("channels", "whatsapp", OPTIONS | {"tokn": "x"}, {"languages": ("en",)})


async def test_no_secret_and_no_number_is_in_a_repr_or_an_error(start: Any) -> None:
    bot = await start()
    bot.twilio.fail_next("send", 400, 21211)
    with pytest.raises(ChannelError) as error:
        await bot.answer("It left.")
    line = bot.channel._line
    shown = f"{bot.channel!r} {line.client!r} {line.client._account!r} {bot.channel._ways!r} {error.value!r}"
    assert not [secret for secret in (FakeTwilio.token, CHAT, CHAT[1:]) if secret in shown]
    assert error.value.__cause__ is None


async def test_once_it_stops_listening_messages_are_left_to_twilio_and_states_still_count(start: Any) -> None:
    bot = await start(twilio={"auto": ("sent",)})
    await bot.answer("It left.")
    await bot.twilio.settled()
    bot.channel._listening = False
    with pytest.raises(Undelivered):
        await bot.twilio.says(CHAT, "hello?")
    assert {delivery.status for delivery in bot.twilio.deliveries if "Body" in delivery.form} == {503}
    assert (await bot.twilio.status(bot.twilio.sent[0].sid, "delivered")).status == 200
