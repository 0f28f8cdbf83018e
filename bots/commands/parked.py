"""`firstline parked`: what was set aside, and what is to become of it.

A SQLite file belongs to the process that runs; where one does, it is asked over its own HTTP port.
"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from bots.commands._common import DEFAULT, Config, Json, emit, run_async, screen, table
from bots.commands._running import asked, told
from bots.parked import Shelf, row
from bots.parts import Parts, close, read_settings
from core.errors import InUse
from core.store.sql import open_store


class Action(StrEnum):
    """What can be done."""

    LIST = "list"
    RETRY = "retry"
    DROP = "drop"


def command(
    action: Annotated[Action, typer.Argument(help="list, retry or drop.")] = Action.LIST,
    key: Annotated[str, typer.Argument(help="Which one to retry or drop: its key, as listed.")] = "",
    config: Config = DEFAULT,
    as_json: Json = False,
) -> None:
    """Show it, or do it and say what came of it."""
    if (action is Action.LIST) is bool(key):
        raise typer.BadParameter("write `parked list`, `parked retry KEY` or `parked drop KEY`")
    found = run_async(_asked(config, action, key))
    if as_json:
        emit(found)
    elif action is not Action.LIST:
        screen(as_json=False).print(f"{key}: {found['done']}")
    elif not found["parked"]:
        screen(as_json=False).print("Nothing is parked.")
    else:
        rows = table("key", "when", "chat", "what is wrong")
        for item in found["parked"]:
            rows.add_row(*(escape(str(item[name])) for name in ("key", "at", "chat", "problem")))
        screen(as_json=False).print(rows)


async def _asked(config: Path, action: Action, key: str) -> dict[str, Any]:
    settings = read_settings(config)
    try:
        return await _here(Parts(settings, config), action, key)
    except InUse:
        return await (
            asked(settings, "parked") if action is Action.LIST else told(settings, f"parked/{action}", {"key": key})
        )


async def _here(parts: Parts, action: Action, key: str) -> dict[str, Any]:
    channels = parts.channels()
    try:
        async with open_store(parts.store) as store:
            shelf = Shelf(store, channels)
            if action is Action.LIST:
                return {"parked": [row(parked) for parked in await shelf.shown()]}
            if action is Action.RETRY:
                return {"done": await shelf.retry(key)}
            await shelf.drop(key)
            return {"done": "nobody will answer it"}
    finally:
        await close(*channels.values())
