"""A second model where the first one's text is late: only before any text, only with calls to spare."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping
from typing import Any

import pytest

from core.answering.availability import Availability
from core.answering.chain import Answer, Chain
from core.answering.hedge import Hedge
from core.answering.means import Means
from core.answering.request import Request
from core.answering.retries import RetryBudget
from core.errors import NoAnswer, Unavailable
from core.tiers import Chunk, Delta, ModelCard, Prompt, Tier

AT_ONCE = Hedge(0.0, least=0.0)


def chain(providers: Mapping[str, Any], hedge: Hedge = AT_ONCE, retries: RetryBudget | None = None) -> Chain:
    cards = [ModelCard(name, "m", free=True) for name in providers]
    means = Means(hedge=hedge, retries=retries or RetryBudget())
    return Chain({Tier.QUICK: cards}, providers, Availability(providers), means)


async def text(answer: Answer) -> str:
    return "".join([piece async for piece in answer.text()])


def booked(answer: Answer) -> list[str]:
    return [f"{call.provider} {call.purpose} {call.outcome}" for call in answer.calls]


@pytest.mark.timeout(5)
async def test_whoever_shows_text_first_answers_and_the_other_is_cancelled_and_booked(
    puppet: Any, prompt: Prompt
) -> None:
    late, fast = puppet(asyncio.Event(), "too late"), puppet("Here ", "it is.")
    whole = chain({"late": late, "fast": fast})
    answer = whole.answer(Request(prompt, Tier.QUICK))
    assert await text(answer) == "Here it is."
    assert booked(answer) == ["late answer cancelled", "fast hedge answered"]
    assert (late.closed, fast.closed) == (1, 1)
    assert answer.card == ModelCard("fast", "m", free=True)
    assert whole.means.circuit(ModelCard("late", "m")).load.flying == 0


async def test_a_model_that_is_in_time_is_not_hedged(puppet: Any, prompt: Prompt) -> None:
    second = puppet("no")
    answer = chain({"a": puppet("Here."), "b": second}, Hedge(5.0)).answer(Request(prompt, Tier.QUICK))
    assert await text(answer) == "Here."
    assert second.asked == []


async def test_the_first_may_still_win_and_the_second_is_booked_as_cancelled(puppet: Any, prompt: Prompt) -> None:
    go = asyncio.Event()
    first, second = puppet(go, "Here."), puppet(asyncio.Event())
    answer = chain({"a": first, "b": second}).answer(Request(prompt, Tier.QUICK))
    pulling = asyncio.create_task(text(answer))
    async with asyncio.timeout(5):
        await second.waiting.wait()
        go.set()
        assert await pulling == "Here."
    assert booked(answer) == ["a answer answered", "b hedge cancelled"]


async def test_without_calls_to_spare_there_is_no_hedge(puppet: Any, prompt: Prompt) -> None:
    go, second = asyncio.Event(), puppet("no")
    first = puppet(go, "Here.")
    answer = chain({"a": first, "b": second}, retries=RetryBudget(reserve=3)).answer(Request(prompt, Tier.QUICK))
    pulling = asyncio.create_task(text(answer))
    async with asyncio.timeout(5):
        await first.waiting.wait()
        for _ in range(20):
            await asyncio.sleep(0)
        go.set()
        assert await pulling == "Here."
    assert second.asked == []


async def test_when_both_fail_the_next_model_answers(puppet: Any, prompt: Prompt) -> None:
    async with asyncio.timeout(5):
        gate = asyncio.Event()
        a, b = puppet(gate, Unavailable("x")), puppet(Unavailable("y"))
        answer = chain({"a": a, "b": b, "c": puppet("Here.")}).answer(Request(prompt, Tier.QUICK))
        pulling = asyncio.create_task(text(answer))
        await a.waiting.wait()
        gate.set()
        assert await pulling == "Here."
    assert sorted(booked(answer)) == ["a answer failed", "b hedge failed", "c answer answered"]


async def test_closing_the_answer_ends_both_calls(puppet: Any, prompt: Prompt) -> None:
    a, b = puppet(asyncio.Event()), puppet(asyncio.Event())
    whole = chain({"a": a, "b": b})
    answer = whole.answer(Request(prompt, Tier.QUICK))
    pulling = asyncio.create_task(text(answer))
    async with asyncio.timeout(5):
        await b.waiting.wait()
    pulling.cancel()
    with pytest.raises(asyncio.CancelledError):
        await pulling
    assert (a.closed, b.closed) == (1, 1)
    assert sorted(booked(answer)) == ["a answer cancelled", "b hedge cancelled"]
    assert [whole.means.circuit(ModelCard(n, "m")).load.flying for n in "ab"] == [0, 0]


async def test_a_model_nothing_is_known_of_is_not_hedged_by_its_p95(puppet: Any, prompt: Prompt) -> None:
    assert Hedge().seconds(None) is None
    assert Hedge().seconds(1.5) == 1.5
    assert Hedge(least=2.0).seconds(1.5) == 2.0
    answer = chain({"a": puppet(Unavailable("x"))}, Hedge()).answer(Request(prompt, Tier.QUICK))
    with pytest.raises(NoAnswer):
        await text(answer)


class Clinging:
    """Says nothing, and takes its time to end."""

    def __init__(self) -> None:
        self.ending, self.end = asyncio.Event(), asyncio.Event()

    async def stream(self, prompt: Prompt, card: ModelCard) -> AsyncGenerator[Chunk, None]:
        try:
            await asyncio.Event().wait()
            yield Delta("too late")
        finally:
            self.ending.set()
            await self.end.wait()

    async def ready(self) -> str:
        return ""

    async def aclose(self) -> None:
        """Nothing is held."""


async def test_stop_while_the_slower_one_ends_leaves_neither_call_unbooked(puppet: Any, prompt: Prompt) -> None:
    late, fast = Clinging(), puppet("Here ", asyncio.Event())
    whole = chain({"late": late, "fast": fast})
    answer = whole.answer(Request(prompt, Tier.QUICK))
    task = asyncio.create_task(text(answer))
    await late.ending.wait()
    task.cancel()
    await asyncio.sleep(0)
    late.end.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert booked(answer) == ["late answer cancelled", "fast hedge cancelled"]
    assert [view.load.flying for view in whole.means.circuits.views()] == [0, 0]
    assert fast.closed == 1
