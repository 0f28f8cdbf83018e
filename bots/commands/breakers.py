"""`firstline breakers`: which models are called now and which are left alone, as the process that runs knows it."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

import typer
from rich.markup import escape

from bots.breakers import summary
from bots.commands._common import DEFAULT, Config, Json, emit, run_async, screen, table
from bots.commands._running import asked, told
from bots.parts import read_settings

WIDEST = 1000


class Action(StrEnum):
    """What can be done."""

    LIST = "list"
    CLOSE = "close"


def command(
    action: Annotated[Action, typer.Argument(help="list, or close: call a model again.")] = Action.LIST,
    model: Annotated[str, typer.Argument(help="Which one to close: provider/model, as listed.")] = "",
    config: Config = DEFAULT,
    as_json: Json = False,
) -> None:
    """Ask the firstline that runs: a breaker lives in its process."""
    if (action is Action.LIST) is bool(model):
        raise typer.BadParameter("write `breakers`, or `breakers close PROVIDER/MODEL`")
    settings = read_settings(config)
    if action is Action.CLOSE:
        done = run_async(told(settings, "breakers/close", {"model": model}))
        emit(done) if as_json else screen(as_json=False).print(escape(done["done"]))
        return
    found = run_async(asked(settings, "breakers"))
    if as_json:
        emit(found)
        return
    rows: list[dict[str, Any]] = found["breakers"]
    shown = table("model", "state", "#calls", "#failed", "#slow", "#first text", "#95 of 100", "#opened", "why")
    for row in rows:
        shown.add_row(*map(escape, _cells(row)))
    out = screen(as_json=False)
    if rows:  # as wide as it is: a folded name can be neither read nor copied into `close`
        shown.width = out.measure(shown, options=out.options.update(max_width=WIDEST)).maximum
        out.print(shown)
    out.print(escape(summary(rows)))


def _cells(row: dict[str, Any]) -> tuple[str, ...]:
    wait = "" if not row["wait"] else f" for {row['wait']:.0f} s"
    return (
        row["model"],
        f"{row['state']}{wait}",
        str(row["calls"]),
        f"{row['failures']:.0%}",
        f"{row['slow']:.0%}",
        _seconds(row["first_p50"]),
        _seconds(row["first_p95"]),
        str(row["opened"]),
        row["reason"],
    )


def _seconds(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.2f} s"
