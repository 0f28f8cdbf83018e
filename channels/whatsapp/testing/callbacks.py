"""What becomes of a message after it was accepted, told to the bot by status callbacks: by itself, or when a test says.

Twilio promises no order between callbacks, nor that they come after the answer to the call. How a form is brought is in
`webhooks`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from channels.whatsapp.testing.news import News
from channels.whatsapp.testing.shapes import VERSION
from channels.whatsapp.testing.webhooks import Delivery, Webhooks
from channels.whatsapp.testing.world import ACCOUNT, SENDER, Message, World

RANKS = ("accepted", "queued", "sending", "sent", "delivered", "read")
FAILED = frozenset({"failed", "undelivered"})
WORDS = {63016: "Failed to send freeform message because you are outside the allowed window."}


@dataclass(frozen=True, slots=True)
class Callback:
    """One status callback that is still to be brought."""

    message: Message
    status: str
    code: int = 0


class Callbacks:
    """The status callbacks of one account. `auto` follow every accepted message, `early` come before the answer."""

    def __init__(self, world: World, webhooks: Webhooks, news: News) -> None:
        self.auto: Sequence[str] = ("sent", "delivered")
        self.early: Sequence[str] = ()
        self.held: list[Callback] = []
        self._holding = False
        self._world = world
        self._webhooks = webhooks
        self._news = news
        self._tasks: set[asyncio.Task[None]] = set()

    async def precede(self, message: Message) -> None:
        """Bring what shall arrive before the call is answered."""
        for status in self.early:
            await self.tell(Callback(message, status))

    def follow(self, message: Message) -> None:
        """Bring the rest, one after another, while others go on."""
        rest = [Callback(message, status) for status in self.auto if status not in self.early]
        if message.fate:
            rest = [Callback(message, "failed", message.fate)]
        task = asyncio.create_task(self._bring(rest))
        self._tasks.add(task)
        task.add_done_callback(self._done)

    async def tell(self, callback: Callback) -> Delivery | None:
        """The message has come to this; the last request of its callback, None when it is held or not wanted."""
        message = callback.message
        if _rises(message.status, callback.status):
            self._world.move(message, callback.status, callback.code)
        self._news.tell()
        if self._holding:
            self.held.append(callback)
            return None
        return await self._post(callback)

    def hold(self) -> None:
        """From now on keep callbacks back."""
        self._holding = True

    async def release(self, *places: int) -> None:
        """Bring those held at these places, in this order; without any, all of them, and hold no more."""
        if not places:
            self._holding = False
        chosen = [self.held[place] for place in places or range(len(self.held))]
        self.held = [callback for callback in self.held if all(callback is not one for one in chosen)]
        for callback in chosen:
            await self._post(callback)

    async def settled(self, seconds: float = 10.0) -> None:
        """Return once none is under way; those held are not. TimeoutError after `seconds`."""
        await self._news.until(lambda: not self._tasks, seconds)

    async def stop(self) -> None:
        """End those under way."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _bring(self, callbacks: Sequence[Callback]) -> None:
        for callback in callbacks:
            await self.tell(callback)

    async def _post(self, callback: Callback) -> Delivery | None:
        if not callback.message.status_callback:
            return None
        return await self._webhooks.bring(callback.message.status_callback, _form(callback))

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._news.tell()


def _rises(now: str, then: str) -> bool:
    """Whether Twilio's own record follows: upwards only, and a failure never follows an arrival."""
    if now in FAILED or then in FAILED:
        return then in FAILED and now not in {"delivered", "read"}
    return RANKS.index(then) > RANKS.index(now)


def _form(callback: Callback) -> dict[str, str]:
    """A status callback's fields (Twilio: "track the status of outbound messages")."""
    message, status, code = callback.message, callback.status, callback.code
    form = {
        "AccountSid": ACCOUNT,
        "ApiVersion": VERSION,
        "ChannelInstallSid": SENDER,
        "ChannelPrefix": "whatsapp",
        "From": message.from_,
        "MessageSid": message.sid,
        "MessageStatus": status,
        "SmsSid": message.sid,
        "SmsStatus": status,
        "StructuredMessage": "false",
        "To": message.to,
    }
    if status == "read":
        form["EventType"] = "READ"
    if code:
        words = WORDS.get(code, "The message was not delivered")
        form |= {"ErrorCode": str(code), "ErrorMessage": words, "ChannelStatusMessage": words}
    return form
