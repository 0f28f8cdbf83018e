"""What a customer sees before the answer stands, with a client that follows a script."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

import pytest

from channels.telegram.channel import Manners, TelegramChannel
from channels.telegram.client import Place
from channels.telegram.drafts import Timing
from channels.telegram.intake import Door
from channels.telegram.limits import Limits, Rates
from core.conversation import Address, Message
from core.errors import ChannelError, NotSent, Rejected, Throttled

if TYPE_CHECKING:
    from tests.channels.telegram.conftest import RecordingInbox, RecordingOutbox, ScriptedClient

PRIVATE, GROUP, TOPIC = (Address("telegram", chat) for chat in ("42", "-100", "-100:31"))
QUICK = Timing(retry=0.0, draft=5.0, typing=0.02, waiting=5.0)
OPEN = Rates(bot=(10_000, 1.0), chat=(10_000, 10_000), group=(10_000, 1.0), pace=0.0)
ANSWER = "Your parcel left our warehouse this morning. It will reach you on Friday, before five in the afternoon."


def message(address: Address, number: str = "7") -> Message:
    return Message(number, address, "where is it?", datetime.now(UTC))


@pytest.fixture
def channel(client: ScriptedClient) -> TelegramChannel:
    return TelegramChannel(client, Door("", "", ""), Manners(), Limits(OPEN), QUICK)


@pytest.fixture
async def running(channel: TelegramChannel, client: ScriptedClient, inbox: RecordingInbox) -> AsyncIterator[None]:
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(channel.run(inbox))
        await client.settle(lambda: bool(client.offsets))
        yield
        task.cancel()


async def slowly(client: ScriptedClient, pieces: list[str]) -> AsyncIterator[str]:
    """Pieces of an answer, each given once the one before it is shown."""
    for piece in pieces:
        shown = len(client.drafts)
        yield piece
        await client.settle(partial(lambda shown: len(client.drafts) > shown, shown))


async def at_once(text: str) -> AsyncIterator[str]:
    yield text


async def test_in_a_private_chat_the_placeholder_grows_into_the_text_in_one_draft(
    channel: TelegramChannel, client: ScriptedClient, outbox: RecordingOutbox
) -> None:
    await channel.acknowledge(message(PRIVATE))
    await channel.deliver(PRIVATE, slowly(client, ["Your ", "**parcel** ", "is here."]), outbox)
    assert [text for _, text in client.drafts] == ["", "Your", "Your parcel", "Your parcel is here."]
    assert {type(draft) for draft, _ in client.drafts} == {int}
    assert all(0 < draft < 2**31 for draft, _ in client.drafts)
    assert client.typing == []
    assert [kind for kind, _, _ in client.calls] == ["send", "edit"]


async def test_an_answer_does_not_wait_for_its_preview(
    channel: TelegramChannel, client: ScriptedClient, outbox: RecordingOutbox
) -> None:
    async with asyncio.timeout(1.0):
        await channel.deliver(PRIVATE, slowly(client, [ANSWER]), outbox)


@pytest.mark.usefixtures("running")
async def test_an_answer_and_its_acknowledgement_share_one_draft(
    channel: TelegramChannel, client: ScriptedClient, outbox: RecordingOutbox
) -> None:
    await channel.acknowledge(message(PRIVATE))
    await channel.deliver(PRIVATE, slowly(client, [ANSWER]), outbox)
    assert len({draft for draft, _ in client.drafts}) == 1


@pytest.mark.usefixtures("running")
async def test_in_a_topic_typing_is_shown_there_and_renewed_until_the_answer(
    channel: TelegramChannel, client: ScriptedClient, outbox: RecordingOutbox
) -> None:
    await channel.acknowledge(message(TOPIC))
    await client.settle(lambda: len(client.typing) >= 3)

    async def thinking() -> AsyncIterator[str]:
        seen = len(client.typing)
        await client.settle(lambda: len(client.typing) >= seen + 3)
        yield ANSWER

    await channel.deliver(TOPIC, thinking(), outbox)
    renewed = len(client.typing)
    await asyncio.sleep(QUICK.typing * 3)
    assert len(client.typing) == renewed
    assert set(client.typing) == {Place(-100, 31)}
    assert client.drafts == []


async def test_typing_ends_when_no_answer_follows(client: ScriptedClient, inbox: RecordingInbox) -> None:
    timing = Timing(retry=0.0, typing=0.02, waiting=0.1)
    channel = TelegramChannel(client, Door("", "", ""), Manners(), Limits(OPEN), timing)
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(channel.run(inbox))
        await client.settle(lambda: bool(client.offsets))
        await channel.acknowledge(message(GROUP))
        (_, waiting), *_ = channel._waiting.values()
        assert waiting is not None
        assert await asyncio.wait({waiting}, timeout=5) == ({waiting}, set())
        running.cancel()
    assert channel._waiting == {}
    assert len(client.typing) >= 3


async def test_a_draft_is_renewed_before_it_fades(client: ScriptedClient, outbox: RecordingOutbox) -> None:
    timing = Timing(retry=0.0, draft=0.02)
    channel = TelegramChannel(client, Door("", "", ""), Manners(), Limits(OPEN), timing)

    async def stalled() -> AsyncIterator[str]:
        yield "Your parcel "
        await client.settle(lambda: [text for _, text in client.drafts].count("Your parcel") >= 3)
        yield "is here."

    await channel.deliver(PRIVATE, stalled(), outbox)
    assert client.drafts[-1][1] in {"Your parcel", "Your parcel is here."}


@pytest.mark.parametrize("error", [Rejected("TEXTDRAFT_PEER_INVALID"), NotSent("no connection")])
async def test_trap_04_three_failed_drafts_end_the_preview_and_never_cause_an_edit(
    error: ChannelError, channel: TelegramChannel, client: ScriptedClient, outbox: RecordingOutbox
) -> None:
    client.preview_errors = [error] * 3
    for number in range(3):
        with pytest.raises(ChannelError):
            await channel.acknowledge(message(PRIVATE, str(number)))
        channel._waiting.clear()
    await channel.acknowledge(message(PRIVATE, "8"))
    assert (len(client.drafts), client.typing) == (3, [Place(42)])
    await channel.deliver(PRIVATE, at_once(ANSWER), outbox)
    assert len(client.drafts) == 3
    assert [kind for kind, _, _ in client.calls] == ["send", "edit"]


async def test_trap_04_a_draft_that_fails_while_the_text_grows_costs_nothing_but_itself(
    channel: TelegramChannel, client: ScriptedClient, outbox: RecordingOutbox
) -> None:
    client.preview_errors = [Rejected("TEXTDRAFT_PEER_INVALID")] * 3

    async def pieces() -> AsyncIterator[str]:
        for number in range(1, 4):
            yield "more "
            await client.settle(partial(lambda number: len(client.drafts) >= number, number))
        yield ANSWER

    await channel.deliver(PRIVATE, pieces(), outbox)
    assert len(client.drafts) == 3
    assert [kind for kind, _, _ in client.calls] == ["send", "edit"]


async def test_a_flood_is_no_failed_draft_and_silences_the_preview(
    channel: TelegramChannel, client: ScriptedClient, outbox: RecordingOutbox
) -> None:
    client.preview_errors = [Throttled("slow down", 0.0)]
    with pytest.raises(Throttled):
        await channel.acknowledge(message(PRIVATE))
    await channel.deliver(PRIVATE, at_once(ANSWER), outbox)
    assert len(client.drafts) == 1
    assert channel._failed_drafts.get(42, 0) == 0


async def test_a_second_message_before_the_answer_is_not_acknowledged_twice(
    channel: TelegramChannel, client: ScriptedClient, outbox: RecordingOutbox
) -> None:
    async def text() -> AsyncIterator[str]:
        yield "Your parcel is here."
        await channel.acknowledge(message(PRIVATE, "8"))

    await channel.deliver(PRIVATE, text(), outbox)
    assert "" not in [text for _, text in client.drafts]


async def test_a_long_preview_shows_the_newest_part(
    channel: TelegramChannel, client: ScriptedClient, outbox: RecordingOutbox
) -> None:
    async def text() -> AsyncIterator[str]:
        yield "A sentence of a very long answer. " * 150
        yield "And its end."
        await client.settle(lambda: bool(client.drafts) and client.drafts[-1][1].endswith("And its end."))

    await channel.deliver(PRIVATE, text(), outbox)
    assert all(len(text) <= 4096 for _, text in client.drafts)


async def test_an_answer_that_breaks_off_with_an_error_leaves_nothing_under_way(
    channel: TelegramChannel, client: ScriptedClient, outbox: RecordingOutbox
) -> None:
    async def text() -> AsyncIterator[str]:
        yield "Your parcel"
        raise LookupError("the desk withdrew the answer")

    with pytest.raises(LookupError):
        await channel.deliver(PRIVATE, text(), outbox)
    assert client.calls == []
    assert outbox.planned == 0
    assert channel._answering == {}


@pytest.mark.usefixtures("running")
async def test_after_an_answer_that_broke_off_nobody_seems_to_be_typing(
    channel: TelegramChannel, client: ScriptedClient, outbox: RecordingOutbox
) -> None:
    async def text() -> AsyncIterator[str]:
        yield "Your parcel"
        raise LookupError("the desk withdrew the answer")

    await channel.acknowledge(message(GROUP))
    with pytest.raises(LookupError):
        await channel.deliver(GROUP, text(), outbox)
    renewed = len(client.typing)
    await asyncio.sleep(QUICK.typing * 3)
    assert len(client.typing) == renewed


async def test_no_text_sends_nothing(channel: TelegramChannel, client: ScriptedClient, outbox: RecordingOutbox) -> None:
    assert await channel.deliver(PRIVATE, at_once("  \n"), outbox) == ""
    assert (client.calls, outbox.planned) == ([], 0)


async def test_an_answer_in_a_group_hangs_on_the_message_it_answers(
    channel: TelegramChannel, client: ScriptedClient, outbox: RecordingOutbox
) -> None:
    await channel.acknowledge(message(GROUP, "1234"))
    await channel.deliver(GROUP, at_once(ANSWER), outbox)
    assert client.replies == [1234]
