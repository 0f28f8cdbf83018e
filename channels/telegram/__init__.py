"""Telegram: a bot that answers in private chats, groups and forum topics.

`build` puts the channel together from its options in config.yaml; `channel` is where a reader starts. Nothing outside
this package knows how Telegram works, and nothing here but `libraries/` knows a Telegram library.
"""

from __future__ import annotations

import hashlib
import hmac

from channels.telegram.channel import Manners, TelegramChannel
from channels.telegram.client import Client
from channels.telegram.intake import Door
from core.plugins import PluginError
from core.plugins import build as build_library

GROUPS = {"mentioned": False, "all": True}
STOPPED = {"keep": False, "drop": True}


def build(
    *,
    token: str,
    library: str = "ptb",
    webhook: str = "",
    groups: str = "mentioned",
    stopped: str = "keep",
    base_url: str = "https://api.telegram.org",
) -> TelegramChannel:
    """The channel for the bot with this token.

    `library` is the module in `libraries/` that makes the calls: `ptb`, or `aiogram` (2.5 s and 166 MB to import).
    `webhook` is the public https address the server is reached under; empty asks Telegram by long polling. `groups`:
    answer when `mentioned` (or replied to, or a command) or `all`. `stopped`: `keep` or `drop` what was shown when the
    customer pressed Stop. `base_url` is the Bot API server. Raises PluginError for an option that does not fit.
    """
    manners = Manners(
        everybody=_chosen("groups", groups, GROUPS),
        drop_stopped=_chosen("stopped", stopped, STOPPED),
    )
    options = {"token": token, "base_url": base_url}
    client: Client = build_library("channels.telegram.libraries", library, options, {})
    # Made from the token: nothing more to configure, the same after a restart, and nobody else can guess it.
    door = Door(webhook.rstrip("/"), f"/telegram/{_derived(token, 'path')}", _derived(token, "secret"))
    return TelegramChannel(client, door, manners)


def _chosen(option: str, value: str, choices: dict[str, bool]) -> bool:
    if value not in choices:
        raise PluginError(f"{option} cannot be {value!r}", " or ".join(choices), option)
    return choices[value]


def _derived(token: str, purpose: str) -> str:
    return hmac.new(token.encode(), f"firstline telegram {purpose}".encode(), hashlib.sha256).hexdigest()
