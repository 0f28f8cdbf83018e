"""How the parts of an answer come to stand in a chat, whatever Telegram or a crash does in between."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from channels.telegram import delivery as delivery_module
from channels.telegram import outlet as outlet_module
from channels.telegram.client import Place, Reason, Refused, WrongToken
from channels.telegram.counts import Count
from channels.telegram.delivery import Delivery
from channels.telegram.limits import Limits, Rates
from channels.telegram.outlet import Outlet
from core.errors import NotSent, Rejected, Throttled, Unconfirmed, Unreachable
from core.markup import Rich
from core.records import PartState

if TYPE_CHECKING:
    from tests.channels.telegram.conftest import RecordingOutbox, ScriptedClient

LONG = "Your parcel left our warehouse this morning. " * 5 + "It will reach you on **Friday**."
SHORT = "It is on its way."


@pytest.fixture(autouse=True)
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Seconds waited between attempts, without waiting them."""
    waited: list[float] = []

    class Asyncio:
        @staticmethod
        async def sleep(seconds: float) -> None:
            waited.append(seconds)

    monkeypatch.setattr(delivery_module, "asyncio", Asyncio)
    monkeypatch.setattr(outlet_module, "asyncio", Asyncio)
    return waited


@pytest.fixture
def delivery(client: ScriptedClient, outbox: RecordingOutbox) -> Delivery:
    limits = Limits(Rates(bot=(10_000, 1.0), chat=(10_000, 10_000), group=(10_000, 1.0)))
    return Delivery(Outlet(client, limits), Place(42), outbox)


def texts(client: ScriptedClient) -> list[str]:
    return [rich.text for rich in client.chat.values()]


async def test_a_long_answer_is_opened_with_its_first_clause_and_edited_to_the_whole(
    client: ScriptedClient, delivery: Delivery, outbox: RecordingOutbox
) -> None:
    assert await delivery.send(LONG) == LONG
    (kind, _, opening), (edited, _, whole) = client.calls
    assert (kind, edited) == ("send", "edit")
    assert len(opening) <= 80
    assert opening.endswith(" …")
    assert whole.startswith(opening.removesuffix(" …"))
    assert whole == texts(client)[0] == LONG.replace("**", "")
    assert outbox.states == [PartState.SENDING, PartState.OPEN, PartState.SENT]
    assert outbox.parts[0].sent_as == "1"


async def test_the_answer_is_formatted_by_entities(client: ScriptedClient, delivery: Delivery) -> None:
    await delivery.send(LONG)
    assert [(entity.kind, entity.length) for entity in client.chat["1"].entities] == [("bold", len("Friday"))]


async def test_even_a_short_answer_is_opened_and_edited_because_an_edit_can_be_repeated(
    client: ScriptedClient, delivery: Delivery, outbox: RecordingOutbox
) -> None:
    await delivery.send(SHORT)
    assert [kind for kind, _, _ in client.calls] == ["send", "edit"]
    assert outbox.states == [PartState.SENDING, PartState.OPEN, PartState.SENT]


async def test_the_text_is_planned_before_anything_is_sent(
    client: ScriptedClient, delivery: Delivery, outbox: RecordingOutbox
) -> None:
    client.errors = [Unreachable("blocked")]
    with pytest.raises(Unreachable):
        await delivery.send(LONG)
    assert [part.text for part in outbox.parts] == [LONG]
    assert outbox.states[-1] is PartState.REJECTED


@pytest.mark.parametrize(
    ("state", "calls"),
    [
        (PartState.PLANNED, ["send", "edit"]),
        (PartState.SENDING, ["send", "edit"]),
        (PartState.UNKNOWN, ["send", "edit"]),
        (PartState.OPEN, ["edit"]),
        (PartState.SENT, []),
    ],
)
async def test_after_a_crash_a_part_goes_on_from_where_it_was(
    state: PartState, calls: list[str], client: ScriptedClient, delivery: Delivery, outbox: RecordingOutbox
) -> None:
    await outbox.plan([LONG])
    outbox.parts[0] = replace(outbox.parts[0], state=state, sent_as="1" if state is PartState.OPEN else "")
    client.chat = {"1": Rich("Your parcel …")} if state is PartState.OPEN else {}
    await delivery.send("other words the second time")
    assert [kind for kind, _, _ in client.calls] == calls
    if calls:
        assert texts(client) == [LONG.replace("**", "")]


async def test_a_part_that_was_refused_before_is_not_taken_for_delivered(
    client: ScriptedClient, delivery: Delivery, outbox: RecordingOutbox
) -> None:
    await outbox.plan([LONG])
    outbox.parts[0] = replace(outbox.parts[0], state=PartState.REJECTED)
    with pytest.raises(Rejected):
        await delivery.send(LONG)
    assert client.calls == []


async def test_what_was_planned_before_a_crash_is_what_stands_in_the_chat(
    delivery: Delivery, outbox: RecordingOutbox
) -> None:
    await outbox.plan(["First.", "Second."])
    assert await delivery.send("other words the second time") == "First.\n\nSecond."


async def test_an_opening_nobody_confirmed_is_opened_again_and_counted(
    client: ScriptedClient, delivery: Delivery, outbox: RecordingOutbox
) -> None:
    client.errors, client.arrives_anyway = [Unconfirmed("no answer")], True
    await delivery.send(LONG)
    assert texts(client).count(LONG.replace("**", "")) == 1
    assert len(client.chat) == 2
    assert delivery.outlet.counts[Count.ORPHANS] == 1
    assert outbox.states == [
        PartState.SENDING,
        PartState.UNKNOWN,
        PartState.SENDING,
        PartState.OPEN,
        PartState.SENT,
    ]


async def test_openings_nobody_confirms_are_few(
    client: ScriptedClient, delivery: Delivery, outbox: RecordingOutbox
) -> None:
    client.errors = [Unconfirmed("no answer")] * 50
    with pytest.raises(Unconfirmed):
        await delivery.send(LONG)
    assert len(client.calls) == 4
    assert outbox.states[-1] is PartState.UNKNOWN


async def test_an_edit_nobody_confirmed_is_repeated_and_leaves_one_answer(
    client: ScriptedClient, delivery: Delivery, outbox: RecordingOutbox
) -> None:
    client.errors, client.arrives_anyway = [None, Unconfirmed("no answer")], True
    await delivery.send(LONG)
    assert [kind for kind, _, _ in client.calls] == ["send", "edit", "edit"]
    assert texts(client) == [LONG.replace("**", "")]
    assert outbox.states[-1] is PartState.SENT


async def test_trap_06_a_text_that_stands_already_counts_as_delivered(
    client: ScriptedClient, delivery: Delivery, outbox: RecordingOutbox
) -> None:
    client.errors = [None, Refused("Message is not modified", Reason.SAME_TEXT)]
    await delivery.send(LONG)
    assert outbox.states[-1] is PartState.SENT


async def test_an_opening_that_is_gone_is_opened_once_more(
    client: ScriptedClient, delivery: Delivery, outbox: RecordingOutbox
) -> None:
    gone = Refused("message to edit not found", Reason.NO_MESSAGE)
    client.errors = [None, gone]
    await delivery.send(LONG)
    assert [kind for kind, _, _ in client.calls] == ["send", "edit", "send", "edit"]
    assert PartState.PLANNED in outbox.states
    assert outbox.states[-1] is PartState.SENT


async def test_an_opening_that_vanishes_every_time_ends_as_rejected(
    client: ScriptedClient, delivery: Delivery, outbox: RecordingOutbox
) -> None:
    gone = Refused("message to edit not found", Reason.NO_MESSAGE)
    client.errors = [None, gone, None, gone]
    with pytest.raises(Rejected):
        await delivery.send(LONG)
    assert outbox.states[-1] is PartState.REJECTED


async def test_entities_telegram_does_not_take_cost_the_formatting_and_not_the_answer(
    client: ScriptedClient, delivery: Delivery
) -> None:
    client.errors = [None, Refused("can't parse entities", Reason.BAD_ENTITIES)]
    await delivery.send(LONG)
    assert client.chat["1"] == Rich(LONG.replace("**", ""))
    counts = delivery.outlet.counts
    assert [counts[c] for c in (Count.PLAIN_FALLBACKS, Count.EDITS, Count.PARTS_SENT)] == [1, 1, 1]


async def test_what_never_reached_telegram_is_repeated_and_leaves_one_answer(
    client: ScriptedClient, delivery: Delivery, pauses: list[float]
) -> None:
    client.errors = [NotSent("no connection")] * 3
    await delivery.send(LONG)
    assert texts(client) == [LONG.replace("**", "")]
    assert pauses == [0.5, 1.0, 2.0]
    assert delivery.outlet.counts[Count.ORPHANS] == 0


async def test_what_never_reaches_telegram_is_given_up_after_a_minute(
    client: ScriptedClient, delivery: Delivery, pauses: list[float]
) -> None:
    client.errors = [NotSent("no connection")] * 50
    with pytest.raises(NotSent):
        await delivery.send(LONG)
    assert (len(client.calls), sum(pauses)) == (8, 61.5)


async def test_a_wrong_token_is_not_tried_again(client: ScriptedClient, delivery: Delivery) -> None:
    client.errors = [WrongToken("no such token")] * 2
    with pytest.raises(WrongToken):
        await delivery.send(LONG)
    assert len(client.calls) == 1


async def test_trap_13_the_answer_of_a_group_that_moved_arrives_once_in_its_new_chat(
    client: ScriptedClient, delivery: Delivery
) -> None:
    group = replace(delivery, place=Place(-200300, 5))
    client.errors = [Refused("group chat was upgraded", Reason.MOVED, -100200301)]
    await group.send(LONG)
    assert [(kind, place) for kind, place, _ in client.calls] == [
        ("send", Place(-200300, 5)),
        ("send", Place(-100200301)),
        ("edit", Place(-100200301)),
    ]
    assert len(client.chat) == 1


async def test_trap_13_a_group_that_moves_between_opening_and_edit_gets_the_answer_in_its_new_chat(
    client: ScriptedClient, delivery: Delivery
) -> None:
    group = replace(delivery, place=Place(-200300))
    gone = Refused("message to edit not found", Reason.NO_MESSAGE)
    client.errors = [None, Refused("group chat was upgraded", Reason.MOVED, -100200301), gone]
    await group.send(LONG)
    assert [(kind, place.chat) for kind, place, _ in client.calls[-2:]] == [("send", -100200301), ("edit", -100200301)]
    assert texts(client).count(LONG.replace("**", "")) == 1


async def test_a_topic_that_is_gone_is_answered_in_the_chat_itself(client: ScriptedClient, delivery: Delivery) -> None:
    topic = replace(delivery, place=Place(-100200300, 31))
    client.errors = [Refused("message thread not found", Reason.NO_TOPIC)]
    await topic.send(SHORT)
    assert [place for _, place, _ in client.calls][:2] == [Place(-100200300, 31), Place(-100200300)]


async def test_only_the_first_part_hangs_on_the_customers_message(client: ScriptedClient, delivery: Delivery) -> None:
    await replace(delivery, reply_to=7).send("\n\n".join(["A paragraph of our answer. " * 100] * 3))
    assert client.replies == [7, 0, 0]


async def test_a_flood_is_waited_out_and_is_no_failure(
    client: ScriptedClient, delivery: Delivery, outbox: RecordingOutbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    held: list[float] = []

    def hold(limits: Limits, chat: int, seconds: float) -> float:
        held.append(seconds)
        return 0.0

    monkeypatch.setattr(Limits, "hold", hold)
    client.errors = [Throttled("slow down", 30.0)] * 12
    await delivery.send(SHORT)
    assert held == [30.0] * 12
    assert outbox.states == [PartState.SENDING, PartState.PLANNED] * 12 + [
        PartState.SENDING,
        PartState.OPEN,
        PartState.SENT,
    ]
    assert delivery.outlet.counts[Count.THROTTLED] == 12
