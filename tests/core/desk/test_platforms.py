"""Platforms that charge, close their window, lose what they took, carry files, and customers who want no messages."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from channels.memory import MemoryChannel
from core import patience
from core.abilities import Media
from core.conversation import Address, Arrival, Attachment, Conversation, Customer, Holder, Message, MessageKind, Reply
from core.errors import NotSent, OptedOut, Unreachable, WindowClosed
from core.ports import Outbox
from core.records import Entry, Outcome, Part, PartState, Progress, Settlement
from core.tiers import Chunk, Delta, Fee, ModelCard, Money, Prompt

if TYPE_CHECKING:
    from conftest import House  # type: ignore[import-not-found,unused-ignore]

OPERATORS = Address("memory", "operators")
ANN = Address("memory", "ann")
IN = Fee("memory in", Money(Decimal("0.005"), "USD"))
OUT = Fee("memory out")
WINDOW = "Free text until noon."


class Platform(MemoryChannel):
    """A platform that plans, charges, limits, and shows files; `refuses` is raised instead of sending to customers."""

    def __init__(self) -> None:
        super().__init__(parts=True)
        self.refuses: Exception | None = None
        self.fetched: list[str] = []
        self.shown: list[tuple[Address, bytes, str]] = []
        self.no_file: NotSent | None = None
        self.gate = asyncio.Event()
        self.gate.set()
        self.between: Callable[[Part], Awaitable[None]] | None = None

    def received(self, message: Message) -> Sequence[Fee]:
        return [IN]

    def limits(self, conversation: Conversation) -> str:
        return WINDOW

    async def fetch(self, attachment: Attachment) -> Media:
        self.fetched.append(attachment.handle)
        if self.no_file:
            raise self.no_file
        return Media(b"pixels", "image/jpeg", attachment.name)

    async def show(self, address: Address, media: Media, caption: str) -> str:
        self.shown.append((address, media.content, caption))
        return "file"

    async def deliver(self, address: Address, text: AsyncIterator[str], outbox: Outbox) -> str:
        whole = "".join([piece async for piece in text])
        if not whole:
            return ""
        parts = await outbox.plan(whole.split("|"))
        if address != OPERATORS:
            await self.gate.wait()
        if self.refuses and address != OPERATORS:
            raise self.refuses
        for part in parts:
            if part.arrived:
                continue
            await outbox.mark(replace(part, state=PartState.SENDING))
            self.said[address.chat].append(part.text)
            sent = replace(part, state=PartState.SENT, sent_as=f"SM{part.index}", fees=(OUT,))
            await outbox.mark(sent)
            if self.between:
                await self.between(sent)
        return whole


@pytest.fixture
def channel() -> MemoryChannel:
    return Platform()


@pytest.fixture
def staffed(house: House) -> House:
    house.desk.policy = replace(house.policy, operators=OPERATORS)
    return house


def platform(house: House) -> Platform:
    assert isinstance(house.channel, Platform)
    return house.channel


async def entries(house: House) -> list[Entry]:
    window = (house.time - timedelta(days=1), house.time + timedelta(days=1))
    return list(await house.store.entries(*window))


async def test_a_ledger_entry_holds_what_the_platform_takes_for_every_message_in_and_out(house: House) -> None:
    await house.say("my lamp is broken")
    await house.ask("and my cup too")
    (entry,) = await entries(house)
    assert entry.fees == (IN, IN, OUT)


async def test_what_a_person_writes_costs_the_platform_s_fee_too(staffed: House) -> None:
    await staffed.ask("human please")
    await staffed.ask("Hello.", "operators", reply_to="1", customer=Customer("op"))
    persons = [e for e in await entries(staffed) if e.outcome is Outcome.PERSON]
    assert [e.fees for e in persons] == [(OUT,)]


async def test_an_answer_planned_before_a_crash_is_charged_when_it_goes_out(house: House) -> None:
    message = house.message("my lamp is broken")
    entry = Entry(house.time, ANN, (message.id,), Outcome.ANSWERED, "quick", fees=(IN,))
    plan = Settlement(message.id, ANN, (message,), entry, (message,), Reply("Two days.", house.time))
    await house.store.admit(Arrival("key", "{}", message), room=False)
    (part,) = await house.store.plan(plan, ["Two days."])
    await house.store.mark(ANN, replace(part, state=PartState.SENT, sent_as="SM9", fees=(OUT,)))
    assert await house.desk.resume() == 1
    assert await house.desk.idle(5)
    (settled,) = await entries(house)
    assert settled.fees == (IN, OUT)


async def test_a_card_says_what_limits_writing_to_the_customer_and_what_brought_them(staffed: House) -> None:
    await staffed.ask("human please", referral="Spring lamps")
    card = staffed.channel.cards[0][1]
    assert WINDOW in card
    assert "Came by: Spring lamps" in card


async def test_a_closed_window_calls_a_person_and_the_ledger_says_undeliverable(staffed: House) -> None:
    platform(staffed).refuses = WindowClosed("the 24-hour window is closed")
    await staffed.ask("where is my parcel?")
    card = staffed.channel.cards[-1][1]
    assert "did not get an answer of ours: the 24-hour window is closed" in card
    assert "They wrote: where is my parcel?" in card
    assert "It said: " in card
    assert (await staffed.conversation()).holder is Holder.WAITING
    assert [e.outcome for e in await entries(staffed)] == [Outcome.UNDELIVERABLE]


async def test_nobody_is_called_for_a_customer_who_blocked_us(staffed: House) -> None:
    platform(staffed).refuses = Unreachable("blocked")
    await staffed.ask("where is my parcel?")
    assert staffed.channel.cards == []
    assert (await staffed.conversation()).holder is Holder.BOT


async def test_a_failure_told_after_the_answer_was_settled_reaches_a_person(staffed: House) -> None:
    await staffed.ask("where is my parcel?")
    await staffed.desk.progress(Progress(ANN, "m1", 0, PartState.REJECTED, "SM0", "63016 window closed"))
    await staffed.until(lambda: bool(staffed.channel.cards))
    assert "63016 window closed" in staffed.channel.cards[0][1]
    await staffed.desk.progress(Progress(ANN, "m1", 0, PartState.REJECTED, "SM0", "63016 window closed"))
    assert await staffed.desk.idle(5)
    assert len(staffed.channel.cards) == 1


async def test_an_operator_learns_that_the_window_is_closed_instead_of_silence(staffed: House) -> None:
    await staffed.ask("human please")
    platform(staffed).refuses = WindowClosed("the 24-hour window is closed")
    await staffed.ask("Hello.", "operators", reply_to="1", customer=Customer("op"))
    assert "the 24-hour window is closed" in staffed.channel.said["operators"][-1]


async def test_operators_are_shown_the_file_a_customer_sent(staffed: House) -> None:
    photo = Attachment("photo", mime="image/jpeg", handle="file-1")
    await staffed.ask("human please", attachments=(photo,))
    await staffed.until(lambda: bool(platform(staffed).shown))
    assert platform(staffed).shown == [(OPERATORS, b"pixels", "photo")]
    await staffed.ask("this one", attachments=(replace(photo, handle="file-2"),))
    await staffed.until(lambda: len(platform(staffed).shown) == 2)
    assert platform(staffed).fetched == ["file-1", "file-2"]


async def test_a_file_of_before_is_on_the_card_and_shown_once_a_person_is_called(staffed: House) -> None:
    await staffed.ask("hello")
    await staffed.ask("", attachments=(Attachment("voice", handle="file-1"),))
    assert platform(staffed).shown == []
    await staffed.ask("human please")
    assert "Sent: [voice]" in staffed.channel.cards[0][1]
    await staffed.until(lambda: bool(platform(staffed).shown))
    assert platform(staffed).fetched == ["file-1"]


async def test_a_file_that_cannot_be_fetched_is_said_and_the_customer_is_answered_all_the_same(staffed: House) -> None:
    platform(staffed).no_file = NotSent("no connection")
    said = await staffed.ask("human please", attachments=(Attachment("voice", handle="file-1"),))
    assert "passed this on" in said
    await staffed.until(lambda: len(staffed.channel.cards) == 2)
    assert "Their voice could not be shown here." in staffed.channel.cards[1][1]


async def test_a_file_alone_gets_an_honest_line(house: House) -> None:
    said = await house.ask("", attachments=(Attachment("voice", mime="audio/ogg", handle="file-1"),))
    assert "I got your voice message, but I can't look at it" in said


async def stop(house: House, **more: object) -> str:
    said: str = await house.ask("STOP", kind=MessageKind.OPT_OUT, **more)
    return said


async def test_who_opts_out_is_told_once_and_nothing_of_the_bot_s_introduction_stands_before_it(house: House) -> None:
    said = await stop(house)
    assert said == "You will get no more messages from us here. Write START if you want them again."
    assert (await house.conversation()).holder is Holder.OPTED_OUT
    assert [e.outcome for e in await entries(house)] == [Outcome.OPTED_OUT]
    assert house.scripts["quick"].asked == []


async def test_opting_out_outlasts_every_silence(house: House) -> None:
    await stop(house)
    house.time += timedelta(days=40)
    assert "Write START, then ask again" in await house.ask("where is my parcel?")
    assert house.scripts["quick"].asked == []


async def test_who_opts_in_again_is_answered_again(house: House) -> None:
    await stop(house)
    assert "I can write to you again" in await house.ask("START", kind=MessageKind.OPT_IN)
    assert (await house.conversation()).holder is Holder.BOT
    assert "two days" in await house.ask("where is my parcel?")


async def test_a_question_in_the_same_breath_as_start_is_answered(house: House) -> None:
    await stop(house)
    await house.say("START", kind=MessageKind.OPT_IN)
    assert "two days" in await house.ask("where is my parcel?")
    assert (await house.conversation()).holder is Holder.BOT


async def test_start_from_somebody_who_never_opted_out_is_a_greeting(house: House) -> None:
    assert "What can I help you with?" in await house.ask("START", kind=MessageKind.OPT_IN)


async def test_what_the_platform_has_answered_itself_is_kept_and_not_answered_twice(house: House) -> None:
    assert await stop(house, told=True) == ""
    assert (await house.conversation()).holder is Holder.OPTED_OUT
    assert await house.ask("START", kind=MessageKind.OPT_IN, told=True) == ""
    assert (await house.conversation()).holder is Holder.BOT
    assert await house.ask("HELP", told=True) == ""
    assert await house.unsettled() == []
    assert [e.outcome for e in await entries(house)] == [Outcome.OPTED_OUT, Outcome.NOTED, Outcome.NOTED]


async def test_nobody_writes_to_a_customer_who_opted_out_of_a_person_s_chat(staffed: House) -> None:
    await staffed.ask("human please")
    said = await stop(staffed)
    assert "no more messages" in said
    assert "STOP" in staffed.channel.cards[-1][1]
    await staffed.ask("Are you there?", "operators", reply_to="1", customer=Customer("op"))
    assert "only they can change that, by writing START" in staffed.channel.said["operators"][-1]
    assert staffed.channel.said["ann"][-1] == said
    with pytest.raises(OptedOut):
        await staffed.desk.people.take(ANN, "key")


async def test_names_of_a_customer_are_kept_through_the_desk(house: House) -> None:
    assert await house.desk.chat_of("memory", ["ann", "anna"]) == ANN
    assert await house.desk.chat_of("memory", ["anna"]) == ANN
    assert next(iter(await house.desk.names_of(ANN))) == "anna"


@pytest.mark.parametrize("refusal", [Unreachable("21610"), WindowClosed("closed")])
async def test_who_opts_out_has_opted_out_though_the_confirmation_cannot_arrive(
    staffed: House, refusal: Exception
) -> None:
    platform(staffed).refuses = refusal
    await stop(staffed)
    assert (await staffed.conversation()).holder is Holder.OPTED_OUT
    assert staffed.channel.cards == []


async def test_a_person_s_words_under_way_do_not_take_an_opting_out_back(staffed: House) -> None:
    await staffed.ask("human please")
    platform(staffed).gate.clear()
    reply = asyncio.create_task(staffed.desk.people.reply(ANN, "Here is an offer.", "key"))
    await staffed.until(lambda: any(not lane.waiting for lane in staffed.desk.lanes))
    await staffed.say("STOP", kind=MessageKind.OPT_OUT)
    platform(staffed).gate.set()
    with pytest.raises(OptedOut):
        await reply
    assert await staffed.desk.idle(5)
    assert "Here is an offer." not in staffed.channel.said["ann"]
    assert (await staffed.conversation()).holder is Holder.OPTED_OUT
    with pytest.raises(OptedOut):
        await staffed.desk.people.reply(ANN, "And another one.", "key2")


async def test_a_part_refused_while_the_next_one_goes_out_is_told_to_a_person(staffed: House) -> None:
    async def refuse(part: Part) -> None:
        if part.index == 1:
            await staffed.desk.progress(Progress(ANN, part.reply, 0, PartState.REJECTED, "SM0", "63024"))

    staffed.scripts["quick"].text = "One.|Two."
    platform(staffed).between = refuse
    await staffed.ask("where is my parcel?")
    await staffed.until(lambda: bool(staffed.channel.cards))
    assert "It said: " in staffed.channel.cards[0][1]
    assert "One." in staffed.channel.cards[0][1]
    assert len(staffed.channel.cards) == 1


async def test_nothing_more_of_an_answer_goes_out_once_the_customer_wants_no_more(house: House) -> None:
    async def opt_out(part: Part) -> None:
        if part.index == 0 and part.reply == "m1":
            await house.say("STOP", kind=MessageKind.OPT_OUT)

    house.scripts["quick"].text = "One.|Two.|Three."
    platform(house).between = opt_out
    await house.ask("where is my parcel?")
    assert [text for text in house.channel.said["ann"] if "Two." in text or "Three." in text] == []
    assert "no more messages" in house.channel.said["ann"][-1]
    assert (await house.conversation()).holder is Holder.OPTED_OUT
    assert [e.fees for e in await entries(house)] == [(IN, OUT), (IN, OUT)]
    assert [e.outcome for e in await entries(house)] == [Outcome.STOPPED, Outcome.OPTED_OUT]
    first = (await house.conversation()).replies[0]
    assert first.text.endswith("One.")


async def test_the_model_is_not_asked_on_for_a_customer_who_wants_no_more(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, closed = asyncio.Event(), asyncio.Event()

    async def endless(prompt: Prompt, card: ModelCard) -> AsyncGenerator[Chunk, None]:
        try:
            yield Delta("It takes ")
            begun.set()
            await asyncio.Event().wait()
        finally:
            closed.set()

    monkeypatch.setattr(house.scripts["quick"], "stream", endless)
    await house.say("where is my parcel?")
    async with asyncio.timeout(5):
        await begun.wait()
    await stop(house)
    assert closed.is_set()
    assert "no more messages" in house.channel.said["ann"][-1]
    assert len(house.channel.said["ann"]) == 1


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "PAUSES", (0.0, 0.0))


@pytest.mark.usefixtures("hurried")
async def test_an_answer_that_waits_for_long_is_told_to_a_person_once_and_goes_out_in_the_end(staffed: House) -> None:
    platform(staffed).refuses = NotSent("no connection")
    await staffed.say("where is my parcel?")
    await staffed.until(lambda: bool(staffed.channel.cards))
    assert "has been waiting for an answer for minutes" in staffed.channel.cards[0][1]
    assert "They wrote: where is my parcel?" in staffed.channel.cards[0][1]
    platform(staffed).refuses = None
    assert await staffed.desk.idle(5)
    assert "two days" in staffed.channel.said["ann"][-1]
    assert len(staffed.channel.cards) == 1
    assert await staffed.unsettled() == []


async def test_a_person_s_words_that_did_not_arrive_are_told_and_do_not_come_by_themselves_later(
    staffed: House,
) -> None:
    await staffed.ask("human please")
    platform(staffed).refuses = NotSent("no connection")
    await staffed.ask("Hello.", "operators", reply_to="1", customer=Customer("op"))
    assert "nothing was sent, try again later" in staffed.channel.said["operators"][-1]
    platform(staffed).refuses = None
    assert await staffed.desk.resume() == 0
    assert "Hello." not in staffed.channel.said["ann"]
    await staffed.ask("Hello again.", "operators", reply_to="1", customer=Customer("op"))
    assert staffed.channel.said["ann"][-1] == "Hello again."


async def test_one_customer_out_of_reach_does_not_keep_operators_from_the_others(
    staffed: House,
) -> None:
    await staffed.ask("human please", "ann")
    await staffed.ask("human please", "bob")
    platform(staffed).gate.clear()
    await staffed.say("Hello Ann.", "operators", reply_to="1", customer=Customer("op"))
    await staffed.say("//a note", "operators", customer=Customer("op"))
    await staffed.until(lambda: staffed.desk.lanes.get(Address("memory", "operators")) is None)
    platform(staffed).gate.set()
    await staffed.until(lambda: "Hello Ann." in staffed.channel.said["ann"])


async def test_the_bot_has_the_chat_again_though_the_customer_cannot_be_told(staffed: House) -> None:
    await staffed.ask("human please")
    platform(staffed).refuses = WindowClosed("closed")
    await staffed.ask("/back", "operators", reply_to="1", customer=Customer("op"))
    assert (await staffed.conversation()).holder is Holder.BOT
