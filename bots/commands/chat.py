"""`firstline chat`: the real desk with this terminal as its only channel. Nothing of the chat is kept."""

from __future__ import annotations

import logging
import sys
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

from bots import logs
from bots.assembly import open_house
from bots.commands._common import DEFAULT, Config, Json, emit, run_async, screen
from channels.console import ConsoleChannel, build
from core.conversation import Address
from core.ports import Outbox

GRACE = 10.0
"""Seconds an answer under way may still take once the last line is read."""


def command(config: Config = DEFAULT, as_json: Json = False) -> None:
    """Talk until Ctrl-D or Ctrl-C, or until the pipe ends. With --json each answer is one object on its own line."""
    logs.configure(level=logging.WARNING)
    with suppress(KeyboardInterrupt):
        run_async(_chat(config, as_json=as_json))


class _Spoken(ConsoleChannel):
    """The same, for machines: what was shown goes to stderr, the answer as data to standard output."""

    async def deliver(self, address: Address, text: AsyncIterator[str], outbox: Outbox) -> str:
        whole = await super().deliver(address, text, outbox)
        if whole:
            emit({"text": whole})
        return whole


async def _chat(config: Path, *, as_json: bool) -> None:
    channel = _Spoken(sys.stdin, screen(as_json=True)) if as_json else build()
    async with open_house(config, store="sqlite://", channels={channel.name: channel}) as house:
        await house.availability.ask()
        screen(as_json=True).print("[dim]Nothing said here is kept. Ctrl-D ends it.[/]")
        await channel.run(house.desk)
        await house.desk.idle(GRACE)
