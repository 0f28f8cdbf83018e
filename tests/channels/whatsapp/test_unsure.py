"""A message of which nobody can tell whether it arrived: sent again or left, as declared for each kind of author."""

from __future__ import annotations

from typing import Any

import pytest

from channels.whatsapp import unsure
from channels.whatsapp.line import Timing
from core.conversation import Author
from core.errors import Unconfirmed
from core.plugins import PluginError
from core.records import Part, PartState

SILENT = Timing(through=0.05, callback=0.05, look=0.01, lists=(0.01,))
LONG = "\n\n".join(f"Paragraph {n}. " + "It says a little more. " * 25 for n in range(3)).strip()
LEAVE = {"answers": "leave", "people": "leave", "notices": "leave"}


@pytest.fixture
async def dark(start: Any) -> Any:
    """The first message is sent, and nothing tells of it: no answer, no callback, no list."""

    async def begin(**options: Any) -> Any:
        bot = await start(SILENT, twilio={"auto": ()}, **options)
        bot.twilio.fail_next("send", 0, after_effect=True)
        bot.twilio.list_away = True
        return bot

    return begin


def counted(bot: Any) -> tuple[int, int, int]:
    return bot.count("replies_unknown"), bot.count("replies_resent"), bot.count("replies_abandoned")


@pytest.mark.parametrize("author", [Author.BOT, Author.DESK])
async def test_what_the_bot_says_is_sent_again_where_nobody_can_tell(dark: Any, author: Author) -> None:
    bot = await dark()
    bot.outbox.author = author
    await bot.answer("It left.")
    assert bot.bodies == ["It left."] * 2
    assert bot.outbox.states == [PartState.SENT]
    assert counted(bot) == (1, 1, 0)


async def test_what_a_person_wrote_is_sent_at_most_once_and_they_are_told(dark: Any) -> None:
    bot = await dark()
    bot.outbox.author = Author.PERSON
    with pytest.raises(Unconfirmed):
        await bot.answer("It left.")
    assert bot.posts == 1
    assert bot.outbox.states == [PartState.ABANDONED]
    assert counted(bot) == (1, 0, 1)


async def test_what_comes_after_a_part_that_is_left_is_sent_and_then_it_is_told(dark: Any) -> None:
    bot = await dark()
    bot.outbox.author = Author.PERSON
    with pytest.raises(Unconfirmed):
        await bot.answer(LONG)
    assert bot.posts == 3
    assert bot.outbox.states == [PartState.ABANDONED, PartState.SENT, PartState.SENT]


async def test_a_part_that_was_left_is_told_once_and_never_sent(dark: Any) -> None:
    bot = await dark(unsure=LEAVE)
    with pytest.raises(Unconfirmed):
        await bot.answer(LONG)
    assert await bot.answer(LONG) == LONG
    assert bot.posts == 3
    assert counted(bot) == (1, 0, 1)


async def test_a_part_that_was_left_and_did_arrive_says_so_later(dark: Any) -> None:
    bot = await dark(unsure=LEAVE)
    with pytest.raises(Unconfirmed):
        await bot.answer("It left.")
    await bot.twilio.status(bot.twilio.sent[0].sid, "delivered")
    assert bot.outbox.states == [PartState.DELIVERED]


async def test_what_a_list_says_is_missing_is_sent_whoever_wrote_it(dark: Any) -> None:
    bot = await dark(unsure=LEAVE)
    bot.twilio.list_away = False
    bot.twilio.world.messages.clear()
    bot.twilio._api.faults["send"].clear()
    bot.twilio.fail_next("send", 500)
    bot.outbox.author = Author.PERSON
    await bot.answer("It left.")
    assert bot.bodies == ["It left."]
    assert counted(bot) == (1, 1, 0)


@pytest.mark.parametrize("state", [PartState.SENDING, PartState.UNKNOWN])
async def test_a_part_left_open_by_a_process_that_died_follows_the_policy_too(dark: Any, state: PartState) -> None:
    bot = await dark(unsure=LEAVE)
    bot.outbox.parts = [Part("SM0", 0, "It left.", state)]
    with pytest.raises(Unconfirmed):
        await bot.answer("It left.")
    assert bot.posts == 0
    assert bot.outbox.states == [PartState.ABANDONED]


async def test_without_knowing_a_message_is_sent_again_once_and_then_waits(dark: Any) -> None:
    bot = await dark()
    bot.twilio.fail_next("send", 0, times=2, after_effect=True)
    with pytest.raises(Unconfirmed):
        await bot.answer("It left.")
    assert bot.bodies == ["It left."] * 2
    assert bot.outbox.states == [PartState.UNKNOWN]
    assert counted(bot) == (2, 1, 0)


async def test_a_policy_names_what_differs_and_the_rest_is_as_usual() -> None:
    assert unsure.read() == unsure.Unsure()
    assert unsure.read({"people": "send again"}).again == frozenset(Author)
    assert unsure.read({"answers": "leave"}).again == {Author.DESK}


@pytest.mark.parametrize("table", [{"answers": "perhaps"}, {"bots": "leave"}, ["leave"], {"people": True}])
def test_a_policy_that_cannot_be_read_says_what_to_write(table: Any) -> None:
    with pytest.raises(PluginError) as error:
        unsure.read(table)
    assert "send again" in error.value.write
    assert error.value.option == "unsure"
