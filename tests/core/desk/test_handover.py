"""Calling a person, what operators write back, and giving the chat back."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from core.conversation import Address, Author, Customer, Holder, MessageKind
from core.errors import NotSent
from core.records import Outcome
from core.rules import Reading, Rulebook

if TYPE_CHECKING:
    from conftest import House  # type: ignore[import-not-found,unused-ignore]

OPERATORS = Address("memory", "operators")


@pytest.fixture
def staffed(house: House) -> House:
    """The same desk with an operators' chat named."""
    house.desk.policy = replace(house.policy, operators=OPERATORS)
    return house


async def holder(house: House) -> Holder:
    return Holder((await house.conversation()).holder)


async def test_with_operators_named_they_get_a_card_and_the_customer_is_told_the_truth(staffed: House) -> None:
    await staffed.ask("my lamp is broken")
    said = await staffed.ask("human please")
    assert "passed this on to a colleague" in said
    where, card, buttons = staffed.channel.cards[0]
    assert where == OPERATORS
    assert "Why: human" in card
    assert "First: my lamp is broken" in card
    assert "Now: human please" in card
    assert [b.label for b in buttons] == ["Take", "Back to bot"]
    assert await holder(staffed) is Holder.WAITING


async def test_an_operator_s_reply_to_the_card_reaches_the_customer_and_the_bot_is_silent(staffed: House) -> None:
    await staffed.ask("human please")
    await staffed.ask("Hello, I am looking at it.", "operators", reply_to="1", customer=Customer("op"))
    assert staffed.channel.said["ann"][-1] == "Hello, I am looking at it."
    assert await holder(staffed) is Holder.PERSON
    await staffed.ask("thank you")
    assert staffed.channel.said["ann"][-1] == "Hello, I am looking at it."
    assert "thank you" in staffed.channel.cards[-1][1]
    replies = (await staffed.conversation()).replies
    assert [r.author for r in replies] == [Author.DESK, Author.PERSON]


async def test_back_to_bot_ends_the_hold_and_the_bot_answers_again(staffed: House) -> None:
    await staffed.ask("human please")
    button = staffed.channel.cards[0][2][1]
    await staffed.ask(button.data, "operators", kind=MessageKind.PRESS)
    assert "back with the AI assistant" in staffed.channel.said["ann"][-1]
    assert await holder(staffed) is Holder.BOT
    assert "two days" in await staffed.ask("when does it arrive?")
    lines = staffed.scripts["quick"].asked[-1].lines
    assert any("gave the chat back" in line.text for line in lines)


async def test_taking_over_drops_the_answer_under_way(staffed: House) -> None:
    staffed.scripts["quick"].gate = asyncio.Event()
    await staffed.say("my lamp is broken")
    await staffed.until(lambda: bool(staffed.scripts["quick"].asked))
    await staffed.desk.people.take(Address("memory", "ann"), "key")
    await staffed.desk.idle(5)
    assert [s for s in staffed.channel.said["ann"] if "two days" in s] == []
    assert staffed.scripts["quick"].closed == 1
    window = (staffed.time - timedelta(days=1), staffed.time + timedelta(days=1))
    entries = await staffed.store.entries(*window)
    assert Outcome.TAKEN in [e.outcome for e in entries]


async def test_words_after_two_slashes_stay_among_operators(staffed: House) -> None:
    await staffed.ask("human please")
    before = list(staffed.channel.said["ann"])
    await staffed.ask("// looks like fraud", "operators", reply_to="1")
    assert staffed.channel.said["ann"] == before


async def test_only_named_people_may_act_when_people_are_named(staffed: House) -> None:
    staffed.desk.policy = replace(staffed.desk.policy, people=("memory:op",))
    await staffed.ask("human please")
    before = list(staffed.channel.said["ann"])
    await staffed.ask("hi", "operators", reply_to="1", customer=Customer("stranger"))
    assert staffed.channel.said["ann"] == before
    await staffed.ask("hi", "operators", reply_to="1", customer=Customer("op"))
    assert staffed.channel.said["ann"][-1] == "hi"


async def test_a_reply_to_anything_but_a_customer_s_card_is_answered_not_swallowed(staffed: House) -> None:
    await staffed.ask("hello?", "operators", reply_to="99")
    assert "belongs to no customer" in staffed.channel.said["operators"][-1]


async def test_a_card_is_one_message_however_much_the_customer_wrote(staffed: House) -> None:
    for n in range(12):
        await staffed.say(f"human please {n} " + "x" * 3000)
    await staffed.desk.idle(5)
    assert max(len(card) for _, card, _ in staffed.channel.cards) <= 3510


async def test_an_operators_chat_that_cannot_be_reached_is_not_promised(
    staffed: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_args: object) -> str:
        raise NotSent("no network")

    monkeypatch.setattr(staffed.channel, "post", away)
    said = await staffed.ask("human please")
    assert "can't bring a person" in said
    assert await holder(staffed) is Holder.BOT


async def test_with_nobody_named_the_customer_is_told_so_and_asked_how_to_be_reached(house: House) -> None:
    said = await house.ask("human please")
    assert "can't bring a person" in said
    assert "e-mail" in said
    assert await holder(house) is Holder.BOT


async def test_with_nobody_named_contact_details_are_kept_and_other_questions_answered(house: House) -> None:
    contact = Rulebook(
        house.policy.book.rules,
        {**house.policy.book.signals, "personal_data": lambda c: Reading("email" if "@" in c.asked else None)},
    )
    house.desk.policy = replace(house.policy, book=contact)
    await house.ask("human please")
    assert "contact details are kept" in await house.ask("me@example.com")
    assert "two days" in await house.ask("how long is delivery?")


async def test_an_operator_s_reply_drops_the_answer_the_bot_has_under_way(staffed: House) -> None:
    await staffed.ask("human please")
    button = staffed.channel.cards[0][2][1]
    await staffed.ask(button.data, "operators", kind=MessageKind.PRESS)
    staffed.scripts["quick"].gate = asyncio.Event()
    await staffed.say("and my lamp?")
    await staffed.until(lambda: bool(staffed.scripts["quick"].asked))
    await staffed.say("I am looking at it.", "operators", reply_to="1")
    await staffed.until(lambda: staffed.scripts["quick"].closed > 0)
    assert await staffed.desk.idle(5)
    assert staffed.channel.said["ann"][-1] == "I am looking at it."


async def test_where_nobody_can_be_called_the_other_rules_choose_the_model(house: House) -> None:
    await house.ask("human please")
    await house.ask("how long is delivery?")
    await house.ask("and a refund?")
    assert [reply.tier for reply in (await house.conversation()).replies] == ["desk", "quick", "expert"]
