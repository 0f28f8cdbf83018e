"""How a tier answers: order, silence about failures, and a record of every call."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import aclosing
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.answering.availability import Availability
from core.answering.breaker import State
from core.answering.chain import Answer, Chain
from core.answering.deadline import Patience
from core.answering.means import Means
from core.answering.request import Request
from core.errors import BadPrompt, Busy, Denied, Interrupted, NoAnswer, Unavailable
from core.records import Call
from core.tiers import Delta, Line, ModelCard, Money, Price, Prompt, Tier, Usage

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


async def test_the_first_model_that_answers_is_the_only_one_called(puppet: Any, prompt: Prompt, usage: Usage) -> None:
    a, b = puppet("It is ", "on.", usage), puppet("no")
    answer = chain({Tier.QUICK: "a b"}, {"a": a, "b": b}).answer(Request(prompt, Tier.QUICK))
    assert await pull(answer) == "It is on."
    assert (answer.tier, answer.card) == (Tier.QUICK, ModelCard("a", "m", PRICE))
    [call] = answer.calls
    assert call.seconds > 0
    assert call.first is not None
    assert call.at is not None
    assert 0 <= call.first <= call.seconds
    told = Call("a", "m", "answered", call.seconds, usage, Money(Decimal("0.00012"), "USD"), tier="quick")
    assert call == replace(told, at=call.at, first=call.first)
    assert b.asked == []
    assert a.closed == 1


async def test_nothing_is_called_before_the_text_is_pulled(puppet: Any, prompt: Prompt) -> None:
    a = puppet("x")
    answer = chain({Tier.QUICK: "a"}, {"a": a}).answer(Request(prompt, Tier.QUICK))
    answer.text()
    assert (answer.calls, answer.tier, a.asked) == ([], None, [])


@pytest.mark.parametrize(
    ("failure", "outcome"),
    [
        (Unavailable("x"), "failed Unavailable"),
        (Busy("x", 1.0), "failed Busy"),
        (Interrupted("x"), "failed Interrupted"),
        (Denied("x"), "refused Denied"),
        (BadPrompt("x"), "refused BadPrompt"),
        (ZeroDivisionError("a plug-in's bug"), "failed ZeroDivisionError"),
    ],
)
async def test_a_failure_before_any_text_is_hidden_by_the_next_model(
    puppet: Any, prompt: Prompt, failure: Exception, outcome: str
) -> None:
    providers = {"a": puppet(failure), "b": puppet("here")}
    answer = chain({Tier.QUICK: "a b"}, providers).answer(Request(prompt, Tier.QUICK))
    assert await pull(answer) == "here"
    assert booked(answer) == [f"a {outcome}", "b answered"]
    assert answer.calls[0].cost is None


@pytest.mark.parametrize("steps", [(), (" ", "\n\t"), (Usage(1, 1),), (" ", Usage(5, 1))])
async def test_an_answer_of_blanks_is_none_and_its_tokens_are_still_booked(
    puppet: Any, prompt: Prompt, steps: Any
) -> None:
    answer = chain({Tier.QUICK: "a b"}, {"a": puppet(*steps), "b": puppet("here")}).answer(Request(prompt, Tier.QUICK))
    assert await pull(answer) == "here"
    assert booked(answer) == ["a empty", "b answered"]
    assert (answer.calls[0].cost is not None) == any(isinstance(s, Usage) for s in steps)
    assert answer.calls[1].usage is None


async def test_blanks_before_the_first_word_are_not_shown(puppet: Any, prompt: Prompt) -> None:
    answer = chain({Tier.QUICK: "a"}, {"a": puppet("\n", " Well", " ", "then")}).answer(Request(prompt, Tier.QUICK))
    assert await pull(answer) == "Well then"


async def test_a_failure_after_text_is_interrupted_and_no_second_model_speaks(puppet: Any, prompt: Prompt) -> None:
    b = puppet("another voice")
    answer = chain({Tier.QUICK: "a b"}, {"a": puppet("It is", Unavailable("x")), "b": b}).answer(
        Request(prompt, Tier.QUICK)
    )
    pieces = answer.text()
    assert await anext(pieces) == "It is"
    with pytest.raises(Interrupted):
        await anext(pieces)
    assert booked(answer) == ["a failed Unavailable"]
    assert b.asked == []


async def test_tiers_are_tried_upwards_then_downwards_nearest_first(puppet: Any, prompt: Prompt) -> None:
    providers = {name: puppet(Unavailable(name)) for name in "qse"}
    tiers = {Tier.QUICK: "q", Tier.STANDARD: "s", Tier.EXPERT: "e"}
    orders = {Tier.QUICK: "qse", Tier.STANDARD: "seq", Tier.EXPERT: "esq", Tier.PERSON: "esq"}
    for tier, order in orders.items():
        answer = chain(tiers, providers).answer(Request(prompt, tier))
        with pytest.raises(NoAnswer):
            await pull(answer)
        assert [call.provider for call in answer.calls] == list(order)
        answer = chain(tiers, providers).answer(Request(prompt, tier, down=False))
        with pytest.raises(NoAnswer):
            await pull(answer)
        assert [call.provider for call in answer.calls] == [p for p in order if "qse".index(p) >= tier]


async def test_the_tier_that_really_answered_is_named(puppet: Any, prompt: Prompt) -> None:
    providers = {"q": puppet(Busy("x")), "e": puppet("here")}
    answer = chain({Tier.QUICK: "q", Tier.EXPERT: "e"}, providers).answer(Request(prompt, Tier.QUICK))
    await pull(answer)
    assert answer.tier is Tier.EXPERT


async def test_a_model_named_in_several_tiers_is_tried_once(puppet: Any, prompt: Prompt) -> None:
    a = puppet(Unavailable("x"))
    answer = chain({Tier.QUICK: "a a", Tier.STANDARD: "a"}, {"a": a}).answer(Request(prompt, Tier.QUICK))
    with pytest.raises(NoAnswer):
        await pull(answer)
    assert len(a.asked) == 1


async def test_a_provider_that_is_not_ready_is_passed_over(puppet: Any, prompt: Prompt) -> None:
    a = puppet("no", missing="no key")
    whole = chain({Tier.QUICK: "a b"}, {"a": a, "b": puppet("here")})
    assert isinstance(whole.availability, Availability)
    await whole.availability.ask()
    answer = whole.answer(Request(prompt, Tier.QUICK))
    assert await pull(answer) == "here"
    assert booked(answer) == ["b answered"]


async def test_a_denied_provider_is_left_alone_by_the_next_answer(puppet: Any, prompt: Prompt) -> None:
    a = puppet(Denied("the quota is used up"))
    whole = chain({Tier.QUICK: "a b"}, {"a": a, "b": puppet("here")})
    for _ in range(2):
        assert await pull(whole.answer(Request(prompt, Tier.QUICK))) == "here"
    assert len(a.asked) == 1
    assert whole.means.circuit(whole.tiers[Tier.QUICK][0]).breaker.state is State.FORCED


async def test_without_any_model_there_is_no_answer(prompt: Prompt) -> None:
    with pytest.raises(NoAnswer):
        await pull(chain({}, {}).answer(Request(prompt, Tier.QUICK)))


def test_a_card_whose_provider_is_unknown_is_refused_when_the_chain_is_made() -> None:
    with pytest.raises(ValueError, match="no provider is named b"):
        Chain({Tier.QUICK: [ModelCard("b", "m")]}, {}, Availability({}))


async def test_a_free_model_costs_nothing_and_says_so(puppet: Any, prompt: Prompt) -> None:
    answer = chain({Tier.QUICK: "free"}, {"free": puppet("x", Usage(9, 9))}).answer(Request(prompt, Tier.QUICK))
    await pull(answer)
    assert (answer.calls[0].cost, answer.calls[0].free) == (None, True)


STEPS = st.lists(
    st.one_of(
        st.sampled_from(["", " ", "a", "b "]),
        st.just(Usage(3, 1)),
        st.sampled_from([Unavailable, Busy, Denied, KeyError]),
    ),
    max_size=4,
)


@given(st.lists(STEPS, min_size=1, max_size=4), st.sampled_from(list(Tier)), st.booleans())
def test_whatever_models_do_a_customer_sees_one_voice_and_every_call_is_booked(
    scripts: list[list[Any]], tier: Tier, down: bool
) -> None:
    from_one: set[int] = set()

    class Script:
        def __init__(self, number: int, steps: list[Any]) -> None:
            self.number, self.steps, self.calls = number, steps, 0

        async def stream(self, prompt: Prompt, card: ModelCard) -> Any:
            self.calls += 1
            for step in self.steps:
                if isinstance(step, type):
                    raise step("x")
                if isinstance(step, str) and step.strip():
                    from_one.add(self.number)
                yield step if isinstance(step, Usage) else Delta(step)

    async def run() -> None:
        providers: dict[str, Any] = {f"p{n}": Script(n, steps) for n, steps in enumerate(scripts)}
        tiers = {Tier(n % 3): f"p{n} p{(n + 1) % len(scripts)}" for n in range(len(scripts))}
        answer = chain(tiers, providers).answer(Request(Prompt("", (Line("user", "?"),)), tier, down=down))
        try:
            text = await pull(answer)
            assert text.strip()
            assert answer.calls[-1].outcome == "answered"
        except Interrupted:
            assert answer.tier is not None
        except NoAnswer:
            assert answer.tier is None
        assert len(from_one) <= 1
        assert sum(p.calls for p in providers.values()) == len(answer.calls)
        assert all(call.cost is None or call.cost.amount > 0 for call in answer.calls)

    asyncio.run(run())
