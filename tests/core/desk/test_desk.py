"""The life of one message, on a real in-memory store with scripted models."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from core.conversation import Address, Arrival, Attachment, Holder, Message, MessageKind
from core.errors import Interrupted, NotSent, StoreError, Unavailable, Unreachable
from core.ports import Outbox
from core.records import Outcome
from core.tiers import Chunk, ModelCard, Prompt

if TYPE_CHECKING:
    from conftest import House  # type: ignore[import-not-found,unused-ignore]

DISCLOSURE = "I'm an AI assistant"


async def outcomes(house: House) -> list[Outcome]:
    entries = await house.store.entries(house.time - timedelta(days=1), house.time + timedelta(days=1))
    return [entry.outcome for entry in entries]


async def test_a_message_is_answered_and_settled_with_its_decision_and_its_cost(house: House) -> None:
    message = await house.say("how long does delivery take?")
    await house.desk.idle(5)
    receipt = await house.store.receipt(message.address, message.id)
    assert receipt.entry.outcome is Outcome.ANSWERED
    assert [(c.provider, c.outcome, c.free) for c in receipt.entry.calls] == [("quick", "answered", True)]
    assert receipt.decision.readings["refund"].value is False
    assert receipt.decision.book == "book-1"
    assert await house.unsettled() == []


async def test_a_redelivered_update_is_answered_once(house: House) -> None:
    message = house.message("hello")
    arrival = Arrival("same-key", "{}", message)
    assert await house.desk.accept(arrival)
    assert not await house.desk.accept(arrival)
    await house.desk.idle(5)
    assert len(house.channel.said["ann"]) == 1


async def test_the_acknowledgement_comes_before_the_model_is_asked(house: House) -> None:
    house.scripts["quick"].gate = asyncio.Event()
    await house.say("hello")
    await house.until(lambda: bool(house.scripts["quick"].asked))
    assert [m.text for m in house.channel.acknowledged] == ["hello"]
    house.scripts["quick"].gate.set()


async def test_a_failing_acknowledgement_does_not_cost_the_answer(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fails(_message: Message) -> None:
        raise NotSent("no network")

    monkeypatch.setattr(house.channel, "acknowledge", fails)
    assert "two days" in await house.ask("hello")


async def test_only_the_first_reply_of_a_chat_says_that_an_ai_answers(house: House) -> None:
    assert DISCLOSURE in await house.ask("hello")
    assert DISCLOSURE not in await house.ask("and now?")


async def test_the_strongest_rule_chooses_the_tier_and_holds_for_its_answers(house: House) -> None:
    for text in ("I want a refund", "and then?", "really?", "thanks"):
        await house.ask(text)
    tiers = [reply.tier for reply in (await house.conversation()).replies]
    assert tiers == ["expert", "expert", "expert", "quick"]


async def test_a_rule_s_own_words_stand_before_the_answer_once(house: House) -> None:
    assert "I am on it." in await house.ask("refund please")
    assert "I am on it." not in await house.ask("refund, I said")


async def test_a_burst_before_the_first_text_is_answered_once_with_all_of_it(house: House) -> None:
    gate = house.scripts["quick"].gate = asyncio.Event()
    await house.say("my lamp")
    await house.until(lambda: bool(house.scripts["quick"].asked))
    await house.say("is broken")
    await house.until(lambda: len(house.scripts["quick"].asked) == 2)
    gate.set()
    await house.desk.idle(5)
    assert len(house.channel.said["ann"]) == 1
    assert house.scripts["quick"].asked[-1].question == "my lamp\nis broken"
    assert house.scripts["quick"].closed == 2
    receipt = await house.store.receipt(Address("memory", "ann"), "m2")
    assert [c.outcome for c in receipt.entry.calls] == ["cancelled", "answered"]


async def test_a_message_after_the_first_text_gets_an_answer_of_its_own(house: House) -> None:
    await house.ask("one")
    await house.ask("two")
    assert len(house.channel.said["ann"]) == 2


async def test_chats_do_not_wait_for_each_other(house: House) -> None:
    house.scripts["quick"].gate = asyncio.Event()
    await house.say("slow", "ann")
    assert "two days" in (await asyncio.wait_for(_refund(house), 5))
    house.scripts["quick"].gate.set()


async def _refund(house: House) -> str:
    await house.say("refund", "bob")
    await house.until(lambda: bool(house.channel.said["bob"]))
    return str(house.channel.said["bob"][0])


async def test_when_every_model_fails_the_customer_gets_an_honest_line_and_no_vendor_s_name(house: House) -> None:
    for script in house.scripts.values():
        script.fails = Unavailable("groq is down: 503")
    said = await house.ask("hello")
    assert "can't answer that right now" in said
    assert "groq" not in said
    assert await outcomes(house) == [Outcome.APOLOGISED]


async def test_a_stream_that_breaks_after_text_ends_with_an_honest_line_where_nothing_can_be_taken_back(
    house: House,
) -> None:
    house.channel.replaces = False
    house.scripts["quick"].fails_after = Interrupted("cut")
    said = await house.ask("hello")
    assert "two days" in said
    assert "cut off here" in said


async def test_where_it_can_another_answer_takes_the_place_of_one_that_broke_off(house: House) -> None:
    house.scripts["quick"].fails_after = Interrupted("cut")
    house.scripts["standard"].text = "Three days."
    said = await house.ask("hello")
    assert said == "Hi! I'm an AI assistant, not a person. You can ask for a person at any time.\n\nThree days. "
    [reply] = (await house.conversation()).replies
    assert (reply.text, reply.tier) == (said, "standard")


async def test_stop_ends_the_model_s_call_and_keeps_what_was_shown(house: House) -> None:
    class Slow(type(house.scripts["quick"])):  # type: ignore[misc]
        async def stream(self, prompt: Prompt, card: ModelCard) -> AsyncGenerator[Chunk, None]:
            async for chunk in super().stream(prompt, card):
                yield chunk
                await asyncio.Event().wait()

    slow = Slow()
    house.policy.chain.providers["quick"] = slow
    message = await house.say("tell me everything")
    lane = house.desk.lanes.get(message.address)
    await house.until(lambda: bool(lane and lane.shown))
    await house.desk.stop(message.address)
    await house.desk.idle(1)
    assert house.channel.said["ann"][0].endswith("It ")
    assert slow.closed == 1
    assert await outcomes(house) == [Outcome.STOPPED]


async def test_an_unreachable_chat_is_settled_as_undeliverable(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    async def blocked(_address: Address, _text: AsyncIterator[str], _outbox: Outbox) -> str:
        raise Unreachable("blocked by the user")

    monkeypatch.setattr(house.channel, "deliver", blocked)
    await house.say("hello")
    await house.desk.idle(5)
    assert await outcomes(house) == [Outcome.UNDELIVERABLE]
    assert await house.unsettled() == []


async def test_a_broken_part_of_ours_costs_the_customer_an_apology_not_silence(house: House) -> None:
    class Broken:
        def search(self, *_args: object) -> None:
            raise RuntimeError("a bug")

    house.desk.policy = replace(house.policy, library=Broken())
    assert "can't answer that right now" in await house.ask("hello")
    assert await outcomes(house) == [Outcome.APOLOGISED]


async def test_a_channel_that_breaks_leaves_nobody_behind_in_the_lane(
    house: House, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    works, tries = house.channel.deliver, []

    async def breaks_twice(address: Address, text: AsyncIterator[str], outbox: Outbox) -> str:
        tries.append(1)
        if len(tries) <= 2:  # the answer and the apology for it
            await house.say("are you there?")
            raise RuntimeError("a bug")
        return str(await works(address, text, outbox))

    monkeypatch.setattr(house.channel, "deliver", breaks_twice)
    await house.say("hello")
    await house.desk.idle(5)
    assert "two days" in house.channel.said["ann"][-1]
    assert "a bug" in caplog.text


async def test_a_picture_without_words_gets_an_honest_answer(house: House) -> None:
    said = await house.ask("", attachments=(Attachment("photo"),))
    assert "I got your photo" in said


async def test_start_is_greeted_with_the_disclosure(house: House) -> None:
    said = await house.ask("/start", kind=MessageKind.COMMAND)
    assert DISCLOSURE in said
    assert "What can I help you with?" in said
    assert not house.scripts["quick"].asked


@pytest.mark.parametrize("said", ["/start ref_abc", "/help"])
async def test_a_deep_link_and_help_are_greeted_too(house: House, said: str) -> None:
    assert "What can I help you with?" in await house.ask(said, kind=MessageKind.COMMAND)


async def test_an_edit_that_changes_nothing_is_not_answered(house: House) -> None:
    first = await house.say("where is my parcel?")
    await house.desk.idle(5)
    await house.ask("where is my parcel?", kind=MessageKind.EDIT, edits=first.id)
    assert len(house.channel.said["ann"]) == 1
    assert await house.unsettled() == []


async def test_an_edit_with_new_words_is_answered(house: House) -> None:
    first = await house.say("where is my parcel?")
    await house.desk.idle(5)
    await house.ask("where is my lamp?", kind=MessageKind.EDIT, edits=first.id)
    assert len(house.channel.said["ann"]) == 2


async def test_trap_12_an_album_gets_one_answer_and_a_latecomer_none(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.lane.ALBUM_QUIET", 0.05)
    for n in range(10):
        text = "is this covered?" if n == 2 else ""
        await house.say(text, album="a1", attachments=(Attachment("photo"),))
    await house.desk.idle(5)
    assert len(house.channel.said["ann"]) == 1
    await house.say("", album="a1", attachments=(Attachment("photo"),))
    await house.desk.idle(5)
    assert len(house.channel.said["ann"]) == 1
    assert len((await house.conversation()).messages) == 11
    assert await house.unsettled() == []


async def test_a_silence_of_a_day_begins_a_new_conversation(house: House) -> None:
    await house.ask("refund")
    house.time += timedelta(hours=25)
    await house.ask("hello again")
    tiers = [reply.tier for reply in (await house.conversation()).replies]
    assert tiers == ["expert", "quick"]
    assert len(house.scripts["quick"].asked[-1].lines) == 1


async def test_noted_kinds_are_kept_and_never_answered(house: House) -> None:
    await house.say("👍", kind=MessageKind.NOTED)
    await house.desk.idle(5)
    assert not house.channel.said["ann"]


async def test_an_update_the_store_cannot_keep_is_not_confirmed(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    async def away(_arrival: Arrival, *, room: bool) -> bool:
        raise StoreError("disk full")

    monkeypatch.setattr(house.store, "admit", away)
    with pytest.raises(StoreError):
        await house.say("hello")
    assert not house.channel.acknowledged


async def test_a_message_written_to_a_chat_a_person_holds_is_kept_and_not_answered(house: House) -> None:
    await house.ask("hello")
    await house.desk.people.take(Address("memory", "ann"), "k")
    said = len(house.channel.said["ann"])
    await house.ask("are you there?")
    assert len(house.channel.said["ann"]) == said
    assert (await house.conversation()).holder is Holder.PERSON
    assert await house.unsettled() == []


async def test_a_flood_is_answered_in_bursts_of_thirty_at_most(house: House) -> None:
    gate = house.scripts["quick"].gate = asyncio.Event()
    for n in range(75):
        await house.say(f"message {n}")
    gate.set()
    await house.desk.idle(5)
    assert len((await house.conversation()).messages) == 75
    assert 3 <= len(house.channel.said["ann"]) <= 4
    assert await house.unsettled() == []


async def test_no_model_is_asked_while_the_acknowledgement_is_on_its_way(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = asyncio.Event()
    monkeypatch.setattr(house.channel, "acknowledge", lambda _message: shown.wait())
    await house.say("hello")
    for _ in range(20):
        await house.conversation()  # the store has one thread: what the desk asked of it before is done by now
        await asyncio.sleep(0)
    assert not house.scripts["quick"].asked
    shown.set()
    await house.until(lambda: bool(house.scripts["quick"].asked))
