"""What became of a message of ours: told here, committed by another process, or found in Twilio's list. Sends nothing.

A status callback reaches any process of the fleet, mostly not the one that waits for it. So besides what is told here
the committed part is looked at now and then; what to do about what is found is in `sending`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass

from channels.whatsapp.forms import PREFIX
from channels.whatsapp.line import Line, Trip
from channels.whatsapp.markup import plain
from channels.whatsapp.news import Watch
from channels.whatsapp.posts import Posted
from channels.whatsapp.statuses import Status
from core.errors import ChannelError, StoreError, Throttled, Unconfirmed
from core.records import Part, PartState

log = logging.getLogger(__name__)

LONGEST_WAIT = 60.0
"""Seconds Twilio may ask to wait before it is asked again."""

Found = Callable[[dict[str, Status]], Status | None]

#: What a committed state says in Twilio's words. A part is SENT once Twilio has it: that need not be `sent` yet.
WORDS = {
    PartState.SENT: "queued",
    PartState.DELIVERED: "delivered",
    PartState.READ: "read",
    PartState.REJECTED: "failed",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """Looks for one part: where it goes, and what its callbacks told here."""

    line: Line
    trip: Trip
    watch: Watch

    async def early(self, part: Part) -> Status | None:
        """The message that was told of before anybody looked for it, here or in another process."""
        return self._strange(self.watch.told) or await self._committed(part, self._strange)

    async def sought(self, part: Part) -> Status | None:
        """The message that may have been sent; None when Twilio has no such one. Unconfirmed when nobody knows.

        The list is asked at once, because it mostly has it, and again when no callback came: it may have been late.
        """
        if status := await self._first_look(part) or await self._told(part, self._strange, self.line.timing.callback):
            return status
        asked_to_wait = 0.0
        for pause in (0.0, *self.line.timing.lists):
            await asyncio.sleep(max(pause, asked_to_wait))
            try:
                return await self._listed(part)
            except ChannelError as error:
                log.warning("what Twilio has could not be asked: %s", error)
                if isinstance(error, Throttled):
                    await self.line.silence.told(error.retry_after)
                    asked_to_wait = min(LONGEST_WAIT, error.retry_after)
        raise Unconfirmed("whether a message arrived could not be found out")

    async def through(self, part: Part, status: Status) -> Status:
        """How the message stands once WhatsApp has it or it failed, or after a while and a look or two at it."""

        def through(told: dict[str, Status]) -> Status | None:
            known = told.get(status.sid)
            return known if known and known.through else None

        if status.through:
            return status
        for seconds in self._waits():
            if told := await self._told(part, through, seconds):
                return told
            if (asked := await self._asked(status.sid)) and asked.through:
                return asked
        return asked or status

    def _waits(self) -> tuple[float, ...]:
        """Seconds before each look at Twilio. With other processes `sent` is mostly told to one of those, and what is
        committed cannot say it: then the first look comes sooner.
        """
        whole = self.line.timing.through
        soon = min(self.line.timing.soon, whole)
        return (soon, whole - soon) if self.line.crowded else (whole,)

    async def _told(self, part: Part, found: Found, seconds: float) -> Status | None:
        """The first status this finds, told here or committed elsewhere; None when nothing came that it wants."""
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        while True:
            step = max(0.0, min(self.line.timing.look, end - loop.time()))
            status = await self.watch.until(found, step) or await self._committed(part, found)
            if status or loop.time() >= end:
                return status

    async def _committed(self, part: Part, found: Found) -> Status | None:
        """What is committed of the part, where this wants it. A failure is asked for its code: it may be mended."""
        try:
            kept = await self.trip.outbox.look(part)
        except StoreError as error:  # what is told here counts all the same
            log.warning("a part could not be looked at: %s", error)
            return None
        word = WORDS.get(kept.state, "")
        if not word or not kept.sent_as:
            return None
        status = found({kept.sent_as: Status(kept.sent_as, word)})
        if status is None or not status.failed:
            return status
        for pause in (0.0, *self.line.timing.lists):
            await asyncio.sleep(pause)
            if asked := await self._asked(status.sid):
                return asked
        return status

    async def _asked(self, sid: str) -> Status | None:
        try:
            return status_of(await self.line.client.message(sid))
        except ChannelError as error:
            log.info("a message could not be looked at: %s", error)
            return None

    async def _first_look(self, part: Part) -> Status | None:
        try:
            return await self._listed(part)
        except ChannelError:  # the second look says so, if it is still so then
            return None

    async def _listed(self, part: Part) -> Status | None:
        """This part in Twilio's list of messages."""
        listed = await self.line.client.listing(PREFIX + self.trip.to, self.trip.since)
        found = next((posted for posted in listed if self._is_ours(part, posted)), None)
        return status_of(found) if found else None

    def _strange(self, told: dict[str, Status]) -> Status | None:
        """A message of this part that nobody has claimed."""
        return next((status for sid, status in told.items() if sid not in self.line.claimed), None)

    def _is_ours(self, part: Part, posted: Posted) -> bool:
        words = flat(part.text)
        same = posted.body.strip() in {part.text.strip(), plain(part.text).strip()}
        filled = bool(self.line.template) and words in flat(posted.body)
        outbound = posted.direction.startswith("outbound") and posted.sender == self.line.number
        return outbound and posted.sid not in self.line.claimed and (same or filled)


def status_of(posted: Posted) -> Status:
    """How far a message is, as Twilio's API has it."""
    return Status(posted.sid, posted.status, posted.code)


def flat(text: str) -> str:
    """Words as a template's variable takes them: without marks and line breaks."""
    return " ".join(plain(text).split())
