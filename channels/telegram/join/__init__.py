"""Join a bot that exists: its aiogram Dispatcher or python-telegram-bot Application goes on, and firstline answers
the messages a filter of its own names. `docs/join.md` shows how; `room` is where a reader starts.

`aiogram` and `ptb` are for the host program to import, the one it uses; nothing else imports them.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from channels.telegram import STOPPED
from channels.telegram.channel import Manners
from channels.telegram.client import Client
from channels.telegram.join.channel import JoinedChannel
from channels.telegram.join.waiting import WaitingFile
from core.plugins import PluginError
from core.plugins import build as build_library

__all__ = ["JoinedChannel", "build"]


def build(
    *,
    token: str,
    waiting: Path,
    own: Collection[str] = (),
    library: str = "ptb",
    stopped: str = "keep",
    base_url: str = "https://api.telegram.org",
) -> JoinedChannel:
    """The channel for the bot with this token; `library`, `stopped` and `base_url` as in `channels.telegram.build`.

    `waiting` is the file undecided updates are kept in. Chats in `own` (the operators') are firstline's altogether.
    Raises PluginError for an option that does not fit.
    """
    number = token.partition(":")[0]
    if not number.isdecimal():
        raise PluginError("token is not one of Telegram's", "what @BotFather gave you", "token")
    if stopped not in STOPPED:
        raise PluginError(f"stopped cannot be {stopped!r}", " or ".join(STOPPED), "stopped")
    options = {"token": token, "base_url": base_url}
    client: Client = build_library("channels.telegram.libraries", library, options, {})
    manners = Manners(everybody=True, drop_stopped=STOPPED[stopped])
    return JoinedChannel(client, manners, WaitingFile(waiting), int(number), own)
