"""The Telegram channel of a bot whose updates another program brings. What it shows and sends is `TelegramChannel`'s.

It sends through a client of its own, not through the host's Bot: only that tells what was sent from what was not, and
keeps the limits, whatever parse mode, middlewares and time limits the host has chosen for itself.
"""

from __future__ import annotations

from collections.abc import Collection

from channels.telegram.channel import Manners, TelegramChannel
from channels.telegram.client import Client
from channels.telegram.intake import Door
from channels.telegram.join.room import WaitingRoom
from channels.telegram.join.waiting import Waiting


class JoinedChannel(TelegramChannel):
    """`join` of `channels.telegram.join.aiogram` or `.ptb` brings it the updates, into its `room`."""

    def __init__(self, client: Client, manners: Manners, waiting: Waiting, bot: int, own: Collection[str] = ()) -> None:
        super().__init__(client, Door("", "", ""), manners)
        self.room = WaitingRoom(client, self._react, waiting, bot, own)
        self._intake = self.room
        self._waiting_file = waiting

    async def aclose(self) -> None:
        """Give connections and the file back."""
        await super().aclose()
        await self._waiting_file.aclose()

    def check(self, bot: int) -> None:
        """ValueError when the host's bot is another one than this channel's."""
        if bot != self.room.bot:
            raise ValueError(f"the host program's bot is {bot}, the one of channels.telegram in config.yaml another")
