"""`firstline evaluate SIGNAL --data FILE_OR_FOLDER`: how good a signal is on that data, beside what is simpler."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from bots.commands._common import Json, emit, screen, table
from bots.parts import Parts, read_settings
from core.evaluation import Evaluation, Figure, Task
from core.meaning import Encoder
from core.plugins import build, module


def command(
    signal: Annotated[str, typer.Argument(metavar="SIGNAL", help="faq, intent, frustration ...: core/evaluation")],
    data: Annotated[Path, typer.Option(metavar="FILE_OR_FOLDER", help="What to measure it on.")],
    train: Annotated[Path | None, typer.Option(metavar="FILE", help="What it learns from, where it learns.")] = None,
    config: Annotated[Path | None, typer.Option(metavar="FILE", help="Take the encoder this file names.")] = None,
    as_json: Json = False,
) -> None:
    """How good is a signal on your data?"""
    evaluator = module("core.evaluation", signal)
    encoder: Encoder = (
        Parts(read_settings(config), config).encoder() if config else build("core.encoder", "onnx", {}, {})
    )
    found: Evaluation = evaluator.evaluate(Task(data, train, encoder))
    if as_json:
        emit(as_data(found))
    tell(found, screen(as_json))


def as_data(found: Evaluation) -> dict[str, Any]:
    """The evaluation as JSON's values; what could not be measured is null."""
    everything = {**found.metrics, **{f"baseline {name}": figure for name, figure in found.baseline.items()}}
    return {
        "signal": found.signal,
        "n": found.n,
        "metrics": _values(found.metrics),
        "baseline": _values(found.baseline),
        "intervals": {
            name: {"n": f.n, "low": _number(f.low), "high": _number(f.high)} for name, f in everything.items()
        },
    }


def tell(found: Evaluation, out: Console) -> None:
    """The evaluation as a table."""
    rows = table("figure", "#value", "95 % interval", "#n")
    for kind, figures in (("", found.metrics), ("beside it: ", found.baseline)):
        for name, figure in figures.items():
            rows.add_row(
                f"{kind}{name}", f"{figure.value:.3f}", f"{figure.low:.3f} to {figure.high:.3f}", str(figure.n)
            )
    out.print(f"[bold]{found.signal}[/], {found.n} cases\n")
    out.print(rows)


def _values(figures: Mapping[str, Figure]) -> dict[str, float | None]:
    return {name: _number(figure.value) for name, figure in figures.items()}


def _number(value: float) -> float | None:
    return None if math.isnan(value) else round(value, 4)
