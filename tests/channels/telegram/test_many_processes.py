"""Several processes with one bot: who asks for updates, and how what Telegram told one of them reaches the others."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, cast

import aiohttp
import pytest
from aiohttp import web

from channels.telegram import silence
from channels.telegram.channel import Manners, TelegramChannel
from channels.telegram.intake import HEADER, Door
from channels.telegram.limits import Limits, Rates
from core import fleet as fleet_module
from core.abilities import Counted, Rereads
from core.conversation import Address, Message
from core.errors import Fenced, NotSent, Rejected, StoreError, Throttled
from core.fleet import Fleet
from core.records import Part, PartState

if TYPE_CHECKING:
    from tests.channels.telegram.conftest import RecordingInbox, RecordingOutbox, ScriptedClient

POLLING = Door("", "", "")
WEBHOOK = Door("https://bot.example.com", "/telegram/somewhere", "a-secret")
PRIVATE, OTHER = Address("telegram", "42"), Address("telegram", "43")
OPEN = Rates(bot=(10_000, 1.0), chat=(10_000, 10_000), group=(10_000, 1.0), pace=0.0)
ANSWER = "Your parcel left our warehouse this morning. It will reach you on Friday, before five in the afternoon."


@dataclass
class Shared:
    """What all processes have in common: who does what, and silences. While `away` nothing is read or written."""

    holders: dict[str, int] = field(default_factory=dict)
    silences: dict[str, datetime] = field(default_factory=dict)
    well: dict[str, datetime] = field(default_factory=dict)
    away: bool = False
    reads: int = 0

    def soon(self, scope: str, seconds: float) -> None:
        self.silences[scope] = datetime.now(UTC) + timedelta(seconds=seconds)

    def left(self, scope: str) -> float:
        return (self.silences[scope] - datetime.now(UTC)).total_seconds()


@dataclass
class OneStore:
    """The store as one process reaches it."""

    shared: Shared
    process: int

    def _reached(self) -> None:
        if self.shared.away:
            raise StoreError("the store is away")

    async def hold(self, name: str) -> bool:
        self._reached()
        return self.shared.holders.setdefault(name, self.process) == self.process

    async def leave(self, name: str) -> None:
        if self.shared.holders.get(name) == self.process:
            del self.shared.holders[name]

    async def silence(self, scope: str, until: datetime) -> None:
        self._reached()
        self.shared.silences[scope] = max(until, self.shared.silences.get(scope, until))

    async def silences(self, prefix: str) -> Mapping[str, datetime]:
        self.shared.reads += 1
        await asyncio.sleep(0.001)
        self._reached()
        return {scope: until for scope, until in self.shared.silences.items() if scope.startswith(prefix)}

    async def passed(self, name: str, at: datetime) -> datetime | None:
        self._reached()
        before = self.shared.well.get(name)
        self.shared.well[name] = at
        return before


@pytest.fixture(autouse=True)
def quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fleet_module, "LOOK", 0.01)
    monkeypatch.setattr(fleet_module, "HEARTBEAT", 0.01)


@pytest.fixture
def shared() -> Shared:
    return Shared()


@dataclass
class Process:
    """One process: its channel, and Telegram as it sees it."""

    channel: TelegramChannel
    client: ScriptedClient
    inbox: RecordingInbox


@pytest.fixture
def process(client: ScriptedClient, inbox: RecordingInbox, shared: Shared) -> Any:
    """Make a process of the fleet; the updates and the chats are the same for all."""

    def made(number: int, door: Door = POLLING, limits: Limits | None = None) -> Process:
        own = type(client)(chat=client.chat)
        hears = type(inbox)(arrivals=inbox.arrivals, fleet=Fleet(OneStore(shared, number)))  # type: ignore[arg-type]
        return Process(TelegramChannel(own, door, Manners(), limits or Limits(OPEN)), own, hears)

    return made


@asynccontextmanager
async def running(*processes: Process) -> AsyncIterator[list[asyncio.Task[None]]]:
    async with asyncio.TaskGroup() as group, asyncio.timeout(15):
        tasks = [group.create_task(one.channel.run(one.inbox)) for one in processes]
        await asyncio.sleep(0)
        yield tasks
        for task in tasks:
            task.cancel()


async def said(text: str = ANSWER) -> AsyncIterator[str]:
    yield text


async def until(true: Callable[[], object]) -> None:
    async with asyncio.timeout(10):
        while not true():  # noqa: ASYNC110 - what is waited for has no event
            await asyncio.sleep(0.005)


def update(number: int) -> dict[str, Any]:
    who = {"id": 42, "is_bot": False, "first_name": "Customer"}
    message = {"message_id": number, "date": 1790000000, "text": "hello", "from": who}
    return {"update_id": number, "message": {**message, "chat": {"id": 42, "type": "private"}}}


# -- how updates come in ---------------------------------------------------------------------------------------------


async def test_only_one_process_asks_for_updates_and_another_goes_on_when_it_ends(process: Any) -> None:
    one, two = process(1), process(2)
    async with running(one, two) as (first, _):
        await until(lambda: one.client.offsets)
        first.cancel()
        assert two.client.offsets == []
        await until(lambda: two.client.offsets)


async def test_a_process_that_is_overtaken_stops_asking_and_stands_by(process: Any, shared: Shared) -> None:
    one, two = process(1), process(2)
    one.client.pending = [update(7)]
    async with running(one, two) as (first, _):
        await until(lambda: one.client.offsets == [0, 8])
        shared.holders["telegram:99:getUpdates"] = 2
        await until(lambda: two.client.offsets)
        assert two.client.offsets == [0], "nobody told it how far the other one came"
        assert not first.done()
        asked = len(one.client.offsets)
        shared.holders["telegram:99:getUpdates"] = 1
        await until(lambda: len(one.client.offsets) > asked)
        assert one.client.offsets[asked] == 0


async def test_deleting_the_webhook_is_for_the_process_that_asks_for_updates(
    process: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = process(1), process(2)
    deleted: list[int] = []
    for number, each in enumerate((one, two), 1):

        async def delete(number: int = number) -> None:
            deleted.append(number)

        monkeypatch.setattr(each.client, "delete_webhook", delete)
    async with running(one, two) as (first, _):
        await until(lambda: one.client.offsets)
        assert deleted == [1]
        first.cancel()
        await until(lambda: two.client.offsets)
    assert deleted == [1, 2]


async def test_one_process_asks_for_the_webhook_and_all_of_them_serve_it(process: Any) -> None:
    both = process(1, WEBHOOK), process(2, WEBHOOK)
    runners = []
    async with running(*both), aiohttp.ClientSession() as session:
        await until(both[0].client.webhooks.qsize)
        for number, one in enumerate(both, 1):
            app = web.Application()
            app.add_routes(one.channel.routes())
            runners.append(runner := web.AppRunner(app, access_log=None))
            await runner.setup()
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            url = f"http://127.0.0.1:{runner.addresses[0][1]}{WEBHOOK.path}"
            headers = {HEADER: WEBHOOK.secret}
            async with session.post(url, json=update(number), headers=headers) as answer:
                assert answer.status == 200
        assert [one.client.webhooks.qsize() for one in both] == [1, 0]
        assert len(both[0].inbox.messages) == 2
    for runner in runners:
        await runner.cleanup()


async def test_asking_for_updates_obeys_a_flood(process: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    one = process(1)
    asked: list[float] = []
    loop = asyncio.get_running_loop()

    async def refused(*_: object) -> list[Any]:
        asked.append(loop.time())
        raise Throttled("slow down", 1.2)

    monkeypatch.setattr(one.client, "get_updates", refused)
    async with running(one):
        await until(lambda: len(asked) == 2)
    assert asked[1] - asked[0] >= 1.2
    assert one.channel.counts()["polls_failed"] == 2


# -- silence ---------------------------------------------------------------------------------------------------------


async def test_what_one_process_was_told_another_one_keeps_to_when_it_takes_the_chat_over(
    process: Any, shared: Shared, outbox: RecordingOutbox
) -> None:
    one, two = process(1), process(2)
    one.client.errors = [Throttled("slow down", 30.0)]
    async with running(one, two):
        dies = asyncio.create_task(one.channel.deliver(PRIVATE, said(), outbox))
        await until(lambda: shared.silences)
        dies.cancel()
        assert 10 < shared.left("telegram:99:42") <= 30.5
        shared.soon("telegram:99:42", 1.0)
        await two.channel.deliver(PRIVATE, said(), outbox)
        assert shared.left("telegram:99:42") <= 0
    assert outbox.states[-1] is PartState.SENT
    assert [kind for kind, _, _ in two.client.calls] == ["send", "edit"]
    assert two.client.drafts == []


@pytest.mark.parametrize("scope", ["telegram:99:42", "telegram:99"])
async def test_a_silence_outlives_a_restart_and_holds_back_previews_too(
    scope: str, process: Any, shared: Shared, outbox: RecordingOutbox
) -> None:
    shared.soon(scope, 1.0)
    one = process(1)
    async with running(one):
        await one.channel.acknowledge(Message("7", PRIVATE, "where is it?", datetime.now(UTC)))
        await one.channel.deliver(PRIVATE, said(), outbox)
    assert shared.left(scope) <= 0
    assert one.client.drafts == []
    assert one.client.chat["1"].text == ANSWER


async def test_a_silence_of_another_bot_whose_number_begins_alike_is_not_ours(
    process: Any, shared: Shared, outbox: RecordingOutbox
) -> None:
    for scope in ("telegram:991", "telegram:991:42", "telegram:99:421", "telegram:99:getUpdates"):
        shared.soon(scope, 3600.0)
    one = process(1)
    async with running(one):
        await one.channel.deliver(PRIVATE, said(), outbox)
    assert one.client.chat["1"].text == ANSWER


async def test_three_chats_refused_by_telegram_silence_the_bot_in_all_processes(
    process: Any, shared: Shared, outbox: RecordingOutbox
) -> None:
    one = process(1)
    one.client.errors = [Throttled("slow down", 30.0)] * 3
    async with running(one):
        work = [
            asyncio.create_task(one.channel.deliver(Address("telegram", str(n)), said(), type(outbox)()))
            for n in (1, 2, 3)
        ]
        await until(lambda: "telegram:99" in shared.silences)
        for task in work:
            task.cancel()
        counts = one.channel.counts()
    assert 10 < shared.left("telegram:99") <= 30.5
    assert (counts["throttled"], counts["bot_throttled"]) == (3, 1)


async def test_a_process_that_keeps_sending_learns_of_a_silence_of_the_whole_bot(
    process: Any, shared: Shared, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(silence, "FRESH", 0.0)
    one = process(1)
    async with running(one):
        await one.channel.post(PRIVATE, "a card", [])
        shared.soon("telegram:99", 0.6)
        await one.channel.post(PRIVATE, "another card", [])
    assert shared.left("telegram:99") <= 0


async def test_answers_that_begin_together_share_a_reading(
    process: Any, shared: Shared, outbox: RecordingOutbox
) -> None:
    one = process(1)
    async with running(one), asyncio.TaskGroup() as tasks:
        for number in range(1, 51):
            tasks.create_task(one.channel.deliver(Address("telegram", str(number)), said(), type(outbox)()))
    assert shared.reads <= 2


async def test_a_reading_that_began_before_an_answer_does_not_do_for_it(
    process: Any, shared: Shared, outbox: RecordingOutbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = process(1)
    reading, go_on = asyncio.Event(), asyncio.Event()
    silences = OneStore.silences

    async def slowly(self: OneStore, prefix: str) -> Mapping[str, datetime]:
        found = await silences(self, prefix)
        reading.set()
        await go_on.wait()
        return found

    monkeypatch.setattr(OneStore, "silences", slowly)
    async with running(one), asyncio.TaskGroup() as tasks:
        tasks.create_task(one.channel.deliver(OTHER, said(), type(outbox)()))
        await reading.wait()
        shared.soon("telegram:99:42", 1.0)
        answer = tasks.create_task(one.channel.deliver(PRIVATE, said(), outbox))
        await asyncio.sleep(0)
        go_on.set()
        await answer
    assert shared.left("telegram:99:42") <= 0


async def test_nothing_is_written_where_nobody_can_say_whether_that_is_allowed(
    process: Any, shared: Shared, outbox: RecordingOutbox
) -> None:
    one = process(1)
    async with running(one):
        shared.away = True
        with pytest.raises(StoreError):
            await one.channel.deliver(PRIVATE, said(), outbox)
        assert (one.client.calls, one.client.drafts) == ([], [])
        shared.away = False
        await one.channel.deliver(PRIVATE, said(), outbox)
    assert one.client.chat["1"].text == ANSWER


async def test_a_silence_that_cannot_be_kept_costs_a_line_in_the_log_and_nothing_else(
    process: Any, shared: Shared, outbox: RecordingOutbox, caplog: pytest.LogCaptureFixture
) -> None:
    one = process(1)

    async def text() -> AsyncIterator[str]:
        shared.away = True
        yield ANSWER

    one.client.errors = [Throttled("slow down", 0.1)]
    async with running(one):
        await one.channel.deliver(PRIVATE, text(), outbox)
        await one.channel.aclose()
    assert one.client.chat["1"].text == ANSWER
    assert "do not know of a silence" in caplog.text


async def test_the_share_of_the_bots_rate_is_asked_of_the_fleet(process: Any) -> None:
    limits = Limits()
    one = process(1, limits=limits)
    async with running(one):
        assert limits.processes() == 1
        one.inbox.fleet.size = 3
        assert limits.processes() == 3


# -- whose chat it is ------------------------------------------------------------------------------------------------


async def test_a_chat_that_is_another_processs_now_is_left_alone_at_once(process: Any, outbox: RecordingOutbox) -> None:
    class Guarded(type(outbox)):  # type: ignore[misc]
        async def mark(self, part: Part) -> None:
            raise Fenced("another process answers this chat")

    one = process(1)
    async with running(one):
        with pytest.raises(Fenced):
            await one.channel.deliver(PRIVATE, said(), Guarded())
        assert one.channel._answering == {}
        await one.channel.deliver(PRIVATE, said(), outbox)
    assert [kind for kind, _, _ in one.client.calls] == ["send", "edit"]


# -- what operators see ----------------------------------------------------------------------------------------------


async def test_everything_counted_has_a_name_before_it_happens(process: Any, outbox: RecordingOutbox) -> None:
    one: Process = process(1)
    assert isinstance(cast("object", one.channel), Counted)
    before = one.channel.counts()
    assert set(before.values()) == {0}
    one.client.pending = [update(1), {"update_id": 2, "message": 7}]
    one.client.preview_errors = [Rejected("no"), NotSent("no connection")]
    async with running(one):
        await until(lambda: len(one.inbox.arrivals) == 2)
        for number in range(2):
            with pytest.raises((Rejected, NotSent)):
                await one.channel.acknowledge(Message(str(number), PRIVATE, "hello", datetime.now(UTC)))
            one.channel._waiting.clear()
        await one.channel.deliver(PRIVATE, said(), outbox)
        after = one.channel.counts()
    assert after.keys() == before.keys()
    happened = {name: number for name, number in after.items() if number}
    assert happened == {
        "openings_sent": 1,
        "edits": 1,
        "parts_sent": 1,
        "previews_failed": 2,
        "updates_unreadable": 1,
    }


async def test_an_update_put_aside_is_read_again_with_the_code_of_today(process: Any) -> None:
    one: Process = process(1)
    assert isinstance(cast("object", one.channel), Rereads)
    raw = '{"update_id":7,"message":{"message_id":7,"date":1790000000,"text":"hello","from":{"id":42,"is_bot":false},"chat":{"id":42,"type":"private"}}}'  # noqa: E501
    arrival = one.channel.reread("tg:99:7", raw)
    assert (arrival.key, arrival.problem) == ("tg:99:7", "")
    assert arrival.message is not None
    assert (arrival.message.text, arrival.message.address) == ("hello", PRIVATE)


@pytest.mark.parametrize("raw", ["", "{", "[" * 50_000, "null", '{"update_id": 5, "message": 1}', '{"update_id"'])
async def test_an_update_that_still_cannot_be_read_keeps_its_key_and_says_why(raw: str, process: Any) -> None:
    arrival = process(1).channel.reread("tg:99:unnumbered:1", raw)
    assert (arrival.key, arrival.raw, arrival.message) == ("tg:99:unnumbered:1", raw, None)
    assert arrival.problem


async def test_an_update_of_another_bot_is_not_ours_to_answer(process: Any) -> None:
    assert process(1).channel.reread("tg:98:7", "{}").problem == "this update came to another bot"


async def test_a_message_in_a_group_is_not_dropped_because_the_bots_name_is_not_known_yet(process: Any) -> None:
    one = process(1)
    raw = '{"update_id":7,"message":{"message_id":7,"date":1790000000,"text":"@shop_bot hello","from":{"id":42,"is_bot":false},"chat":{"id":-1,"type":"group"},"entities":[{"type":"mention","offset":0,"length":9}]}}'  # noqa: E501
    assert "try again" in one.channel.reread("tg:99:7", raw).problem
    async with running(one):
        await until(lambda: one.client.offsets)
        heard = one.channel.reread("tg:99:7", raw).message
    assert heard is not None
    assert heard.text == "hello"
