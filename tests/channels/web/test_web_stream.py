"""What pages are shown: streams, reconnects, several tabs, slow readers, restarts."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
from yarl import URL

from core.conversation import Address, Author, Customer, HandBack, Holder, Message, MessageKind
from core.errors import Interrupted, Withdrawn

PATIENCE = 5.0


def message(address: Address, text: str = "hello", name: str = "message-0001") -> Message:
    return Message(name, address, text, datetime.now(UTC), Customer(address.chat))


class Script:
    """An answer the test writes piece by piece."""

    def __init__(self) -> None:
        self.pieces: asyncio.Queue[str | Exception | None] = asyncio.Queue()
        self.taken = asyncio.Event()

    def say(self, *pieces: str | Exception | None) -> None:
        for piece in pieces:
            self.pieces.put_nowait(piece)

    async def text(self) -> AsyncGenerator[str, None]:
        while (piece := await self.pieces.get()) is not None:
            if isinstance(piece, Exception):
                raise piece
            self.taken.set()
            yield piece


@dataclass
class Outbox:
    """An outbox that says who wrote."""

    author: Author

    async def plan(self, texts: Any) -> Any:
        raise AssertionError(texts)

    async def mark(self, part: Any) -> None:
        raise AssertionError(part)


@pytest.fixture
async def answering() -> AsyncIterator[Callable[..., asyncio.Task[str]]]:
    """Deliver a script through a channel, as the desk would."""
    tasks: list[asyncio.Task[str]] = []

    def start(site: Any, address: Address, script: Script, outbox: Any) -> asyncio.Task[str]:
        tasks.append(asyncio.get_running_loop().create_task(site.channel.deliver(address, script.text(), outbox)))
        return tasks[-1]

    yield start
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def finished(task: asyncio.Task[str]) -> str:
    async with asyncio.timeout(PATIENCE):
        return await task


async def test_an_answer_is_heard_then_streamed_then_final(open_site: Any, tiny_desk: Any) -> None:
    async def answer(asked: Message) -> AsyncGenerator[str, None]:
        for piece in ("Your **order** ", "is on ", "its way."):
            yield piece

    site = await open_site(tiny_desk(answer=answer))
    client = await site.browser()
    page = await site.listen(client)
    assert (await page.next("history")).data["turns"] == []
    assert await site.say(client, "Where is it?") == 202
    events = await page.until_status("idle") + await page.until_status("idle")
    names = [e.data["state"] if e.name == "status" else e.name for e in events]
    assert names[:5] == ["idle", "message", "heard", "writing", "delta"]
    assert names[-2:] == ["final", "idle"]
    shown = "".join(e.data["text"] for e in events if e.name == "delta")
    assert "Your **order** is on its way.".startswith(shown)
    final = next(e.data for e in events if e.name == "final")
    assert final["text"] == "Your order is on its way."
    assert final["entities"] == [{"kind": "bold", "offset": 5, "length": 5, "url": "", "language": ""}]
    assert final["answers"] == "message-0001"
    assert datetime.fromisoformat(final["at"]).tzinfo
    assert site.desk.chats[site.visitor(client)].replies[-1].text == "Your **order** is on its way."


async def test_the_first_piece_goes_out_at_once_and_later_ones_are_gathered(
    open_site: Any, answering: Any, no_outbox: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("channels.web.answer.COALESCE_SECONDS", 0.2)
    site = await open_site()
    client = await site.browser()
    address, page, script = site.visitor(client), await site.listen(client), Script()
    answering(site, address, script, no_outbox)
    script.say("a")
    assert (await page.next("delta")).data["text"] == "a"
    script.say(*"bcdefgh")
    assert (await page.next("delta")).data["text"] == "bcdefgh"
    script.say(None)
    assert (await page.next("final")).data["text"] == "abcdefgh"


async def test_a_page_that_lost_its_connection_gets_the_rest_without_doubling(
    open_site: Any, answering: Any, no_outbox: Any
) -> None:
    site = await open_site()
    client = await site.browser()
    address, page, script = site.visitor(client), await site.listen(client), Script()
    task = answering(site, address, script, no_outbox)
    script.say("one ")
    seen = await page.next("delta")
    script.say("two ")
    await page.next("delta")
    again = await site.listen(client, seen.id)
    back = await again.next()
    assert (back.name, back.data) == ("replace", {"text": "one two "})
    script.say("three", None)
    await finished(task)
    rest = await again.until_status("idle")
    assert [e.name for e in rest].count("final") == 1
    later = await site.listen(client, back.id)
    assert [e.name for e in await later.until_status("idle")] == ["final", "status"]


async def test_a_page_that_missed_nothing_gets_nothing(open_site: Any, answering: Any, no_outbox: Any) -> None:
    site = await open_site()
    client = await site.browser()
    address, page, script = site.visitor(client), await site.listen(client), Script()
    task = answering(site, address, script, no_outbox)
    script.say("all", None)
    await finished(task)
    last = (await page.until_status("idle") + await page.until_status("idle"))[-1]
    again = await site.listen(client, last.id)
    await site.channel.acknowledge(message(address))
    assert (await again.next()).name == "message"


@pytest.mark.parametrize(
    "seen", ["nonsense", "00000000-1:3", "{epoch}-1:999999", "{epoch}-1:x", "{epoch}-1:" + "9" * 5000]
)
async def test_a_page_with_an_id_nobody_knows_starts_afresh(open_site: Any, seen: str) -> None:
    site = await open_site()
    client = await site.browser()
    first = await (await site.listen(client)).next("history")
    again = await site.listen(client, seen.format(epoch=first.id.split("-")[0]))
    assert (await again.next()).name == "history"


async def test_a_page_away_for_too_long_starts_afresh(open_site: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("channels.web.feed.KEPT", 3)
    site = await open_site()
    client = await site.browser()
    address, page = site.visitor(client), await site.listen(client)
    start = await page.next("history")
    ids = []
    for n in range(5):
        await site.channel.acknowledge(message(address, name=f"message-{n}"))
        ids.append((await page.next("message")).id)
    assert (await (await site.listen(client, start.id)).next()).name == "history"
    known = await site.listen(client, ids[1])
    assert [(await known.next("message")).data["id"] for _ in range(3)] == ["message-2", "message-3", "message-4"]


async def test_a_reload_and_a_restart_bring_the_settled_conversation_back(open_site: Any, tiny_desk: Any) -> None:
    async def answer(asked: Message) -> AsyncGenerator[str, None]:
        yield "**Yes**"

    desk = tiny_desk(answer=answer)
    site = await open_site(desk)
    client = await site.browser()
    await site.say(client, "Is it <b>open</b>?")
    await asyncio.wait_for(desk.settled.wait(), PATIENCE)
    visitor = site.visitor(client)
    restarted = await open_site(desk)
    returning = await restarted.browser()
    returning.cookie_jar.update_cookies({"firstline_visitor": visitor.chat}, URL(restarted.url))
    history = await (await restarted.listen(returning)).next("history")
    asked, replied = history.data["turns"]
    assert (asked["author"], asked["text"], asked["id"]) == ("customer", "Is it <b>open</b>?", "message-0001")
    assert (replied["author"], replied["text"], replied["answers"]) == ("bot", "Yes", "message-0001")
    assert replied["entities"][0]["kind"] == "bold"


async def test_a_reply_shown_but_not_settled_yet_is_in_no_reload_lost_and_in_none_doubled(
    open_site: Any, answering: Any, no_outbox: Any
) -> None:
    site = await open_site()
    client = await site.browser()
    address, script = site.visitor(client), Script()
    task = answering(site, address, script, no_outbox)
    script.say("soon settled", None)
    await finished(task)
    early = await (await site.listen(client)).until_status("idle")
    assert [e.name for e in early] == ["history", "final", "status"]
    site.desk.settle(address, "soon settled")
    late = await (await site.listen(client)).until_status("idle")
    assert [e.name for e in late] == ["history", "status"]


async def test_a_new_page_in_the_middle_of_an_answer_gets_all_of_it(
    open_site: Any, answering: Any, no_outbox: Any
) -> None:
    site = await open_site()
    client = await site.browser()
    script = Script()
    first = await site.listen(client)
    answering(site, site.visitor(client), script, no_outbox)
    script.say("half ")
    await first.next("delta")
    page = await site.listen(client)
    assert [e.name for e in await page.until_status("writing")] == ["history", "replace", "status"]
    script.say("whole", None)
    assert (await page.next("final")).data["text"] == "half whole"


async def test_two_tabs_of_one_visitor_both_see_the_answer_and_others_see_nothing(
    open_site: Any, tiny_desk: Any
) -> None:
    async def answer(asked: Message) -> AsyncGenerator[str, None]:
        yield "for you only"

    site = await open_site(tiny_desk(answer=answer))
    client, stranger = await site.browser(), await site.browser()
    tabs = [await site.listen(client), await site.listen(client)]
    other = await site.listen(stranger)
    await site.say(client, "mine")
    for tab in tabs:
        assert (await tab.next("message")).data["text"] == "mine"
        assert (await tab.next("final")).data["text"] == "for you only"
    await site.say(stranger, "theirs", "message-0002")
    assert (await other.next("message")).data["text"] == "theirs"


async def test_the_newest_pages_win_where_a_visitor_has_too_many(open_site: Any) -> None:
    site = await open_site(per_visitor=2)
    client = await site.browser()
    oldest, middle, newest = [await site.listen(client) for _ in range(3)]
    assert (await oldest.next("closed")).data == {}
    with pytest.raises(ConnectionResetError):
        await oldest.next()
    await site.channel.acknowledge(message(site.visitor(client)))
    for page in (middle, newest):
        assert (await page.next("message")).data["text"] == "hello"


async def test_more_pages_than_the_server_bears_are_sent_away_with_a_time_to_return(open_site: Any) -> None:
    site = await open_site(pages=1)
    client, second = await site.browser(), await site.browser()
    await (await site.listen(client)).next("history")
    async with second.get("/chat/events") as refused:
        assert refused.status == 503
        assert refused.headers["Retry-After"]


async def test_a_reader_that_takes_nothing_is_cut_off_and_costs_no_memory(
    open_site: Any, answering: Any, no_outbox: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("channels.web.answer.COALESCE_SECONDS", 0.0)
    site = await open_site()
    client = await site.browser()
    address, script = site.visitor(client), Script()
    host, port = site.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port), limit=1024)
    writer.write(
        f"GET /chat/events HTTP/1.1\r\nHost: {host}\r\nCookie: firstline_visitor={address.chat}\r\n\r\n".encode()
    )
    async with asyncio.timeout(PATIENCE):
        await reader.readuntil(b"event: status")
    writer.transport.pause_reading()  # type: ignore[attr-defined]
    task = answering(site, address, script, no_outbox)
    async with asyncio.timeout(PATIENCE):
        while site.channel._hub.pages:
            script.say("x" * 60_000)
            await asyncio.sleep(0)
    script.say(None)
    assert len(await finished(task)) > 0
    writer.close()


async def test_with_nobody_connected_the_whole_answer_is_still_pulled(
    open_site: Any, answering: Any, no_outbox: Any
) -> None:
    site = await open_site()
    script = Script()
    script.say("said ", "to nobody", None)
    assert await finished(answering(site, Address("web", "v" * 22), script, no_outbox)) == "said to nobody"


async def test_streams_may_not_be_cached_or_buffered_and_are_kept_awake(open_site: Any) -> None:
    site = await open_site()
    site.channel._limits = type(site.channel._limits)(comment=0.02)
    client = await site.browser()
    async with client.get("/chat/events") as response:
        assert response.content_type == "text/event-stream"
        assert response.headers["Cache-Control"] == "no-store"
        assert response.headers["X-Accel-Buffering"] == "no"
    page = await site.listen(client)
    await page.next("status")
    await page.comment()
    await page.comment()
    assert page.retry == "2000"


async def test_a_cancelled_answer_disappears_and_its_error_is_the_desks(
    open_site: Any, answering: Any, no_outbox: Any
) -> None:
    site = await open_site()
    client = await site.browser()
    page, script = await site.listen(client), Script()
    await page.until_status("idle")
    task = answering(site, site.visitor(client), script, no_outbox)
    script.say("half")
    await page.next("delta")
    script.say(Interrupted("cut"))
    with pytest.raises(Interrupted):
        await finished(task)
    assert [e.name for e in await page.until_status("idle")] == ["status"]


@pytest.mark.parametrize("pieces", [(), ("",), (" \n", " ")])
async def test_an_empty_answer_shows_nothing(
    open_site: Any, answering: Any, no_outbox: Any, pieces: tuple[str, ...]
) -> None:
    site = await open_site()
    client = await site.browser()
    page, script = await site.listen(client), Script()
    await page.until_status("idle")
    script.say(*pieces, None)
    task = answering(site, site.visitor(client), script, no_outbox)
    assert await finished(task) == "".join(pieces)
    assert "final" not in [e.name for e in await page.until_status("idle")]


async def test_an_answer_is_finished_even_while_the_store_is_away(
    open_site: Any, answering: Any, no_outbox: Any
) -> None:
    site = await open_site()
    client = await site.browser()
    page, script = await site.listen(client), Script()
    await page.next("history")
    site.desk.down = True
    script.say("still here", None)
    assert await finished(answering(site, site.visitor(client), script, no_outbox)) == "still here"
    assert (await page.next("final")).data["text"] == "still here"
    async with client.get("/chat/events") as response:
        assert response.status == 503


async def test_what_a_person_writes_is_theirs_plain_and_has_no_why(open_site: Any, answering: Any) -> None:
    site = await open_site()
    client = await site.browser()
    address, page, script = site.visitor(client), await site.listen(client), Script()
    script.say("I *am* a person", None)
    await finished(answering(site, address, script, Outbox(Author.PERSON)))
    said = (await page.next("message")).data
    assert (said["author"], said["text"], said["answers"]) == ("person", "I *am* a person", "")
    assert "entities" not in said


@pytest.mark.parametrize(("author", "event"), [(Author.PERSON, "message"), (Author.DESK, "final")])
async def test_an_outbox_that_knows_the_author_is_believed(
    open_site: Any, answering: Any, author: Author, event: str
) -> None:
    site = await open_site()
    client = await site.browser()
    address, page, script = site.visitor(client), await site.listen(client), Script()
    site.desk.hold(address, Holder.PERSON if author is Author.DESK else Holder.WAITING)
    script.say("hello", None)
    await finished(answering(site, address, script, Outbox(author)))
    assert (await page.next(event)).data["author"] == author


async def test_what_the_bot_wrote_while_a_person_took_over_is_not_shown(
    open_site: Any, answering: Any, no_outbox: Any
) -> None:
    site = await open_site()
    client = await site.browser()
    address, page, script = site.visitor(client), await site.listen(client), Script()
    await page.until_status("idle")
    task = answering(site, address, script, no_outbox)
    script.say("The bot thinks")
    await page.next("delta")
    script.say(Withdrawn("a person has it"))
    with pytest.raises(Withdrawn):
        await finished(task)
    assert "final" not in [e.name for e in await page.until_status("idle")]


async def test_an_answer_costs_no_reading_of_the_store(open_site: Any, answering: Any, no_outbox: Any) -> None:
    site = await open_site()
    client = await site.browser()
    page, script = await site.listen(client), Script()
    await page.until_status("idle")
    site.desk.asked_for.clear()
    script.say("one ", "two", None)
    await finished(answering(site, site.visitor(client), script, no_outbox))
    await page.next("final")
    assert site.desk.asked_for == []


async def test_with_a_person_there_no_page_promises_that_somebody_is_writing(open_site: Any, tiny_desk: Any) -> None:
    async def answer(asked: Message) -> AsyncGenerator[str, None]:
        yield "never"

    site = await open_site(tiny_desk(answer=answer))
    client = await site.browser()
    page = await site.listen(client)
    await page.until_status("idle")
    site.desk.hold(site.visitor(client), Holder.WAITING)
    await site.say(client, "anybody?")
    async with asyncio.timeout(PATIENCE):
        while (await page.next("status")).data != {"state": "heard", "holder": "waiting"}:
            continue


async def test_an_overtaken_answer_does_not_mix_with_the_one_that_overtook_it(
    open_site: Any, answering: Any, no_outbox: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("channels.web.answer.COALESCE_SECONDS", 0.0)
    site = await open_site()
    client = await site.browser()
    address, page = site.visitor(client), await site.listen(client)
    await page.until_status("idle")
    old, new = Script(), Script()
    task = answering(site, address, old, no_outbox)
    old.say("old ")
    await page.next("delta")
    answering(site, address, new, no_outbox)
    new.say("new ")
    assert (await page.next("delta")).data["text"] == "new "
    old.taken.clear()
    old.say("te")
    await asyncio.wait_for(old.taken.wait(), PATIENCE)
    new.say("answer")
    assert (await page.next("delta")).data["text"] == "answer"
    old.say("xt", None)
    await finished(task)
    assert (await page.next("delta", "final")).data["text"] == "old text"
    assert (await page.next("replace")).data["text"] == "new answer"


async def test_reactions_and_hand_backs_are_no_messages(open_site: Any) -> None:
    site = await open_site()
    client = await site.browser()
    address = site.visitor(client)
    chat = await site.desk.history(address)
    noted = Message("r", address, "👍", datetime.now(UTC), kind=MessageKind.NOTED)
    turns = (message(address), noted, HandBack(datetime.now(UTC)))
    site.desk.chats[address] = type(chat)(address, turns)
    history = await (await site.listen(client)).next("history")
    assert [turn["id"] for turn in history.data["turns"]] == ["message-0001"]


async def test_suggestions_come_with_the_history(open_site: Any) -> None:
    site = await open_site(suggestions={"en": ["Where is my order?"]})
    client = await site.browser()
    history = await (await site.listen(client)).next("history")
    assert history.data["suggestions"] == {"en": ["Where is my order?"]}


async def test_stopping_ends_every_stream_at_once(open_site: Any) -> None:
    site = await open_site()
    client = await site.browser()
    page = await site.listen(client)
    await page.until_status("idle")
    await site.stop_listening()
    with pytest.raises(ConnectionResetError):
        await page.next()
    assert site.channel._hub.pages == 0


async def test_a_page_from_before_a_stop_starts_afresh(open_site: Any) -> None:
    site = await open_site()
    client = await site.browser()
    seen = await (await site.listen(client)).next("status")
    await site.stop_listening()
    async with asyncio.TaskGroup() as group:
        again = group.create_task(site.channel.run(site.desk))
        await asyncio.sleep(0)
        assert (await (await site.listen(client, seen.id)).next()).name == "history"
        again.cancel()


async def test_pages_that_vanished_do_not_hold_up_the_server_when_it_stops(open_site: Any) -> None:
    site = await open_site()
    client = await site.browser()
    async with client.get("/chat/events") as vanished:
        await vanished.content.readuntil(b"event: status")
        vanished.close()
    await (await site.listen(client)).until_status("idle")
    await site.stop_listening()
    async with asyncio.timeout(2):
        await site.runner.cleanup()


async def test_visitors_nobody_has_seen_for_long_are_forgotten_but_never_an_open_page(open_site: Any) -> None:
    site = await open_site()
    site.channel._hub._limits = type(site.channel._limits)(visitors=3)
    client = await site.browser()
    page = await site.listen(client)
    await page.until_status("idle")
    for n in range(10):
        await site.channel.acknowledge(message(Address("web", f"{n:022}")))
    assert len(site.channel._hub._feeds) == 3
    await site.channel.acknowledge(message(site.visitor(client)))
    assert (await page.next("message")).data["text"] == "hello"
