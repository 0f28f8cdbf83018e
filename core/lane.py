"""The place of one chat's messages: who waits, in order, and how the answer under way is interrupted.

Which chats are ours and have a lane is in `lanes`; what answering means is the desk's affair.
"""

from __future__ import annotations

import asyncio
from bisect import insort_right
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from enum import Enum
from itertools import takewhile

from core.conversation import ORDERS, Message, MessageKind
from core.records import Claim, Settled, Settlement

BURST = 30
"""At most so many messages are answered as one; more wait for the next answer."""

ALBUM_QUIET = 1.0
"""Seconds of quiet after the newest part of an album before it is answered (channels research, section 3)."""

ALBUM_LONGEST = 5.0
"""Seconds an album may keep an answer waiting in all."""


CAREFUL = 3
"""Tries without anything settled after which a chat is tried alone and its messages one by one: who dies then shows
which one it was."""

WITHDRAWING = frozenset({MessageKind.OPT_OUT, MessageKind.TAKE, MessageKind.SAY})
"""What must be heard before anything more of an answer goes out."""


class Interrupt(Enum):
    """Why the answer under way should end."""

    MORE = "the customer wrote more before anything was shown"
    STOP = "the customer pressed Stop"
    TAKEN = "a person took the conversation, or the customer wants no more messages"


class Lane:
    """The place of one chat's messages. `shown` is set once the customer saw a part of the answer under way.

    A lane lives under one `claim`: a chat that is lost and won again gets another one. `news` counts reasons to look
    into the store for more that waits, `known` those that were looked into. `released`: the chat was given back with
    the last thing settled; `settling`: that is being committed. `unfinished` are replies planned in an earlier life;
    they go out before anything new is answered.
    """

    def __init__(self, claim: Claim, *, stale: bool) -> None:
        self.address = claim.address
        self.claim = claim
        self.released = False
        self.settling = False
        self.news = int(stale)
        self.known = 0
        self.unfinished: list[Settlement] = []
        self.waiting: list[Message] = []
        self.heard: list[asyncio.Task[None]] = []
        self.shown = False
        self.interrupted: Interrupt | None = None
        self.task: asyncio.Task[None] | None = None
        self._seen: set[str] = set()
        self._pulling: asyncio.Timeout | None = None
        self._joined = asyncio.Event()

    @property
    def unwanted(self) -> bool:
        """Whether nothing more of the bot's may go out."""
        return any(message.kind in WITHDRAWING for message in self.waiting)

    @property
    def opted_out(self) -> bool:
        """Whether nothing more of anybody's may go out."""
        return any(message.kind is MessageKind.OPT_OUT for message in self.waiting)

    @property
    def stale(self) -> bool:
        """Whether the store may know of more that waits than was brought here."""
        return self.known < self.news

    def settled(self, settled: Settled) -> None:
        """Something of it was settled: whoever tries next has not failed yet."""
        self.released = settled.released
        self.claim = replace(self.claim, attempts=0)

    def resume(self, plan: Settlement) -> None:
        """A reply that was planned before goes out first, once."""
        if plan.key not in self._seen:
            self._seen |= {plan.key, *(message.id for message in plan.messages)}
            self.unfinished.append(plan)

    def join(self, message: Message) -> bool:
        """Take a place by the time it was written; an answer of which nothing was shown yet will start again with it.

        False when it has one already.
        """
        if message.id in self._seen:
            return False
        self._seen.add(message.id)
        insort_right(self.waiting, message, key=lambda waiting: waiting.at)
        self._joined.set()
        self._interrupt_for(message.kind)
        return True

    def _interrupt_for(self, kind: MessageKind) -> None:
        if kind in WITHDRAWING:
            taken = self.shown or kind in ORDERS
            self.interrupt(Interrupt.TAKEN if taken else Interrupt.MORE)
        elif not self.shown and self._more():
            self.interrupt(Interrupt.MORE)

    def _more(self) -> list[Message]:
        """The customer's messages that wait before anything a person of ours asked for."""
        return list(takewhile(lambda message: message.kind not in ORDERS, self.waiting))

    def arrange(self, order: Sequence[str]) -> None:
        """Bring those who wait into the order the store has them in; whoever it does not know yet comes last."""
        places = {name: place for place, name in enumerate(order)}
        self.waiting.sort(key=lambda message: places.get(message.id, len(places)))

    async def quiet(self) -> None:
        """Wait until an album is whole: after a second of quiet, at most five seconds after it began."""
        loop = asyncio.get_running_loop()
        give_up = loop.time() + ALBUM_LONGEST
        while self.waiting and self.waiting[-1].album and loop.time() < give_up:
            self._joined.clear()
            try:
                async with asyncio.timeout_at(min(give_up, loop.time() + ALBUM_QUIET)):
                    await self._joined.wait()
            except TimeoutError:
                break

    def take_now(self, most: int = BURST) -> list[Message]:
        """Who waits at this instant, at most so many; what a person of ours asked for comes alone, in its turn."""
        return self.take_more(most) or self._taken(self.waiting[:1])

    def take_more(self, most: int) -> list[Message]:
        """The customer's messages that wait, at most so many: what an answer under way may be extended by."""
        return self._taken(self._more()[:most])

    def _taken(self, taken: list[Message]) -> list[Message]:
        """From here on `MORE` counts anew."""
        del self.waiting[: len(taken)]
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

    def show(self) -> None:
        """The customer is about to see something: what comes from now on gets an answer of its own."""
        self.shown = True
        if self.interrupted is Interrupt.MORE:  # it came in the very moment the first piece did
            self.interrupted = None

    @property
    def suspect(self) -> bool:
        """Whether processes have died of what waits here, so that it is tried one by one."""
        return self.claim.attempts > CAREFUL

    @property
    def most(self) -> int:
        """How many messages one answer may be to."""
        return 1 if self.suspect else BURST

    def begin(self, heard: int) -> None:
        """Nothing of the next answer to so many messages is shown; who waits interrupts it while there is room."""
        self.shown = heard >= self.most
        self.interrupted = Interrupt.MORE if self._more() and not self.shown else None
        if any(message.kind in ORDERS & WITHDRAWING for message in self.waiting):
            self.interrupted = Interrupt.TAKEN
