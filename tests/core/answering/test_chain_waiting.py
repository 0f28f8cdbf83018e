"""How long a tier may take, and what happens to a call nobody waits for any more."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import aclosing
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from core.answering.availability import Availability
from core.answering.chain import Answer, Chain
from core.answering.deadline import Patience
from core.answering.means import Means
from core.answering.request import Request
from core.errors import Interrupted, NoAnswer
from core.tiers import ModelCard, Price, Prompt, Tier

PRICE = Price(Decimal("1"), Decimal("2"), "USD", date(2026, 11, 1), "https://prices.example")
SOON = Patience(first=5, total=10)


def chain(tiers: Mapping[Tier, str], providers: Mapping[str, Any], patience: Patience = SOON) -> Chain:
    """Tiers as words naming providers; each card is `<provider>/m`, priced unless the provider is `free`."""
    cards = {
        tier: [ModelCard(p, "m", None if p == "free" else PRICE, free=p == "free") for p in names.split()]
        for tier, names in tiers.items()
    }
    return Chain(cards, providers, Availability(providers), Means(patience=patience))


async def pull(answer: Answer) -> str:
    async with aclosing(answer.text()) as pieces:
        return "".join([piece async for piece in pieces])


def booked(answer: Answer) -> list[str]:
    return [f"{call.provider} {call.outcome} {call.error}".strip() for call in answer.calls]


async def test_a_model_that_keeps_the_customer_waiting_is_given_up(puppet: Any, prompt: Prompt) -> None:
    a, b = puppet(" ", asyncio.Event(), "late"), puppet("here")
    patience = Patience(first=0.05, total=5)
    answer = chain({Tier.QUICK: "a b"}, {"a": a, "b": b}, patience).answer(Request(prompt, Tier.QUICK))
    assert await pull(answer) == "here"
    assert booked(answer) == ["a failed Unavailable", "b answered"]
    assert a.closed == 1


async def test_one_deadline_holds_for_all_models_together(puppet: Any, prompt: Prompt) -> None:
    names = "abcdefgh"
    providers = {name: puppet(asyncio.Event()) for name in names}
    answer = chain({Tier.QUICK: " ".join(names)}, providers, Patience(0.1, 0.25)).answer(Request(prompt, Tier.QUICK))
    loop = asyncio.get_running_loop()
    began = loop.time()
    with pytest.raises(NoAnswer):
        await pull(answer)
    assert 0.2 < loop.time() - began < 1
    assert len(answer.calls) == 3


async def test_the_deadline_ends_an_answer_that_goes_on_for_ever(puppet: Any, prompt: Prompt) -> None:
    a = puppet("It", asyncio.Event())
    answer = chain({Tier.QUICK: "a"}, {"a": a}, Patience(5, 0.1)).answer(Request(prompt, Tier.QUICK))
    with pytest.raises(Interrupted):
        await pull(answer)
    assert booked(answer) == ["a failed Interrupted"]
    assert a.closed == 1


async def test_a_slow_channel_does_not_use_up_the_models_time(puppet: Any, prompt: Prompt) -> None:
    more = asyncio.Event()
    answer = chain({Tier.QUICK: "a"}, {"a": puppet("It", more, " is on.")}, Patience(0.2, 0.2)).answer(
        Request(prompt, Tier.QUICK)
    )
    async with aclosing(answer.text()) as pieces:
        assert await anext(pieces) == "It"
        await asyncio.sleep(0.3)
        asyncio.get_running_loop().call_later(0.02, more.set)
        assert await anext(pieces) == " is on."


async def test_text_once_begun_may_pause_longer_than_the_first_may_take(puppet: Any, prompt: Prompt) -> None:
    more = asyncio.Event()
    answer = chain({Tier.QUICK: "a"}, {"a": puppet("It", more, " is on.")}, Patience(0.1, 5)).answer(
        Request(prompt, Tier.QUICK)
    )
    asyncio.get_running_loop().call_later(0.2, more.set)
    assert await pull(answer) == "It is on."


@pytest.mark.parametrize("name", ["a", "free"])
async def test_closing_the_answer_closes_the_call_and_books_it_at_unknown_cost(
    puppet: Any, prompt: Prompt, name: str
) -> None:
    a = puppet("It", " is")
    answer = chain({Tier.QUICK: name}, {name: a}).answer(Request(prompt, Tier.QUICK))
    pieces = answer.text()
    assert await anext(pieces) == "It"
    await pieces.aclose()
    assert a.closed == 1
    [call] = answer.calls
    assert (call.outcome, call.usage, call.cost, call.free) == ("cancelled", None, None, name == "free")


async def test_cancelling_before_the_first_text_books_the_call_and_tries_no_other(puppet: Any, prompt: Prompt) -> None:
    a, b = puppet(asyncio.Event()), puppet("no")
    answer = chain({Tier.QUICK: "a b"}, {"a": a, "b": b}).answer(Request(prompt, Tier.QUICK))
    task = asyncio.create_task(pull(answer))
    async with asyncio.timeout(5):
        await a.waiting.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert booked(answer) == ["a cancelled"]
    assert (a.closed, b.asked) == (1, [])


async def test_patience_that_is_over_gives_every_permit_back(puppet: Any, prompt: Prompt) -> None:
    providers = {"a": puppet(asyncio.Event()), "b": puppet("too late")}
    nothing = chain({Tier.QUICK: "a b"}, providers, Patience(first=5, total=0.05))
    with pytest.raises(NoAnswer):
        await pull(nothing.answer(Request(prompt, Tier.QUICK)))
    some = Chain(
        {Tier.QUICK: [ModelCard("c", "m", free=True, continues=True)]},
        c := {"c": puppet("It", asyncio.Event())},
        Availability(c),
        Means(patience=Patience(first=5, total=0.05)),
    )
    with pytest.raises(Interrupted):
        await pull(some.answer(Request(prompt, Tier.QUICK)))
    assert [view.load.flying for made in (nothing, some) for view in made.means.circuits.views()] == [0, 0, 0]
    assert providers["b"].asked == []
