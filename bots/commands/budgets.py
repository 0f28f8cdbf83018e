"""`firstline budgets`: what is spent and set aside of each budget now, and who has used the most."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from rich.markup import escape

from bots.budgets import TOP, Wanted, rows, wanted
from bots.commands._common import DEFAULT, Config, Json, emit, run_async, screen, table
from bots.commands._running import asked
from bots.ledger import file_of, read
from bots.parts import beside, read_settings
from core.budgets import Balance
from core.settings import Settings
from core.store import budgets as kept

COLUMNS = ("budget", "period", "whose", "#spent", "#set aside", "#soft", "#hard", "#used", "limit reached")
WIDEST = 1000


def command(config: Config = DEFAULT, as_json: Json = False) -> None:
    """Show every budget of config.yaml in the period that runs."""
    settings = read_settings(config)
    found = _found(settings, config)
    if as_json:
        emit({"budgets": found})
        return
    shown = table(*COLUMNS)
    for budget in found:
        for row in _lines(budget):
            shown.add_row(*map(escape, row))
    out = screen(as_json=False)
    # As wide as it is: a folded name can be neither read nor copied.
    shown.width = out.measure(shown, options=out.options.update(max_width=WIDEST)).maximum
    out.print(shown if found else "config.yaml has no budgets.")


def _found(settings: Settings, config: Path) -> Sequence[dict[str, Any]]:
    """From the store; one that lives in memory is known only to the process that runs."""
    url = beside(settings.store, config.resolve().parent)
    if url.startswith("sqlite:") and file_of(url) is None:
        told: Sequence[dict[str, Any]] = run_async(asked(settings, "budgets"))["budgets"]
        return told
    at, zone = datetime.now(UTC), ZoneInfo(settings.time_zone)
    asking = [wanted(budget, at, zone) for budget in settings.budgets]
    balances: dict[Wanted, list[Balance]] = {}
    if asking:
        balances = read(url, lambda c: {each: kept.balances(c, *each, TOP) for each in asking})
    return rows(settings.budgets, balances, at, zone)


def _lines(budget: dict[str, Any]) -> Sequence[tuple[str, ...]]:
    what = f"{budget['scope']} in {budget['unit']}"
    limits = (budget["soft"] or "", budget["hard"] or "")
    nobody = {"name": budget["name"] or "nobody yet", "spent": "0", "reserved": "0", "used": 0.0, "reached": ""}
    return [
        (
            *(what, budget["period"], each["name"], each["spent"], each["reserved"], *limits),
            "" if each["used"] is None else f"{each['used']:.1%}",
            each["reached"],
        )
        for each in budget["accounts"] or [nobody]
    ]
