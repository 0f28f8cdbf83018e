# ruff: noqa: T201 - a command prints
"""Any customers at any chain of models: hypothesis chooses what every call of every vendor does, and what was shown,
booked and given back is compared with what the vendors themselves saw. Time is the loop's own and passes at once.

Usage: python -m tests.fuzz.cascade [--steps 100000]. Prints what was played and a line of JSON; an AssertionError shows
the shortest life in which the chain did what it must not. A step is one customer's answer.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import re
from collections import Counter
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, ClassVar

from hypothesis import HealthCheck, Phase, settings
from hypothesis import seed as hypothesis_seed
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from core.answering.attempt import ENDED
from core.answering.breaker import BreakerRules, State
from core.answering.chain import CONTINUED, Answer, Chain
from core.answering.circuit import Circuits
from core.answering.deadline import Patience
from core.answering.hedge import Hedge
from core.answering.judge import JudgeRules
from core.answering.means import Means
from core.answering.order import Order
from core.answering.purse import Grant, Level
from core.answering.request import Request
from core.answering.retries import RetryBudget
from core.answering.screen import Check, Watch
from core.answering.tokens import estimate
from core.answering.whole import Judging
from core.errors import BadPrompt, Busy, Denied, Interrupted, NoAnswer, Unavailable
from core.records import Call, Purpose
from core.text import Anew, grown
from core.tiers import Chunk, Delta, Line, ModelCard, Price, Prompt, Tier, Usage
from tests.reliability.simulation.loop import VirtualLoop

STEPS = 25
"""Steps of one life."""

LIVES = 500
"""Lives played on one seed."""

PRICE = Price(Decimal(3), Decimal(7), "USD", date(2026, 11, 1), "https://prices.example")
CARDS = (
    (Tier.QUICK, ModelCard("a", "m", free=True)),
    (Tier.QUICK, ModelCard("b", "oss-b", free=True, weights="oss", continues=True)),
    (Tier.QUICK, ModelCard("c", "x", PRICE, requests=6)),
    (Tier.STANDARD, ModelCard("d", "oss-d", PRICE, weights="oss", continues=True)),
    (Tier.STANDARD, ModelCard("a", "larger", PRICE, continues=True)),
    (Tier.STANDARD, ModelCard("b", "oss-b", free=True, weights="oss", continues=True)),
    (Tier.EXPERT, ModelCard("e", "m", PRICE)),
    (Tier.EXPERT, ModelCard("f", "m")),
    (Tier.EXPERT, ModelCard("g", "m", free=True, continues=True)),
)
JUDGE = ModelCard("judge", "j", PRICE)
PATIENCE = Patience(first=5, total=15, stall=4, queue=1)
ERRORS = {
    "503": Unavailable("x"),
    "429": Busy("x", 2.0),
    "busy": Busy("x"),
    "401": Denied("x"),
    "400": BadPrompt("x"),
    "bug": ZeroDivisionError("x"),
}
TEXTS = (*["text"] * 8, "slow", "slow", "sorry", "sorry", "bad", "bad", *["cut"] * 4, "stall")
KINDS = st.sampled_from((*TEXTS, *sorted(ERRORS), "503", "empty", "blank", "mute", "mute"))
ASKED = re.compile(r"question (\d+)")


@dataclass(frozen=True)
class Play:
    """What one call does: `at` is the sentence or piece where it happens, `pieces` how a sentence is cut."""

    kind: str
    at: int = 0
    sentences: int = 2
    pieces: int = 2
    usage: bool = True
    lingers: bool = False


@dataclass(frozen=True)
class Ask:
    """One customer: what the vendors do in turn, and what the customer does: `leaves` after so many seconds or closes
    after so many pieces, and reads each piece for `pause` seconds."""

    plays: Sequence[Play]
    tier: Tier
    replaces: bool
    down: bool
    leaves: float | None
    closes: int | None
    pause: float
    level: Level
    upgrade: bool
    refused: frozenset[str]


PLAYS = st.builds(
    Play, KINDS, st.integers(0, 3), st.integers(1, 3), st.sampled_from((1, 2, 7)), st.booleans(), st.booleans()
)
ASKS = st.builds(
    Ask,
    plays=st.lists(PLAYS, min_size=1, max_size=7),
    tier=st.sampled_from(list(Tier)),
    replaces=st.booleans(),
    down=st.booleans(),
    leaves=st.sampled_from((*[None] * 20, 0.0, 0.1, 1.0, 4.0, 7.0)),
    closes=st.sampled_from((*[None] * 20, 1, 2, 3, 4)),
    pause=st.sampled_from((0.0, 0.0, 0.0, 2.0)),
    level=st.sampled_from((*[Level.OPEN] * 4, Level.SOFT, Level.HARD)),
    upgrade=st.booleans(),
    refused=st.just(frozenset[str]())
    | st.frozensets(st.sampled_from(sorted({card.name for _, card in CARDS} | {JUDGE.name})), max_size=3),
)


@dataclass
class Heard:
    """One call as the vendor saw it."""

    card: ModelCard
    number: int
    begun: str
    shown: str
    last_resort: bool
    better: bool
    text: str = ""
    usage: Usage | None = None
    end: str = ""
    closed: bool = False
    waited: float = 0.0


@dataclass
class Seen:
    """One answer as its customer saw it, and what the vendors and the purse saw meanwhile."""

    ask: Ask
    request: Request
    answer: Answer
    began: float
    shown: str = ""
    pieces: list[str] = field(default_factory=list)
    end: str = ""
    took: float = 0.0
    heard: dict[datetime, Heard] = field(default_factory=dict)
    refused: set[str] = field(default_factory=set)
    reserved: list[tuple[str, str, Purpose]] = field(default_factory=list)
    paused: bool = False
    left: Sequence[ModelCard] = ()
    goes_on: bool = False

    @property
    def calls(self) -> list[Call]:
        return self.answer.calls


def soft(_prompt: Prompt, _request: Request) -> Watch:
    """Finds an opening with SORRY in it unfit."""
    return Watch(opening=lambda text: "it is sorry" if "SORRY" in text else "")


def hard(_prompt: Prompt, _request: Request) -> Watch:
    """Finds a sentence with BAD in it unfit, and holds sentences until then."""
    return Watch(sentence=lambda text: "it is bad" if "BAD" in text else "", free=lambda _: 0)


CHECKS = (Check("soft", True, soft), Check("hard", False, hard))


class Life(RuleBasedStateMachine):
    """One process: a chain with its circuits, customers one after another and several at a time."""

    steps: ClassVar[int] = 0
    counts: ClassVar[Counter[str]] = Counter()

    @initialize(
        cards=st.lists(st.sampled_from(CARDS), min_size=2, max_size=9, unique=True),
        checks=st.sampled_from((True, True, False)),
        hedge=st.sampled_from((None, Hedge(0.5, least=0.0), Hedge(0.0, least=0.0), Hedge())),
        votes=st.sampled_from(({}, {}, {}, {Tier.STANDARD: 3}, {Tier.EXPERT: 2, Tier.QUICK: 2})),
        judging=st.sampled_from(
            (None, None, None, Judging(JUDGE, JudgeRules(), 2.0), Judging(JUDGE, JudgeRules(0.5), 2.0))
        ),
        purse=st.booleans(),
        retries=st.sampled_from((RetryBudget, lambda: RetryBudget(reserve=1000, most=1000))),
        order=st.sampled_from(("fixed", "cheapest", "fastest", "weighted")),
        rules=st.sampled_from(
            (BreakerRules(), BreakerRules(in_a_row=2, first_within=2.0, probes=1), BreakerRules(in_a_row=0))
        ),
    )
    def begins(
        self, cards: Any, checks: bool, purse: bool, order: str, rules: BreakerRules, retries: Any, **more: Any
    ) -> None:
        self.loop = VirtualLoop()
        self.problems: list[Any] = []
        self.loop.set_exception_handler(lambda _, context: self.problems.append(context))
        self.seen: dict[int, Seen] = {}
        self.asked = self.called = 0
        self.away: frozenset[str] = frozenset()
        self.means = Means(
            Circuits(rules, self.loop.time, lambda: 0.5),
            retries(),
            PATIENCE,
            Order(order),
            checks=CHECKS if checks else (),
            purse=self if purse else None,  # type: ignore[arg-type]
            now=self.now,
            **more,
        )
        tiers = {tier: [card for each, card in cards if each is tier] for tier in Tier}
        self.chain = Chain(tiers, dict.fromkeys(["judge", *"abcdefg"], self), self, self.means)

    def teardown(self) -> None:
        if hasattr(self, "loop"):
            self.loop.close()

    @rule(asks=st.lists(ASKS, min_size=1, max_size=3) | st.lists(ASKS, min_size=1, max_size=1))
    def customers_ask(self, asks: list[Ask]) -> None:
        begun = [self.begun(ask) for ask in asks]
        self.loop.run_until_complete(self.all_answered(begun))
        for seen in begun:
            self.compare(seen, alone=len(asks) == 1)
        assert not self.problems, self.problems
        assert not asyncio.all_tasks(self.loop)
        for view in self.means.circuits.views():
            assert view.load.flying == 0, f"{view.model}: {view.load.flying} calls are still under way"
            assert view.breaker.out == 0, f"{view.model}: {view.breaker.out} probes never came back"

    @rule(seconds=st.sampled_from((1.0, 5.0, 60.0)))
    def time_passes(self, seconds: float) -> None:
        self.loop.run_until_complete(asyncio.sleep(seconds))

    @rule(away=st.frozensets(st.sampled_from("abcdefg"), max_size=2))
    def the_configuration_is_read_again(self, away: frozenset[str]) -> None:
        self.away = away
        self.means.circuits.adopt([JUDGE, *(card for cards in self.chain.tiers.values() for card in cards)])

    # What the chain asks of the world.

    def now(self) -> datetime:
        """Each call's own instant, by which what was booked is found again."""
        self.called += 1
        return datetime(2026, 1, 1, tzinfo=UTC) + timedelta(microseconds=self.called)

    def is_ready(self, provider: str) -> bool:
        return provider not in self.away

    async def upgrade(self, request: Request) -> bool:
        return self.seen[int(request.conversation)].ask.upgrade

    async def level(self, request: Request) -> Level:
        await asyncio.sleep(0)
        return self.seen[int(request.conversation)].ask.level

    async def reserve(self, request: Request, card: ModelCard, purpose: Purpose, most: Usage) -> Grant:
        await asyncio.sleep(0)
        seen = self.seen[int(request.conversation)]
        if card.name in seen.ask.refused:
            seen.refused.add(card.name)
            return Grant(ok=False, why="it is spent")
        assert most.input >= estimate(request.prompt).likely
        assert most.output == request.prompt.max_tokens
        seen.reserved.append((f"r{len(seen.reserved)} of {request.conversation}", card.name, purpose))
        return Grant(ok=True, reservation=seen.reserved[-1][0])

    def stream(self, prompt: Prompt, card: ModelCard) -> AsyncGenerator[Chunk, None]:
        found = ASKED.search(prompt.question)
        seen = self.seen[int(found.group(1) if found else -1)]
        resort = self.means.circuit(card).breaker.state is State.OPEN
        heard = Heard(card, self.called, prompt.begun, seen.shown, resort, bool(self.left(seen, card)))
        seen.heard[datetime(2026, 1, 1, tzinfo=UTC) + timedelta(microseconds=self.called)] = heard
        play = seen.ask.plays[(len(seen.heard) - 1) % len(seen.ask.plays)]
        return self.played(play, heard, judge=card is JUDGE)

    async def ready(self) -> str:
        return ""

    async def aclose(self) -> None:
        """Nothing is held."""

    async def played(self, play: Play, heard: Heard, *, judge: bool) -> AsyncGenerator[Chunk, None]:
        try:
            for step in steps(play, heard, judge=judge):
                if isinstance(step, Exception):
                    heard.end = type(step).__name__
                    raise step
                if isinstance(step, float):
                    heard.waited = max(heard.waited, step)
                    await asyncio.sleep(step)
                elif isinstance(step, Usage):
                    heard.usage = step
                    yield step
                else:
                    heard.text += step
                    yield Delta(step)
            heard.end = "ended"
        finally:
            heard.end = heard.end or "closed"
            try:
                if play.lingers:
                    await asyncio.sleep(0)
            finally:
                heard.closed = True

    # The customers.

    def begun(self, ask: Ask) -> Seen:
        self.asked += 1
        asked = Request(
            Prompt("", (Line("user", f"question {self.asked}"),), max_tokens=50),
            ask.tier,
            conversation=str(self.asked),
            start=Tier.QUICK,
            upgraded=ask.tier > Tier.QUICK,
            replaces=ask.replaces,
            down=ask.down,
        )
        seen = self.seen[self.asked] = Seen(ask, asked, self.chain.answer(asked), self.loop.time())
        return seen

    async def all_answered(self, begun: Sequence[Seen]) -> None:
        tasks = [asyncio.ensure_future(self.customer(seen)) for seen in begun]
        for seen, task in zip(begun, tasks, strict=True):
            if seen.ask.leaves is not None:
                self.loop.call_later(seen.ask.leaves, task.cancel)
        await asyncio.wait(tasks)
        for seen, task in zip(begun, tasks, strict=True):
            seen.end = seen.end or ("left" if task.cancelled() else "")
            if not task.cancelled() and (error := task.exception()) is not None:
                raise error
        await asyncio.sleep(0)

    async def customer(self, seen: Seen) -> None:
        text = seen.answer.text()
        try:
            async with aclosing(text):
                async for piece in text:
                    seen.pieces.append(piece)
                    seen.shown = grown(seen.shown, piece)
                    if seen.ask.closes is not None and len(seen.pieces) >= seen.ask.closes:
                        seen.end = "left"
                        return
                    if seen.ask.pause:
                        seen.paused = True
                        await asyncio.sleep(seen.ask.pause)
            seen.end = "answered"
        except Interrupted:
            seen.end = "interrupted"
        except NoAnswer:
            seen.end = "none"
        finally:
            seen.took, seen.left = self.loop.time() - seen.began, self.left(seen)
            writers = [self.heard(seen, call) for call in reversed(seen.calls)]
            if wrote_it := [h.card for h in writers if seen.shown and wrote(h, seen.shown, whole=False)]:
                seen.goes_on = wrote_it[0].continues and not self.means.circuit(wrote_it[0]).wait(100)

    # What must hold.

    def effective(self, seen: Seen) -> tuple[Tier, bool]:
        """The tier that may be asked, and whether only what is free, once budgets were asked."""
        tier = seen.request.tier
        if self.means.purse is None:
            return tier, False
        if not seen.ask.upgrade:
            tier = seen.request.start
        if seen.ask.level is Level.SOFT:
            tier = Tier(max(Tier.QUICK, tier - 1))
        return tier, seen.ask.level is Level.HARD

    def left(self, seen: Seen, beside: ModelCard | None = None) -> list[ModelCard]:
        """Models that could be asked this instant and were not: all, or those at least as strong as this one."""
        tier, free_only = self.effective(seen)
        used = {heard.card.name for heard in seen.heard.values()} | seen.refused
        tokens = estimate(seen.request.prompt).likely + seen.request.prompt.max_tokens
        places: dict[ModelCard, Tier] = {}
        for each in (*[t for t in Tier if t >= tier], *[t for t in reversed(Tier) if t < tier and seen.request.down]):
            for card in self.chain.tiers[each]:
                places.setdefault(card, each)
        low = Tier.QUICK if beside is None else places.get(beside, Tier.PERSON)
        return [
            card
            for card, each in places.items()
            if each >= low and card is not beside and card.name not in used and self.is_ready(card.provider)
            if (card.free or not free_only) and not self.means.circuit(card).wait(tokens)
        ]

    def compare(self, seen: Seen, *, alone: bool) -> None:
        """What the customer saw, what was booked and what the vendors saw are one story."""
        Life.steps += 1
        Life.counts[f"customers: {seen.end}"] += 1
        calls = seen.calls
        self.every_call_is_booked_once(seen, calls)
        self.one_voice(seen, calls)
        self.nothing_unfit(seen, calls, alone=alone)
        self.ends_as_it_must(seen, calls)
        fresh = [c for c in calls if c.purpose is not Purpose.VALIDATION and not self.heard(seen, c).begun]
        again = [c for n, c in enumerate(fresh) if (c.provider, c.model) in [(b.provider, b.model) for b in fresh[:n]]]
        spare = {(c.provider, c.model) for c in fresh if c.verdict.startswith("soft")}
        assert not again or (again == fresh[-1:] and (again[0].provider, again[0].model) in spare), "asked twice"
        Life.counts["asked once more, as it is"] += len(again)

    def heard(self, seen: Seen, call: Call) -> Heard:
        assert call.at is not None
        return seen.heard[call.at]

    def every_call_is_booked_once(self, seen: Seen, calls: Sequence[Call]) -> None:
        assert sorted(c.at for c in calls if c.at) == sorted(seen.heard), "a call is booked once, whatever became of it"
        for call in calls:
            heard = self.heard(seen, call)
            assert (call.provider, call.model) == (heard.card.provider, heard.card.model)
            assert heard.closed or not heard.end, "a stream was left open"
            assert call.outcome in outcomes(heard, call, seen), f"{heard.end or 'closed'} became {call.outcome}"
            assert (call.usage, call.free) == (heard.usage, heard.card.free)
            assert call.cost == (heard.usage.cost(heard.card.price) if heard.usage else None)
            tier = Tier.named(call.tier)
            assert call.purpose is Purpose.VALIDATION or heard.card in self.chain.tiers[tier]
            assert call.purpose not in {Purpose.HEDGE, Purpose.VOTE, Purpose.VALIDATION} or not heard.shown
            Life.counts[f"calls: {call.outcome}"] += 1
            Life.counts[f"purpose: {call.purpose}"] += 1
            Life.counts["last resorts"] += heard.last_resort
            Life.counts["gone on with"] += bool(heard.begun)
        paid = [(call.reservation, f"{call.provider}/{call.model}", call.purpose) for call in calls if call.reservation]
        assert sorted(paid) == sorted(seen.reserved), "money is set aside once for each call that costs"
        if self.means.purse is not None:
            assert all(bool(call.reservation) != call.free for call in calls)

    def one_voice(self, seen: Seen, calls: Sequence[Call]) -> None:
        assert not seen.pieces or seen.pieces[0].strip()
        replaced = [place for place, piece in enumerate(seen.pieces) if isinstance(piece, Anew)]
        assert seen.request.replaces or not replaced
        assert 0 not in replaced
        Life.counts["replaced"] += len(replaced)
        text, card, whole = seen.shown, None, seen.end == "answered"
        assert bool(text) or not whole
        if whole and self.heard(seen, calls[-1]).begun == text and ENDED.search(text):
            whole = False  # whoever was to go on had nothing to add
        told = [(self.heard(seen, call), call) for call in reversed(calls)]
        while text:
            writers = [(heard, call) for heard, call in told if wrote(heard, text, whole=whole)]
            assert writers, f"{text!r} is no model's text, nor the beginning of one"
            heard, call = writers[0]
            assert call.outcome == "answered" or not whole
            assert card is None or (card.weights or card.model) == (heard.card.weights or heard.card.model)
            assert not heard.begun or (heard.card.continues and heard.begun == heard.shown)
            if whole:
                assert (seen.answer.card, (seen.answer.tier or Tier.QUICK).label) == (heard.card, call.tier)
            text, card, whole = heard.begun, heard.card, False

    def nothing_unfit(self, seen: Seen, calls: Sequence[Call], *, alone: bool) -> None:
        shown = "".join(seen.pieces)
        if self.means.checks:
            assert "BAD" not in shown
        shown_sorry = {int(n) for n in re.findall(r"SORRY w(\d+)w", shown)} if self.means.checks and alone else set()
        for heard in seen.heard.values():  # what goes on from what was shown has no opening
            assert heard.begun or not heard.better or heard.number not in shown_sorry, "a better model was left"
        for call in calls:
            if call.verdict.startswith(("judge", "vote")):
                assert f"w{self.heard(seen, call).number}w" not in shown
            assert bool(call.draft) == (call.outcome == "unfit")

    def ends_as_it_must(self, seen: Seen, calls: Sequence[Call]) -> None:
        if seen.end == "left":
            return
        assert seen.end
        assert (seen.end == "none") == (not seen.shown)
        over = seen.took >= PATIENCE.total - 1e-3 or seen.paused
        if seen.end == "answered" or over:
            return
        if seen.end == "interrupted" and not seen.request.replaces:
            often = sum(bool(heard.begun) for heard in seen.heard.values())
            over = often >= CONTINUED or bool({c.outcome for c in calls} & {"unfit", "refused"} or seen.refused)
            assert over or not seen.goes_on, "the same model could have gone on"
            return
        assert not seen.left, f"{[card.name for card in seen.left]} could have answered"


def wrote(heard: Heard, text: str, *, whole: bool) -> bool:
    """Whether this text is what the call was to go on from, and then its own text as far as it came."""
    said = heard.text if heard.begun and not heard.begun[-1].isspace() else heard.text.lstrip()
    own = text.removeprefix(heard.begun)
    return text.startswith(heard.begun) and bool(own) and (own == said if whole else said.startswith(own))


def steps(play: Play, heard: Heard, *, judge: bool) -> Sequence[Any]:
    """What one call does: texts, seconds to wait, a Usage, an error."""
    if play.kind in ERRORS:
        return [ERRORS[play.kind]]
    if play.kind in {"mute", "empty", "blank"}:
        silent: dict[str, Sequence[Any]] = {"mute": [100.0], "blank": [" ", "\n"]}
        return silent.get(play.kind, [])
    if judge:
        verdicts: dict[str, Any] = {"sorry": "UNFIT 0.10 rude", "bad": "UNFIT 0.20 no", "cut": "what?", "stall": 100.0}
        return [verdicts.get(play.kind, "FIT 0.90 fine"), Usage(20, 5)]
    mark, made = f"w{heard.number}w", list[Any]()
    for place in range(play.sentences):
        unfit = place == (play.at % play.sentences if play.kind == "bad" else 0)
        word = {"sorry": "SORRY", "bad": "BAD"}.get(play.kind, "fine") if unfit else "fine"
        words = f" {mark} says {word} {mark} in a sentence {mark} long enough to stand.".split(" ")
        size = -(-len(words) // play.pieces)
        made += [" ".join(["", *words[at : at + size]]) for at in range(0, len(words), size)]
    if play.kind == "slow":
        made.insert(play.at % 2 * min(2, len(made)), 3.0)
    if play.kind == "stall":
        made.insert(1 + play.at, 100.0)
    if play.kind == "cut":
        made.insert(1 + play.at, Interrupted("cut"))
    return [*made, Usage(100, 9)] if play.usage else made


def outcomes(heard: Heard, call: Call, seen: Seen) -> set[str]:
    """What may have become of a call that ended so."""
    gone = {"cancelled"} if seen.end == "left" or call.purpose is Purpose.HEDGE or hedged(seen) else set()
    judged = {"unfit"} if call.verdict.startswith(("judge", "vote")) else set()
    found = {"unfit"} if call.verdict.startswith(("soft", "hard")) and re.search("SORRY|BAD", heard.text) else set()
    if heard.end == "ended":
        if ENDED.search(heard.begun) and not heard.text.strip():
            return gone | {"answered", "empty"}  # nothing was missing
        joined = heard.begun and not heard.begun[-1].isspace()  # then a blank may be all that was missing
        said = heard.text if joined else heard.text.strip()
        return gone | judged | found | ({"answered"} if said and not judged | found else {"empty"})
    if heard.end and heard.end != "closed":
        assert call.error == (heard.end if call.outcome != "cancelled" else "")
        return gone | ({"refused"} if heard.end in {"Denied", "BadPrompt"} else {"failed"})
    late = {"failed"} if heard.waited or seen.took >= PATIENCE.total - 1e-3 else set()
    assert call.outcome != "failed" or call.error == ("Interrupted" if heard.text.strip() else "Unavailable")
    return gone | found | late


def hedged(seen: Seen) -> bool:
    """Whether two models were asked at once."""
    return any(call.purpose is Purpose.HEDGE for call in seen.calls)


def play(lives: int, seed: int = 0) -> int:
    """Play so many lives, those of this seed; the answers there were."""
    Life.steps = 0
    Life.counts.clear()
    life = hypothesis_seed(seed)(type("Life", (Life,), {}))
    options = settings(
        max_examples=lives,
        stateful_step_count=STEPS,
        deadline=None,
        database=None,
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
        phases=(Phase.generate, Phase.shrink),
    )
    run_state_machine_as_test(life, settings=options)
    return Life.steps


def main() -> None:
    """Play at least the steps asked for."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--steps", type=int, default=100_000)
    options = parser.parse_args()
    logging.disable(logging.CRITICAL)
    total, counts = 0, Counter[str]()
    while total < options.steps:
        total += play(LIVES, seed=total)
        counts += Life.counts
    for name, count in sorted(counts.items()):
        print(f"{count:>9,}  {name}")
    print(json.dumps({"steps": total, **dict(sorted(counts.items()))}))


if __name__ == "__main__":
    main()
