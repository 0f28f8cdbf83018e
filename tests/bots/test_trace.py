"""`firstline trace`: the life of one message in words, as far as it has come."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from bots import trace
from core.conversation import Address, Arrival, Message, Reply
from core.records import Call, Entry, Outcome, Part, PartState, Purpose, Settlement
from core.rules import Decision
from core.store.sql import SqlStore, open_store
from core.tiers import Fee, Money, Tier, Usage
from tests.bots.conftest import Bot

AT = datetime(2026, 3, 2, 12, tzinfo=UTC)
CHAT = Address("telegram", "42")
ASKED = Message("7", CHAT, "Where is my refund?", AT - timedelta(seconds=1))
COST = Money(Decimal("0.0120"), "EUR")
CALLS = (
    Call("vendor", "small", "unfit", 0.8, Usage(900, 40, 600), COST, tier="standard", at=AT + timedelta(seconds=0.1),
         first=0.3, verdict="not_knowing: says it has no information", draft="A secret draft.", error="Unfit"),
    Call("other", "small", "cancelled", 0.2, None, None, purpose=Purpose.HEDGE, at=AT + timedelta(seconds=0.4)),
    Call("vendor", "large", "answered", 1.0, Usage(900, 80), COST, at=AT + timedelta(seconds=0.9), first=0.2),
)  # fmt: skip
DECISION = Decision(Tier.STANDARD, ("Money",), ("Angry",), ("Money",), ("Later",), {}, {}, unsure=("mood",))


def plan(*calls: Call) -> Settlement:
    fee = Fee("whatsapp out", Money(Decimal("0.005"), "USD"))
    entry = Entry(AT, CHAT, ("7",), Outcome.ANSWERED, "expert", ("Money",), calls, 1.25, 2.5, (fee,))
    return Settlement("7", CHAT, (ASKED,), entry, (ASKED,), Reply("Soon.", AT), DECISION)


@pytest.fixture
async def store() -> AsyncIterator[SqlStore]:
    async with open_store("sqlite://") as made:
        yield made


async def lines(store: SqlStore, name: str = "7") -> list[str]:
    (life,) = await store.lives(name)
    return [" ".join(line.split()) for line in trace.lines(life)]


async def arrived(store: SqlStore, message: Message = ASKED) -> None:
    await store.admit(Arrival(f"{message.address}:{message.id}", "{}", message), room=False)


async def test_a_message_that_waits_says_so_and_nothing_else(store: SqlStore) -> None:
    await arrived(store)
    assert await lines(store) == [
        "telegram:42/7, written 2026-03-02 11:59:59 UTC by the platform's clock",
        "+0.000 s arrived on telegram, waits for its answer",
    ]


async def test_an_answered_message_tells_its_whole_life_in_order(store: SqlStore) -> None:
    await arrived(store)
    await store.plan(plan(*CALLS), ["Soon."])
    await store.mark(CHAT, Part("7", 0, "Soon.", PartState.SENT, "900"))
    assert "to be settled once it is sent" in (await lines(store))[-2]
    await store.settle(plan(*CALLS))
    assert await lines(store) == [
        "telegram:42/7, written 2026-03-02 11:59:59 UTC by the platform's clock",
        "+0.000 s arrived on telegram",
        "read, decided: standard by 'Money' and by 'Angry', which still lasts and one tier up: 'mood' was not sure",
        "would have applied, were they live: Later",
        "+0.100 s vendor/small for answer of tier standard: gave a text that must not be shown (Unfit) after 0.800 s;"
        " first text after 0.300 s; 900 tokens in (600 from the cache), 40 out; cost 0.012 EUR;"
        " verdict: not_knowing: says it has no information",
        "+0.400 s other/small for hedge: was cancelled after 0.200 s; cost unknown",
        "+0.900 s vendor/large for answer: gave an answer after 1.000 s; first text after 0.200 s; 900 tokens in,"
        " 80 out; cost 0.012 EUR",
        "+1.250 s first text for the customer",
        "planned in 1 part",
        "part 1: sent, the platform calls it 900",
        "+2.500 s settled: answered by expert; cost in all 0.0240 EUR + 0.005 USD + unknown for 1 call",
        "fee: whatsapp out: 0.005 USD",
    ]


async def test_what_was_written_stays_in_the_store(store: SqlStore) -> None:
    await arrived(store)
    await store.settle(plan(*CALLS))
    (life,) = await store.lives("7")
    told = f"{trace.lines(life)}{trace.row(life)}"
    assert "secret" not in told
    assert "refund?" not in told
    assert "Soon" not in told


async def test_calls_from_before_their_time_was_written_down_keep_their_place(store: SqlStore) -> None:
    await arrived(store)
    await store.settle(plan(*(replace(call, at=None) for call in CALLS)))
    told = await lines(store)
    assert [line.split(" ")[0] for line in told[4:8]] == ["vendor/small", "other/small", "vendor/large", "+1.250"]


async def test_what_was_set_aside_says_why(store: SqlStore) -> None:
    await arrived(store)
    entry = Entry(AT, CHAT, ("7",), Outcome.PARKED)
    await store.settle(Settlement("7", CHAT, (ASKED,), entry))
    assert any("parked" in line for line in await lines(store))
    (life,) = await store.lives("7")
    assert trace.row(life)["problem"].startswith("given up")


async def test_a_message_is_found_by_its_chat_where_several_have_its_id(store: SqlStore) -> None:
    other = replace(ASKED, address=Address("telegram", "43"))
    await arrived(store)
    await arrived(store, other)
    assert {str(life.address) for life in await store.lives("7")} == {"telegram:42", "telegram:43"}
    assert [life.address for life in await store.lives("telegram:43/7")] == [other.address]
    assert await store.lives("telegram:44/7") == []
    assert await store.lives("") == []


def test_the_command_tells_lists_and_refuses(bot: Bot) -> None:
    store_of(bot.folder)
    status, told = bot.json("trace", "7")
    assert (status, [life["chat"] for life in told["found"]]) == (0, ["telegram:43", "telegram:42"])
    assert told["found"][1]["calls"][0]["cost"] == "0.012 EUR"
    assert told["found"][1]["timeline"][0] == {"after": 0.0, "words": "arrived on telegram"}
    status, screen = bot.run("trace", "7")
    assert "2 messages have that id" in screen
    assert "telegram:42/7" in screen
    status, screen = bot.run("trace", "telegram:42/7")
    assert (status, "+2.500 s  settled: answered by expert" in screen) == (0, True)
    status, _ = bot.run("trace", "8")
    assert (status, "no message '8' is kept" in bot.err) == (1, True)


def store_of(folder: Path) -> None:
    """What a firstline has left: an answered message, and a later one of the same id."""

    async def fill() -> None:
        async with open_store(f"sqlite:///{folder}/data/tiny.db") as made:
            await arrived(made)
            await made.settle(plan(*CALLS))
            await arrived(made, replace(ASKED, address=Address("telegram", "43"), at=AT))

    asyncio.run(fill())


async def test_an_answer_by_a_cheaper_tier_than_was_decided_says_what_asks_for_that(store: SqlStore) -> None:
    await arrived(store)
    await store.settle(plan(Call("vendor", "tiny", "answered", 1.0, free=True, tier="quick")))
    assert any("a cheaper tier: a budget's soft limit" in line for line in await lines(store))
