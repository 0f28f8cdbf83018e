"""The real desk on WhatsApp: the shipped bot, a SQLite file, the real channel, and a Twilio that refuses what Twilio
would; operators work in Telegram. What a customer and the operators see, from the webhook to the ledger.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from bots.assembly import House, open_house
from bots.front_office import FrontOffice
from bots.server import serve_http
from channels import telegram
from channels.telegram.testing import FakeBotApi
from channels.whatsapp import Options, assembled
from channels.whatsapp.line import Timing
from channels.whatsapp.testing import FakeTwilio
from core.conversation import Address, Author, Holder
from core.periods import days
from core.ports import Channel
from core.records import Entry, Outcome
from core.reports.cost import build as cost_report

if TYPE_CHECKING:
    from tests.end_to_end.conftest import Shop, Start

SHARED = Path(os.environ.get("FIRSTLINE_SHARED", Path(__file__).parents[3] / "shared"))
OPERATORS = -1007
ANN = "+4511111111"
PUBLIC = "https://bot.example.com"
FEES = {"in": "0.005", "out": "0.005", "currency": "USD", "dated": "2026-11-21", "source": "a list"}
NAMED = f"operators:\n  chat: telegram:{OPERATORS}\n\nstore:"


@dataclass
class Desk:
    """A desk with customers on WhatsApp and operators in Telegram."""

    house: House
    twilio: FakeTwilio
    api: FakeBotApi
    listening: list[asyncio.Task[None]]

    async def says(self, text: str, chat: str = ANN, **more: Any) -> None:
        """A customer writes; afterwards the answer is settled and all its states were told."""
        await self.twilio.says(chat, text, **more)
        await self.settled()

    async def settled(self) -> None:
        assert await self.house.desk.idle(10)
        await self.twilio.settled()

    def read(self, chat: str = ANN) -> list[str]:
        """What the customer got."""
        return [sent.body for sent in self.twilio.sent if sent.to == f"whatsapp:{chat}"]

    def cards(self) -> list[Any]:
        return self.api.chat(OPERATORS)

    async def operator(self, text: str, card: int = -1) -> None:
        """An operator replies to a card."""
        done = len(await self.entries())
        replied = self.cards()[card]
        original = {"message_id": replied.id, "from": {"id": 42, "is_bot": True, "first_name": "Bot"}, "text": "card"}
        self.api.says(OPERATORS, text, reply_to_message=original | {"date": 1, "chat": replied.raw["chat"]})
        async with asyncio.timeout(10):
            while len(await self.entries()) == done:  # noqa: ASYNC110 - the ledger tells nobody
                await asyncio.sleep(0.01)
        await self.settled()

    async def entries(self) -> list[Entry]:
        now = datetime.now(UTC)
        return list(await self.house.store.entries(now - timedelta(days=3), now + timedelta(days=1)))

    async def holder(self, chat: str = ANN) -> Holder:
        return (await self.house.store.load(Address("whatsapp", chat))).holder


@pytest.fixture
async def desk(shop: Shop) -> AsyncIterator[Desk]:
    shop.edit("\nstore:", f"\n{NAMED}")
    async with AsyncExitStack() as stack:
        twilio = await stack.enter_async_context(FakeTwilio())
        api = await stack.enter_async_context(FakeBotApi(SHARED if (SHARED / "peers").exists() else None, flood=None))
        api.joins(OPERATORS)
        options = Options(
            account=twilio.account, token=twilio.token, number=twilio.number, public_url=PUBLIC, fees=FEES,
            languages=("en", "da", "de"), base_url=twilio.url, messaging_url=twilio.url,
        )  # fmt: skip
        whatsapp = assembled(options, Timing(callback=1.0, lists=(0.1,)), others=(twilio.cdn,))
        operators = telegram.build(token=api.token, base_url=api.url)
        channels: dict[str, Channel] = {"whatsapp": whatsapp, "telegram": operators}
        house = await stack.enter_async_context(open_house(shop.config, channels=channels))
        url = await stack.enter_async_context(serve_http(house.channels, (), ready=lambda: "", at=("127.0.0.1", 0)))
        twilio.connect(url, PUBLIC)
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(channel.run(house.desk)) for channel in channels.values()]
            yield Desk(house, twilio, api, tasks)
            for task in tasks:
                task.cancel()


async def until(true: Callable[[], bool], seconds: float = 10) -> None:
    async with asyncio.timeout(seconds):
        while not true():  # noqa: ASYNC110 - several servers, and none tells the others
            await asyncio.sleep(0.01)


async def test_a_question_the_faq_knows_is_answered_once_with_its_fees_in_the_ledger_and_the_report(desk: Desk) -> None:
    await desk.says("Where is my order?", name="Ann")
    assert "I'm an AI assistant, not a person." in desk.read()[0]
    assert "I help with orders, delivery, returns and products" in desk.read()[0]
    assert "My orders" in "".join(desk.read())
    (entry,) = await desk.entries()
    assert entry.outcome is Outcome.ANSWERED
    assert [fee.what for fee in entry.fees] == ["whatsapp in", *["whatsapp out"] * len(desk.read())]
    today = days(datetime.now(UTC).date(), datetime.now(UTC).date(), UTC)
    total = Decimal("0.005") * len(entry.fees)
    assert cost_report()([entry], today).data["channels"]["whatsapp"]["cost"] == {"USD": str(total)}


async def test_a_person_is_called_writes_back_and_gives_the_chat_back(desk: Desk) -> None:
    await desk.says("I want to talk to a person", name="Ann")
    (card,) = desk.cards()
    assert "Ann (WhatsApp) needs a person." in card.text
    assert "WhatsApp takes free text in this chat until" in card.text
    assert "passed this on" in desk.read()[-1]
    await desk.operator("Hello Ann, *I* am looking at it.")
    assert "Hello Ann, *I* am looking at it." in desk.read()[-1].replace("_", "*")
    assert await desk.holder() is Holder.PERSON
    await desk.says("thank you")
    await until(lambda: "thank you" in desk.cards()[-1].text)
    await desk.operator("/back")
    assert "back with the AI assistant" in desk.read()[-1]


async def test_a_photo_gets_an_honest_line_and_the_operators_see_it(desk: Desk) -> None:
    photo = ((b"\xff\xd8 pixels of a broken mug", "image/jpeg"),)
    await desk.says("", media=photo)
    assert "I got your photo, but I can't look at it" in desk.read()[-1]
    await desk.says("can I talk to a person", media=photo)
    await until(lambda: len(desk.cards()) == 3)
    assert ["photo" in card.raw for card in desk.cards()] == [False, True, True]
    assert [upload.content for upload in desk.api.world.files.values()] == [photo[0][0]] * 2
    office = FrontOffice(desk.house.desk, desk.house.store, desk.house.channels)
    message = (await desk.house.store.load(Address("whatsapp", ANN))).messages[0]
    media = await office.file(message.address, message.id, 0)
    assert media is not None
    assert (media.content, media.mime) == (photo[0][0], "image/jpeg")


async def test_stop_ends_all_messages_until_start_in_the_customer_s_language(desk: Desk) -> None:
    await desk.says("hvor er min pakke")
    await desk.says("  Stop. ")
    assert "Skriv START" in desk.read()[-1] or "Write START" in desk.read()[-1]
    said = len(desk.read())
    assert await desk.holder() is Holder.OPTED_OUT
    await desk.says("hvor er min pakke")
    assert len(desk.read()) == said + 1
    assert "START" in desk.read()[-1]
    await desk.says("START")
    await desk.says("Where is my order?")
    assert "My orders" in desk.read()[-1]


async def test_what_twilio_answered_itself_is_not_answered_again(desk: Desk) -> None:
    await desk.says("STOP", OptOutType="STOP")
    assert desk.read() == []
    assert await desk.holder() is Holder.OPTED_OUT


async def test_a_customer_without_a_phone_number_is_one_chat_under_both_names(desk: Desk) -> None:
    await desk.says("Where is my order?", "US.ABC123")
    assert "My orders" in desk.read("US.ABC123")[-1]
    await desk.says("How do I return an item?", ANN, ExternalUserId="whatsapp:US.ABC123")
    assert len(desk.read(ANN)) >= 1
    conversation = await desk.house.store.load(Address("whatsapp", "US.ABC123"))
    assert [m.text for m in conversation.messages] == ["Where is my order?", "How do I return an item?"]


async def test_an_answer_twilio_takes_and_whatsapp_then_refuses_reaches_a_person(desk: Desk) -> None:
    desk.twilio.lose_next(63016)
    await desk.says("Where is my order?", name="Ann")
    await until(lambda: bool(desk.cards()))
    assert "Ann (WhatsApp) did not get an answer of ours" in desk.cards()[0].text
    (entry,) = await desk.entries()
    assert entry.outcome is Outcome.UNDELIVERABLE
    assert [fee.what for fee in entry.fees] == ["whatsapp in"], "what did not arrive costs nothing"
    assert await desk.holder() is Holder.WAITING


async def test_a_failure_that_comes_late_reaches_a_person_once(desk: Desk) -> None:
    desk.twilio.auto = ("sent",)
    await desk.says("Where is my order?", name="Ann")
    last = desk.twilio.sent[-1].sid
    await desk.twilio.status(last, "undelivered", 63012)
    await until(lambda: bool(desk.cards()))
    await desk.twilio.status(last, "undelivered", 63012)
    await desk.settled()
    assert len(desk.cards()) == 1


async def test_an_ambiguous_send_is_found_and_not_repeated(desk: Desk) -> None:
    desk.twilio.auto = ()
    desk.twilio.fail_next("send", 500, after_effect=True)
    await desk.says("Where is my order?")
    assert len(desk.read()) == len({sent.sid for sent in desk.twilio.sent})
    replies = (await desk.house.store.load(Address("whatsapp", ANN))).replies
    assert [r.author for r in replies] == [Author.BOT]
    assert len(set(desk.read())) == len(desk.read())


async def test_a_message_brought_five_times_is_answered_once(desk: Desk) -> None:
    sid = await desk.twilio.says(ANN, "Where is my order?")
    form = next(d.form for d in desk.twilio.deliveries if d.form.get("MessageSid") == sid)
    for _ in range(4):
        await desk.twilio.brings(dict(form))
    await desk.settled()
    assert len(await desk.entries()) == 1


def connect(shop: Shop, twilio: FakeTwilio, api: FakeBotApi) -> None:
    """The shipped config.yaml, as a newcomer would fill it in, but with stand-ins for the platforms."""
    shop.edit("\nstore:", f"\n{NAMED}")
    shop.edit("    library: ptb", f"    base_url: {api.url}\n    library: ptb")
    shop.edit("    public_url: https://bot.example.com", f"    base_url: {twilio.url}\n    public_url: {PUBLIC}")


@pytest.mark.timeout(120)
async def test_a_kill_in_the_middle_of_many_answers_doubles_and_loses_none(shop: Shop, start: Start) -> None:
    chats = [f"+45200000{n:02}" for n in range(30)]
    async with FakeTwilio() as twilio, FakeBotApi(flood=None) as api:
        twilio.auto = ("sent",)
        connect(shop, twilio, api)
        secrets = {"TWILIO_ACCOUNT_SID": twilio.account, "TWILIO_AUTH_TOKEN": twilio.token, "TELEGRAM_TOKEN": api.token}
        async with start(**secrets) as firstline:
            twilio.connect(firstline.url, PUBLIC)
            await asyncio.gather(*(twilio.says(chat, "Where is my order?") for chat in chats))
            await twilio.wait_for(lambda: len(twilio.sent) >= 5, 10)
            assert await firstline.end(signal.SIGKILL) == -signal.SIGKILL
        async with start(**secrets) as firstline:
            twilio.connect(firstline.url, PUBLIC)
            await until(lambda: shop.kept().states == {"settled": len(chats)}, 60)
            assert await firstline.end(signal.SIGTERM) == 0
    kept = shop.kept()
    assert set(kept.covered.values()) == {1}
    assert len(kept.covered) == len(chats)
    for chat in chats:
        bodies = [sent.body for sent in twilio.sent if sent.to == f"whatsapp:{chat}"]
        assert bodies, f"{chat} was not answered"
        assert len(bodies) == len(set(bodies)), f"{chat} got a part twice"
