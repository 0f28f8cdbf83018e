"""Customers who ask a chain questions, what they saw of each answer, and whether that and the books are in order.

The chain's ledger (`calls`) is compared with the vendors' own (`Served`), text by text, call by call, token by token.
"""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field

from core.answering.chain import Chain
from core.answering.request import Request
from core.errors import Interrupted, NoAnswer
from core.records import Call, Purpose
from core.text import grown
from core.tiers import Line, Prompt, Tier
from tests.reliability.tiers.faults import Fault
from tests.reliability.tiers.scene import PRICE
from tests.reliability.tiers.vendor import Served

LONGEST = 16
"""Tokens of an answer at most; a real model on one processor takes its time for each."""

LATE = 0.25
"""Seconds after which a call that failed may have been given up before the vendor had read it."""

REPEATS = 3
"""Times a provider sends one call again when kept connections prove closed (core/providers/_http.py)."""


@dataclass(slots=True)
class Asked:
    """One question and what came of it. `shown`: the message as it stood in the end; `began` and `first` are seconds
    of the loop's clock, `first` None where no text came. `broke`: it ended in the middle; `lost`: there was no answer.
    """

    question: str
    began: float
    shown: str = ""
    first: float | None = None
    broke: bool = False
    lost: bool = False
    replaced: int = 0
    calls: Sequence[Call] = ()

    @property
    def waited(self) -> float:
        """Seconds to the first text; without any, for ever."""
        return float("inf") if self.first is None else self.first - self.began

    @property
    def answered(self) -> bool:
        """Whether the customer got a whole answer."""
        return not (self.broke or self.lost)


async def ask(chain: Chain, question: str, replaces: bool = False) -> Asked:
    """One customer's question, read to the end."""
    clock = asyncio.get_running_loop().time
    asked = Asked(question, clock())
    request = Request(
        Prompt("", (Line("user", question),), max_tokens=LONGEST), Tier.QUICK, question, question, replaces=replaces
    )
    answer = chain.answer(request)
    try:
        async with aclosing(answer.text()) as pieces:
            async for piece in pieces:
                if asked.first is None:
                    asked.first = clock()
                whole = grown(asked.shown, piece)
                asked.replaced += not whole.startswith(asked.shown)
                asked.shown = whole
    except Interrupted:
        asked.broke = True
    except NoAnswer:
        asked.lost = True
    asked.calls = list(answer.calls)
    return asked


async def crowd(chain: Chain, count: int, together: int, replaces: bool = False, name: str = "question") -> list[Asked]:
    """So many questions, some of them at once."""
    numbers = iter(range(count))
    found: list[Asked] = []

    async def one_after_the_other() -> None:
        found.extend([await ask(chain, f"{name} {number}", replaces) for number in numbers])

    await asyncio.gather(*(one_after_the_other() for _ in range(together)))
    return found


@dataclass(slots=True)
class Findings:
    """What was looked at, and what is wrong: `cases` in words. `seen` are the requests without a whole answer."""

    counts: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    cases: list[str] = field(default_factory=list)
    seen: list[str] = field(default_factory=list)

    def fault(self, what: str, about: object) -> None:
        """One thing that must not be."""
        self.faults[what] += 1
        self.cases.append(f"{what}: {about}")


def judged(asked: Iterable[Asked], served: Iterable[Served], unreached: Collection[str] = ()) -> Findings:
    """Everything that must hold, whatever failed: one model's text, and two ledgers that say the same.

    `unreached` names vendors that took no connections for a while, so that calls may have failed without their seeing.
    """
    found = Findings()
    records: Mapping[str, list[Served]] = defaultdict(list)
    for record in served:
        records[record.question].append(record)
        found.counts[f"fault: {record.fault}"] += 1
        found.counts["requests the vendors served"] += 1
        found.counts["of them sent again by the provider"] += record.repeated
        found.counts["of them to go on from a begun answer"] += bool(record.begun)
    for one in asked:
        _count(one, found)
        _one_text(one, records[one.question], found)
        _same_books(one, records[one.question], unreached, found)
    return found


def _count(one: Asked, found: Findings) -> None:
    counts = found.counts
    counts["customers' requests"] += 1
    counts["answered whole"] += one.answered
    counts["broke off"] += one.broke
    counts["no answer"] += one.lost
    counts["replaced"] += one.replaced
    counts["calls booked"] += len(one.calls)
    counts["extra calls"] += max(0, len(one.calls) - 1)
    counts["hedges"] += sum(call.purpose is Purpose.HEDGE for call in one.calls)
    for call in one.calls:
        if call.outcome == "answered":
            counts[f"answered by {call.tier}"] += 1
    if not one.answered:
        found.seen.append(f"{one.question}: {', '.join(_said(one.calls)) or 'no call'}; shown {one.shown!r}")


def _one_text(one: Asked, records: Sequence[Served], found: Findings) -> None:
    """What is shown is what one call said, after what that call was told it had begun with, and so on back."""
    if one.lost and not one.shown:
        return
    for record in records:
        whole = record.begun + record.text
        if (whole.startswith(one.shown) if one.broke else whole == one.shown) and _begun_well(record, records):
            return
    found.fault("texts joined", (one.shown, [(r.begun, r.text, r.fault) for r in records]))


def _begun_well(record: Served, records: Sequence[Served]) -> bool:
    """Whether what a call went on from is what other calls of the same answer had said."""
    return not record.begun or any(
        other is not record and (other.begun + other.text).startswith(record.begun) for other in records
    )


def _same_books(one: Asked, records: Sequence[Served], unreached: Collection[str], found: Findings) -> None:
    """Each call is booked once; the tokens and the money booked are those the vendor told."""
    for vendor in {call.provider for call in one.calls} | {record.vendor for record in records}:
        calls = [call for call in one.calls if call.provider == vendor]
        there = [record for record in records if record.vendor == vendor]
        again = sum(record.repeated for record in there)
        # a call that is repeated too often is booked once, and its last repeat is no repeat any more
        most = len(there) - again + again // (REPEATS + 1)
        # what was cancelled at once, met a closed port, or was given up on a slow machine may never have come there
        away = sum(
            c.outcome == "cancelled"
            or (c.error in {"Unavailable", "NotReached"} and (vendor in unreached or c.seconds > LATE))
            for c in calls
        )
        if not len(there) - again <= len(calls) <= most + away:
            found.fault("calls not booked once", (one.question, vendor, _said(calls), [r.fault for r in there]))
    told = sum(record.told for record in records if not record.left)
    booked = [call.usage for call in one.calls if call.usage is not None]
    if sum(usage.output for usage in booked) != told:
        found.fault("tokens booked differ", (one.question, booked, told))
    for call in one.calls:
        if call.cost != (None if call.usage is None else call.usage.cost(PRICE)):
            found.fault("money booked differs", (one.question, call.usage, call.cost))


def _said(calls: Iterable[Call]) -> list[str]:
    return [f"{call.provider} {call.purpose} {call.outcome} {call.error}".rstrip() for call in calls]


def shares(found: Findings) -> dict[str, float]:
    """The figures the promise is made in, each a share of the customers' requests."""
    counts, all_ = found.counts, max(1, found.counts["customers' requests"])
    served = counts["requests the vendors served"]
    return {
        "failures a customer saw, share": (counts["broke off"] + counts["no answer"]) / all_,
        "extra calls a request": counts["extra calls"] / all_,
        "faults, share of the calls served": (served - counts[f"fault: {Fault.NONE}"]) / max(1, served),
    }
