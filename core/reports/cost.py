"""What answering cost, channel by channel: known amounts, free calls and calls of unknown cost, never mixed.

Amounts stay exact until they are printed. An unknown cost is counted, never added; a currency is only converted at a
rate somebody wrote down. Adding up is `_sums`, rounding for readers is `_money`.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

from core.documents import Document, Report
from core.periods import Window
from core.records import Entry, Outcome
from core.reports._money import adding_up, digits_for, rounded, shown
from core.reports._sums import TIERS, Exchange, Rate, Sum, add_up

COLUMNS = ("day", "channel", "conversations", "messages", *TIERS, "apologised", "escalations", "calls", "free_calls")
COLUMNS += ("unknown_calls", "charged_messages", "unknown_fees", "currency", "cost", "fees")
TOP_RULES = 5
ALL = "All channels"
PRICE_NOTE = (
    "Costs are the tokens the vendors reported times the prices written in models.yaml when each call was made,"
    " and what config.yaml says platforms take for messages; they are not an invoice. Amounts are added exactly,"
    " then rounded so that the channels add up to the total."
)


def build(
    *, currency: str = "", rates: Mapping[str, Mapping[str, Any]] | None = None, idle_hours: float = 24
) -> Report:
    """The report in `currency`, else in the vendors'. `rates` gives {rate, dated, source} for other currencies.

    A rate says what one unit of its currency is in `currency`. A chat silent for `idle_hours` counts as a new
    conversation. ValueError when a rate is no positive number or does not say where and when it was read.
    """
    exchange = Exchange(currency.upper(), {code.upper(): _rate(code, row) for code, row in (rates or {}).items()})
    idle = timedelta(hours=idle_hours)

    def cost(entries: Sequence[Entry], window: Window) -> Document:
        inside = [entry for entry in entries if entry.at in window]
        names = sorted({entry.address.channel for entry in inside})
        channels = {n: add_up([e for e in inside if e.address.channel == n], idle, exchange) for n in names}
        total = add_up(inside, idle, exchange)
        notes = _notes(total, exchange)
        data = {
            "window": {"start": window.start.isoformat(), "end": window.end.isoformat(), "exact": window.exact},
            "zone": str(window.zone),
            "currency": _one_currency(total, exchange),
            "channels": {name: each.data() for name, each in channels.items()},
            "total": total.data(),
            "notes": notes,
        }
        return Document(_text(channels, total, window, notes), _csv(inside, window, idle, exchange), data)

    return cost


def _rate(code: str, row: Mapping[str, Any]) -> Rate:
    try:
        rate = Rate(Decimal(str(row["rate"])), str(row["dated"]), str(row["source"]))
    except (KeyError, TypeError, InvalidOperation):
        raise ValueError(f"rates: {code}: write rate, dated and source, for example 0.86, 2026-11-20, ECB") from None
    if not rate.per_unit.is_finite() or rate.per_unit <= 0:
        raise ValueError(f"rates: {code}: the rate must be more than 0, not {row['rate']}")
    return rate


def _one_currency(total: Sum, exchange: Exchange) -> str:
    """The currency everything is in; empty when there are several or none."""
    return next(iter(total.cost)) if len(total.cost) == 1 else exchange.currency if not total.cost else ""


def _notes(total: Sum, exchange: Exchange) -> list[str]:
    notes = [
        f"1 {code} = {rate.per_unit} {exchange.currency} ({rate.source}, {rate.dated})."
        for code, rate in sorted(exchange.rates.items())
    ]
    notes += [
        f"{code} is not converted to {exchange.currency}: no rate is written down. Add {code} with rate, dated and"
        " source to rates: of this report in config.yaml."
        for code in sorted(total.cost)
        if exchange.currency and code != exchange.currency
    ]
    if total.unknown:
        which = ", ".join(f"{model} {n}" for model, n in total.unknown.most_common())
        notes.append(f"Not in any amount, because their cost is unknown: {total.unknown.total()} calls: {which}.")
    if total.unknown_fees:
        which = ", ".join(f"{what} {n}" for what, n in total.unknown_fees.most_common())
        notes.append(f"Not in any amount, because no fee is written down for them in config.yaml: messages: {which}.")
    return notes


def _text(channels: Mapping[str, Sum], total: Sum, window: Window, notes: Sequence[str]) -> str:
    amounts = _amounts(channels, total)
    lines = [f"Cost, {window.title}", ""]
    for name, each in channels.items():
        lines += [*_block(name, each, amounts[name]), ""]
    if len(channels) != 1:
        lines += [*(_block(ALL, total, amounts[ALL]) if channels else ["Nobody wrote."]), ""]
    top = ", ".join(f"{rule} {n}" for rule, n in total.rules.most_common(TOP_RULES))
    lines += [f"Rules that applied most: {top}", ""] if top else []
    lines += [*notes, f"{window.exact}, {window.zone}. {PRICE_NOTE}"]
    return "\n".join(lines)


def _amounts(channels: Mapping[str, Sum], total: Sum) -> dict[str, list[str]]:
    """For each channel and the total its known cost as text, one for each currency, adding up as printed."""
    texts: dict[str, list[str]] = {name: [] for name in (*channels, ALL)}
    for currency in sorted(total.cost):
        exact = [each.cost.get(currency, Decimal()) for each in channels.values()]
        digits = digits_for(exact)
        rows = [*adding_up(exact, digits), rounded(total.cost[currency], digits)]
        for name, amount, real in zip(texts, rows, [*exact, total.cost[currency]], strict=True):
            texts[name] += [shown(amount, real, currency)] if real else []
    return texts


def _block(name: str, each: Sum, amounts: Sequence[str]) -> list[str]:
    unknown = each.unknown.total()
    answered = each.answered.total()
    shares = ", ".join(f"{t} {n} ({n / answered:.0%})" for t in TIERS if (n := each.answered[t]))
    known = " + ".join(amounts) or ("unknown" if not each.complete else "free" if each.free else "nothing")
    per = " + ".join(shown(rounded(a, digits_for([a])), a, c) for c, a in each.per_conversation.items() if a)
    calls = f"{each.calls} calls of models, {each.free} free, {unknown} of unknown cost"
    apologised = each.outcomes[Outcome.APOLOGISED.value]
    lines = [f"{name}: {each.conversations} conversations, {each.messages} messages"]
    lines += [f"  answered by {shares}"] if shares else []
    lines += [f"  answered with an apology: {apologised}"] if apologised else []
    lines += [
        f"  cost {'' if each.complete or not amounts else 'at least '}{known}"
        + (f", {per} a conversation" if per else "")
    ]
    return [*lines, f"  {calls}", *_fees(each)]


def _fees(each: Sum) -> list[str]:
    """What of the cost is the platform's, where it takes anything."""
    if not each.charged:
        return []
    known = " + ".join(shown(rounded(a, digits_for([a])), a, c) for c, a in sorted(each.fees.items()) if a)
    unknown = each.unknown_fees.total()
    return [f"  of it {known or 'nothing known'} for {each.charged} messages on the platform, {unknown} of unknown fee"]


def _csv(entries: Sequence[Entry], window: Window, idle: timedelta, exchange: Exchange) -> str:
    """One row for each channel and day; a further currency has a row of its own, with no counts in it."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    keys = sorted({(window.day(entry.at), entry.address.channel) for entry in entries})
    for day, channel in keys:
        some = [e for e in entries if (window.day(e.at), e.address.channel) == (day, channel)]
        writer.writerows(
            _rows(day.isoformat(), channel, add_up(some, idle, exchange), sum(bool(e.rules) for e in some))
        )
    return out.getvalue()


def _rows(day: str, channel: str, each: Sum, escalations: int) -> Iterable[Sequence[object]]:
    tiers = [each.answered[tier] for tier in TIERS]
    counts = [each.conversations, each.messages, *tiers, each.outcomes[Outcome.APOLOGISED.value], escalations]
    counts += [each.calls, each.free, each.unknown.total(), each.charged, each.unknown_fees.total()]
    costs = [(c, f"{amount:f}", f"{each.fees.get(c, Decimal()):f}") for c, amount in sorted(each.cost.items())]
    for i, cost in enumerate(costs or [("", "", "")]):
        yield [day, channel, *(counts if i == 0 else [""] * len(counts)), *cost]
