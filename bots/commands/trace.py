"""`firstline trace MESSAGE_ID`: what became of one message, step by step."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from rich.markup import escape

from bots.commands._common import DEFAULT, Config, Json, emit, screen
from bots.ledger import read
from bots.parts import beside, read_settings
from bots.trace import lines, row
from core.errors import FirstlineError
from core.store.lives import Life, lives


def command(
    message: Annotated[str, typer.Argument(help="The platform's id of the message, or channel:chat/id.")],
    config: Config = DEFAULT,
    as_json: Json = False,
) -> None:
    """Find the message and tell its life; of several with that id, list where they are."""
    url = beside(read_settings(config).store, config.resolve().parent)
    found: list[Life] = read(url, lambda connection: lives(connection, message))
    if not found:
        raise FirstlineError(f"no message {message!r} is kept; write the platform's id, or channel:chat/id")
    told: dict[str, Any] = {"found": [row(life) for life in found]}
    if as_json:
        emit(told)
    elif len(found) == 1:
        for line in lines(found[0]):
            screen(as_json=False).print(escape(line))
    else:
        names = "\n".join(f"{life.address}/{life.id}" for life in found)
        screen(as_json=False).print(escape(f"{len(found)} messages have that id; name one of them:\n{names}"))
