"""What a settled burst tells those who run firstline: numbers for monitoring, and one line in the log.

No customer's name, id or words, and no text of ours: messages are named by the platform's ids, which
`firstline trace` takes.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from core.counters import Counters
from core.records import Call, Entry

log = logging.getLogger(__name__)

PICO = Decimal(10) ** 12
"""Amounts are counted in whole 1e-12 of a currency unit, so that what is summed up is exact."""


def tell(counters: Counters, entry: Entry) -> None:
    """Count a burst's calls and write its line."""
    for call in entry.calls:
        _count(counters, call)
    log.info("settled", extra=line(entry))


def line(entry: Entry) -> dict[str, Any]:
    """The line's fields. Amounts are exact texts by currency; `unknown_costs` are calls nobody knows the price of."""
    costs: dict[str, Decimal] = {}
    for call in entry.calls:
        if call.cost is not None:
            costs[call.cost.currency] = costs.get(call.cost.currency, Decimal(0)) + call.cost.amount
    return {
        "channel": entry.address.channel,
        "messages": list(entry.messages),
        "outcome": str(entry.outcome),
        "tier": entry.tier,
        "rules": list(entry.rules),
        "calls": [_words(call) for call in entry.calls],
        "costs": {currency: f"{amount:f}" for currency, amount in costs.items()},
        "unknown_costs": sum(call.cost is None and not call.free for call in entry.calls),
        "first_text": entry.first_text,
        "seconds": round(entry.total, 3),
    }


def _words(call: Call) -> str:
    verdict = f" ({call.verdict.partition(':')[0]})" if call.verdict else ""
    return f"{call.purpose} {call.provider}/{call.model} {call.outcome}{verdict} {call.seconds:.2f} s"


def _count(counters: Counters, call: Call) -> None:
    labels: Mapping[str, str] = {"provider": call.provider, "model": call.model, "tier": call.tier}
    counters.count("model_calls", 1, outcome=call.outcome, purpose=str(call.purpose), **labels)
    if call.first is not None:
        counters.observe("model_first_text_seconds", call.first, **labels)
    if call.usage is not None:
        fresh = call.usage.input - call.usage.cached
        for kind, number in (("input", fresh), ("cached", call.usage.cached), ("output", call.usage.output)):
            counters.count("model_tokens", number, kind=kind, **labels)
    if call.verdict:
        counters.count("model_texts_unfit", 1, check=call.verdict.partition(":")[0], **labels)
    if call.cost is not None:
        counters.count("model_cost_pico", int(call.cost.amount * PICO), currency=call.cost.currency, **labels)
    elif not call.free:
        counters.count("model_cost_unknown", 1, **labels)
