"""Customers' messages that Twilio has and we do not: listed after every gap, and admitted as if they had been brought.

Twilio gives a webhook 15 seconds and then forgets it. Which message is new only the inbox knows: a listed one has the
same key as the one a webhook brings. Reasons, figures and what a list does not tell: docs/decisions/0013.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from channels.whatsapp.forms import NAME, PREFIX, Form
from channels.whatsapp.line import FOREIGN, LISTED, RECONCILED, UNLISTED, Line, Rounds
from channels.whatsapp.posts import Posted
from core.errors import ChannelError, Rejected, StoreError, Throttled
from core.ports import Inbox

log = logging.getLogger(__name__)

MOST = 50_000
"""Messages of one look back at most, the newest: about 50 pages of Twilio's and 50 MB here."""

MOST_KNOWN = 20_000  # ids

Admit = Callable[[Form, datetime], Awaitable[bool]]


@dataclass(slots=True)
class Reconciler:
    """Goes round for one number. `admit` commits a form that was written at this time; whether it was new. StoreError.

    `complete` is up to when nothing is missing, as far as this process knows: it is forgotten with the process, and the
    next one looks back further instead.
    """

    line: Line
    admit: Admit
    complete: datetime | None = None
    _known: dict[str, None] = field(default_factory=dict)
    _gap: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def _rounds(self) -> Rounds:
        return self.line.timing.rounds

    def missed(self) -> None:
        """A webhook could not be answered well: look soon."""
        self._gap.set()

    async def run(self, inbox: Inbox) -> None:
        """Go round until cancelled, in one process of the fleet at a time. A round that fails is only logged."""
        while True:
            async with inbox.fleet.alone(f"{self.line.silence.scope}:reconciler"):
                self.complete = None  # what the process before has done is not known here
                while True:
                    await self._tried(inbox)
                    await self._pause()

    async def _tried(self, inbox: Inbox) -> None:
        try:
            if await self.line.silence.left() == 0:
                await self._round(inbox)
                self.line.counts[LISTED] += 1
        except (ChannelError, StoreError) as error:
            self.line.counts[UNLISTED] += 1
            log.warning("whether a message is missing could not be found out, it is tried again: %s", error)
            if isinstance(error, Throttled):
                await self.line.silence.told(error.retry_after)
        except Exception:
            self.line.counts[UNLISTED] += 1
            log.exception("whether a message is missing could not be found out")

    async def _pause(self) -> None:
        try:
            async with asyncio.timeout(self._rounds.every):
                await self._gap.wait()
        except TimeoutError:
            return
        # Twilio may still be trying, and its webhook tells more than its list.
        await asyncio.sleep(self._rounds.young.total_seconds())
        self._gap.clear()

    async def _round(self, inbox: Inbox) -> None:
        """One look. After ChannelError or StoreError `complete` is where it was: the next one looks there again."""
        until = self.line.now() - self._rounds.young
        first, since = self.complete is None, until - self._rounds.back
        if self.complete is not None:
            since = self.complete - self._rounds.overlap
        listed = await self.line.client.since(since, MOST, to=self.line.number)
        if len(listed) >= MOST:
            log.error("only the newest %s messages are looked at; older ones may be missing", MOST)
        rows = [row for row in listed if self._fits(row, until)]
        written = await self._written(since) if first and rows else {}
        failed: ChannelError | None = None
        for row in rows:  # oldest first: the order of a chat, and of the names its customer writes from
            try:
                await self._recover(inbox, row, written)
            except ChannelError as error:  # its files could not be listed; the others need not wait for it
                failed = error
        if failed is not None:
            raise failed
        self.complete = until

    def _fits(self, row: Posted, until: datetime) -> bool:
        inbound = row.direction == "inbound" and row.sender.startswith(PREFIX)
        return inbound and row.sid not in self._known and (row.made is None or row.made <= until)

    async def _written(self, since: datetime) -> dict[str, datetime]:
        """When each address was last written to from our number."""
        listed = await self.line.client.since(since, MOST, sender=self.line.number)
        return {row.to: row.made for row in listed if row.made is not None}

    async def _recover(self, inbox: Inbox, row: Posted, written: dict[str, datetime]) -> None:
        """Admit a message; not one of a stranger who was written to since: this number was another program's then."""
        at = row.made or self.line.now()
        answered = row.sender in written and written[row.sender] >= at
        if answered and await self._is_strange(inbox, row.sender):
            self.line.counts[FOREIGN] += 1
            log.warning("a message is left to whoever answered it on this number before: nothing is known of its chat")
        # However old it is: it is answered, or where free text is not taken any more a person is told.
        else:
            if answered:
                del written[row.sender]  # it was us who wrote: asked once for a customer
            if await self.admit(await self._form(row), at):
                self.line.counts[RECONCILED] += 1
                age = int((self.line.now() - at).total_seconds())
                log.warning("reconciled: a message that no webhook brought was found at Twilio, %s s old", age)
        self._known[row.sid] = None
        if len(self._known) > MOST_KNOWN:
            del self._known[next(iter(self._known))]

    async def _is_strange(self, inbox: Inbox, sender: str) -> bool:
        """Whether nothing was ever said with this customer here: then it was another program that wrote to them."""
        chat = await inbox.chat_of(NAME, [sender.removeprefix(PREFIX)])
        return not (await inbox.history(chat)).turns

    async def _form(self, row: Posted) -> Form:
        """The form a webhook would have brought, as far as the list tells: no name, no second address, no place."""
        files: Sequence[tuple[str, str]] = ()
        if row.files:
            try:
                files = await self.line.client.files(row.sid)
            except Rejected:  # deleted since, for example: that something came can still be said
                files = [("", "")] * row.files
        pairs = [("MessageSid", row.sid), ("SmsStatus", "received"), ("From", row.sender), ("To", row.to)]
        pairs += [("Body", row.body), ("NumMedia", str(len(files)))]
        for n, (url, mime) in enumerate(files):
            pairs += [(f"MediaUrl{n}", url), (f"MediaContentType{n}", mime)]
        return Form((*pairs, ("Reconciled", "true")))
