"""`firstline models`: the registry, where config.yaml uses it, and how each model did lately.

What was measured comes from the ledger, which can be read beside a firstline that runs; where there is no ledger to
read, the process that runs is asked. What nobody knows is said to be unknown.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from bots.commands._common import DEFAULT, Config, Json, emit, plain, run_async, screen, table
from bots.commands._running import asked
from bots.ledger import read_entries
from bots.measured import measured
from bots.parts import MODELS, beside, nearest, read_settings
from core.answering.pareto import TYPICAL, Point, dominated, point
from core.answering.registry import read as read_registry
from core.errors import FirstlineError, StoreError
from core.periods import Window
from core.settings import Settings
from core.tiers import ModelCard, Tier

DAYS = 7
"""How far back is looked for what was measured."""

UNKNOWN = "unknown"
SECONDS = "{:.2f} s"
WIDEST = 1000
RUNNING = "running"
SHOWN = {
    "#calls": ("calls", "{:,}"),
    "#success": ("success", "{:.1%}"),
    "#first text": ("first_p50", SECONDS),
    "#95 of 100 within": ("first_p95", SECONDS),
    "#tokens/s": ("tokens_per_second", "{:.0f}"),
    "breaker": ("breaker", "{}"),
}
"""The columns of what was measured: which measure, and how it is written."""

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Measured:
    """What was measured of models, by name. `source` is ledger, running or empty; `why` it is empty, in words."""

    models: Mapping[str, Mapping[str, Any]]
    source: str
    why: str = ""

    def of(self, name: str) -> Row:
        """All measures of a model, None for what is unknown. What the ledger does not mention was not called."""
        nothing = {"calls": 0} if self.source == "ledger" else {}
        found = self.models.get(name, nothing)
        return {measure: found.get(measure) for measure, _ in SHOWN.values()}


def command(
    pareto: Annotated[
        bool, typer.Option("--pareto", help="Show which others beat in quality, cost and speed.")
    ] = False,
    config: Config = DEFAULT,
    as_json: Json = False,
) -> None:
    """Show every model of models.yaml, those of the tiers first."""
    settings = read_settings(config)
    root = config.resolve().parent
    found = _measured(settings, root)
    rows = [_row(card, settings, found) for card in read_registry(nearest(root, MODELS)).cards.values()]
    rows.sort(key=lambda row: row["places"][0]["order"] if row["places"] else (len(Tier), 0))
    points = [_point(row) for row in rows]
    beaten = dominated(points) if pareto else {}
    if as_json:
        emit(_data(rows, found, beaten if pareto else None))
        return
    out = screen(as_json=False)
    _print(out, _prices(rows), "Prices are for a million tokens.")
    _print(out, _limits(rows))
    note = f"Measured over the last {DAYS} days." if found.source else f"Nothing is measured: {found.why}."
    _print(out, _seen(rows, live=found.source == RUNNING), note)
    if pareto:
        note = f"A call is taken as {TYPICAL.input} tokens in and {TYPICAL.output} out; quality as `general`."
        _print(out, _pareto(points, beaten), note)


def _print(out: Console, made: Table, note: str = "") -> None:
    """A table as wide as it is, for a folded name can be neither read nor copied; then a word on it."""
    made.width = out.measure(made, options=out.options.update(max_width=WIDEST)).maximum
    out.print(made)
    out.print(escape(note) + "\n" if note else "")


def _measured(settings: Settings, root: Path) -> Measured:
    now = datetime.now(UTC)
    try:
        window = Window(now - timedelta(days=DAYS), now, UTC)
        return Measured(measured(read_entries(beside(settings.store, root), window)), "ledger")
    except StoreError as error:
        why = str(error)
    try:
        return Measured(run_async(asked(settings, "models"))["models"], RUNNING)
    except FirstlineError:
        return Measured({}, "", why)


def _row(card: ModelCard, settings: Settings, found: Measured) -> Row:
    """Everything there is to show of a model; None is unknown."""
    return {
        "model": card.name,
        "places": [
            {"tier": tier.label, "place": names.index(card.name) + 1, "order": (tier, names.index(card.name))}
            for tier, names in sorted(settings.tiers.items())
            if card.name in names
        ],
        "card": card,
        "measured": found.of(card.name),
    }


def _data(rows: Iterable[Row], found: Measured, beaten: Mapping[str, Sequence[str]] | None) -> Row:
    told = {"days": DAYS, "source": found.source or None, "why": found.why}
    models = [{**_told(row), **({} if beaten is None else {"beaten_by": beaten.get(row["model"], ())})} for row in rows]
    return {"models": models, "measured": told}


def _told(row: Row) -> Row:
    """A row as data."""
    card: ModelCard = row["card"]
    price = card.price
    return {
        "model": card.name,
        "tiers": [{"tier": place["tier"], "place": place["place"]} for place in row["places"]],
        "free": card.free,
        "price": price
        and {field: getattr(price, field) for field in ("input", "output", "cached", "currency", "dated", "source")},
        "context": card.context or None,
        "modalities": sorted(card.modalities),
        "limits": {"requests": card.requests or None, "tokens": card.tokens or None},
        "region": card.region or None,
        "weights": card.weights or None,
        "pinned": card.pinned,
        "continues": card.continues,
        "quality": dict(card.quality) or None,
        "measured": row["measured"],
    }


def _prices(rows: Iterable[Row]) -> Table:
    made = table("model", "tier", "#in / out / cached", "read on")
    for row in rows:
        card = row["card"]
        tiers = ", ".join(f"{place['tier']} {place['place']}" for place in row["places"]) or "in no tier"
        read_on = str(card.price.dated) if card.price else "-" if card.free else UNKNOWN
        made.add_row(*map(escape, (card.name, tiers, _price(card), read_on)))
    return made


def _limits(rows: Iterable[Row]) -> Table:
    made = table("model", "#context", "#requests", "#tokens a minute", "region", "pinned", "quality")
    for row in rows:
        card = row["card"]
        numbers = [f"{number:,}" if number else UNKNOWN for number in (card.context, card.requests, card.tokens)]
        quality = ", ".join(f"{kind} {value:g}" for kind, value in card.quality.items()) or UNKNOWN
        made.add_row(*map(escape, (card.name, *numbers, card.region or UNKNOWN, plain(card.pinned), quality)))
    return made


def _seen(rows: Iterable[Row], *, live: bool) -> Table:
    """What was measured; of breakers only a process that runs knows."""
    shown = dict(SHOWN) if live else {column: how for column, how in SHOWN.items() if column != "breaker"}
    made = table("model", *shown)
    for row in rows:
        values = [_known(row["measured"][name], form) for name, form in shown.values()]
        made.add_row(*map(escape, (row["model"], *values)))
    return made


def _known(value: Any, form: str) -> str:
    return UNKNOWN if value is None else form.format(value)


def _price(card: ModelCard) -> str:
    price = card.price
    if price is None:
        return "free" if card.free else UNKNOWN
    cached = "as new" if price.cached is None else str(price.cached)
    return f"{price.input} / {price.output} / {cached} {price.currency}"


def _point(row: Row) -> Point:
    return point(row["card"], row["measured"]["first_p50"])


def _pareto(points: Iterable[Point], beaten: Mapping[str, Sequence[str]]) -> Table:
    made = table("model", "#quality", "#a call", "#first text", "verdict")
    for p in points:
        cost = "free" if p.free else f"{p.cost.amount:f} {p.cost.currency}" if p.cost else UNKNOWN
        quality = _known(p.quality, "{:g}")
        cells = (p.name, quality, cost, _known(p.first, SECONDS), _verdict(p, cost, beaten.get(p.name, ())))
        made.add_row(*map(escape, cells))
    return made


def _verdict(p: Point, cost: str, by: Sequence[str]) -> str:
    known = {"quality": p.quality is not None, "cost": cost != UNKNOWN, "speed": p.first is not None}
    gaps = [what for what, is_known in known.items() if not is_known]
    if gaps:
        return f"cannot tell: {', '.join(gaps)} unknown"
    return f"beaten by {', '.join(by)}" if by else "worth it"
