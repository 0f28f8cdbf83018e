"""What becomes of an answer that breaks off after some of it was shown (routing.md 7, "mid-stream failure")."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from core.answering.availability import Availability
from core.answering.chain import Answer, Chain
from core.answering.checks import compliance, empty
from core.answering.means import Means
from core.answering.request import Request
from core.answering.screen import Check, Watch
from core.errors import BadPrompt, Interrupted, Unavailable
from core.text import Anew, complete
from core.tiers import Delta, ModelCard, Prompt, Tier, Usage

CUT, STALLED, MALFORMED = Interrupted("the stream was cut"), Interrupted("stalled"), Interrupted("malformed")


def chain(cards: Mapping[Tier, list[ModelCard]], providers: Mapping[str, Any]) -> Chain:
    return Chain(cards, providers, Availability(providers))


def card(provider: str, **more: Any) -> ModelCard:
    return ModelCard(provider, "m", free=True, **more)


async def pieces(answer: Answer) -> list[str]:
    return [piece async for piece in answer.text()]


def booked(answer: Answer) -> list[str]:
    return [f"{call.provider} {call.outcome}" for call in answer.calls]


@pytest.mark.parametrize("shape", [CUT, STALLED, MALFORMED, Unavailable("x")])
async def test_mid_stream_failure_another_text_takes_the_place_of_what_was_shown(
    puppet: Any, prompt: Prompt, shape: Exception
) -> None:
    whole = chain({Tier.QUICK: [card("a"), card("b")]}, {"a": puppet("It is ", shape), "b": puppet("All ", "is well.")})
    answer = whole.answer(Request(prompt, Tier.QUICK, replaces=True))
    shown = await pieces(answer)
    assert shown == ["It is ", "All ", "is well."]
    assert [isinstance(piece, Anew) for piece in shown] == [False, True, False]
    assert await complete(whole.answer(Request(prompt, Tier.QUICK, replaces=True)).text()) == "All is well."
    assert booked(answer) == ["a failed", "b answered"]
    assert (answer.card or card("")).provider == "b"


async def test_where_nothing_can_be_taken_back_the_answer_ends_with_the_truth_and_no_other_model_speaks(
    puppet: Any, prompt: Prompt
) -> None:
    b = puppet("Another voice")
    answer = chain({Tier.QUICK: [card("a"), card("b")]}, {"a": puppet("It is ", CUT), "b": b}).answer(
        Request(prompt, Tier.QUICK)
    )
    with pytest.raises(Interrupted):
        await pieces(answer)
    assert b.asked == []


class Continuing:
    """Breaks off after each text but the last, and remembers what it was to go on from."""

    def __init__(self, *texts: str) -> None:
        self.texts = list(texts)
        self.begun: list[str] = []

    async def stream(self, prompt: Prompt, card: ModelCard) -> Any:
        self.begun.append(prompt.begun)
        yield Delta(self.texts.pop(0))
        if self.texts:
            raise CUT
        yield Usage(5, 5)

    async def ready(self) -> str:
        return ""

    async def aclose(self) -> None:
        pass


async def test_a_model_that_can_goes_on_from_what_was_shown_and_keeps_the_blank_between(prompt: Prompt) -> None:
    a = Continuing("It is", " on its", " way.")
    answer = chain({Tier.QUICK: [card("a", continues=True)]}, {"a": a}).answer(Request(prompt, Tier.QUICK))
    assert "".join(await pieces(answer)) == "It is on its way."
    assert a.begun == ["", "It is", "It is on its"]
    assert booked(answer) == ["a failed", "a failed", "a answered"]


async def test_an_answer_is_gone_on_with_only_so_often(prompt: Prompt) -> None:
    a = Continuing(*"abcdefgh")
    answer = chain({Tier.QUICK: [card("a", continues=True)]}, {"a": a}).answer(Request(prompt, Tier.QUICK))
    with pytest.raises(Interrupted):
        await pieces(answer)
    assert a.begun == ["", "a", "ab", "abc", "abcd"]


async def test_the_same_open_weights_elsewhere_may_go_on_and_other_weights_never(puppet: Any, prompt: Prompt) -> None:
    cards = [card("a", weights="oss"), card("other", weights="x", continues=True)]
    a, twin, other = puppet("It is", CUT), Continuing(" on its way."), Continuing("Another voice")
    both = {Tier.QUICK: [*cards, card("twin", weights="oss", continues=True)]}
    answer = chain(both, {"a": a, "twin": twin, "other": other}).answer(Request(prompt, Tier.QUICK))
    assert "".join(await pieces(answer)) == "It is on its way."
    assert (twin.begun, other.begun) == (["It is"], [])
    with pytest.raises(Interrupted):
        await pieces(chain({Tier.QUICK: cards}, {"a": a, "other": other}).answer(Request(prompt, Tier.QUICK)))


async def test_when_whoever_goes_on_fails_too_the_next_text_takes_its_place_as_a_whole(
    puppet: Any, prompt: Prompt
) -> None:
    a, b = Continuing(*"abcdef"), puppet("All is well.")
    whole = chain({Tier.QUICK: [card("a", continues=True), card("b")]}, {"a": a, "b": b})
    answer = whole.answer(Request(prompt, Tier.QUICK, replaces=True))
    assert await complete(answer.text()) == "All is well."
    assert booked(answer) == ["a failed"] * 5 + ["b answered"]


async def test_when_nothing_takes_its_place_what_was_shown_ends_with_the_truth(puppet: Any, prompt: Prompt) -> None:
    whole = chain({Tier.QUICK: [card("a"), card("b")]}, {"a": puppet("It is ", CUT), "b": puppet(CUT)})
    with pytest.raises(Interrupted):
        await pieces(whole.answer(Request(prompt, Tier.QUICK, replaces=True)))


async def test_what_must_be_said_is_said_however_often_the_answer_broke_off(prompt: Prompt) -> None:
    line = compliance.build([{"about": ["warranty"], "say": {"": "Terms apply."}}])
    a = Continuing("The warranty lasts two years. ", "It begins with the purchase.")
    providers = {"a": a}
    cards = {Tier.QUICK: [card("a", continues=True)]}
    whole = Chain(cards, providers, Availability(providers), Means(checks=(line,)))
    text = "The warranty lasts two years. It begins with the purchase.\n\nTerms apply."
    assert await complete(whole.answer(Request(prompt, Tier.QUICK)).text()) == text


async def test_a_rest_of_one_full_stop_is_no_empty_answer(prompt: Prompt) -> None:
    text = "It lasts two years from the day on which you got the parcel, which is written on the slip inside"
    providers = {"a": Continuing(text, ".")}
    cards = {Tier.QUICK: [card("a", continues=True)]}
    whole = Chain(cards, providers, Availability(providers), Means(checks=(empty.build(),)))
    assert await complete(whole.answer(Request(prompt, Tier.QUICK)).text()) == f"{text}."


async def test_nobody_goes_on_from_a_text_that_was_found_unfit(puppet: Any, prompt: Prompt) -> None:
    wrong = Check("wrong", False, lambda _prompt, _request: Watch(whole=lambda text: text if "wrong" in text else ""))
    providers = {"a": puppet("All wrong."), "b": puppet(CUT), "c": puppet("All is well.")}
    cards = {
        Tier.QUICK: [card("a", continues=True)],
        Tier.STANDARD: [card("b", continues=True), card("c", continues=True)],
    }
    whole = Chain(cards, providers, Availability(providers), Means(checks=(wrong,)))
    answer = whole.answer(Request(prompt, Tier.QUICK, replaces=True))
    assert await complete(answer.text()) == "All is well."
    assert booked(answer) == ["a unfit", "b failed", "c answered"]


class Unwilling(Continuing):
    """Refuses whatever it is to go on from."""

    async def stream(self, prompt: Prompt, card: ModelCard) -> Any:
        if prompt.begun:
            self.begun.append(prompt.begun)
            raise BadPrompt("no")
        async for chunk in super().stream(prompt, card):
            yield chunk


async def test_a_model_that_refuses_to_go_on_is_asked_for_it_once(puppet: Any, prompt: Prompt) -> None:
    a, b = Unwilling("It is", "never said"), puppet("All is well.")
    whole = chain({Tier.QUICK: [card("a", continues=True), card("b")]}, {"a": a, "b": b})
    answer = whole.answer(Request(prompt, Tier.QUICK, replaces=True))
    assert await complete(answer.text()) == "All is well."
    assert booked(answer) == ["a failed", "a refused", "b answered"]


async def test_a_model_that_has_nothing_to_add_to_a_whole_sentence_has_answered(puppet: Any, prompt: Prompt) -> None:
    twin = puppet(Usage(3, 0))
    cards = [card("a", weights="oss"), card("twin", weights="oss", continues=True)]
    answer = chain({Tier.QUICK: cards}, {"a": puppet("It is on its way.", CUT), "twin": twin}).answer(
        Request(prompt, Tier.QUICK)
    )
    assert "".join(await pieces(answer)) == "It is on its way."
    assert booked(answer) == ["a failed", "twin answered"]
