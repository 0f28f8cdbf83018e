"""A store on a disk that fills up while it works, and has room again later:  full FOLDER

The folder is a small file system of its own. A ballast leaves little room; once the store has refused often enough the
ballast goes, as when an operator frees space. Lines on stdout as the worker's, with `full` and `freed` between them.
"""

from __future__ import annotations

import asyncio
import shutil
import sys
from pathlib import Path

from core.store.sql import open_store
from tests.reliability.disk import worker

SIZE = 16 * 2**20
ROOM = 2 * 2**20
"""Bytes of the file system, and what the ballast leaves of them."""

REFUSALS = 40
"""After so many the ballast goes."""

CHATS, ROUNDS = 8, 12
"""More than fits beside the ballast: a round of a chat writes some 50 kB to the log."""


class Room:
    """Says what the worker says, and makes room in time."""

    def __init__(self, ballast: Path) -> None:
        self._ballast = ballast
        self._refused = 0

    def say(self, *what: object) -> None:
        """The worker's line; after the last refusal that is wanted there is room again."""
        worker.say(*what)
        self._refused += what[0] == "refused"
        if self._refused == REFUSALS and self._ballast.exists():
            worker.say("full", shutil.disk_usage(self._ballast.parent).free)
            self._ballast.unlink()
            worker.say("freed")


async def main(folder: Path) -> None:
    """Fill the disk, work on."""
    ballast = folder / "ballast"
    ballast.write_bytes(bytes(SIZE - ROOM))
    async with open_store(f"sqlite:///{folder / 'store.db'}") as store:
        await worker.work(store, 1, CHATS, ROUNDS, say=Room(ballast).say)
    worker.say("end")


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
