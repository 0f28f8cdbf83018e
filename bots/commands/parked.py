"""`firstline parked`: what was set aside, and what is to become of it.

A SQLite file belongs to the process that runs; where one does, it is asked over its own HTTP port.
"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import aiohttp
import typer
from rich.markup import escape

from bots.assembly import Parts, close, read_settings
from bots.commands._common import DEFAULT, Config, Json, emit, run_async, screen, table
from bots.parked import Shelf, row
from core.errors import FirstlineError, InUse
from core.settings import Settings
from core.store.sql import open_store

PATIENCE = aiohttp.ClientTimeout(total=10)


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
        return await _there(settings, action, key)


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


async def _there(settings: Settings, action: Action, key: str) -> dict[str, Any]:
    """Ask the process that runs, at the address config.yaml gives it."""
    server = settings.server
    host = "127.0.0.1" if server.host in {"0.0.0.0", "::", "127.0.0.1", "localhost"} else server.host  # noqa: S104
    url = f"http://{host}:{server.port}/operator/api/parked"
    secret = server.operator_key.reveal()
    headers = {"Authorization": f"Bearer {secret}"} if secret else {}
    try:
        async with aiohttp.ClientSession(timeout=PATIENCE, headers=headers) as http:
            asking = http.get(url) if action is Action.LIST else http.post(f"{url}/{action}", json={"key": key})
            async with asking as response:
                said: dict[str, Any] = await response.json()
    except (aiohttp.ClientError, TimeoutError, ValueError) as error:
        raise FirstlineError(
            f"a running firstline has the store, and it does not answer at {url}: {type(error).__name__}"
        ) from error
    if not response.ok:
        raise FirstlineError(str(said.get("problem", f"the running firstline answered {response.status}")))
    return said
