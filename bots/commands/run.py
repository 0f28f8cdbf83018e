"""`firstline run`: start everything and say in a few lines where to go, what is on, and what would turn the rest on."""

from __future__ import annotations

import os
from typing import Annotated, Any

import typer
from rich.markup import escape

from bots import logs
from bots.commands._common import DEFAULT, Config, Json, emit, run_async, screen
from bots.service import Started, serve

SECRET_ENDINGS = ("_TOKEN", "_KEY", "_SECRET", "_PASSWORD")
LINES = 20
"""What is said at the start fits on a small screen."""


def command(
    host: Annotated[str | None, typer.Option(help="Listen there instead; 0.0.0.0 for every network.")] = None,
    port: Annotated[int | None, typer.Option(min=0, max=65535, help="Listen on this port instead.")] = None,
    config: Config = DEFAULT,
    as_json: Json = False,
) -> None:
    """Run until stopped by SIGTERM or Ctrl-C."""
    logs.configure(value for name, value in os.environ.items() if name.endswith(SECRET_ENDINGS))

    def announce(started: Started) -> None:
        if as_json:
            emit(ready(started))
        else:
            screen(as_json=False).print("\n".join(lines(started)))

    run_async(serve(config, host=host, port=port, announce=announce))


def ready(started: Started) -> dict[str, Any]:
    """The line for machines: empty text for what is on, else what is missing."""
    return {
        "ready": True,
        "url": started.url,
        "channels": started.channels,
        "tiers": started.tiers | {"person": [] if started.person else ["operators"]},
        "providers": started.providers,
        "resumed": started.resumed,
    }


def lines(started: Started) -> list[str]:
    """The lines for people, at most LINES of them."""
    channels = [f"  {name:<10}{_state(missing)}" for name, missing in started.channels.items()]
    tiers = [f"  {tier:<10}{', '.join(models) or '[yellow]off[/]'}" for tier, models in started.tiers.items()]
    tiers.append(f"  {'person':<10}{_state(started.person)}")
    off = [f"  {name:<10}{_state(missing)}" for name, missing in started.providers.items() if missing]
    head = [f"[bold]firstline[/] answers for {escape(started.bot)}. Open [bold]{started.url}[/] and say something.", ""]
    tail = [f"{started.resumed} chats from before are being answered."] if started.resumed else []
    tail += ["Stop it with Ctrl-C."]
    room = LINES - len(head) - len(channels) - len(tiers) - len(tail) - 3
    if len(off) > room:
        names = ", ".join(name for name, missing in started.providers.items() if missing)
        off = [f"  off: {names} (firstline doctor says why)"]
    return [*head, *channels, "", *tiers, "", *off, *([""] if off else []), *tail][:LINES]


def _state(missing: str) -> str:
    """`on`, or what turns it on: an environment variable where that is what is missing."""
    if not missing:
        return "[green]on[/]"
    variables = all(name.replace("_", "").isalnum() and name.isupper() for name in missing.split(", "))
    return f"[yellow]off[/]: {'set ' if variables else ''}{escape(missing)}"
