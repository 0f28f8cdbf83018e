"""One part of an answer, until WhatsApp has it: sent, looked for where no answer came, mended where it failed.

A message cannot be taken back. So what may stand in the chat is looked for before it is sent again; how is in
`finding`. Where nobody can tell, the policy in `unsure` decides. Fenced passes through: another process sends then.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, replace
from enum import StrEnum

from channels.whatsapp import codes
from channels.whatsapp.codes import Act
from channels.whatsapp.finding import Finding, flat, status_of
from channels.whatsapp.forms import PREFIX
from channels.whatsapp.line import ABANDONED, RESENT, UNKNOWN, Line, Trip
from channels.whatsapp.markup import plain
from channels.whatsapp.news import Watch
from channels.whatsapp.posts import Post
from channels.whatsapp.statuses import Status
from core.errors import NotSent, Throttled, Unconfirmed
from core.records import Part, PartState

log = logging.getLogger(__name__)

LONGEST_WAIT = 60.0  # seconds a part waits in all because Twilio asks for it; the desk tries again later
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0


class Left(Unconfirmed):
    """Nobody can tell whether it arrived, and it is not sent again; what comes after it may be sent."""


class Shape(StrEnum):
    """How a part's text is sent."""

    TEXT = "text"
    PLAIN = "plain"
    TEMPLATE = "template"


@dataclass(slots=True)
class Sending:
    """The part as it stands, how it is sent, and what its callbacks told. `blind`: sent again without knowing, once."""

    line: Line
    trip: Trip
    watch: Watch
    part: Part
    shape: Shape = Shape.TEXT
    failures: int = 0
    blind: bool = False

    async def run(self) -> None:
        """Return once WhatsApp has the part. ChannelError when it cannot be finished; Rejected ones are not marked."""
        status: Status | None = None
        if self.part.state in {PartState.SENDING, PartState.UNKNOWN}:
            status = await self._left_open()
        waited = 0.0
        while True:
            try:
                status = await self._finding.through(self.part, status or await self._accepted())
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

    async def _left_open(self) -> Status | None:
        """The message this part was sent as in an earlier life, or by another process; None when it is to be sent."""
        if self.part.state is PartState.SENDING:  # UNKNOWN was counted by whoever marked it
            self.line.counts[UNKNOWN] += 1
        status = await self._looked_for()
        if status is None:
            self.line.counts[RESENT] += 1
        return status

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
            if (left := await self.line.silence.left()) > 0:
                raise Throttled("Twilio asked for silence", left)
            await self._mark(PartState.SENDING, "")
            try:
                return await self._is_sent(status_of(await self.line.client.send(self._post())))
            except codes.SetUp:
                raise
            except Throttled as error:
                await self.line.silence.told(error.retry_after)
                raise
            except NotSent:
                failures += 1
                if failures >= self.line.timing.tries:
                    await self._mark(PartState.PLANNED, "")
                    raise
                await asyncio.sleep(min(LONGEST_PAUSE, FIRST_PAUSE * 2.0 ** (failures - 1)))
            except Unconfirmed as error:
                self.line.counts[UNKNOWN] += 1
                log.warning("a message was not confirmed: %s", error)
                if status := await self._looked_for():
                    return status
                resent += 1
                if resent >= self.line.timing.tries:
                    raise
                self.line.counts[RESENT] += 1

    async def _looked_for(self) -> Status | None:
        """The message that may have been sent; None when it is to be sent again.

        Unconfirmed when nobody knows and it was sent again for that already; Left when it is not to be sent again.
        """
        if status := await self._finding.early(self.part):
            return await self._is_sent(status)
        await self._mark(PartState.UNKNOWN, "")
        try:
            found = await self._finding.sought(self.part)
        except Unconfirmed as error:
            if not self.trip.repeats:
                await self._mark(PartState.ABANDONED, "")
                self.line.counts[ABANDONED] += 1
                raise Left(str(error)) from None
            if self.blind:
                raise
            self.blind = True
            return None
        return await self._is_sent(found) if found else None

    @property
    def _finding(self) -> Finding:
        return Finding(self.line, self.trip, self.watch)

    async def _is_sent(self, status: Status) -> Status:
        self.line.claim(status.sid)
        try:
            await self._mark(PartState.SENT, status.sid)
        except BaseException:  # it is nobody's part yet: the next try must find it, not send it again
            self.line.claimed.pop(status.sid, None)
            raise
        return status

    def _post(self) -> Post:
        callback = self.line.status_url(self.line.names.of(self.trip.chat, self.part.reply, self.part.index))
        to = PREFIX + self.trip.to
        if self.shape is Shape.TEMPLATE:
            # A template's variable takes no line breaks.
            text = flat(self.part.text)
            return Post(to, self.line.number, "", self.line.template, {"1": text}, callback)
        body = plain(self.part.text) if self.shape is Shape.PLAIN else self.part.text
        return Post(to, self.line.number, body, status_callback=callback)

    async def _mark(self, state: PartState, sid: str) -> None:
        # Before the message leaves: whoever is told first that it arrived knows what it cost.
        fees = () if state is PartState.PLANNED else self.line.fees.sent(self.shape is Shape.TEMPLATE)
        self.part = replace(self.part, state=state, sent_as=sid, fees=fees)
        await self.trip.outbox.mark(self.part)
