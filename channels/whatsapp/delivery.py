"""One planned answer into one chat: its parts strictly one after another. How one part is sent is in `sending`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from channels.whatsapp import window
from channels.whatsapp.line import Line, Trip
from channels.whatsapp.parts import bodies
from channels.whatsapp.sending import Left, Sending, Shape
from core.conversation import Conversation
from core.errors import Rejected, Unreachable, WindowClosed
from core.ports import Outbox
from core.records import Part, PartState


@dataclass(frozen=True, slots=True)
class Delivery:
    """Sends one answer. `to` is the name the customer wrote from last; `conversation` is what is known of the chat."""

    line: Line
    conversation: Conversation
    to: str
    outbox: Outbox

    async def send(self, text: str) -> str:
        """Plan and send; the text that stands in the chat then. Raises ChannelError when it cannot be finished.

        A part nobody can tell about, and that is not sent again, stops nothing: the rest is sent, and then Unconfirmed
        says so, once. The next call finds nothing left to do; ABANDONED parts are taken to stand, as most do.
        """
        wanted = bodies(text)
        parts = await self.outbox.plan(wanted)
        for part in parts:
            if part.sent_as:
                self.line.claim(part.sent_as)
        left = await self._finished(parts)
        if left is not None:
            raise left
        planned = [part.text for part in parts]
        return text if planned == wanted else "\n\n".join(planned)

    async def _finished(self, parts: Sequence[Part]) -> Left | None:
        """What is the matter with the last part that was left open for good just now; None when there is none."""
        repeats = self.line.unsure.repeats(self.outbox)
        trip = Trip(self.conversation.address, self.to, self.outbox, self._since(parts), repeats)
        left = None
        for part in parts:
            if part.state is PartState.REJECTED:
                raise Rejected("a part of this answer was refused before")
            if part.arrived or part.state is PartState.ABANDONED:
                continue
            try:
                await self._finish(part, trip)
            except Left as error:
                left = error
        return left

    async def _finish(self, part: Part, trip: Trip) -> None:
        with self.line.news.watching((trip.chat, part.reply, part.index)) as watch:
            sending = Sending(self.line, trip, watch, part)
            try:
                if part.state is PartState.PLANNED and window.is_closed(self.conversation, self.line.now()):
                    if not self.line.template:
                        raise WindowClosed("the 24-hour window is closed")
                    sending.shape = Shape.TEMPLATE
                await sending.run()
            except (Rejected, Unreachable):
                await trip.outbox.mark(replace(sending.part, state=PartState.REJECTED))
                for sid in list(watch.told):
                    watch.take(sid)
                raise

    def _since(self, parts: Sequence[Part]) -> datetime:
        """From when on a message with a part's text may be that part: now, or in an earlier life."""
        now, skew = self.line.now(), self.line.timing.skew
        if all(part.state is PartState.PLANNED for part in parts):
            return now - skew
        reply = parts[0].reply
        messages = self.conversation.messages
        asked = next((message.at for message in messages if message.id == reply), None)
        newest = max((message.at for message in messages), default=now - window.LENGTH)
        return (asked or newest) - skew
