"""One part of an answer, until WhatsApp has it: sent, looked for where no answer came, mended where it failed.

A message cannot be taken back. So what may stand in the chat is looked for before it is sent again: first in what
Twilio tells by itself, then in its list of messages.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, replace
from enum import StrEnum

from channels.whatsapp import codes
from channels.whatsapp.codes import Act
from channels.whatsapp.forms import PREFIX
from channels.whatsapp.line import Line, Trip
from channels.whatsapp.markup import plain
from channels.whatsapp.news import Watch
from channels.whatsapp.posts import Post, Posted
from channels.whatsapp.statuses import Status
from core.errors import ChannelError, NotSent, Throttled, Unconfirmed
from core.records import Part, PartState

log = logging.getLogger(__name__)

LONGEST_WAIT = 60.0  # seconds a part waits in all because Twilio asks for it; the desk tries again later
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0


class Shape(StrEnum):
    """How a part's text is sent."""

    TEXT = "text"
    PLAIN = "plain"
    TEMPLATE = "template"


@dataclass(slots=True)
class Sending:
    """The part as it stands, how it is sent, and what its callbacks told."""

    line: Line
    trip: Trip
    watch: Watch
    part: Part
    shape: Shape = Shape.TEXT
    failures: int = 0

    async def run(self) -> None:
        """Return once WhatsApp has the part. ChannelError when it cannot be finished; Rejected ones are not marked."""
        status: Status | None = None
        if self.part.state in {PartState.SENDING, PartState.UNKNOWN}:
            status = await self._looked_for()
        waited = 0.0
        while True:
            try:
                status = await self._through(status or await self._accepted())
                if not status.failed:
                    return
                raise codes.error(status.code)
            except Throttled as error:
                waited += error.retry_after
                if waited > LONGEST_WAIT:
                    await self._mark(PartState.PLANNED, "")
                    raise
                await self._again(error.retry_after)
            except codes.Refused as error:
                await self._again(self._mended(error))
            except codes.SetUp as error:
                if self.line.shut_until is None or self.line.now() >= self.line.shut_until:
                    self.line.shut_until = self.line.now() + self.line.timing.shut
                    log.error("nothing can be sent on WhatsApp: %s", error)  # noqa: TRY400 - expected
                await self._again(0)
                raise
            status = None

    def _mended(self, error: codes.Refused) -> float:
        """How long to wait before trying in the shape chosen now; raises when there is nothing left to try."""
        match error.act:
            case Act.TEMPLATE if self.line.template and self.shape is not Shape.TEMPLATE:
                self.shape = Shape.TEMPLATE
                return 0
            case Act.PLAIN if self.shape is Shape.TEXT:
                self.shape = Shape.PLAIN
                return 0
            case Act.AGAIN | Act.LATER if self.failures < len(self.line.timing.again):
                self.failures += 1
                return self.line.timing.again[self.failures - 1]
        raise codes.final(error)

    async def _again(self, seconds: float) -> None:
        """The part is to be sent anew: committed first, so that a restart does so, too."""
        gone = self.part.sent_as
        await self._mark(PartState.PLANNED, "")
        self.watch.take(gone)
        await asyncio.sleep(seconds)

    async def _accepted(self) -> Status:
        """Send until Twilio has it: one POST at a time, and none while the one before may have arrived."""
        failures = resent = 0
        while True:
            self.line.check()
            await self._mark(PartState.SENDING, "")
            try:
                posted = await self.line.client.send(self._post())
                return await self._is_sent(_status(posted))
            except codes.SetUp:
                raise
            except NotSent:
                failures += 1
                if failures >= self.line.timing.tries:
                    await self._mark(PartState.PLANNED, "")
                    raise
                await asyncio.sleep(min(LONGEST_PAUSE, FIRST_PAUSE * 2.0 ** (failures - 1)))
            except Unconfirmed as error:
                self.line.unknown += 1
                log.warning("a message was not confirmed: %s", error)
                if status := await self._looked_for():
                    return status
                resent += 1
                if resent >= self.line.timing.tries:
                    raise
                self.line.resent += 1

    async def _looked_for(self) -> Status | None:
        """The message that may have been sent; None when Twilio has no such one. Unconfirmed when nobody knows.

        The list is asked at once, because it mostly has it, and again when no callback came: it may have been late.
        """
        await self._mark(PartState.UNKNOWN, "")
        if status := self._strange(self.watch.told) or await self._first_look():
            return await self._is_sent(status)
        if status := await self.watch.until(self._strange, self.line.timing.callback):
            return await self._is_sent(status)
        for pause in (*self.line.timing.lists, 0.0):
            try:
                found = await self._listed()
            except ChannelError as error:
                log.warning("what Twilio has could not be asked: %s", error)
                await asyncio.sleep(pause)
            else:
                return await self._is_sent(found) if found else None
        raise Unconfirmed("whether a message arrived could not be found out")

    async def _first_look(self) -> Status | None:
        try:
            return await self._listed()
        except ChannelError:  # the second look says so, if it is still so then
            return None

    async def _listed(self) -> Status | None:
        """This part in Twilio's list of messages."""
        listed = await self.line.client.listing(PREFIX + self.trip.to, self.trip.since)
        found = next(filter(self._is_ours, listed), None)
        return _status(found) if found else None

    def _strange(self, told: dict[str, Status]) -> Status | None:
        """A message of this part that nobody has claimed."""
        return next((status for sid, status in told.items() if sid not in self.line.claimed), None)

    def _is_ours(self, posted: Posted) -> bool:
        words = _flat(self.part.text)
        same = posted.body.strip() in {self.part.text.strip(), plain(self.part.text).strip()}
        filled = bool(self.line.template) and words in _flat(posted.body)
        outbound = posted.direction.startswith("outbound") and posted.sender == self.line.number
        return outbound and posted.sid not in self.line.claimed and (same or filled)

    async def _is_sent(self, status: Status) -> Status:
        self.line.claim(status.sid)
        await self._mark(PartState.SENT, status.sid)
        return status

    async def _through(self, status: Status) -> Status:
        """How the message stands once WhatsApp has it or it failed, or after a while and one look at it."""
        if status.through:
            return status

        def through(told: dict[str, Status]) -> Status | None:
            known = told.get(status.sid)
            return known if known and known.through else None

        if told := await self.watch.until(through, self.line.timing.through):
            return told
        try:
            return _status(await self.line.client.message(status.sid))
        except ChannelError as error:
            log.info("a message could not be looked at: %s", error)
            return status

    def _post(self) -> Post:
        callback = self.line.status_url(self.line.names.of(self.trip.chat, self.part.reply, self.part.index))
        to = PREFIX + self.trip.to
        if self.shape is Shape.TEMPLATE:
            # A template's variable takes no line breaks.
            text = _flat(self.part.text)
            return Post(to, self.line.number, "", self.line.template, {"1": text}, callback)
        body = plain(self.part.text) if self.shape is Shape.PLAIN else self.part.text
        return Post(to, self.line.number, body, status_callback=callback)

    async def _mark(self, state: PartState, sid: str) -> None:
        # Before the message leaves: whoever is told first that it arrived knows what it cost.
        fees = () if state is PartState.PLANNED else self.line.fees.sent(self.shape is Shape.TEMPLATE)
        self.part = replace(self.part, state=state, sent_as=sid, fees=fees)
        await self.trip.outbox.mark(self.part)


def _status(posted: Posted) -> Status:
    return Status(posted.sid, posted.status, posted.code)


def _flat(text: str) -> str:
    return " ".join(plain(text).split())
