"""firstline inside another program: the house from config.yaml, whose Telegram updates the host program brings.

Everything else config.yaml asks for runs as under `firstline run`. How updates get from a library to the channel is in
`channels.telegram.join`; signals and the event loop are the host's.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

from bots.assembly import open_house
from bots.parts import Parts, read_settings
from bots.service import GRACE, listening, readiness_of, serving
from channels.telegram import join
from core.errors import Problem, SettingsError
from core.settings import Settings, options_for

log = logging.getLogger(__name__)

TELEGRAM = "telegram"
WAITING = "data/telegram-waiting.db"
"""Seen from config.yaml's folder: the updates of which it is not decided whose they are."""
NOT_OURS = {"webhook", "groups"}
"""Options of the channel that joining leaves to the host: how updates come, and who is answered."""


@contextlib.asynccontextmanager
async def firstline(
    file: str | Path = "config.yaml", *, waiting: str | Path = WAITING, http: bool = True
) -> AsyncIterator[join.JoinedChannel]:
    """The channel to `join` with, answering for as long as this is open; leave it after the host has stopped.

    `waiting` is relative to `file`. Without `http` nothing listens on config.yaml's port: there is no
    operators' page and no channel but Telegram. Raises SettingsError, StoreError, or FirstlineError.
    """
    file = Path(file)
    settings = read_settings(file)
    support = _channel(settings, file, file.resolve().parent / waiting)
    others = {name: section for name, section in settings.channels.items() if http and name != TELEGRAM}
    channels = Parts(replace(settings, channels=others), file).channels()
    async with contextlib.AsyncExitStack() as stack:
        house = await stack.enter_async_context(open_house(file, channels={TELEGRAM: support, **channels}))
        readiness = readiness_of(house)
        if http:
            await stack.enter_async_context(serving(house, readiness))
        await house.availability.ask()
        async with listening(house, readiness):
            await house.desk.resume()
            readiness.open()
            yield support
            readiness.stop()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(GRACE):
                    await support.room.quiet()
        if not await house.desk.idle(GRACE):
            log.warning("stopping with answers under way; they go on at the next start")


def _channel(settings: Settings, file: Path, waiting: Path) -> join.JoinedChannel:
    section = settings.channels.get(TELEGRAM)
    if section is None or section.missing:
        missing = ", ".join(section.missing) if section else "channels: telegram: token: ${TELEGRAM_TOKEN}"
        raise SettingsError([Problem(str(file), 1, 1, "there is no Telegram bot to join", missing)])
    options = {name: value for name, value in options_for(section).items() if name not in NOT_OURS}
    chat = settings.operators.chat
    own = (chat.chat,) if chat is not None and chat.channel == TELEGRAM else ()
    return join.build(**options, waiting=waiting, own=own)
