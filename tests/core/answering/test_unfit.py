"""What becomes of texts that must not be shown: the next tier answers, in real time, and the text is kept."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from core.answering.availability import Availability
from core.answering.chain import Answer, Chain
from core.answering.checks import not_knowing, policy, refusal
from core.answering.deadline import Patience
from core.answering.judge import JudgeRules
from core.answering.means import Means
from core.answering.request import Request
from core.answering.screen import Check, Watch
from core.answering.whole import Judging
from core.errors import Interrupted, NoAnswer, Unavailable
from core.records import Purpose
from core.text import complete
from core.tiers import Delta, Line, ModelCard, Prompt, Tier, Usage

REFUSAL = "I'm sorry, but I can't help with that request. Please ask something else."
HELP = "Your parcel left the warehouse this morning and is on its way to you now."
PROMISE = "Sure thing, that is easy to sort out for you today. We will refund you 500 euros by tomorrow."
LOCK = (refusal.build(), not_knowing.build(), policy.build())
ASKED = Prompt(
    "You are a shop's assistant.", (Line("user", "Where is my parcel?"),), sources=("Parcels take a while.",)
)


def chain(tiers: Mapping[Tier, str], providers: Mapping[str, Any], **means: Any) -> Chain:
    cards = {tier: [ModelCard(name, "m", free=True) for name in names.split()] for tier, names in tiers.items()}
    return Chain(cards, providers, Availability(providers), Means(**means))


def booked(answer: Answer) -> list[str]:
    return [f"{call.provider} {call.outcome} {call.verdict.partition(':')[0]}".strip() for call in answer.calls]


async def said(answer: Answer) -> str:
    return await complete(answer.text())


async def test_an_unfit_text_is_never_shown_the_next_tier_answers_and_the_text_is_kept(puppet: Any) -> None:
    providers = {"q": puppet(REFUSAL[:30], REFUSAL[30:]), "same": puppet(HELP), "s": puppet(HELP)}
    whole = chain({Tier.QUICK: "q same", Tier.STANDARD: "s"}, providers, checks=LOCK)
    answer = whole.answer(Request(ASKED, Tier.QUICK))
    assert await said(answer) == HELP
    assert booked(answer) == ["q unfit refusal", "s answered"]
    assert answer.calls[0].draft.startswith(REFUSAL[:30])
    assert answer.tier is Tier.STANDARD
    assert providers["same"].asked == []


async def test_a_model_s_stream_is_closed_as_soon_as_its_text_is_found_unfit(puppet: Any) -> None:
    q = puppet(REFUSAL, *[" more"] * 50)
    whole = chain({Tier.QUICK: "q", Tier.STANDARD: "s"}, {"q": q, "s": puppet(HELP)}, checks=LOCK)
    answer = whole.answer(Request(ASKED, Tier.QUICK))
    await said(answer)
    assert q.closed == 1
    assert len(answer.calls[0].draft) < len(REFUSAL) + 5 * len(" more")


async def test_a_promise_no_source_makes_is_replaced_where_that_can_be_and_cut_where_it_cannot(puppet: Any) -> None:
    providers = {"q": puppet(PROMISE), "s": puppet(HELP)}
    whole = chain({Tier.QUICK: "q", Tier.STANDARD: "s"}, providers, checks=LOCK)
    assert await said(whole.answer(Request(ASKED, Tier.QUICK, replaces=True))) == HELP
    shown = []
    pieces = whole.answer(Request(ASKED, Tier.QUICK)).text()
    shown.append(await anext(pieces))
    with pytest.raises(Interrupted):
        shown.append(await anext(pieces))
    assert "Sure thing" in "".join(shown)
    assert "500" not in "".join(shown)


async def test_at_the_last_model_an_honest_refusal_is_an_answer_and_a_false_promise_is_not(puppet: Any) -> None:
    only = chain({Tier.EXPERT: "e"}, {"e": puppet(REFUSAL)}, checks=LOCK)
    assert await said(only.answer(Request(ASKED, Tier.QUICK))) == REFUSAL
    locked = chain({Tier.EXPERT: "e"}, {"e": puppet("We will refund you 500 euros tomorrow.")}, checks=LOCK)
    with pytest.raises(NoAnswer):
        await said(locked.answer(Request(ASKED, Tier.QUICK)))


async def test_when_no_stronger_model_is_left_another_one_of_the_tier_is_asked(puppet: Any) -> None:
    providers = {"e": puppet(REFUSAL), "other": puppet(HELP)}
    whole = chain({Tier.EXPERT: "e other"}, providers, checks=LOCK)
    assert await said(whole.answer(Request(ASKED, Tier.EXPERT))) == HELP


async def test_an_unfit_text_says_nothing_against_the_model_s_breaker(puppet: Any) -> None:
    whole = chain({Tier.QUICK: "q", Tier.STANDARD: "s"}, {"q": puppet(REFUSAL), "s": puppet(HELP)}, checks=LOCK)
    for _ in range(30):
        await said(whole.answer(Request(ASKED, Tier.QUICK)))
    view = whole.means.circuit(ModelCard("q", "m")).breaker.view()
    assert (view.opened, view.failures) == (0, 0.0)


class Verdicts:
    """A judge that says these in turn."""

    def __init__(self, *words: str) -> None:
        self.words = list(words)

    async def stream(self, prompt: Prompt, card: ModelCard) -> Any:
        yield Delta(self.words.pop(0))
        yield Usage(10, 3)

    async def ready(self) -> str:
        return ""

    async def aclose(self) -> None:
        pass


JUDGE = Judging(ModelCard("judge", "j", free=True), JudgeRules(), 5.0)


async def test_an_independent_model_sends_an_answer_one_tier_up_and_its_call_is_booked_apart(puppet: Any) -> None:
    providers = {"q": puppet("Never."), "s": puppet(HELP), "judge": Verdicts("UNFIT 0.10 rude", "FIT 0.90 fine")}
    whole = chain({Tier.QUICK: "q", Tier.STANDARD: "s"}, providers, judging=JUDGE)
    answer = whole.answer(Request(ASKED, Tier.QUICK))
    assert await said(answer) == HELP
    assert booked(answer) == ["q unfit judge", "judge answered", "s answered", "judge answered"]
    assert [call.purpose for call in answer.calls].count(Purpose.VALIDATION) == 2
    assert answer.calls[0].draft == "Never."
    assert answer.calls[0].verdict == "judge: rude"


@pytest.mark.parametrize("words", ["certainly!", "FIT 0.1 contradicts itself", ""])
async def test_a_judge_that_cannot_be_read_or_reached_never_blocks_an_answer(puppet: Any, words: str) -> None:
    for judge in (Verdicts(words), puppet(Unavailable("x")), puppet(missing="no key")):
        providers = {"q": puppet("Yes."), "s": puppet(HELP), "judge": judge}
        known = Availability(providers)
        whole = chain({Tier.QUICK: "q", Tier.STANDARD: "s"}, providers, judging=JUDGE)
        whole.availability = known
        await known.ask()
        assert await said(whole.answer(Request(ASKED, Tier.QUICK))) == "Yes."


async def test_a_vote_shows_what_most_agree_on_and_books_every_ballot(puppet: Any) -> None:
    providers = {"a": puppet("It costs 5 euros."), "b": puppet("It is 7 euros."), "c": puppet("That costs 5 euros.")}
    whole = chain({Tier.EXPERT: "a b c"}, providers, votes={Tier.EXPERT: 3})
    answer = whole.answer(Request(ASKED, Tier.EXPERT))
    assert "5 euros" in await said(answer)
    assert booked(answer) == ["a answered", "b answered", "c answered"]
    assert {call.purpose for call in answer.calls} == {Purpose.VOTE}


async def test_models_that_do_not_agree_send_the_answer_one_tier_up(puppet: Any) -> None:
    providers = {"a": puppet("It costs 5."), "b": puppet("It costs 7."), "c": puppet("It costs 9."), "e": puppet(HELP)}
    whole = chain({Tier.STANDARD: "a b c", Tier.EXPERT: "e"}, providers, votes={Tier.STANDARD: 3})
    answer = whole.answer(Request(ASKED, Tier.STANDARD))
    assert await said(answer) == HELP
    assert "a unfit vote" in booked(answer)


async def test_a_vote_in_which_some_fail_is_held_among_the_others(puppet: Any) -> None:
    providers = {"a": puppet(Unavailable("x")), "b": puppet("It costs 7 euros."), "c": puppet("It costs 7 euros!")}
    whole = chain({Tier.EXPERT: "a b c"}, providers, votes={Tier.EXPERT: 3})
    assert "7 euros" in await said(whole.answer(Request(ASKED, Tier.EXPERT)))


async def test_a_judge_is_waited_for_no_longer_than_the_customer_waits(puppet: Any) -> None:
    providers = {"q": puppet(HELP), "judge": puppet(asyncio.Event())}
    whole = chain({Tier.QUICK: "q"}, providers, judging=replace(JUDGE, within=3600.0), patience=Patience(5.0, 0.1))
    answer = whole.answer(Request(ASKED, Tier.QUICK))
    async with asyncio.timeout(10):
        assert await said(answer) == HELP
    assert booked(answer) == ["q answered", "judge failed"]


async def test_when_the_stronger_model_fails_the_honest_text_of_the_weaker_one_is_shown_after_all(puppet: Any) -> None:
    q = puppet(REFUSAL)
    whole = chain({Tier.QUICK: "q", Tier.STANDARD: "s"}, {"q": q, "s": puppet(Unavailable("x"))}, checks=LOCK)
    answer = whole.answer(Request(ASKED, Tier.QUICK))
    assert await said(answer) == REFUSAL
    assert booked(answer) == ["q unfit refusal", "s failed", "q answered"]
    assert {view.load.flying for view in whole.means.circuits.views()} == {0}


async def test_a_false_promise_is_not_shown_even_where_nothing_else_is_left(puppet: Any) -> None:
    providers = {"q": puppet("We will refund you 500 euros tomorrow."), "s": puppet(Unavailable("x"))}
    whole = chain({Tier.QUICK: "q", Tier.STANDARD: "s"}, providers, checks=LOCK)
    with pytest.raises(NoAnswer):
        await said(whole.answer(Request(ASKED, Tier.QUICK)))
    assert len(providers["q"].asked) == 1


async def test_a_check_that_breaks_lets_nothing_through_and_is_not_held_against_the_vendor(puppet: Any) -> None:
    def broken(_text: str) -> str:
        raise ZeroDivisionError

    check = Check("mine", False, lambda _prompt, _request: Watch(opening=broken))
    whole = chain({Tier.QUICK: "q"}, {"q": puppet(HELP)}, checks=(check,))
    for _ in range(6):
        with pytest.raises(NoAnswer):
            await said(whole.answer(Request(ASKED, Tier.QUICK)))
    assert whole.means.circuit(ModelCard("q", "m")).breaker.view().failures == 0.0
