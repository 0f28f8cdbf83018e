"""`firstline chat`: one conversation in the terminal, or through a pipe, one message a line.

Lines are read on a thread of their own, because nothing can interrupt a blocking read; the thread is a daemon and dies
with the process. What models write is shown without control characters, so it cannot take over a terminal.
"""

from __future__ import annotations

import asyncio
import logging
import sys
import threading
import unicodedata
import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import TextIO

from rich.console import Console
from rich.status import Status
from rich.text import Text

from core.conversation import Address, Arrival, Customer, Holder, Message, MessageKind
from core.errors import StoreError
from core.ports import Inbox, Outbox

log = logging.getLogger(__name__)

ADDRESS = Address("console", "terminal")
LONGEST_LINE = 20_000
PATIENCE = 180.0
"""Seconds to wait for an answer before the next line is read; a desk that lives answers far earlier."""
RETRY = 1.0
"""Seconds between two tries to hand over a line while the store is away."""


class ConsoleChannel:
    """Hears lines, shows a spinner, streams answers. Ends when there are no more lines (Ctrl-D, end of the pipe)."""

    name = "console"

    def __init__(self, lines: TextIO, console: Console) -> None:
        self._lines = lines
        self._console = console
        self._status: Status | None = None
        self._delivered = asyncio.Event()

    async def run(self, inbox: Inbox) -> None:
        """Hand over line by line, each after the answer to the one before."""
        reader = _Lines(self._lines)
        while (line := await self._next(reader)) is not None:
            if not (text := line.strip()[:LONGEST_LINE]):
                continue
            self._delivered.clear()
            await self._hand_over(inbox, _arrival(text))
            await self._answer(inbox)

    async def acknowledge(self, message: Message) -> None:
        """A spinner until the first words; nothing where nobody watches."""
        if self._console.is_terminal and self._status is None:
            self._status = self._console.status("")
            self._status.start()

    async def deliver(self, address: Address, text: AsyncIterator[str], outbox: Outbox) -> str:
        """Print the pieces as they come; a terminal cannot take anything back, so nothing is redrawn."""
        whole: list[str] = []
        try:
            async for piece in text:
                self._quiet()
                whole.append(piece)
                self._console.print(Text(printable(piece)), end="", soft_wrap=True)
            if whole:
                self._console.print()
        finally:
            self._quiet()
            self._delivered.set()
        return "".join(whole)

    async def _next(self, reader: _Lines) -> str | None:
        if self._console.is_terminal:
            self._console.print("[bold cyan]you >[/] ", end="")
        return await reader.next()

    async def _hand_over(self, inbox: Inbox, arrival: Arrival) -> None:
        """Hand a line over until it is kept: nobody else would bring it again."""
        while True:
            try:
                await inbox.accept(arrival)
            except StoreError as error:
                log.warning("a line waits %s s: %s", RETRY, error)
                await asyncio.sleep(RETRY)
            else:
                return

    async def _answer(self, inbox: Inbox) -> None:
        """Wait until the answer stands; while a person has the chat none may come."""
        if (await inbox.history(ADDRESS)).holder is not Holder.BOT:
            self._quiet()
            return
        try:
            async with asyncio.timeout(PATIENCE):
                await self._delivered.wait()
        except TimeoutError:
            self._quiet()

    def _quiet(self) -> None:
        if self._status is not None:
            self._status.stop()
            self._status = None


class _Lines:
    """Lines of a blocking stream, read only when asked for: what is not asked for stays in the pipe."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._wanted = threading.Semaphore(0)
        self._loop = asyncio.get_running_loop()
        self._waiting: asyncio.Future[str | None] | None = None
        threading.Thread(target=self._read, name="console lines", daemon=True).start()

    async def next(self) -> str | None:
        """The next line, None when there is none left."""
        self._waiting = self._loop.create_future()
        self._wanted.release()
        return await self._waiting

    def _read(self) -> None:
        more = True
        while more:
            self._wanted.acquire()
            line = self._stream.readline()
            more = bool(line)
            try:
                self._loop.call_soon_threadsafe(self._give, line or None)
            except RuntimeError:
                return  # the loop is closed: the program has left while a line was awaited

    def _give(self, line: str | None) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(line)


def _arrival(text: str) -> Arrival:
    message = Message(
        id=uuid.uuid4().hex,
        address=ADDRESS,
        text=text,
        at=datetime.now(UTC),
        customer=Customer("terminal"),
        kind=MessageKind.COMMAND if text.startswith("/") else MessageKind.TEXT,
    )
    return Arrival(f"console:{message.id}", text, message)


def printable(text: str) -> str:
    """The text without control characters, line ends and tabs kept."""
    return "".join(c for c in text if c in "\n\t" or unicodedata.category(c) != "Cc")


def build() -> ConsoleChannel:
    """The process's own terminal."""
    return ConsoleChannel(sys.stdin, Console(highlight=False))
