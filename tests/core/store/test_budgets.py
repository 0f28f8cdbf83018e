"""Money set aside and spent, on every engine: never more than the limit, settled once, and nothing lost of it."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from core.budgets import MOST, Account, Balance, Hold
from core.errors import Fenced
from core.records import Call, Entry, Outcome, Purpose, Settlement
from core.store.sql import SqlStore
from core.tiers import Money, Usage
from tests.core.store.fleet import AT, Fleet, address, answer, claimed, message

DAY = Account("customer/EUR/telegram:42", "day/2999-03-02", hard=1000)
MONTH = Account("tenant/EUR/all", "month/2999-03", hard=5000)
OTHER = replace(DAY, account="customer/EUR/telegram:43")
PICO = Decimal(1).scaleb(-12)


def hold(name: str, amount: int, *accounts: Account, lasts: float = 600.0, final: bool = False) -> Hold:
    return Hold(name, amount, accounts or (DAY,), "EUR", str(address()), "vendor", "small", Purpose.HEDGE, lasts, final)


def cost(amount: int, currency: str = "EUR") -> Money:
    return Money(amount * PICO, currency)


def call(reservation: str, paid: Money | None = None, *, free: bool = False) -> Call:
    return Call("vendor", "small", "answered", 1.0, Usage(1, 1), paid, free, reservation=reservation)


def settlement(number: int, *calls: Call) -> Settlement:
    made = answer(message(number), key=str(number))
    return replace(made, entry=replace(made.entry, calls=calls))


async def stands(store: SqlStore, account: Account = DAY) -> tuple[int, int]:
    return (await store.levels([account])).get(account.key, (0, 0))


async def test_the_first_amount_of_an_unknown_customer_is_bounded_like_any_other(store: SqlStore) -> None:
    held = await asyncio.gather(*(store.reserve(hold(f"r{n}", 400)) for n in range(9)))
    assert [each.refused for each in held].count("") == 2
    assert await stands(store) == (0, 800)


async def test_a_limit_is_reached_exactly_and_never_before(store: SqlStore) -> None:
    assert not (await store.reserve(hold("a", 999))).refused
    assert (await store.reserve(hold("b", 2))).refused == DAY.key
    assert not (await store.reserve(hold("c", 1))).refused
    assert (await store.reserve(hold("d", 1))).refused == DAY.key
    assert not (await store.reserve(hold("e", 0))).refused
    assert await stands(store) == (0, 1000)


async def test_a_single_amount_over_the_limit_opens_no_account(store: SqlStore) -> None:
    assert (await store.reserve(hold("a", 1001))).refused == DAY.key
    assert await stands(store) == (0, 0)


async def test_all_accounts_give_or_none_does(fleet: Fleet, store: SqlStore) -> None:
    first, last = replace(DAY, account="a/EUR/x"), replace(DAY, account="z/EUR/x", hard=5)
    assert (await store.reserve(hold("a", 6, first, DAY, last))).refused == last.key
    assert [await stands(store, each) for each in (first, DAY, last)] == [(0, 0)] * 3
    assert not (await store.reserve(hold("a", 5, first, DAY, last))).refused
    assert [await stands(store, each) for each in (first, DAY, last)] == [(0, 5)] * 3
    assert [row.id for row in await fleet.sql("SELECT id FROM reservation")] == ["a"]


async def test_the_same_reservation_again_sets_nothing_more_aside(store: SqlStore) -> None:
    for _ in range(3):
        assert not (await store.reserve(hold("a", 600))).refused
    assert await stands(store) == (0, 600)


async def test_who_is_past_a_soft_limit_is_told_and_still_served(store: SqlStore) -> None:
    soft = replace(DAY, soft=500)
    assert (await store.reserve(hold("a", 500, soft))).soft == ()
    assert (await store.reserve(hold("b", 1, soft))).soft == (soft.key,)


async def test_an_account_without_a_hard_limit_takes_what_fits_a_column(store: SqlStore) -> None:
    endless = replace(DAY, hard=None)
    assert not (await store.reserve(hold("a", MOST, endless))).refused
    assert (await store.reserve(hold("b", 1, endless))).refused == endless.key
    await store.settle(settlement(1, call("a", cost(MOST))), await claimed(store, message(1)))
    assert (await store.reserve(hold("c", 1, endless))).refused
    assert await stands(store) == (MOST, 0)


async def test_a_cost_beyond_any_column_does_not_keep_a_message_from_being_settled(store: SqlStore) -> None:
    endless = replace(DAY, hard=None)
    await store.reserve(hold("a", 10, endless))
    await store.reserve(hold("b", 10, endless))
    calls = [call(name, Money(Decimal(10) ** 30, "EUR")) for name in "ab"]
    await store.settle(settlement(1, *calls), await claimed(store, message(1)))
    assert await stands(store) == (MOST, 0)


@pytest.mark.parametrize(
    ("made", "spent"),
    [
        (call("a", cost(70)), 70),
        (call("a", cost(0)), 0),
        (call("a", None), 400),
        *((replace(call("a", None), usage=None, error=said), 0) for said in ("Denied", "BadPrompt", "Busy")),
        (replace(call("a", None), usage=None, error="Busy", first=0.5), 400),
        (replace(call("a", None), usage=None, error="Unavailable"), 400),
        (replace(call("a", cost(70)), error="BadPrompt"), 70),
        (call("a", None, free=True), 0),
        (call("a", cost(900, "USD")), 400),
        (call("a", Money(Decimal("7.1e-12"), "EUR")), 8),
    ],
    ids=[
        "known",
        "nothing",
        "unknown",
        "key refused",
        "prompt refused",
        "slow down",
        "slow down after text",
        "connection failed",
        "refused and counted",
        "free",
        "another currency",
        "rounded up",
    ],
)
async def test_a_settlement_turns_what_was_set_aside_into_what_it_cost(store: SqlStore, made: Call, spent: int) -> None:
    await store.reserve(hold("a", 400, DAY, MONTH))
    await store.reserve(hold("b", 50, DAY))
    claim = await claimed(store, message(1))
    await store.settle(settlement(1, made), claim)
    assert (await stands(store), await stands(store, MONTH)) == ((spent, 50), (spent, 0))


async def test_what_is_settled_twice_is_paid_once(store: SqlStore) -> None:
    await store.reserve(hold("a", 400))
    claim = await claimed(store, message(1), message(2))
    for _ in range(2):
        await store.settle(settlement(1, call("a", cost(70))), claim)
    assert await stands(store) == (70, 0)
    await store.settle(settlement(2, call("a", cost(70))), claim)
    assert await stands(store) == (70, 0)


async def test_double_billing_a_line_of_the_ledger_for_each_attempt_and_each_paid_once(store: SqlStore) -> None:
    for name in ("timed out", "hedge", "answer"):
        await store.reserve(hold(name, 300))
    calls = [
        replace(call("timed out"), outcome="failed", usage=None),
        replace(call("hedge", cost(20)), outcome="cancelled", purpose=Purpose.HEDGE),
        call("answer", cost(50)),
    ]
    claim = await claimed(store, message(1))
    await asyncio.gather(*(store.settle(settlement(1, *calls), claim) for _ in range(3)), return_exceptions=True)
    (entry,) = await store.entries(AT - timedelta(days=1), AT + timedelta(days=1))
    assert [(made.reservation, made.cost) for made in entry.calls] == [
        ("timed out", None), ("hedge", cost(20)), ("answer", cost(50)),
    ]  # fmt: skip
    assert await stands(store) == (370, 0)


async def test_several_calls_under_one_reservation_are_added(store: SqlStore) -> None:
    await store.reserve(hold("a", 400))
    claim = await claimed(store, message(1))
    await store.settle(settlement(1, call("a", cost(70)), call("a", cost(80))), claim)
    assert await stands(store) == (150, 0)


async def test_a_group_settles_accounts_many_chats_share(store: SqlStore) -> None:
    written = [message(1, f"chat {n}") for n in range(30)]
    claims = [await claimed(store, each) for each in written]
    shared = [(OTHER, MONTH), (MONTH, DAY), (DAY, OTHER)]
    await asyncio.gather(*(store.reserve(hold(f"r{n}", 10, *shared[n % 3])) for n in range(30)))
    ends = [
        replace(answer(each, key=f"k{n}"), entry=Entry(AT, each.address, ("1",), Outcome.ANSWERED, calls=(c,)))
        for n, (each, c) in enumerate(zip(written, (call(f"r{n}", cost(3)) for n in range(30)), strict=True))
    ]
    await asyncio.gather(*(store.settle(end, claim) for end, claim in zip(ends, claims, strict=True)))
    assert [await stands(store, each) for each in (DAY, OTHER, MONTH)] == [(60, 0)] * 3


async def test_who_lost_the_chat_settles_no_money_either(fleet: Fleet, store: SqlStore, other: SqlStore) -> None:
    await store.reserve(hold("a", 400))
    claim = await claimed(store, message(1))
    await fleet.pass_time()
    await other.claim(9, ["telegram"])
    with pytest.raises(Fenced):
        await store.settle(settlement(1, call("a", cost(70))), claim)
    assert await stands(store) == (0, 400)


async def test_what_was_never_sent_is_given_back(store: SqlStore) -> None:
    await store.reserve(hold("a", 400, DAY, MONTH))
    for _ in range(2):
        await store.cancel(["a", "never was"])
    assert (await stands(store), await stands(store, MONTH)) == ((0, 0), (0, 0))


async def test_what_nobody_settled_is_charged_in_full_and_booked(store: SqlStore) -> None:
    await store.reserve(hold("a", 400, lasts=-1))
    await store.reserve(hold("b", 100))
    assert await store.sweep() == 1
    assert await store.sweep() == 0
    assert await stands(store) == (400, 100)
    (entry,) = await store.entries(AT, AT.max.replace(tzinfo=AT.tzinfo))
    assert (entry.address, entry.messages, entry.outcome) == (address(), (), Outcome.LOST)
    (lost,) = entry.calls
    assert (lost.provider, lost.model, lost.outcome, lost.purpose) == ("vendor", "small", "lost", Purpose.HEDGE)
    assert (lost.cost, lost.free, lost.reservation, lost.at) == (None, False, "a", entry.at)


async def test_a_late_settlement_corrects_a_charge_and_its_booking(store: SqlStore) -> None:
    await store.reserve(hold("a", 400, DAY, MONTH, lasts=-1))
    claim = await claimed(store, message(1))
    await store.sweep()
    for _ in range(2):
        await store.settle(settlement(1, call("a", cost(70))), claim)
    assert (await stands(store), await stands(store, MONTH)) == ((70, 0), (70, 0))
    entries = await store.entries(AT, AT.max.replace(tzinfo=AT.tzinfo))
    assert [(entry.outcome, [made.cost for made in entry.calls]) for entry in entries] == [
        (Outcome.ANSWERED, [cost(70)])
    ]


async def test_a_late_settlement_whose_key_is_the_reservation_s_is_booked(store: SqlStore) -> None:
    await store.reserve(hold("1", 400, lasts=-1))
    claim = await claimed(store, message(1))
    await store.sweep()
    await store.settle(settlement(1, call("1", cost(70))), claim)
    entries = await store.entries(AT, AT.max.replace(tzinfo=AT.tzinfo))
    assert [entry.outcome for entry in entries] == [Outcome.ANSWERED]


async def test_a_late_settlement_of_unknown_cost_leaves_the_charge(store: SqlStore) -> None:
    await store.reserve(hold("a", 400, lasts=-1))
    claim = await claimed(store, message(1))
    await store.sweep()
    await store.settle(settlement(1, call("a")), claim)
    assert await stands(store) == (400, 0)
    assert len(await store.entries(AT, AT.max.replace(tzinfo=AT.tzinfo))) == 1


async def test_a_call_for_no_conversation_is_booked_as_lost_too(store: SqlStore) -> None:
    await store.reserve(replace(hold("a", 400, lasts=-1), conversation=""))
    await store.sweep()
    (entry,) = await store.entries(AT, AT.max.replace(tzinfo=AT.tzinfo))
    assert str(entry.address) == "none:none"


async def test_what_is_counted_is_spent_at_once_and_bounded(fleet: Fleet, store: SqlStore) -> None:
    cap = Account("upgrades/answers/telegram:42", "day/2999-03-02", hard=2)
    taken = [await store.reserve(hold(f"u{n}", 1, cap, final=True)) for n in range(4)]
    assert [bool(each.refused) for each in taken] == [False, False, True, True]
    assert not (await store.reserve(hold("u0", 1, cap, final=True))).refused
    assert await stands(store, cap) == (2, 0)
    await store.cancel(["u0"])
    assert await stands(store, cap) == (2, 0)
    await fleet.sql("UPDATE reservation SET until = 0")
    assert await store.sweep() == 0
    assert await fleet.sql("SELECT id FROM reservation") == []
    assert await stands(store, cap) == (2, 0)


async def test_accounts_are_forgotten_once_nothing_of_them_can_be_corrected(fleet: Fleet, store: SqlStore) -> None:
    old = [replace(DAY, period="day/2020-01-01"), replace(DAY, period="month/2020-01")]
    recent = [replace(DAY, period="day/2999-03-02"), replace(DAY, period="month/2999-03")]
    for n, each in enumerate((*old, *recent)):
        await store.reserve(hold(f"r{n}", 1, each))
    await store.cancel([f"r{n}" for n in range(4)])
    await store.sweep()
    rows = await fleet.sql("SELECT period FROM budget ORDER BY period")
    assert [row.period for row in rows] == ["day/2999-03-02", "month/2999-03"]


async def test_the_accounts_of_a_budget_are_listed_by_what_is_gone(store: SqlStore) -> None:
    strangers = (replace(DAY, account="customer/USD/x"), replace(DAY, period="day/2999-03-03"))
    for n, each in enumerate((OTHER, DAY, *strangers)):
        await store.reserve(hold(f"r{n}", n + 1, each))
    assert await store.balances("customer/EUR/", "day/2999-03-02") == [
        Balance(DAY.account, DAY.period, 0, 2),
        Balance(OTHER.account, OTHER.period, 0, 1),
    ]
    assert len(await store.balances("customer/EUR/", "day/2999-03-02", most=1)) == 1


async def test_budget_races_of_a_hundred_at_the_limit_stop_at_the_limit(fleet: Fleet) -> None:
    stores = [await fleet.start() for _ in range(2)]
    three = replace(MONTH, hard=30)
    held = await asyncio.gather(*(stores[n % 2].reserve(hold(f"r{n}", 10, DAY, three)) for n in range(100)))
    assert sum(not each.refused for each in held) == 3
    await fleet.stop()
    if fleet.url != "sqlite://":
        again = await fleet.start()
        assert (await again.reserve(hold("after", 1, three))).refused
        assert await stands(again, three) == (0, 30)


async def test_settling_and_setting_aside_at_once_lose_nothing_and_wait_for_nobody(fleet: Fleet) -> None:
    stores = [await fleet.start() for _ in range(2)]
    accounts = [replace(DAY, account=f"customer/EUR/{n}", hard=10**6) for n in range(4)]

    async def one(n: int) -> int:
        store, mine = stores[n % 2], (accounts[n % 4], accounts[(n * 3 + 1) % 4], MONTH)
        name = f"r{n}"
        if (await store.reserve(hold(name, 100, *dict.fromkeys(mine)))).refused:
            return 0
        await store.cancel([name]) if n % 5 == 0 else None
        written = message(1, f"chat {n}")
        end = replace(answer(written, key=name), entry=Entry(AT, written.address, (), Outcome.ANSWERED, calls=(
            call(name, cost(7)),)))  # fmt: skip
        await store.settle(end, await claimed(store, written))
        return 0 if n % 5 == 0 else 7

    paid = sum(await asyncio.gather(*(one(n) for n in range(60))))
    assert await stands(stores[0], MONTH) == (paid, 0)
    assert paid > 0


async def test_a_call_is_kept_and_read_back_whole(store: SqlStore) -> None:
    made = Call(
        "vendor", "small", "unfit", 1.5, Usage(10, 5, 3), cost(9), error="Unfit", purpose=Purpose.VOTE, tier="expert",
        at=AT, first=0.25, verdict="refusal: a \0 odd text", draft="I \ud800 can't \0 say", reservation="none",
    )  # fmt: skip
    await store.settle(settlement(1, made), await claimed(store, message(1)))
    (entry,) = await store.entries(AT, AT + timedelta(days=1))
    assert entry.calls == (replace(made, verdict="refusal: a \ufffd odd text", draft="I ? can't \ufffd say"),)
