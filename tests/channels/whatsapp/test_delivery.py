"""An answer on its way out: its order, what is sent twice and what never, and what each failure leads to."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from typing import Any

import pytest

from channels.whatsapp import codes, sending
from channels.whatsapp.client import Limits
from channels.whatsapp.codes import SetUp
from channels.whatsapp.line import Timing
from core.conversation import Address
from core.errors import NotSent, Rejected, Throttled, Unreachable, WindowClosed
from core.records import Part, PartState
from core.tiers import Fee

LONG = "\n\n".join(f"Paragraph {n}. " + "It says a little more. " * 25 for n in range(3)).strip()
SILENT = Timing(through=0.05, callback=0.05)  # nothing is told by itself
CHAT = "+4512345678"


async def test_an_answer_arrives_and_its_part_ends_as_delivered(bot: Any) -> None:
    assert await bot.answer("It left **this morning**.") == "It left **this morning**."
    await bot.twilio.settled()
    assert bot.bodies == ["It left *this morning*."]
    assert bot.outbox.states == [PartState.DELIVERED]


async def test_a_part_is_planned_sending_and_sent_in_this_order(bot: Any) -> None:
    await bot.answer("It left.")
    assert bot.outbox.history == [(0, PartState.SENDING), (0, PartState.SENT)]


async def test_the_next_part_waits_until_whatsapp_has_the_one_before(bot: Any) -> None:
    bot.twilio.hold_callbacks()
    sending = asyncio.create_task(bot.answer(LONG))
    await bot.twilio.wait_for(lambda: bot.posts == 1 and bot.twilio.callbacks.held)
    assert not sending.done()
    await bot.twilio.release()
    assert await sending == LONG
    assert [body.partition(".")[0] for body in bot.bodies] == ["Paragraph 0", "Paragraph 1", "Paragraph 2"]


async def test_without_callbacks_a_part_is_looked_at_once_before_the_next(start: Any) -> None:
    bot = await start(SILENT, twilio={"auto": ()})
    await bot.answer(LONG)
    asked = [call.method for call in bot.twilio.log]
    assert asked == ["POST", "GET", "POST", "GET", "POST", "GET"]


async def test_trap_17_a_500_causes_exactly_one_post_until_the_probe_decided(bot: Any) -> None:
    bot.twilio.fail_next("send", 500)
    await bot.answer("It left.")
    assert [call.method for call in bot.twilio.log][:4] == ["POST", "GET", "GET", "POST"]
    assert bot.bodies == ["It left."]
    assert (bot.count("replies_unknown"), bot.count("replies_resent")) == (1, 1)


@pytest.mark.parametrize("status", [0, 500, 503])
async def test_a_message_sent_without_an_answer_is_found_and_not_sent_again(start: Any, status: int) -> None:
    bot = await start(SILENT, twilio={"auto": ()})
    bot.twilio.fail_next("send", status, after_effect=True)
    await bot.answer("It left.")
    assert bot.bodies == ["It left."]
    assert (bot.count("replies_unknown"), bot.count("replies_resent")) == (1, 0)
    assert bot.outbox.parts[0].sent_as == bot.twilio.sent[0].sid
    assert (0, PartState.UNKNOWN) in bot.outbox.history


async def test_a_callback_tells_what_became_of_a_message_where_no_list_can(start: Any) -> None:
    bot = await start(Timing(callback=5.0))
    bot.twilio.fail_next("send", 0, after_effect=True)
    bot.twilio.fail_next("list", 500, times=9)
    await bot.answer("It left.")
    assert bot.posts == 1
    assert bot.outbox.states[0] in {PartState.SENT, PartState.DELIVERED}


async def test_an_answer_that_takes_too_long_ends_the_wait_and_is_looked_for(start: Any) -> None:
    bot = await start(SILENT, Limits(read=0.1), twilio={"auto": ()})
    bot.twilio.fail_next("send", -1, after_effect=True)
    await bot.answer("It left.")
    assert bot.bodies == ["It left."]


@pytest.mark.parametrize("state", [PartState.SENDING, PartState.UNKNOWN])
async def test_a_part_left_open_in_an_earlier_life_is_looked_for_first(start: Any, state: PartState) -> None:
    bot = await start(SILENT, twilio={"auto": ()})
    bot.knows(timedelta(minutes=1))
    await bot.answer("It left.")
    sid = bot.twilio.sent[0].sid
    bot.channel._line.claimed.clear()  # another process
    bot.outbox.parts = [Part("SM0", 0, "It left.", state)]
    await bot.answer("It left.")
    assert bot.posts == 1
    assert bot.outbox.parts[0].sent_as == sid


async def test_a_part_left_open_that_twilio_does_not_have_is_sent(bot: Any) -> None:
    bot.outbox.parts = [Part("SM0", 0, "It left.", PartState.SENDING)]
    await bot.answer("It left.")
    assert bot.bodies == ["It left."]


async def test_the_same_words_said_before_are_not_taken_for_this_answer(bot: Any) -> None:
    await bot.answer("It left.")
    bot.outbox.parts = []
    bot.twilio.fail_next("send", 500)
    await bot.answer("It left.")
    assert bot.bodies == ["It left.", "It left."]


async def test_two_parts_with_the_same_words_are_two_messages(start: Any) -> None:
    bot = await start(SILENT, twilio={"auto": ()})
    bot.outbox.parts = [Part("SM0", n, "Yes.") for n in range(2)]
    bot.twilio.fail_next("send", 500, times=2, after_effect=True)
    await bot.answer("Yes.")
    assert bot.bodies == ["Yes.", "Yes."]
    assert len({part.sent_as for part in bot.outbox.parts}) == 2


async def test_a_part_refused_before_ends_the_answer(bot: Any) -> None:
    bot.outbox.parts = [Part("SM0", 0, "It left.", PartState.REJECTED)]
    with pytest.raises(Rejected):
        await bot.answer("It left.")
    assert bot.posts == 0


async def test_too_many_requests_wait_and_are_sent_once(bot: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(codes, "UNSAID_WAIT", 0.05)
    bot.twilio.fail_next("send", 429, 20429)
    answering = asyncio.create_task(bot.answer("It left."))
    await bot.twilio.wait_for(lambda: bot.posts == 1)
    assert await asyncio.wait_for(answering, 10) == "It left."
    assert bot.bodies == ["It left."]


@pytest.mark.parametrize("code", [63018, 63012, 63023])
async def test_what_whatsapp_could_not_take_just_then_is_sent_again(bot: Any, code: int) -> None:
    bot.twilio.lose_next(code)
    await bot.answer("It left.")
    await bot.twilio.settled()
    assert [message.status for message in bot.twilio.sent] == ["failed", "delivered"]
    assert bot.outbox.states == [PartState.DELIVERED]


async def test_content_that_is_refused_is_sent_once_more_as_plain_text(bot: Any) -> None:
    bot.twilio.lose_next(63005)
    await bot.answer("It left **today**, see [here](https://shop.example/_a_).")
    await bot.twilio.settled()
    assert bot.bodies[1] == "It left today, see here (https://shop.example/_a_)."
    assert bot.outbox.states == [PartState.DELIVERED]


async def test_content_that_is_refused_twice_is_given_up(bot: Any) -> None:
    bot.twilio.lose_next(63021, times=2)
    with pytest.raises(Rejected):
        await bot.answer("It left **today**.")
    assert bot.posts == 2
    assert bot.outbox.states == [PartState.REJECTED]


async def test_after_the_window_the_template_is_sent(start: Any) -> None:
    bot = await start(template="HX" + "a" * 32)
    bot.twilio.world.heard.clear()
    await bot.answer("It **left**.\nToday.")
    sent = bot.twilio.sent[1]
    assert sent.content_sid == bot.twilio.template
    assert json.loads(sent.content_variables) == {"1": "It left. Today."}
    await bot.twilio.settled()
    assert bot.outbox.states == [PartState.DELIVERED]
    assert [fee.what for fee in bot.outbox.parts[0].fees] == ["whatsapp out", "whatsapp template"]


async def test_a_template_that_fails_for_the_window_too_is_given_up(start: Any) -> None:
    bot = await start(template="HX" + "a" * 32)
    bot.twilio.world.heard.clear()
    bot.twilio.lose_next(63016)
    with pytest.raises(WindowClosed):
        await bot.answer("It left.")
    assert bot.posts == 2
    assert bot.outbox.states == [PartState.REJECTED]


async def test_a_template_sent_without_an_answer_is_found_and_not_sent_again(start: Any) -> None:
    bot = await start(SILENT, template="HX" + "a" * 32, twilio={"auto": ()})
    bot.knows(timedelta(hours=25))
    bot.twilio.fail_next("send", 0, after_effect=True)
    await bot.answer("It **left**.")
    assert len(bot.twilio.sent) == 1


async def test_after_the_window_without_a_template_nothing_is_tried_twice(bot: Any) -> None:
    bot.twilio.world.heard.clear()
    with pytest.raises(WindowClosed):
        await bot.answer("It left.")
    assert bot.posts == 1
    assert bot.outbox.states == [PartState.REJECTED]


async def test_a_window_known_to_be_closed_costs_no_call(bot: Any) -> None:
    bot.knows(timedelta(hours=25))
    with pytest.raises(WindowClosed):
        await bot.answer("It left.")
    assert bot.posts == 0
    assert bot.outbox.states == [PartState.REJECTED]


async def test_a_window_known_to_be_closed_sends_the_template_at_once(start: Any) -> None:
    bot = await start(template="HX" + "a" * 32)
    bot.knows(timedelta(hours=25))
    await bot.answer("It left.")
    assert [message.content_sid for message in bot.twilio.sent] == [bot.twilio.template]


@pytest.mark.parametrize("code", [21610, 21211, 21614])
async def test_an_address_that_takes_nothing_is_final(bot: Any, code: int) -> None:
    bot.twilio.fail_next("send", 400, code)
    with pytest.raises(Unreachable):
        await bot.answer("It left.")
    assert bot.posts == 1
    assert bot.outbox.states == [PartState.REJECTED]


@pytest.mark.parametrize(("code", "error"), [(63014, Unreachable), (63003, Unreachable), (63049, Rejected)])
async def test_a_final_failure_told_later_is_final_all_the_same(bot: Any, code: int, error: type[Exception]) -> None:
    bot.twilio.lose_next(code)
    with pytest.raises(error):
        await bot.answer("It left.")
    assert bot.posts == 1
    assert bot.outbox.states == [PartState.REJECTED]
    assert str(code) in bot.inbox.told[-1].why


async def test_a_code_nobody_knows_counts_as_failed(bot: Any) -> None:
    bot.twilio.lose_next(69999)
    with pytest.raises(Rejected, match="69999"):
        await bot.answer("It left.")
    assert bot.posts == 1


async def test_the_parts_after_a_failed_one_are_not_sent(bot: Any) -> None:
    bot.twilio.lose_next(63013)
    with pytest.raises(Rejected):
        await bot.answer(LONG)
    assert bot.posts == 1
    assert bot.outbox.states == [PartState.REJECTED, PartState.PLANNED, PartState.PLANNED]


async def test_a_wrong_set_up_leaves_the_part_to_be_sent_and_is_not_tried_again_at_once(bot: Any) -> None:
    bot.twilio.fail_next("send", 401, 20003)
    for _ in range(2):
        with pytest.raises(SetUp):
            await bot.answer("It left.")
    assert bot.posts == 1
    assert bot.outbox.states == [PartState.PLANNED]


async def test_a_message_that_never_left_stays_planned(start: Any) -> None:
    bot = await start(base_url="http://127.0.0.1:9", timing=Timing(tries=2))
    with pytest.raises(NotSent):
        await bot.answer("It left.")
    assert bot.outbox.states == [PartState.PLANNED]


async def test_every_sent_part_carries_what_it_costs(start: Any) -> None:
    bot = await start()
    await bot.answer(LONG)
    assert [part.fees for part in bot.outbox.parts] == [(Fee("whatsapp out"),)] * 3


async def test_an_answer_goes_to_the_name_the_customer_wrote_from_last(bot: Any) -> None:
    chat = Address("whatsapp", CHAT)
    await bot.inbox.chat_of("whatsapp", [CHAT])
    await bot.inbox.chat_of("whatsapp", ["US.ABC123", CHAT])
    bot.twilio.world.heard["whatsapp:US.ABC123"] = bot.twilio.world.clock()
    await bot.answer("It left.")
    await bot.twilio.settled()
    assert [message.to for message in bot.twilio.sent] == ["whatsapp:US.ABC123"]
    assert bot.outbox.states == [PartState.DELIVERED]
    assert {progress.address for progress in bot.inbox.told} == {chat}


async def test_trap_18_callbacks_read_delivered_sent_end_as_read(start: Any) -> None:
    bot = await start(SILENT, twilio={"auto": ()})
    await bot.answer("It left.")
    sid = bot.twilio.sent[0].sid
    for word in ("read", "delivered", "sent"):
        await bot.twilio.status(sid, word)
    assert bot.outbox.states == [PartState.READ]


async def test_trap_18_a_callback_that_comes_before_the_answer_to_the_post_counts(start: Any) -> None:
    bot = await start(twilio={"auto": ("sent", "delivered", "read")})
    bot.twilio.callbacks.early = ("read", "delivered", "sent")
    await bot.answer("It left.")
    await bot.twilio.settled()
    assert bot.outbox.states == [PartState.READ]
    assert bot.posts == 1


async def test_a_failure_before_the_answer_to_the_post_is_mended(start: Any) -> None:
    bot = await start()
    bot.twilio.callbacks.early = ("queued",)
    bot.twilio.lose_next(63005)
    await bot.answer("It **left**.")
    await bot.twilio.settled()
    assert bot.outbox.states == [PartState.DELIVERED]


async def test_a_part_knows_its_fee_before_it_leaves(bot: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    marked: list[Part] = []
    mark = bot.outbox.mark

    async def noted(part: Part) -> None:
        marked.append(part)
        await mark(part)

    monkeypatch.setattr(bot.outbox, "mark", noted)
    await bot.answer("It left.")
    assert [(part.state, len(part.fees)) for part in marked[:2]] == [(PartState.SENDING, 1), (PartState.SENT, 1)]


async def test_a_platform_that_asks_to_wait_too_long_gives_the_chat_free_with_the_part_still_to_be_sent(
    bot: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "LONGEST_WAIT", 0.0)
    monkeypatch.setattr(codes, "UNSAID_WAIT", 0.05)
    bot.twilio.fail_next("send", 429, 20429)
    with pytest.raises(Throttled):
        await bot.answer("It left.")
    assert bot.outbox.states == [PartState.PLANNED]
    monkeypatch.setattr(sending, "LONGEST_WAIT", 60.0)
    await bot.answer("It left.")
    assert bot.bodies == ["It left."]
