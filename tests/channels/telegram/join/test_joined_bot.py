"""A real Dispatcher and a real Application, joined, against the strict server: who hears what, and how often."""

from __future__ import annotations

from typing import TYPE_CHECKING

import aiohttp
import pytest

from channels.telegram.testing import FakeBotApi
from core.conversation import MessageKind

if TYPE_CHECKING:
    from tests.channels.telegram.conftest import RecordingInbox
    from tests.channels.telegram.join.conftest import Host, Support

SECRET = {"X-Telegram-Bot-Api-Secret-Token": "only-telegram-knows"}
UNREADABLE = {"message": {"no": "fields"}}


def texts(inbox: RecordingInbox) -> list[str]:
    return [message.text for message in inbox.messages]


def message(number: int, text: str) -> dict[str, object]:
    chat = {"id": 7, "type": "private", "first_name": "Customer"}
    person = {"id": 7, "is_bot": False, "first_name": "Customer"}
    entities = [{"type": "bot_command", "offset": 0, "length": len(text)}] if text.startswith("/") else []
    body = {"message_id": number, "date": 1790000000, "chat": chat, "from": person, "text": text, "entities": entities}
    return {"update_id": number, "message": body}


async def test_what_the_filter_names_is_ours_and_the_rest_is_the_hosts(
    host: Host, support: Support, api: FakeBotApi, inbox: RecordingInbox
) -> None:
    async with support.open() as (channel, _), host.polling(channel):
        api.says(7, "where is my parcel")
        api.says(7, "/start")
        api.says(7, "is it late?")
        await host.log.until(lambda: "/start" in host.log.seen)
        await inbox.until(lambda: len(inbox.messages) == 2)
    assert texts(inbox) == ["where is my parcel", "is it late?"]
    assert set(host.log.seen) == {"/start"}
    assert [post.text for post in api.chat(7)] == ["welcome"]
    assert await support.undecided() == []


async def test_while_the_store_is_away_the_same_offset_is_asked_for_and_nothing_is_handled(
    host: Host, support: Support, api: FakeBotApi, inbox: RecordingInbox
) -> None:
    async with support.open() as (channel, file):
        file.failures = 2
        first = api.says(7, "where is my parcel")
        api.says(7, "/start")
        async with host.polling(channel):
            await inbox.until(lambda: bool(inbox.messages))
            await host.log.until(lambda: "/start" in host.log.seen)
            await api.wait_for(lambda: not api.updates.pending)
    offsets = [call.params.get("offset") or 0 for call in api.calls("getUpdates")]
    assert offsets[:3] == [0, 0, 0]
    assert set(offsets[3:]) <= {first + 2}
    assert texts(inbox) == ["where is my parcel"]
    assert len([post for post in api.chat(7) if post.text == "welcome"]) == 1


async def test_while_the_desks_store_is_away_the_host_goes_on_and_the_claimed_one_waits(
    host: Host, support: Support, api: FakeBotApi, inbox: RecordingInbox
) -> None:
    inbox.failures = 2
    async with support.open() as (channel, _), host.polling(channel):
        api.says(7, "where is my parcel")
        api.says(7, "/start")
        await host.log.until(lambda: "/start" in host.log.seen)
        await inbox.until(lambda: bool(inbox.messages))
    assert texts(inbox) == ["where is my parcel"]
    assert len(inbox.attempts) == 3
    assert await support.undecided() == []


async def test_a_host_handler_that_raises_meets_its_own_error_handler_and_nothing_of_ours_is_lost(
    host: Host, support: Support, api: FakeBotApi, inbox: RecordingInbox
) -> None:
    async with support.open() as (channel, _), host.polling(channel):
        api.says(7, "where is my parcel")
        api.says(7, "/boom")
        api.says(7, "is it late?")
        await host.log.until(lambda: host.log.errors)
        await inbox.until(lambda: len(inbox.messages) == 2)
    assert host.log.errors == ["the host's own fault"]
    assert texts(inbox) == ["where is my parcel", "is it late?"]
    assert await support.undecided() == []


@pytest.mark.parametrize("confirmed", [True, False], ids=["telegram forgot it", "telegram sends it again"])
async def test_what_was_undecided_at_a_crash_is_given_to_the_host_again_and_answered_once(
    confirmed: bool, host: Host, support: Support, api: FakeBotApi, inbox: RecordingInbox
) -> None:
    numbers = [api.says(7, "where is my parcel"), api.says(7, "/start")]
    if confirmed:
        async with support.open(listening=False) as (channel, _), host.gate_only(channel):
            await api.wait_for(lambda: not api.updates.pending)
    else:
        async with support.open(listening=False) as (channel, _):
            await channel.room.keep([api.updates.pending[number] for number in numbers], lambda raw: raw)
    assert await support.undecided() == numbers
    assert (texts(inbox), host.log.seen) == ([], [])
    async with support.open() as (channel, _), host.polling(channel):
        await inbox.until(lambda: bool(inbox.messages))
        await host.log.until(lambda: "/start" in host.log.seen)
        last = api.says(7, "is it late?")
        await inbox.until(lambda: len(inbox.messages) == 2)
        await api.wait_for(lambda: last not in api.updates.pending)
    assert texts(inbox) == ["where is my parcel", "is it late?"]
    assert len([post for post in api.chat(7) if post.text == "welcome"]) == 1
    assert await support.undecided() == []
    async with support.open() as (channel, _):
        assert await channel.room.left(lambda raw: raw) == []


async def test_an_update_nobody_can_read_is_kept_and_stops_nothing(
    host: Host, support: Support, api: FakeBotApi, inbox: RecordingInbox
) -> None:
    api.says(7, "where is my parcel")
    number = api.update(UNREADABLE)
    api.says(7, "/start")
    last = api.update(UNREADABLE)
    async with support.open() as (channel, _), host.polling(channel):
        await inbox.until(lambda: len(inbox.arrivals) == 3)
        await host.log.until(lambda: "/start" in host.log.seen)
        await api.wait_for(lambda: not api.updates.pending)
        asked = len(api.calls("getUpdates"))
        api.says(7, "is it late?")
        await inbox.until(lambda: len(inbox.messages) == 2)
        await api.wait_for(lambda: not api.updates.pending)
    assert {arrival.key for arrival in inbox.arrivals.values() if arrival.problem} == {
        f"tg:42:{number}",
        f"tg:42:{last}",
    }
    assert texts(inbox) == ["where is my parcel", "is it late?"]
    assert set(host.log.seen) == {"/start"}
    assert len(api.calls("getUpdates")) <= asked + 3
    assert not host.log.errors


async def test_the_operators_chat_is_ours_whatever_the_filter_says(
    host: Host, support: Support, api: FakeBotApi, inbox: RecordingInbox
) -> None:
    support.own = ("-1001",)
    async with support.open() as (channel, _), host.polling(channel):
        api.says(-1001, "/take")
        api.says(-1002, "/start")
        await host.log.until(lambda: "/start" in host.log.seen)
        await inbox.until(lambda: bool(inbox.messages))
    assert [(m.text, m.kind) for m in inbox.messages] == [("/take", MessageKind.COMMAND)]
    assert "/take" not in host.log.seen


async def test_what_nobody_could_answer_stays_with_the_host(
    host: Host, support: Support, api: FakeBotApi, inbox: RecordingInbox
) -> None:
    async with support.open() as (channel, _), host.polling(channel):
        api.says(-1002, "news", sender_chat={"id": -1002, "type": "supergroup", "title": "Group"})
        await host.log.until(lambda: "news" in host.log.seen)
    assert not inbox.arrivals
    assert await support.undecided() == []


async def test_by_webhook_200_comes_after_the_commit_and_503_without_it(
    host: Host, support: Support, api: FakeBotApi, inbox: RecordingInbox
) -> None:
    async with support.open() as (channel, file), host.webhook(channel) as url, aiohttp.ClientSession() as http:

        async def post(update: object, headers: dict[str, str] = SECRET) -> int:
            async with http.post(url, json=update, headers=headers) as answer:
                return answer.status

        file.failures = 2
        assert [await post(message(5, "where is my parcel")) for _ in range(2)] == [503, 503]
        assert not inbox.attempts
        assert file.commits == 0
        assert await post(message(5, "where is my parcel")) == 200
        assert file.commits == 1
        assert [await post(message(6, "/boom")), await post(message(5, "where is my parcel"))] == [200, 200]
        assert [await post({"update_id": 7, **UNREADABLE}), await post("no update")] == [200, 200]
        assert await post(message(8, "break in"), {}) in {401, 403}
        await host.log.until(lambda: host.log.errors)
        await inbox.until(lambda: len(inbox.arrivals) == 3)
    assert texts(inbox) == ["where is my parcel"]
    assert host.log.seen[-1] == "/boom"
    assert len([arrival for arrival in inbox.arrivals.values() if arrival.problem]) == 2
    assert await support.undecided() == []


async def test_by_webhook_what_was_undecided_is_fed_at_the_start(
    host: Host, support: Support, inbox: RecordingInbox
) -> None:
    async with support.open(listening=False) as (channel, _):
        await channel.room.keep([message(5, "where is my parcel"), message(6, "/boom")], lambda raw: raw)
    async with support.open() as (channel, _), host.webhook(channel):
        await inbox.until(lambda: bool(inbox.messages))
        await host.log.until(lambda: host.log.errors)
    assert texts(inbox) == ["where is my parcel"]
    assert await support.undecided() == []


async def test_over_telegrams_own_webhook_deliveries_nothing_is_lost_or_doubled(
    host: Host, support: Support, api: FakeBotApi, inbox: RecordingInbox
) -> None:
    async with support.open() as (channel, file), host.webhook(channel) as url:
        file.failures = 3
        for number in range(10):
            api.says(100 + number % 3, f"question {number}")
        api.updates.set_webhook({"url": url, "secret_token": SECRET["X-Telegram-Bot-Api-Secret-Token"]})
        await inbox.until(lambda: len(inbox.messages) == 10)
        await api.wait_for(lambda: not api.updates.pending)
    assert sorted(texts(inbox)) == [f"question {number}" for number in range(10)]


async def test_a_bot_of_another_token_is_refused(host: Host, support: Support, api: FakeBotApi) -> None:
    async with support.open(listening=False) as (channel, _):
        api.token = "43:TEST"
        with pytest.raises(ValueError, match="another"):
            async with host.polling(channel):
                pass
