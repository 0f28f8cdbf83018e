"""One lane a chat: its messages in order, its work one at a time; lanes never wait for each other.

A lane knows who waits and how to interrupt the answer under way. What answering means is the desk's affair.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from enum import Enum
from typing import Any

from core.conversation import Address, Message, MessageKind
from core.records import Settlement

log = logging.getLogger(__name__)

BURST = 30
"""At most so many messages are answered as one; more wait for the next answer."""

ALBUM_QUIET = 1.0
"""Seconds of quiet after the newest part of an album before it is answered (channels research, section 3)."""

ALBUM_LONGEST = 5.0
"""Seconds an album may keep an answer waiting in all."""


class Interrupt(Enum):
    """Why the answer under way should end."""

    MORE = "the customer wrote more before anything was shown"
    STOP = "the customer pressed Stop"
    TAKEN = "a person took the conversation, or the customer wants no more messages"


class Lane:
    """The place of one chat's messages. `shown` is set once the customer saw a part of the answer under way.

    `unfinished` are replies planned in an earlier life; they go out before anything new is answered. `unwanted` is set
    while a customer who wants no more messages waits to be heard: nothing more of an answer goes out.
    """

    def __init__(self, address: Address) -> None:
        self.address = address
        self.unfinished: list[Settlement] = []
        self.waiting: list[Message] = []
        self.heard: list[asyncio.Task[None]] = []
        self.shown = False
        self.unwanted = False
        self.interrupted: Interrupt | None = None
        self._pulling: asyncio.Timeout | None = None
        self._joined = asyncio.Event()

    def join(self, message: Message, heard: asyncio.Task[None]) -> None:
        """Take a place; an answer of which nothing was shown yet will start again with this message."""
        self.waiting.append(message)
        self.heard.append(heard)
        self._joined.set()
        if message.kind is MessageKind.OPT_OUT:
            self.unwanted = True
            self.interrupt(Interrupt.TAKEN if self.shown else Interrupt.MORE)
        elif not self.shown:
            self.interrupt(Interrupt.MORE)

    async def take(self) -> list[Message]:
        """Everybody who waits, an album whole: after a second of quiet, at most five seconds after it began."""
        loop = asyncio.get_running_loop()
        give_up = loop.time() + ALBUM_LONGEST
        while self.waiting and self.waiting[-1].album and loop.time() < give_up:
            self._joined.clear()
            try:
                async with asyncio.timeout_at(min(give_up, loop.time() + ALBUM_QUIET)):
                    await self._joined.wait()
            except TimeoutError:
                break
        return self.take_now()

    def take_now(self, most: int = BURST) -> list[Message]:
        """Who waits at this instant, at most so many, and from here on `MORE` counts anew."""
        taken, self.waiting = self.waiting[:most], self.waiting[most:]
        self.unwanted = any(message.kind is MessageKind.OPT_OUT for message in self.waiting)
        if self.interrupted is Interrupt.MORE:
            self.interrupted = None
        return taken

    async def acknowledged(self) -> None:
        """Wait until every message taken so far was acknowledged (the desk gives each one second)."""
        tasks, self.heard = self.heard, []
        if tasks:
            await asyncio.wait(tasks)

    def interrupt(self, why: Interrupt) -> None:
        """End the answer under way at its next or present pull; a person's taking over outranks the rest."""
        if self.interrupted is not Interrupt.TAKEN:
            self.interrupted = why
        if self._pulling is not None and not self._pulling.expired():
            self._pulling.reschedule(asyncio.get_running_loop().time())

    async def pull(self, source: AsyncIterator[str]) -> str | None:
        """The next piece of text; None when the source ended or was interrupted (`interrupted` says which)."""
        if self.interrupted:
            return None
        try:
            async with asyncio.timeout(None) as self._pulling:
                return await anext(source, None)
        except TimeoutError:
            if self.interrupted:
                return None
            raise
        finally:
            self._pulling = None

    def begin(self, heard: int) -> None:
        """Nothing of the next answer to so many messages is shown; who waits interrupts it while there is room."""
        self.shown = heard >= BURST
        self.interrupted = Interrupt.MORE if self.waiting and not self.shown else None


class Lanes:
    """The lanes with work in them. Their tasks belong to the group given; `work` is called while somebody waits."""

    def __init__(self, group: asyncio.TaskGroup, work: Callable[[Lane], Awaitable[None]]) -> None:
        self._group = group
        self._work = work
        self._lanes: dict[Address, Lane] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._empty = asyncio.Event()
        self._empty.set()

    def __len__(self) -> int:
        return len(self._lanes)

    def get(self, address: Address) -> Lane | None:
        """The lane of a chat that is being answered, if there is one."""
        return self._lanes.get(address)

    def open(self, address: Address) -> Lane:
        """The chat's lane, with its worker started where it had none."""
        lane = self._lanes.get(address)
        if lane is None:
            lane = self._lanes[address] = Lane(address)
            self._empty.clear()
            self._start(self._serve(lane))
        return lane

    def beside(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Do something no answer waits for; its failure is logged."""
        return self._start(_alone(work))

    def _start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = self._group.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def empty(self) -> None:
        """Wait until no lane has work."""
        await self._empty.wait()

    def cancel(self) -> None:
        """End every lane's work where it stands; what was promised stays promised in the store."""
        for task in self._tasks:
            task.cancel()

    async def _serve(self, lane: Lane) -> None:
        try:
            while lane.unfinished or lane.waiting:
                try:
                    await self._work(lane)
                except Exception:  # what waits behind it must not be left behind
                    log.exception("work in a lane of %s broke", lane.address.channel)
        finally:
            del self._lanes[lane.address]
            if not self._lanes:
                self._empty.set()


async def _alone(work: Coroutine[Any, Any, None]) -> None:
    try:
        await work
    except Exception:
        log.exception("something done beside the answers broke")
