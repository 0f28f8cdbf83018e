"""What every command shares: its two options, and how it prints. What is printed is each command's own."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Coroutine, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer
import uvloop
from rich.console import Console
from rich.table import Table

from core.errors import Problem

T = TypeVar("T")
Config = Annotated[Path, typer.Option("--config", metavar="FILE", help="The configuration file.")]
Json = Annotated[bool, typer.Option("--json", help="One JSON object on standard output, everything else on stderr.")]
DEFAULT = Path("config.yaml")


def run_async(work: Coroutine[Any, Any, T]) -> T:
    """Run it on uvloop."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(work)


def screen(as_json: bool) -> Console:
    """Where words for people go: standard output, or stderr when that is kept for JSON."""
    return Console(file=sys.stderr if as_json else sys.stdout, highlight=False, soft_wrap=True)


def emit(data: Any) -> None:
    """The one JSON object."""
    print(json.dumps(data, ensure_ascii=False, default=str), flush=True)


def table(*columns: str) -> Table:
    """A plain table; columns after the first whose name starts with `#` are numbers, set to the right."""
    made = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for column in columns:
        name = column.removeprefix("#")
        made.add_column(name, justify="left" if name == column else "right", overflow="fold")
    return made


def problem_rows(problems: Sequence[Problem]) -> list[dict[str, Any]]:
    """Problems as `check --json` shows them."""
    return [asdict(problem) for problem in problems]


def plain(value: bool | int | float | str | None) -> str:
    """A reading's value as config.yaml would write it."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.2f}" if isinstance(value, float) else str(value)
