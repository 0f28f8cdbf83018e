"""One planned answer into one chat: each part opened with its first clause, then edited to its full text.

An edit can be repeated, a message cannot be taken back. So what might be sent twice after a crash or a lost answer is
only the opening, never the whole; the outbox says how far each part has come before and after every call. What it
raises (a store that is away, an answer that is another process's now) ends the delivery where it is.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import TypeVar

from channels.telegram.client import Place, Reason, Refused
from channels.telegram.counts import Count
from channels.telegram.openings import Slot
from channels.telegram.outlet import Outlet
from channels.telegram.parts import rendered, sources
from core.errors import ChannelError, Rejected, Unconfirmed, Unreachable
from core.markup import Rich
from core.ports import Outbox
from core.records import Part, PartState
from core.text import first_clause

log = logging.getLogger(__name__)

T = TypeVar("T")

OPENING = 80  # UTF-16 units of the first clause a part is opened with
# Seconds after each opening nobody confirmed: few, because each may stand in the chat; long, because outages are.
AGAIN = (1.0, 5.0, 20.0, 0.0)
DONE = frozenset({PartState.SENT, PartState.DELIVERED, PartState.READ, PartState.ABANDONED})


@dataclass(frozen=True, slots=True)
class Delivery:
    """Sends the parts of one answer; `reply_to` is the message a group's answer hangs on, 0 for none."""

    outlet: Outlet
    place: Place
    outbox: Outbox
    reply_to: int = 0

    async def send(self, text: str) -> str:
        """Plan and send; the Markdown that stands in the chat then. Raises ChannelError when it cannot be finished."""
        wanted = sources(text)
        parts = await self.outbox.plan(wanted)
        for part in parts:
            if part.state is PartState.REJECTED:
                raise Rejected("a part of this answer was refused before")
            if part.state is PartState.SENDING:  # whoever sent it died, or could not write down that it stands
                self.outlet.counts[Count.ORPHANS] += 1
                log.warning("an opening was sent when its process ended; it is sent again")
            if part.state not in DONE:
                await self._finish(part)
        planned = [part.text for part in parts]
        return text if planned == wanted else "\n\n".join(planned)

    async def _finish(self, part: Part) -> None:
        rich = rendered(part.text)[0]
        try:
            for last in (False, True):
                if part.state is not PartState.OPEN:
                    part = await self._open(part, rich)
                if part.state is PartState.SENT or await self._edited(part, rich, last):
                    break
                part = await self._mark(replace(part, sent_as=""), PartState.PLANNED)
        except (Rejected, Unreachable):
            await self._mark(part, PartState.REJECTED)
            raise
        if part.state is not PartState.SENT:
            await self._mark(part, PartState.SENT)
        self.outlet.counts[Count.PARTS_SENT] += 1

    async def _open(self, part: Part, rich: Rich) -> Part:
        """Send the first clause, never the whole answer; an unconfirmed one is left behind and counted."""
        shown = Rich(first_clause(rich.text, OPENING))
        slot = self.outlet.openings.slot()
        for wait in AGAIN:
            try:
                return await self.outlet.must(
                    self.place, lambda place: self._opened(place, part, shown, slot), gate=slot
                )
            except Unconfirmed as error:
                log.warning("an opening was not confirmed and is sent again: %s", error)
                await asyncio.sleep(wait)
        raise Unconfirmed(f"nobody confirmed any of {len(AGAIN)} openings")

    async def _opened(self, place: Place, part: Part, shown: Rich, slot: Slot) -> Part:
        """One opening from mark to mark, in a slot: how it ended is committed before the slot is another's."""
        slot.begin()
        await self._mark(part, PartState.SENDING)
        await slot.keep()
        try:
            reply_to = self.reply_to if part.index == 0 else 0
            number = await self.outlet.client.send_message(place, shown, reply_to)
        except Unconfirmed:
            self.outlet.counts[Count.ORPHANS] += 1
            await self._mark(part, PartState.UNKNOWN)
            raise
        except ChannelError:  # it does not stand in the chat: who finds this part later must not think so
            await self._mark(part, PartState.PLANNED)
            raise
        self.outlet.counts[Count.OPENINGS_SENT] += 1
        return await self._mark(replace(part, sent_as=number), PartState.OPEN)

    async def _edited(self, part: Part, rich: Rich, last: bool) -> bool:
        """Bring the opened message to its full text; False when it is gone and has not been looked for before."""
        try:
            await self._must(
                rich, lambda place, text: self.outlet.client.edit_message(place, part.sent_as, text), again=True
            )
        except Refused as error:
            if error.reason is Reason.SAME_TEXT:
                return True
            if error.reason is Reason.NO_MESSAGE and not last:
                return False
            raise
        self.outlet.counts[Count.EDITS] += 1
        return True

    async def _must(self, rich: Rich, call: Callable[[Place, Rich], Awaitable[T]], again: bool = False) -> T:
        """One call through the outlet, without entities when Telegram cannot make sense of them."""
        try:
            return await self.outlet.must(self.place, lambda place: call(place, rich), again)
        except Refused as error:
            if error.reason is not Reason.BAD_ENTITIES:
                raise
            self.outlet.counts[Count.PLAIN_FALLBACKS] += 1
            log.warning("a text goes out without formatting: %s", error)
            return await self.outlet.must(self.place, lambda place: call(place, Rich(rich.text)), again)

    async def _mark(self, part: Part, state: PartState) -> Part:
        part = replace(part, state=state)
        await self.outbox.mark(part)
        return part
