"""One call: its money, its deadline, what its circuit is told, what is booked; and what the chain makes of its end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import aclosing
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from core.answering.attempt import Attempt, Candidate
from core.answering.availability import Availability
from core.answering.breaker import BreakerRules, Permit, State
from core.answering.chain import Answer, Chain
from core.answering.circuit import Circuits
from core.answering.deadline import Deadline, Patience
from core.answering.hedge import Hedge
from core.answering.judge import JudgeRules
from core.answering.means import Means
from core.answering.purse import Grant, Level
from core.answering.request import Request
from core.answering.retries import RetryBudget
from core.answering.screen import Check, Screen, Watch
from core.answering.whole import Judging
from core.errors import BadPrompt, Busy, Denied, Interrupted, ProviderError, Unavailable
from core.records import Purpose
from core.text import Anew, complete
from core.tiers import Delta, Line, ModelCard, Price, Prompt, Tier, Usage
from tests.reliability.simulation.loop import VirtualLoop

PATIENCE = Patience(first=5, total=15, stall=4, queue=1)
PRICE = Price(Decimal(3), Decimal(7), "USD", date(2026, 11, 1), "https://prices.example")
ASKED = Request(Prompt("", (Line("user", "Where is my parcel?"),), max_tokens=50), Tier.QUICK, conversation="c")
TEXT = "It is on its way to you."
CARD = ModelCard("a", "m", PRICE)

Step = Any
"""A text, seconds of silence, a Usage, or an error."""


class Vendors:
    """Every provider: each one's calls play its steps, one list a call where it has several; a float is seconds."""

    def __init__(self, **plays: Sequence[Step]) -> None:
        self.plays: Mapping[str, Any] = plays
        self.asked: list[str] = []
        self.begun: list[str] = []

    async def stream(self, prompt: Prompt, card: ModelCard) -> Any:
        steps = self.plays[card.provider]
        if steps and isinstance(steps[0], list):
            steps = steps[self.asked.count(card.provider) % len(steps)]
        self.asked.append(card.provider)
        self.begun.append(prompt.begun)
        for step in steps:
            if isinstance(step, Exception):
                raise step
            if isinstance(step, float):
                await asyncio.sleep(step)
            else:
                yield Delta(step) if isinstance(step, str) else step

    async def ready(self) -> str:
        return ""

    async def aclose(self) -> None:
        """Nothing is held."""


class Purse:
    """Pays for all but these providers."""

    def __init__(self, *poor: str) -> None:
        self.poor = poor

    async def upgrade(self, _request: Request) -> bool:
        return True

    async def level(self, _request: Request) -> Level:
        return Level.OPEN

    async def reserve(self, _request: Request, card: ModelCard, _purpose: Purpose, _most: Usage) -> Grant:
        return Grant(ok=card.provider not in self.poor, reservation="r", why="it is spent")


class World:
    """A loop whose time passes at once, attempts and chains on it."""

    def __init__(self) -> None:
        self.loop = VirtualLoop()
        self.means = self.made()

    def made(self, **more: Any) -> Means:
        rules = more.pop("rules", BreakerRules(jitter=0.0))
        return Means(Circuits(rules, self.loop.time, lambda: 0.0), patience=more.pop("patience", PATIENCE), **more)

    def tried(self, *steps: Step, request: Request = ASKED, screen: Screen | None = None, **means: Any) -> Attempt:
        """An attempt at its end."""
        self.means = self.made(**means)

        async def go() -> Attempt:
            circuit = self.means.circuit(CARD)
            permit = circuit.admit(100)
            assert permit is not None
            vendors: Any = Vendors(a=steps)
            attempt = Attempt(
                self.means, vendors, (Candidate(Tier.QUICK, CARD, circuit), permit), request, Purpose.ANSWER
            )
            async with aclosing(attempt.pieces(Deadline(self.means.patience), screen)) as pieces:
                self.shown = [piece async for piece in pieces]
            return attempt

        return self.loop.run_until_complete(go())

    def chain(self, vendors: Vendors, tiers: Mapping[Tier, Any], **means: Any) -> Chain:
        self.means = self.made(**means)
        cards = {
            tier: [ModelCard(n, "m", free=True) for n in names.split()] if isinstance(names, str) else names
            for tier, names in tiers.items()
        }
        providers: dict[str, Any] = dict.fromkeys(vendors.plays, vendors)
        return Chain(cards, providers, Availability(providers), self.means)

    def said(self, chain: Chain, request: Request = ASKED) -> tuple[str, Answer]:
        """The text, or the name of the error that came instead of its end; and the answer."""
        answer = chain.answer(request)
        try:
            return self.loop.run_until_complete(complete(answer.text())), answer
        except ProviderError as error:
            return type(error).__name__, answer

    @property
    def flying(self) -> int:
        return sum(view.load.flying + view.breaker.out for view in self.means.circuits.views())


@pytest.fixture
def world() -> Iterator[World]:
    """A loop of its own."""
    made = World()
    yield made
    made.loop.close()


def booked(answer: Answer) -> list[str]:
    return [f"{call.provider} {call.purpose} {call.outcome}" for call in answer.calls]


@pytest.mark.parametrize(
    ("steps", "outcome", "state", "counted", "failed"),
    [
        ([TEXT], "answered", State.CLOSED, 1, 0.0),
        ([], "empty", State.CLOSED, 1, 1.0),
        ([" "], "empty", State.CLOSED, 1, 1.0),
        ([Unavailable("x")], "failed", State.CLOSED, 1, 1.0),
        ([TEXT, Interrupted("x")], "failed", State.CLOSED, 1, 1.0),
        ([ZeroDivisionError("x")], "failed", State.CLOSED, 1, 1.0),
        ([Busy("x")], "failed", State.CLOSED, 0, 0.0),
        ([Denied("x")], "refused", State.FORCED, 0, 0.0),
        ([BadPrompt("x")], "refused", State.CLOSED, 0, 0.0),
        ([100.0], "failed", State.CLOSED, 1, 1.0),
        ([TEXT, 100.0], "failed", State.CLOSED, 1, 1.0),
    ],
)
def test_what_a_call_s_end_is_booked_as_and_what_its_breaker_is_told(
    world: World, steps: list[Step], outcome: str, state: State, counted: int, failed: float
) -> None:
    attempt = world.tried(*steps)
    view = attempt.candidate.circuit.breaker.view()
    assert attempt.call is not None
    assert (attempt.outcome, attempt.call.outcome, attempt.answered) == (outcome, outcome, outcome == "answered")
    assert (view.state, view.calls, view.failures) == (state, counted, failed)
    assert (world.flying, attempt.candidate.circuit.measures.calls) == (0, 1)


def test_a_vendor_s_wish_for_a_pause_reaches_its_load(world: World) -> None:
    assert world.tried(Busy("x", 7.0)).candidate.circuit.wait() == pytest.approx(7.0)


def test_a_slow_first_word_and_a_long_silence_are_slow_and_neither_is_a_failure(world: World) -> None:
    rules = BreakerRules(first_within=2.0, stall_within=2.0, jitter=0.0)
    for steps in ([3.0, TEXT], [TEXT, 3.0, " More."], [TEXT, 3.0, " More", " and more."]):
        view = world.tried(*steps, rules=rules).candidate.circuit.breaker.view()
        assert (view.slow, view.failures) == (1.0, 0.0)
    assert (
        world.tried(1.0, TEXT, 1.0, " More.", 1.0, " Yet more.", rules=rules).candidate.circuit.breaker.view().slow == 0
    )


def test_the_times_that_are_booked_are_those_of_the_model(world: World) -> None:
    call = world.tried(2.0, " ", 1.0, TEXT, 1.5, " More.").call
    assert call is not None
    assert [call.first, call.seconds] == pytest.approx([3.0, 4.5])


def test_a_channel_s_pauses_count_neither_as_the_model_s_time_nor_as_its_silence(world: World) -> None:
    chain = world.chain(Vendors(a=[1.0, TEXT, 0.5, " More."]), {Tier.QUICK: "a"})

    async def read() -> Answer:
        answer = chain.answer(ASKED)
        async for _ in answer.text():
            await asyncio.sleep(30)
        return answer

    [call] = world.loop.run_until_complete(read()).calls
    assert [call.first, call.seconds] == pytest.approx([1.0, 1.5])
    assert world.means.circuits.views()[0].breaker.slow == 0


def test_the_end_of_the_customer_s_patience_says_nothing_about_the_model(world: World) -> None:
    short = Patience(first=5, total=3, stall=4, queue=1)
    for steps, error in (([100.0], "Unavailable"), ([TEXT, 100.0], "Interrupted")):
        attempt = world.tried(*steps, patience=short)
        assert attempt.call is not None
        assert (attempt.outcome, attempt.call.error) == ("failed", error)
        assert attempt.candidate.circuit.breaker.view().calls == 0


def test_a_first_text_is_told_while_the_call_is_under_way(world: World) -> None:
    chain = world.chain(Vendors(a=[1.0, TEXT, 2.0, " More."]), {Tier.QUICK: "a"})

    async def half() -> float | None:
        text = chain.answer(ASKED).text()
        await anext(text)
        known = chain.means.circuit(ModelCard("a", "m")).measures.latency()
        await text.aclose()
        return known

    assert world.loop.run_until_complete(half()) == pytest.approx(1.0)


def test_a_first_text_is_measured_and_a_blank_is_none(world: World) -> None:
    attempt = world.tried(" ", 1.0, TEXT, 2.0, Interrupted("x"))
    assert attempt.candidate.circuit.measures.latency() == pytest.approx(1.0)
    assert world.shown == [TEXT]
    assert attempt.shown


def test_what_goes_on_keeps_its_blank_unless_what_was_shown_ends_with_one(world: World) -> None:
    for begun, shown in (("It is", [" on."]), ("It is ", ["on."]), ("", ["on."])):
        request = Request(Prompt("", ASKED.prompt.lines, begun=begun), Tier.QUICK)
        world.tried(" on.", request=request)
        assert world.shown == shown


def never(_text: str) -> str:
    return "never"


def unfit(**watch: Callable[[str], Any] | bool) -> Check:
    return Check("check", False, lambda *_: Watch(**watch))  # type: ignore[arg-type]


def test_an_unfit_text_is_kept_and_says_nothing_against_the_model(world: World) -> None:
    screen = Screen([unfit(whole=never, complete=True)], ASKED.prompt, ASKED)
    attempt = world.tried(TEXT, Usage(100, 10), screen=screen)
    assert attempt.call is not None
    assert world.shown == []
    assert not attempt.shown
    assert (attempt.call.outcome, attempt.call.verdict, attempt.call.draft) == ("unfit", "check: never", TEXT)
    assert attempt.call.cost is not None
    assert attempt.candidate.circuit.breaker.view().failures == 0


def test_what_is_held_until_the_end_comes_at_the_end(world: World) -> None:
    screen = Screen([unfit(whole=lambda _: "", complete=True)], ASKED.prompt, ASKED)
    assert world.tried("It is ", "on.", screen=screen).answered
    assert world.shown == ["It is on."]


def test_money_that_is_not_there_gives_the_permit_back_and_books_nothing(world: World) -> None:
    attempt = world.tried(TEXT, purse=Purse("a"))
    assert (attempt.call, attempt.outcome, world.flying, world.shown) == (None, "", 0, [])
    assert (attempt.candidate.circuit.measures.calls, attempt.candidate.circuit.breaker.view().calls) == (0, 0)
    attempt.drop()
    assert world.flying == 0


def test_a_permit_is_ended_once_however_often_it_is_dropped(world: World) -> None:
    attempt = world.tried(TEXT)
    attempt.drop()
    assert (world.flying, attempt.candidate.circuit.breaker.view().calls) == (0, 1)
    assert isinstance(attempt.candidate.circuit.admit(), Permit)


def test_a_model_that_was_let_through_as_time_ran_out_gives_its_permit_back(world: World) -> None:
    vendors = Vendors(a=[100.0], b=[100.0], c=[100.0], d=[TEXT])
    chain = world.chain(vendors, {Tier.QUICK: "a b c d"})
    assert world.said(chain)[0] == "NoAnswer"
    assert vendors.asked == ["a", "b", "c"]
    assert world.flying == 0


def test_time_that_ran_out_while_one_was_waited_for_leaves_no_permit_behind(world: World) -> None:
    vendors = Vendors(a=[TEXT, Interrupted("x")])
    chain = world.chain(vendors, {Tier.QUICK: [ModelCard("a", "m", free=True, continues=True)]})
    assert world.said(chain)[0] == "Interrupted"
    assert world.flying == 0


def test_what_found_unfit_after_some_of_it_was_shown_is_not_gone_on_with(world: World) -> None:
    """The stronger one that was to take its place failed: the same weak model is not asked to go on all the same."""
    bad = unfit(sentence=lambda text: "bad" if "BAD" in text else "", free=lambda _: 0)
    vendors = Vendors(
        q=["A sentence that is long enough to be shown at once. ", "BAD. "], s=[Unavailable("x")], e=[TEXT]
    )
    tiers = {Tier.QUICK: [ModelCard("q", "m", free=True, continues=True)], Tier.STANDARD: "s", Tier.EXPERT: "e"}
    asked = Request(ASKED.prompt, Tier.QUICK, replaces=True)
    text, _ = world.said(world.chain(vendors, tiers, checks=(bad,)), asked)
    assert (text, vendors.asked) == (TEXT, ["q", "s", "e"])


def test_a_failure_takes_from_the_retry_budget_and_an_unfit_text_or_an_unpaid_call_does_not(world: World) -> None:
    for steps, means, taken in (
        ([Unavailable("x")], {}, 1),
        (["no."], {"checks": (unfit(whole=lambda text: "no" if "no" in text else "", complete=True),)}, 0),
        ([TEXT], {}, 0),
    ):
        retries = RetryBudget()
        chain = world.chain(Vendors(a=steps, b=[TEXT]), {Tier.QUICK: "a", Tier.STANDARD: "b"}, retries=retries, **means)
        assert world.said(chain)[0] == TEXT
        assert (retries.calls, retries.extra) == (1, taken)
    retries = RetryBudget()
    cards = {Tier.QUICK: [CARD], Tier.STANDARD: "b"}
    chain = world.chain(Vendors(a=[TEXT], b=[TEXT]), cards, retries=retries, purse=Purse("a"))
    assert world.said(chain)[0] == TEXT
    assert retries.extra == 0


def test_without_extra_calls_the_next_one_is_whoever_succeeds_best(world: World) -> None:
    vendors = Vendors(a=[Unavailable("x")], b=[Unavailable("x")], e=[TEXT])
    tiers = {Tier.QUICK: "a b", Tier.EXPERT: "e"}
    chain = world.chain(vendors, tiers, retries=RetryBudget(0.0, reserve=1))
    world.said(chain, Request(ASKED.prompt, Tier.EXPERT))
    assert world.said(chain)[0] == TEXT
    assert world.said(chain)[0] == TEXT
    assert vendors.asked[-2:] == ["a", "e"]


def test_a_hedge_takes_an_extra_call_and_leaves_some_to_those_that_fail(world: World) -> None:
    for reserve, extra in ((6, 1), (5, 0)):
        retries = RetryBudget(0.0, reserve=reserve)
        chain = world.chain(Vendors(a=[2.0, TEXT], b=[TEXT]), {Tier.QUICK: "a b"}, retries=retries, hedge=Hedge(0.5))
        _, answer = world.said(chain)
        assert (retries.extra, len(answer.calls)) == (extra, 1 + extra)


def test_a_hedge_never_follows_text_that_was_shown(world: World) -> None:
    vendors = Vendors(a=["It is", Interrupted("x")], b=[2.0, " on its way."], c=[TEXT])
    oss = [ModelCard(n, "m", free=True, weights=w, continues=n == "b") for n, w in (("a", "o"), ("b", "o"), ("c", "x"))]
    text, answer = world.said(world.chain(vendors, {Tier.QUICK: oss}, hedge=Hedge(0.5)))
    assert (text, booked(answer)) == ("It is on its way.", ["a answer failed", "b answer answered"])


def test_neither_a_vote_nor_a_judge_follows_text_that_was_shown(world: World) -> None:
    cards = [ModelCard("a", "m", free=True, continues=True), ModelCard("b", "m", free=True, weights="x")]
    judging = Judging(ModelCard("judge", "j", free=True), JudgeRules(), 2.0)
    plays: dict[str, Any] = {"a": [[TEXT, 100.0], [" Soon."]], "b": ["Another voice."], "judge": ["UNFIT 0.10 rude"]}
    asked = Request(ASKED.prompt, Tier.QUICK, replaces=True)
    for means in ({"votes": {Tier.STANDARD: 2}}, {"judging": judging}):
        tiers = {Tier.STANDARD: cards}
        vendors = Vendors(**plays)
        text, _ = world.said(world.chain(vendors, tiers, **means), asked)
        assert text in {TEXT + " Soon.", "Another voice.", TEXT}
        assert world.flying == 0


def test_a_text_of_which_part_is_gone_on_with_is_only_asked_of_who_wrote_it_last(world: World) -> None:
    plays = {"a": ["One", Interrupted("x")], "b": [["Two", Interrupted("x")], [" and two."]]}
    cards = [ModelCard(n, n, free=True, continues=n == "b") for n in "ab"]
    vendors = Vendors(**plays)
    asked = Request(ASKED.prompt, Tier.QUICK, replaces=True)
    chain = world.chain(vendors, {Tier.QUICK: cards})

    async def pieces() -> list[str]:
        return [piece async for piece in chain.answer(asked).text()]

    shown = world.loop.run_until_complete(pieces())
    assert [(piece, isinstance(piece, Anew)) for piece in shown][-2:] == [("Two", True), (" and two.", False)]
    assert vendors.begun[-2:] == ["", "Two"]


@pytest.mark.parametrize(("said", "calls"), [("UNFIT 0.10 rude", 1), ("FIT 0.90 fine", 1)])
def test_at_the_last_model_the_judge_has_no_say(world: World, said: str, calls: int) -> None:
    judging = Judging(ModelCard("judge", "j", free=True), JudgeRules(), 2.0)
    vendors = Vendors(a=[TEXT], judge=[said])
    text, answer = world.said(world.chain(vendors, {Tier.QUICK: "a"}, judging=judging))
    assert (text, [call.outcome for call in answer.calls]) == (TEXT, ["answered", "answered"])
    assert vendors.asked.count("judge") == calls


def test_a_judge_that_takes_too_long_is_not_waited_for(world: World) -> None:
    judging = Judging(ModelCard("judge", "j", free=True), JudgeRules(), 2.0)
    began = world.loop.time()
    chain = world.chain(
        Vendors(a=[TEXT], s=["No."], judge=[9.0, "UNFIT 0.10 rude"]), {Tier.QUICK: "a s"}, judging=judging
    )
    assert world.said(chain)[0] == TEXT
    assert world.loop.time() - began == pytest.approx(2.0)


def test_a_judge_is_not_asked_about_a_call_that_said_nothing(world: World) -> None:
    judging = Judging(ModelCard("judge", "j", free=True), JudgeRules(), 2.0)
    vendors = Vendors(a=[Unavailable("x")], s=[TEXT, Interrupted("x")], e=[TEXT], judge=["FIT 0.90 fine"])
    assert world.said(world.chain(vendors, {Tier.QUICK: "a s e"}, judging=judging))[0] == TEXT
    assert vendors.asked == ["a", "s", "e", "judge"], "half a text is no whole one"


def test_two_of_which_one_is_cut_are_no_vote_and_equals_elect_the_first(world: World) -> None:
    vendors = Vendors(a=["It costs 5.", Interrupted("x")], b=["It costs 7."], c=["It costs 9."])
    text, answer = world.said(world.chain(vendors, {Tier.EXPERT: "a b"}, votes={Tier.EXPERT: 2}))
    assert text == "It costs 7."
    assert booked(answer) == ["a vote failed", "b vote answered"]
    assert (answer.card or CARD).provider == "b"


def test_who_disagree_at_the_last_tier_are_believed_all_the_same(world: World) -> None:
    vendors = Vendors(a=["It costs 5."], b=["It costs 7."], c=["It costs 9."])
    text, answer = world.said(world.chain(vendors, {Tier.EXPERT: "a b c"}, votes={Tier.EXPERT: 3}))
    assert text == "It costs 5."
    assert [call.outcome for call in answer.calls] == ["answered"] * 3


def test_no_more_are_asked_for_a_vote_than_are_to_vote(world: World) -> None:
    vendors = Vendors(a=["It costs 5."], b=["It costs 5."], c=["It costs 5."])
    world.said(world.chain(vendors, {Tier.EXPERT: "a b c"}, votes={Tier.EXPERT: 2}))
    assert vendors.asked == ["a", "b"]


def test_a_vote_of_one_is_none(world: World) -> None:
    vendors = Vendors(a=["It ", "is on."], b=[TEXT])
    _, answer = world.said(world.chain(vendors, {Tier.EXPERT: "a b"}, votes={Tier.EXPERT: 1}))
    assert booked(answer) == ["a answer answered"]


def test_who_answered_last_is_remembered_and_who_failed_is_not(world: World) -> None:
    chain = world.chain(Vendors(a=[Unavailable("x")], b=[TEXT]), {Tier.QUICK: "a b"})
    world.said(chain)
    assert chain.means.spoken.last("c") == "b/m"
    broken = world.chain(Vendors(a=[TEXT, Interrupted("x")]), {Tier.QUICK: "a"})
    world.said(broken)
    assert broken.means.spoken.last("c") == ""


def test_nobody_goes_on_once_a_text_that_went_on_was_unfit_though_none_of_it_was_shown(world: World) -> None:
    bad = unfit(sentence=lambda text: "bad" if "BAD" in text else "", free=lambda _: 0)
    vendors = Vendors(a=[["It is on. ", Interrupted("x")], ["BAD. "]], s=[Unavailable("x")], e=[TEXT])
    tiers = {Tier.QUICK: [ModelCard("a", "m", free=True, continues=True)], Tier.STANDARD: "s", Tier.EXPERT: "e"}
    asked = Request(ASKED.prompt, Tier.QUICK, replaces=True)
    text, _ = world.said(world.chain(vendors, tiers, checks=(bad,)), asked)
    assert (text, vendors.asked) == (TEXT, ["a", "a", "s", "e"])


@pytest.mark.parametrize(("replaces", "asked", "took"), [(True, ["a", "b"], 0.0), (False, ["a", "a"], 3.0)])
def test_whoever_could_go_on_is_waited_for_longer_where_nothing_can_be_taken_back(
    world: World, replaces: bool, asked: list[str], took: float
) -> None:
    vendors = Vendors(a=[["It is", Busy("x", 3.0)], [" on."]], b=[TEXT])
    cards = [ModelCard("a", "m", free=True, continues=True), ModelCard("b", "x", free=True)]
    chain = world.chain(vendors, {Tier.QUICK: cards})
    began = world.loop.time()
    text, _ = world.said(chain, Request(ASKED.prompt, Tier.QUICK, replaces=replaces))
    assert (text, vendors.asked) == (TEXT if replaces else "It is on.", asked)
    assert world.loop.time() - began == pytest.approx(took)


def test_a_hedge_is_of_the_tier_that_is_late(world: World) -> None:
    vendors = Vendors(q=["no"], s=[2.0, "late"], t=[TEXT])
    tiers = {Tier.QUICK: "q", Tier.STANDARD: "s t"}
    chain = world.chain(vendors, tiers, hedge=Hedge(0.5))
    assert world.said(chain, Request(ASKED.prompt, Tier.STANDARD))[0] == TEXT
    assert vendors.asked == ["s", "t"]


def test_a_judge_that_is_not_ready_is_not_asked(world: World) -> None:
    judging = Judging(ModelCard("judge", "j", free=True), JudgeRules(), 2.0)
    vendors = Vendors(a=["No."], s=[TEXT], judge=["UNFIT 0.10 rude"])
    chain = world.chain(vendors, {Tier.QUICK: "a", Tier.STANDARD: "s"}, judging=judging)

    class Ready:
        def is_ready(self, provider: str) -> bool:
            return provider != "judge"

    chain.availability = Ready()
    assert world.said(chain)[0] == "No."
    assert vendors.asked == ["a"]


def test_past_a_hard_limit_only_what_is_free_is_asked_even_where_there_would_be_money(world: World) -> None:
    class Spent(Purse):
        async def level(self, _request: Request) -> Level:
            return Level.HARD

    vendors = Vendors(a=["no"], free=[TEXT])
    cards = {Tier.QUICK: [CARD], Tier.EXPERT: "free"}
    assert world.said(world.chain(vendors, cards, purse=Spent()))[0] == TEXT
    assert vendors.asked == ["free"]


def test_a_hedge_that_is_under_way_is_waited_for_when_the_first_one_fails(world: World) -> None:
    vendors = Vendors(a=[1.0, Unavailable("x")], b=[1.0, TEXT])
    text, answer = world.said(world.chain(vendors, {Tier.QUICK: "a b"}, hedge=Hedge(0.5)))
    assert (text, booked(answer)) == (TEXT, ["a answer failed", "b hedge answered"])


def test_of_two_that_show_text_in_one_instant_one_answers_and_the_other_is_closed(world: World) -> None:
    vendors = Vendors(a=[1.0, "One", 1.0, " one."], b=[0.5, "Two", 1.0, " two."])
    text, answer = world.said(world.chain(vendors, {Tier.QUICK: "a b"}, hedge=Hedge(0.5)))
    assert text in {"One one.", "Two two."}
    assert sorted(call.outcome for call in answer.calls) == ["answered", "cancelled"]
    assert world.flying == 0


def test_the_one_that_was_elected_is_named(world: World) -> None:
    vendors = Vendors(a=["It costs 9."], b=["It costs 5."], c=["It costs 5 now."])
    chain = world.chain(vendors, {Tier.EXPERT: "a b c"}, votes={Tier.EXPERT: 3})
    text, answer = world.said(chain)
    assert "5" in text
    assert (answer.card or CARD).provider in "bc"


def test_half_of_those_who_vote_are_enough(world: World) -> None:
    vendors = Vendors(a=["It costs 5."], b=["It costs 7."], e=[TEXT])
    tiers = {Tier.STANDARD: "a b", Tier.EXPERT: "e"}
    text, _ = world.said(world.chain(vendors, tiers, votes={Tier.STANDARD: 2}), Request(ASKED.prompt, Tier.STANDARD))
    assert (text, vendors.asked) == ("It costs 5.", ["a", "b"])
