"""Several processes on one store: states told to another one, silences all keep, and a chat another one has taken."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from channels.whatsapp import sending
from channels.whatsapp.line import Rounds, Timing
from core.errors import Fenced, Rejected, StoreError, Throttled
from core.fleet import Lone
from core.records import Part, PartState
from tests.channels.whatsapp.conftest import QUICK, RecordingInbox, until

PATIENT = Timing(through=30, soon=30, callback=30, look=0.01, lists=(0.01, 0.01), again=(0.01, 0.01), tries=3)
LONG = "\n\n".join(f"Paragraph {n}. " + "It says a little more. " * 25 for n in range(3)).strip()


@pytest.fixture
async def two(start: Any) -> Any:
    """A process that answers, and another one that Twilio's webhooks and callbacks reach."""

    async def begin(timing: Timing = PATIENT, **twilio: Any) -> Any:
        answers = await start(timing, twilio=twilio or None)
        answers.inbox.fleet.size = 2
        await start(timing, twilio=answers.twilio, inbox=answers.inbox)
        return answers

    return begin


async def test_what_another_process_was_told_lets_the_next_part_go(two: Any) -> None:
    bot = await two()
    assert await bot.answer(LONG) == LONG
    assert len(bot.bodies) == 3
    assert not bot.twilio.calls("GET"), "the committed part said enough"
    await bot.twilio.settled()
    assert bot.outbox.states == [PartState.DELIVERED] * 3


async def test_sent_told_to_another_process_is_asked_of_twilio_soon(two: Any) -> None:
    bot = await two(replace(PATIENT, soon=0.05), auto=("sent",))
    assert await bot.answer(LONG) == LONG
    assert len(bot.twilio.calls("GET")) == 3


@pytest.mark.parametrize("status", ["sent", "delivered", "read"])
async def test_a_message_without_an_answer_is_found_by_what_another_process_was_told(two: Any, status: str) -> None:
    bot = await two(replace(PATIENT, through=0.05, soon=0.05), auto=(status,))
    bot.twilio.fail_next("send", 0, after_effect=True)
    bot.twilio.list_away = True
    await bot.answer("It left.")
    await bot.twilio.settled()
    assert bot.posts == 1
    assert bot.outbox.states[0] in {PartState.SENT, PartState.DELIVERED, PartState.READ}
    assert bot.outbox.parts[0].sent_as == bot.twilio.sent[0].sid
    assert bot.count("replies_resent") == 0


async def test_what_was_told_before_the_connection_broke_is_not_marked_unknown(two: Any) -> None:
    bot = await two(replace(PATIENT, through=0.05, soon=0.05), auto=())
    bot.twilio.callbacks.early = ("sent", "delivered")
    bot.twilio.fail_next("send", 0, after_effect=True)
    await bot.answer("It left.")
    assert bot.outbox.states == [PartState.DELIVERED]
    assert (0, PartState.UNKNOWN) not in bot.outbox.history
    assert bot.posts == 1


async def test_a_failure_told_to_another_process_is_looked_up_and_mended(two: Any) -> None:
    bot = await two()
    bot.twilio.lose_next(63005)
    await bot.answer("It left **today**.")
    await bot.twilio.settled()
    assert bot.bodies == ["It left *today*.", "It left today."]
    assert bot.outbox.states == [PartState.DELIVERED]


async def test_a_failure_that_cannot_be_mended_is_final_wherever_it_is_told(two: Any) -> None:
    bot = await two()
    bot.twilio.lose_next(63013)
    with pytest.raises(Rejected, match="63013"):
        await bot.answer("It left.")
    assert bot.posts == 1
    assert bot.outbox.states == [PartState.REJECTED]


async def test_a_failure_whose_code_cannot_be_asked_is_final_and_not_sent_again(two: Any) -> None:
    bot = await two()
    bot.twilio.lose_next(63005)
    bot.twilio.fail_next("fetch", 500, times=9)
    with pytest.raises(Rejected):
        await bot.answer("It left.")
    assert bot.posts == 1


async def test_a_part_that_cannot_be_looked_at_is_waited_for_as_before(start: Any) -> None:
    bot = await start(PATIENT)
    looked = 0

    async def away(part: Part) -> Part:
        nonlocal looked
        looked += 1
        raise StoreError("the store is away")

    bot.outbox.look = away
    bot.twilio.hold_callbacks()
    answering = asyncio.create_task(bot.answer("It left."))
    await until(lambda: looked > 1)
    await bot.twilio.release()
    assert await answering == "It left."


async def test_a_silence_is_kept_for_every_process_until_it_is_over(start: Any) -> None:
    bot = await start()
    bot.twilio.fail_next("send", 429, 20429, retry_after="7")
    answering = asyncio.create_task(bot.answer("It left."))
    await bot.twilio.wait_for(lambda: bot.posts == 1)
    await until(lambda: bot.inbox.fleet.kept)
    answering.cancel()
    await asyncio.wait({answering})
    ((scope, end),) = bot.inbox.fleet.kept.items()
    assert scope == f"whatsapp:{bot.twilio.account}:{bot.twilio.number.removeprefix('whatsapp:')}"
    assert timedelta(seconds=5) < end - datetime.now(UTC) <= timedelta(seconds=7)


async def test_a_silence_kept_by_another_process_is_honoured_from_the_start(
    start: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    bot = await start()
    await bot.inbox.fleet.silence(bot.channel._line.silence.scope, datetime.now(UTC) + timedelta(minutes=5))
    late = await start(twilio=bot.twilio, inbox=bot.inbox, waits=False)
    with pytest.raises(Throttled) as error:
        await late.answer("It left.")
    assert 60 < error.value.retry_after <= 300
    assert late.posts == 0
    assert late.outbox.states == [PartState.PLANNED]


async def test_a_silence_of_a_number_that_begins_alike_is_not_ours(start: Any) -> None:
    inbox = RecordingInbox(fleet=Lone())
    bot = await start(inbox=inbox)
    await inbox.fleet.silence(f"{bot.channel._line.silence.scope}0", datetime.now(UTC) + timedelta(minutes=5))
    bot.channel._line.silence._looked = float("-inf")
    assert await bot.answer("It left.") == "It left."


async def test_a_short_silence_is_waited_for(start: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sending, "LONGEST_WAIT", 5.0)
    bot = await start()
    bot.channel._line.silence._looked = float("-inf")
    await bot.inbox.fleet.silence(bot.channel._line.silence.scope, datetime.now(UTC) + timedelta(seconds=0.1))
    assert await bot.answer("It left.") == "It left."


async def test_no_list_is_asked_for_while_there_is_silence(start: Any) -> None:
    bot = await start()
    bot.channel._line.silence._looked = float("-inf")
    await bot.inbox.fleet.silence(bot.channel._line.silence.scope, datetime.now(UTC) + timedelta(minutes=5))
    await bot.channel._reconciler._tried(bot.inbox)
    assert not bot.twilio.calls("GET")
    assert bot.count("reconciler_failures") == 0


async def test_a_silence_the_store_could_not_keep_is_kept_here(start: Any) -> None:
    class Away(Lone):
        async def silence(self, scope: str, until: datetime) -> None:
            raise StoreError("the store is away")

        async def silences(self, prefix: str) -> Any:
            raise StoreError("the store is away")

    bot = await start(inbox=RecordingInbox(fleet=Away()))
    await bot.channel._line.silence.told(300)
    with pytest.raises(Throttled):
        await bot.answer("It left.")
    assert bot.posts == 0


async def test_a_list_that_is_throttled_silences_everybody(start: Any) -> None:
    inbox = RecordingInbox(fleet=Lone())
    bot = await start(replace(QUICK, rounds=Rounds(every=0.02)), inbox=inbox)
    bot.twilio.fail_next("list", 429, 20429, retry_after="200")
    await until(lambda: inbox.fleet.kept)
    assert await bot.channel._line.silence.left() > 100


@pytest.mark.parametrize("state", [PartState.SENDING, PartState.SENT, PartState.UNKNOWN])
async def test_once_another_process_has_the_chat_nothing_more_is_sent(start: Any, state: PartState) -> None:
    bot = await start()
    if state is PartState.UNKNOWN:
        bot.twilio.fail_next("send", 500)
    bot.outbox.fenced = lambda part: part.state is state
    with pytest.raises(Fenced):
        await bot.answer(LONG)
    assert bot.posts == (0 if state is PartState.SENDING else 1)


async def test_a_form_that_could_not_be_read_is_read_again_as_it_means_now(bot: Any) -> None:
    sid = await bot.twilio.says("+4512345678", "where is my parcel?", NumMedia="a lot")
    parked = next(iter(bot.inbox.arrivals.values()))
    assert parked.problem
    assert bot.channel.reread(parked.key, parked.raw) == replace(parked, raw=parked.raw)
    mended = parked.raw.replace("a lot", "0")
    arrival = bot.channel.reread(parked.key, mended)
    assert (arrival.key, arrival.message.text) == (f"tw:{bot.twilio.account}:{sid}", "where is my parcel?")


async def test_what_another_channel_parked_is_not_read(bot: Any) -> None:
    await bot.twilio.says("+4512345678", "where is my parcel?")
    (arrival,) = bot.inbox.arrivals.values()
    assert bot.channel.reread(arrival.key, arrival.raw).message is not None
    assert bot.channel.reread("tg:1:2", arrival.raw).problem


@pytest.mark.parametrize("raw", ["", "{", "{}", "[1]", '[["a"]]', '[["a", 1]]'])
def test_what_is_no_form_stays_a_problem(raw: str, bot: Any) -> None:
    key = f"tw:{bot.twilio.account}:unread:1"
    arrival = bot.channel.reread(key, raw)
    assert (arrival.key, arrival.raw, arrival.message) == (key, raw, None)
    assert arrival.problem


async def test_a_message_whose_commit_failed_after_it_left_is_found_and_not_sent_again(
    start: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    bot = await start(PATIENT)
    keep, fails = bot.outbox.mark, [StoreError("the server is away")]

    async def mark(part: Part) -> None:
        if part.state is PartState.SENT and fails:
            raise fails.pop()
        await keep(part)

    monkeypatch.setattr(bot.outbox, "mark", mark)
    with pytest.raises(StoreError):
        await bot.answer("It left.")
    assert await bot.answer("It left.") == "It left."
    assert bot.posts == 1
