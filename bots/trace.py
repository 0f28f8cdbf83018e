"""The life of one message in words, with a timeline: what is known of it, and nothing that is not.

Made from what the store keeps; how it is asked for is in the command and the route. What a customer or a model wrote is
left out: only how it went is told.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from bots.front_office import cost_in_words
from core.records import Call, Entry, Part, PartState
from core.store.lives import Life
from core.tiers import Fee, Tier

BECAME = {
    "answered": "gave an answer",
    "failed": "failed",
    "refused": "was refused by the vendor",
    "cancelled": "was cancelled",
    "empty": "gave no text",
    "unfit": "gave a text that must not be shown",
}
STATES = {
    "accepted": "waits for its answer",
    "settled": "is settled",
    "noted": "needed no answer",
    "parked": "is set aside until a person has looked",
    "dropped": "was set aside and dropped by a person",
}
PARTS = {
    PartState.PLANNED: "not sent yet",
    PartState.SENDING: "being sent",
    PartState.OPEN: "opened in the chat, not finished",
    PartState.SENT: "sent",
    PartState.DELIVERED: "delivered",
    PartState.READ: "read",
    PartState.UNKNOWN: "sent, and nobody knows yet whether it arrived",
    PartState.REJECTED: "refused by the platform",
    PartState.ABANDONED: "given up: nobody can find out whether it arrived",
}


@dataclass(frozen=True, slots=True)
class Step:
    """Something that happened, so many seconds after the newest message of the burst reached us; None: unknown when."""

    after: float | None
    words: str


def row(life: Life) -> dict[str, Any]:
    """The whole of it for machines; drafts and texts stay in the store."""
    entry = life.entry
    return {
        "message": life.id,
        "chat": str(life.address),
        "written": life.message.at.isoformat() if life.message else None,
        "state": life.state,
        "problem": life.problem,
        "reply": {"key": life.reply, "state": life.reply_state} if life.reply else None,
        "outcome": entry.outcome.value if entry else None,
        "tier": entry.tier if entry else "",
        "rules": list(entry.rules) if entry else [],
        "answered_with": [other for other in entry.messages if other != life.id] if entry else [],
        "calls": [_call_row(call, entry) for call in entry.calls] if entry else [],
        "parts": [{"number": p.index + 1, "state": p.state.value, "sent_as": p.sent_as} for p in life.parts],
        "cost": cost_in_words(entry) if entry else None,
        "fees": [{"what": fee.what, "cost": _fee(fee)} for fee in entry.fees] if entry else [],
        "timeline": [{"after": step.after, "words": step.words} for step in timeline(life)],
    }


def timeline(life: Life) -> list[Step]:
    """What happened, in order; what nobody wrote the time of stands where it belongs."""
    return [*_arrived(life), *_decided(life), *_answered(life), *_sent(life), *_ended(life)]


def _arrived(life: Life) -> Iterator[Step]:
    entry = life.entry
    if entry is None:
        yield Step(0.0 if life.message else None, f"arrived on {life.address.channel}, {STATES[life.state]}")
        if life.problem:
            yield Step(None, f"what is wrong: {life.problem}")
        return
    others = len(entry.messages) - 1
    together = f"; {others + 1} messages are answered together, this is the newest's time" if others > 0 else ""
    yield Step(0.0, f"arrived on {life.address.channel}{together}")


def _decided(life: Life) -> Iterator[Step]:
    made = life.decision
    if made is None:
        return
    why = [f"by {name!r}" for name in made.rules] + [f"by {name!r}, which still lasts" for name in made.held]
    why += [f"one tier up: {name!r} was not sure" for name in made.unsure]
    yield Step(None, f"read, decided: {made.tier.label} {' and '.join(why) or 'because no rule applies'}")
    asked = {call.tier for call in life.entry.calls if call.tier} if life.entry else set()
    if asked and made.tier is not Tier.PERSON and all(Tier.named(tier) < made.tier for tier in asked):
        yield Step(None, "answered by a cheaper tier: a budget's soft limit, or the cap on a customer's upgrades")
    if made.shadow:
        yield Step(None, f"would have applied, were they live: {', '.join(made.shadow)}")


def _answered(life: Life) -> Iterator[Step]:
    """Calls in the order they began, and the first text the customer saw."""
    entry = life.entry
    if entry is None:
        return
    steps = [(_after(call.at, entry), n, words) for n, call in enumerate(entry.calls) for words in _call_words(call)]
    if entry.first_text is not None:
        steps.append((entry.first_text, len(steps), "first text for the customer"))
    if all(after is not None for after, _, _ in steps):
        steps.sort(key=lambda step: (step[0] or 0.0, step[1]))
    yield from (Step(after, words) for after, _, words in steps)


def _call_words(call: Call) -> Iterator[str]:
    told = [f"{call.provider}/{call.model}", f"for {call.purpose.value}"]
    told += [f"of tier {call.tier}"] if call.tier else []
    became = BECAME.get(call.outcome, call.outcome)
    why = f" ({call.error})" if call.error else ""
    facts = [f"{became}{why} after {call.seconds:.3f} s"]
    facts += [f"first text after {call.first:.3f} s"] if call.first is not None else []
    if call.usage is not None:
        cached = f" ({call.usage.cached} from the cache)" if call.usage.cached else ""
        facts.append(f"{call.usage.input} tokens in{cached}, {call.usage.output} out")
    facts.append(f"cost {_cost(call)}")
    facts += [f"verdict: {call.verdict}"] if call.verdict else []
    yield f"{' '.join(told)}: {'; '.join(facts)}"


def _sent(life: Life) -> Iterator[Step]:
    if life.parts:
        yield Step(None, f"planned in {len(life.parts)} part{'s' if len(life.parts) > 1 else ''}")
    for part in life.parts:
        yield Step(None, _part_words(part))


def _part_words(part: Part) -> str:
    name = f", the platform calls it {part.sent_as}" if part.sent_as else ""
    fees = f"; {', '.join(f'{fee.what}: {_fee(fee)}' for fee in part.fees)}" if part.fees else ""
    return f"part {part.index + 1}: {PARTS[part.state]}{name}{fees}"


def _ended(life: Life) -> Iterator[Step]:
    entry = life.entry
    if entry is None:
        return
    end = "settled" if life.reply_state == "settled" else "to be settled once it is sent"
    who = f" by {entry.tier}" if entry.tier else ""
    yield Step(entry.total, f"{end}: {entry.outcome.value}{who}; cost in all {cost_in_words(entry)}")
    yield from (Step(None, f"fee: {fee.what}: {_fee(fee)}") for fee in entry.fees)


def _after(at: datetime | None, entry: Entry) -> float | None:
    return None if at is None else (at - entry.at).total_seconds()


def _call_row(call: Call, entry: Entry) -> dict[str, Any]:
    usage = call.usage
    return {
        "model": f"{call.provider}/{call.model}",
        "purpose": call.purpose.value,
        "tier": call.tier,
        "after": _after(call.at, entry),
        "seconds": call.seconds,
        "first": call.first,
        "tokens": {"input": usage.input, "output": usage.output, "cached": usage.cached} if usage else None,
        "cost": _cost(call),
        "outcome": call.outcome,
        "error": call.error,
        "verdict": call.verdict,
        "reservation": call.reservation,
    }


def _cost(call: Call) -> str:
    if call.cost is not None:
        return f"{plain_amount(call.cost.amount)} {call.cost.currency}"
    return "nothing, it is free" if call.free else "unknown"


def _fee(fee: Fee) -> str:
    return "unknown" if fee.cost is None else f"{plain_amount(fee.cost.amount)} {fee.cost.currency}"


def plain_amount(amount: Decimal) -> str:
    """An exact amount without zeros that say nothing."""
    text = f"{amount:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def lines(life: Life) -> Sequence[str]:
    """The screen: what it is, then the timeline."""
    written = f", written {life.message.at:%Y-%m-%d %H:%M:%S} UTC by the platform's clock" if life.message else ""
    steps = timeline(life)
    times = ["" if step.after is None else f"{step.after:+.3f} s" for step in steps]
    width = max(map(len, times))
    return [
        f"{life.address}/{life.id}{written}",
        *(f"{t:>{width}}  {s.words}" for t, s in zip(times, steps, strict=True)),
    ]
