"""`firstline migrate`: the store as this firstline needs it, and the rights the bot's role has in it."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from bots.commands._common import DEFAULT, Config, Json, emit, screen
from bots.parts import beside, read_settings
from core.store.migrate import migrate

Store = Annotated[
    str, typer.Option("--store", metavar="URL", help="The store, as a role that may change it; else the file's own.")
]
Grant = Annotated[
    str,
    typer.Option("--grant", metavar="ROLE", help="The role the bot works under; it may read and write."),
]


def command(config: Config = DEFAULT, store: Store = "", grant: Grant = "", as_json: Json = False) -> None:
    """Do what is missing, and say what that was; a second time there is nothing to do."""
    url = beside(store, Path.cwd()) if store else beside(read_settings(config).store, config.resolve().parent)
    done = migrate(url, grant)
    if as_json:
        emit({"ok": True, **asdict(done)})
        return
    words = screen(as_json=False)
    if done.before == done.after:
        words.print(f"The store has schema {done.after} already.")
    else:
        words.print(f"The store has schema {done.after} now; before it had {done.before or 'none'}.")
    for statement in done.granted:
        words.print(escape(f"{statement};"))
