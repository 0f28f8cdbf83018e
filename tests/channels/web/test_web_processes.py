"""A visitor's page in one process while another one answers: everything is shown, each once."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aiohttp import ClientSession
from yarl import URL

from channels.web.shown import Shown
from channels.web.turns import Line, lines
from core.abilities import Follows
from core.conversation import Address, Author, Conversation, Customer, Holder, Message, MessageKind, Reply
from core.errors import StoreError
from core.fleet import Lone

START = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
VISITOR = Address("web", "v" * 22)


class Crowd(Lone):
    """A fleet of two."""

    size = 2


@dataclass
class Fleet:
    """Two processes on one store: `here` is where the page is, `there` where the chat is answered."""

    here: Any
    there: Any

    async def follow(self, client: ClientSession) -> None:
        """The hint reaches the page's process."""
        await self.here.channel.follow(self.here.visitor(client))

    async def visit(self) -> tuple[ClientSession, Address]:
        """A visitor whom both processes know by the same cookie."""
        client = await self.here.browser()
        return client, self.here.visitor(client)

    def posting(self, client: ClientSession) -> ClientSession:
        """The same visitor's posts, going to the other process."""
        client.cookie_jar.update_cookies({"firstline_visitor": self.here.visitor(client).chat}, URL(self.there.url))
        return client

    async def say_there(self, client: ClientSession, text: str, name: str = "message-0001") -> None:
        async with client.post(f"{self.there.url}/chat/messages", json={"id": name, "text": text}) as response:
            assert response.status == 202


Open = Callable[..., Awaitable[Fleet]]


@pytest.fixture
def open_fleet(open_site: Any, tiny_desk: Any, monkeypatch: pytest.MonkeyPatch) -> Open:
    """Two processes. Looks at the store are off (they would be late by a day) unless `looks` seconds are given."""

    async def opened(looks: float = 86_400.0, **there: Any) -> Fleet:
        monkeypatch.setattr("channels.web.feed.LOOK_SECONDS", looks)
        monkeypatch.setattr("channels.web.feed.LOOK_LATEST", looks)
        monkeypatch.setattr("channels.web.channel.GLANCE_SECONDS", min(looks, 0.01))
        near = tiny_desk(fleet=Crowd())
        far = tiny_desk(fleet=Crowd(), chats=near.chats, arrivals=near.arrivals, **there)
        return Fleet(await open_site(near), await open_site(far))

    return opened


async def answer(asked: Message) -> AsyncGenerator[str, None]:
    for piece in ("You asked: ", asked.text):
        yield piece


def names(events: list[Any]) -> list[str]:
    return [e.data["state"] if e.name == "status" else e.name for e in events]


def shown(events: list[Any]) -> list[str]:
    return [e.data["text"] for e in events if e.name in {"message", "final"}]


async def test_the_web_channel_can_follow(open_site: Any) -> None:
    assert isinstance((await open_site()).channel, Follows)


async def test_what_another_process_settled_is_shown_once_however_often_it_is_hinted(open_fleet: Open) -> None:
    fleet = await open_fleet(answer=answer)
    client, address = await fleet.visit()
    page = await fleet.here.listen(client)
    await page.until_status("idle")
    await fleet.say_there(fleet.posting(client), "hello?")
    await asyncio.wait_for(fleet.there.desk.settled.wait(), 5)
    for _ in range(3):
        await fleet.follow(client)
    await fleet.here.channel.acknowledge(replace(fleet.here.desk.chats[address].messages[0]))
    events = await page.until_status("heard")
    assert names(events) == ["message", "final", "idle", "heard"]
    assert shown(events) == ["hello?", "You asked: hello?"]
    assert events[1].data["answers"] == "message-0001"


async def test_a_message_posted_here_and_answered_there_is_heard_and_then_answered(open_fleet: Open) -> None:
    fleet = await open_fleet()
    client, address = await fleet.visit()
    page = await fleet.here.listen(client)
    await page.until_status("idle")
    assert await fleet.here.say(client, "posted here") == 202
    assert names(await page.until_status("heard")) == ["message", "heard"]
    fleet.there.desk.settle(address, "answered there")
    await fleet.follow(client)
    events = await page.until_status("idle")
    assert names(events) == ["final", "idle"]
    assert events[0].data["text"] == "answered there"


async def test_an_answer_under_way_elsewhere_is_whole_for_a_page_that_comes_in_the_middle(open_fleet: Open) -> None:
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def slow(asked: Message) -> AsyncGenerator[str, None]:
        yield "first half, "
        begun.set()
        await go_on.wait()
        yield "second half"

    fleet = await open_fleet(answer=slow)
    client, _ = await fleet.visit()
    await fleet.say_there(fleet.posting(client), "tell me")
    await asyncio.wait_for(begun.wait(), 5)
    page = await fleet.here.listen(client)
    begin = await page.until_status("heard")
    assert [turn["text"] for turn in begin[0].data["turns"]] == ["tell me"]
    go_on.set()
    await asyncio.wait_for(fleet.there.desk.settled.wait(), 5)
    await fleet.follow(client)
    assert shown(await page.until_status("idle")) == ["first half, second half"]


async def test_without_any_hint_the_page_gets_what_was_said_elsewhere(open_fleet: Open) -> None:
    fleet = await open_fleet(looks=0.02, answer=answer)
    client, address = await fleet.visit()
    page = await fleet.here.listen(client)
    await page.until_status("idle")
    await fleet.say_there(fleet.posting(client), "is anybody there?")
    assert (await page.next("message")).data["text"] == "is anybody there?"
    assert (await page.next("final")).data["text"] == "You asked: is anybody there?"
    fleet.there.desk.settle(address, "A person here", Author.PERSON, Holder.PERSON)
    said = await page.next("message")
    assert (said.data["author"], said.data["text"]) == ("person", "A person here")
    assert (await page.next("status")).data["holder"] == "person"


async def test_looking_again_and_again_shows_nothing_again(open_fleet: Open) -> None:
    fleet = await open_fleet(looks=0.01)
    client, address = await fleet.visit()
    page = await fleet.here.listen(client)
    await page.until_status("idle")
    fleet.there.desk.settle(address, "once")
    events = await page.until_status("idle")
    await fleet.here.desk.readings(5)
    await fleet.here.channel.acknowledge(Message("message-9", address, "end", datetime.now(UTC)))
    events += await page.until_status("heard")
    assert shown(events) == ["once", "end"]


@pytest.mark.parametrize("size", [1, 2])
async def test_only_where_others_may_answer_is_the_store_looked_at_for_a_quiet_page(
    open_fleet: Open, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Crowd, "size", size)
    fleet = await open_fleet(looks=0.01)
    quiet, _ = await fleet.visit()
    waiting = await fleet.here.browser()
    pages = [await fleet.here.listen(client) for client in (quiet, waiting)]
    for page in pages:
        await page.until_status("idle")
    await fleet.here.channel.acknowledge(Message("message-1", fleet.here.visitor(waiting), "?", datetime.now(UTC)))
    fleet.here.desk.asked_for.clear()
    await fleet.here.desk.readings(10)
    assert (fleet.here.visitor(quiet) in fleet.here.desk.asked_for) is (size > 1)
    assert fleet.here.visitor(waiting) in fleet.here.desk.asked_for


async def test_a_store_that_is_away_ends_no_looking(open_fleet: Open) -> None:
    fleet = await open_fleet(looks=0.01)
    client, address = await fleet.visit()
    page = await fleet.here.listen(client)
    await page.until_status("idle")
    fleet.here.desk.down = True
    await fleet.here.desk.readings(3)
    with pytest.raises(StoreError):
        await fleet.follow(client)
    fleet.here.desk.down = False
    fleet.there.desk.settle(address, "back again")
    assert (await page.next("final")).data["text"] == "back again"


async def test_a_page_that_was_away_when_the_hint_came_starts_afresh(open_fleet: Open) -> None:
    fleet = await open_fleet()
    client, address = await fleet.visit()
    seen = (await (await fleet.here.listen(client)).until_status("idle"))[-1].id
    feed = fleet.here.channel._hub.feed(address.chat)
    feed.pages.clear()
    fleet.there.desk.settle(address, "while you were away")
    await fleet.follow(client)
    back = await fleet.here.listen(client, seen)
    first = await back.next()
    assert first.name == "history"
    assert [turn["text"] for turn in first.data["turns"]] == ["while you were away"]


async def test_a_hint_about_a_visitor_nobody_knows_costs_nothing(open_fleet: Open) -> None:
    fleet = await open_fleet()
    await fleet.here.channel.follow(VISITOR)
    assert fleet.here.desk.asked_for == []
    assert fleet.here.channel._hub.known(VISITOR.chat) is None


async def test_a_hint_during_a_reading_leads_to_another_reading(
    open_fleet: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    fleet = await open_fleet()
    client, address = await fleet.visit()
    page = await fleet.here.listen(client)
    await page.until_status("idle")
    history, begun, go_on = fleet.here.desk.history, asyncio.Event(), asyncio.Event()

    async def slowly(asked: Address) -> Conversation:
        past = await history(asked)
        begun.set()
        await go_on.wait()
        return past  # type: ignore[no-any-return]

    monkeypatch.setattr(fleet.here.desk, "history", slowly)
    async with asyncio.TaskGroup() as group:
        group.create_task(fleet.follow(client))
        await begun.wait()
        fleet.there.desk.settle(address, "just settled")
        group.create_task(fleet.follow(client))
        go_on.set()
    assert (await page.next("final")).data["text"] == "just settled"


async def test_an_answer_another_process_gave_in_place_of_ours_replaces_it(open_fleet: Open) -> None:
    async def text() -> AsyncGenerator[str, None]:
        yield "from a process that lost the chat"

    fleet = await open_fleet()
    client, address = await fleet.visit()
    page = await fleet.here.listen(client)
    await page.until_status("idle")
    await fleet.here.channel.deliver(address, text(), object())
    assert (await page.next("final")).data["text"] == "from a process that lost the chat"
    fleet.there.desk.settle(address, "from the one that took it over")
    await fleet.follow(client)
    again = await page.next("history", "final")
    assert again.name == "history"
    assert [turn["text"] for turn in again.data["turns"]] == ["from the one that took it over"]
    late = await (await fleet.here.listen(client)).until_status("idle")
    assert names(late) == ["history", "idle"]


async def test_an_order_of_a_person_of_ours_in_the_customer_s_line_is_shown_to_nobody(open_fleet: Open) -> None:
    fleet = await open_fleet()
    client, address = await fleet.visit()
    page = await fleet.here.listen(client)
    await page.until_status("idle")
    order = Message("order-1", address, "say this", datetime.now(UTC), kind=MessageKind.SAY)
    fleet.here.desk.chats[address] = Conversation(address, (order,))
    await fleet.follow(client)
    fleet.there.desk.settle(address, "the end")
    await fleet.follow(client)
    assert shown(await page.until_status("idle")) == ["the end"]


# What follows needs no server: the same lines in every order of hints, events and readings.


def conversation(steps: list[tuple[str, str]]) -> Conversation:
    """Customer's messages (`?`) and replies, a second apart."""
    past = Conversation(VISITOR)
    for n, (who, text) in enumerate(steps):
        at = START + timedelta(seconds=n)
        if who == "?":
            past = past.heard(Message(f"m{n}", VISITOR, text, at, Customer("v")))
        else:
            past = past.answered(Reply(text, at))
    return past


def shorter(past: Conversation, turns: int) -> Conversation:
    return Conversation(VISITOR, past.turns[:turns])


def shown_in_any_order(chance: random.Random) -> tuple[list[str], list[str]]:
    """A conversation, and what a page saw of it while some replies were its own process's and readings came as ever."""
    steps = [("?" if chance.random() < 0.5 else "!", chance.choice(["yes", "no", f"text {n}"])) for n in range(12)]
    past, seen = conversation(steps), Shown()
    page: list[str] = []
    for n, turn in enumerate(past.turns):
        if isinstance(turn, Reply) and chance.random() < 0.5:
            seen.say(turn.text, turn.at - timedelta(milliseconds=1))
            page.append(turn.text)
        while chance.random() < 0.6:  # a reading as of now, or one that was under way for long
            news = seen.compare(lines(shorter(past, chance.choice([n + 1, chance.randrange(n + 2)]))))
            assert not news.overruled
            page += [line.turn.text for line in news.lines]
    return [text for _, text in steps], page + [line.turn.text for line in seen.compare(lines(past)).lines]


def test_in_whatever_order_readings_and_own_replies_come_each_line_is_shown_once() -> None:
    for seed in range(500):
        said, page = shown_in_any_order(random.Random(seed))
        assert sorted(page) == sorted(said), f"seed {seed}"


def test_the_same_words_twice_are_two_replies() -> None:
    seen, past = Shown(), conversation([("!", "yes"), ("!", "yes")])
    seen.say("yes", START)
    assert len(seen.compare(lines(past)).lines) == 1
    assert seen.compare(lines(past)).lines == []


def test_a_message_read_twice_is_one_line() -> None:
    asked = Message("m1", VISITOR, "hello", START)
    past = Conversation(VISITOR, (asked, Reply("hi", START), asked))
    assert [type(line.turn) for line in lines(past)] == [Message, Reply]


def test_a_long_conversation_does_not_grow_what_is_remembered() -> None:
    seen = Shown()
    for n in range(1_000):
        seen.say(f"never settled {n}", START)
        seen.compare([Line(Message(f"m{n}", VISITOR, "x", START))])
    assert len(seen._known) < 100
    assert len(seen._early) < 100
