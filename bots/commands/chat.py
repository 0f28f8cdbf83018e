"""`firstline chat`: the real desk with this terminal as its only channel. Nothing of the chat is kept."""

from __future__ import annotations

import logging
from contextlib import suppress

from bots import logs
from bots.assembly import open_house
from bots.commands._common import DEFAULT, Config, Json, run_async, screen
from channels.console import build

GRACE = 10.0
"""Seconds an answer under way may still take once the last line is read."""


def command(config: Config = DEFAULT, as_json: Json = False) -> None:
    """Talk until Ctrl-D or Ctrl-C, or until the pipe ends."""
    logs.configure(level=logging.WARNING)
    with suppress(KeyboardInterrupt):
        run_async(_chat(config))


async def _chat(config: Config) -> None:
    channel = build()
    async with open_house(config, store="sqlite://", channels={channel.name: channel}) as house:
        await house.availability.ask()
        screen(as_json=True).print("[dim]Nothing said here is kept. Ctrl-D ends it.[/]")
        await channel.run(house.desk)
        await house.desk.idle(GRACE)
