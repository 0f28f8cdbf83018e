"""Updates waiting for the bot: long polling with its offsets, or a webhook that gets them again until it says 2xx.

Telegram's promise to bots is all that belongs here: nothing is forgotten before it was confirmed, and what concerns
one chat is delivered in order. Where updates come from is in `customers`.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import aiohttp

from channels.telegram.testing.news import News
from channels.telegram.testing.refusal import Refusal

UNASKED = frozenset({"chat_member", "message_reaction", "message_reaction_count"})
"""What is only delivered to bots that ask for it by name."""

SECRET = re.compile(r"[A-Za-z0-9_-]{1,256}")
SECRET_HEADER = "X-Telegram-Bot-Api-Secret-Token"  # noqa: S105 - a name
LONGEST_POLL = 50  # seconds, whatever is asked for
MOST = 100  # updates of one answer
PATIENCE = aiohttp.ClientTimeout(total=10)

Raw = dict[str, Any]
Given = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Webhook:
    """Where updates are delivered, and the secret their header carries."""

    url: str = ""
    secret: str = ""


class Updates:
    """The updates of one bot. `delays`: seconds before a webhook gets an update again, the last one repeated."""

    def __init__(self, news: News, delays: Sequence[float]) -> None:
        self.pending: dict[int, Raw] = {}
        self.webhook = Webhook()
        self.failed: str = ""
        self._news = news
        self._delays = delays
        self._next = 100_001
        self._kinds: frozenset[str] = frozenset()
        self._poll = 0
        self._at_work: set[object] = set()

    def add(self, update: Mapping[str, Any]) -> int:
        """An update has happened; its id. One that says its own id comes under that again."""
        number: int = update.get("update_id", self._next)
        self._next = max(self._next, number + 1)
        kinds = update.keys() - {"update_id"}
        if self._kinds & kinds if self._kinds else not UNASKED & kinds:
            self.pending[number] = {"update_id": number, **update}
            self._news.tell()
        return number

    async def get(self, given: Given) -> list[Raw]:
        """GetUpdates: a higher offset confirms what is below it; the rest comes again. Raises Refusal."""
        if self.webhook.url:
            why = "can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first"
            raise Refusal(409, f"Conflict: {why}")
        self._poll += 1
        mine = self._poll
        self._news.tell()
        self._ask_for(given)
        self._confirm(given.get("offset", 0))
        try:
            wait = min(max(given.get("timeout", 0), 0), LONGEST_POLL)
            await self._news.until(lambda: self.pending or self._poll != mine, wait)
        except TimeoutError:
            return []
        if self._poll != mine:
            why = "terminated by other getUpdates request; make sure that only one bot instance is running"
            raise Refusal(409, f"Conflict: {why}")
        limit = min(max(given.get("limit", MOST), 1), MOST)
        return [self.pending[number] for number in sorted(self.pending)[:limit]]

    def set_webhook(self, given: Given) -> bool:
        """SetWebhook; an empty address ends it. Any http address will do here. Raises Refusal."""
        url, secret = given["url"], given.get("secret_token", "")
        if url and not url.startswith(("http://", "https://")):
            raise Refusal(400, "Bad Request: bad webhook: invalid webhook URL specified")
        if secret and not SECRET.fullmatch(secret):
            raise Refusal(400, "Bad Request: secret token contains unallowed characters")
        self._ask_for(given)
        return self._switch(Webhook(url, secret), given)

    def delete_webhook(self, given: Given) -> bool:
        """DeleteWebhook."""
        return self._switch(Webhook(), given)

    def webhook_info(self) -> Raw:
        """GetWebhookInfo."""
        info = {"url": self.webhook.url, "has_custom_certificate": False, "pending_update_count": len(self.pending)}
        return info | ({"last_error_message": self.failed, "last_error_date": int(time.time())} if self.failed else {})

    async def deliver(self) -> None:
        """Bring updates to the webhook, one at a time a chat, for as long as this is not cancelled."""
        async with aiohttp.ClientSession(timeout=PATIENCE) as session, asyncio.TaskGroup() as group:
            while True:
                await self._news.until(lambda: self.webhook.url and self._idle())
                for chat in self._idle():
                    self._at_work.add(chat)
                    group.create_task(self._serve(session, chat))

    def stop(self) -> None:
        """End the poll that is waiting, if one is."""
        self._poll += 1
        self._news.tell()

    def _idle(self) -> set[object]:
        """Chats whose updates wait and nobody brings them."""
        return {_chat(update) for update in self.pending.values()} - self._at_work

    async def _serve(self, session: aiohttp.ClientSession, chat: object) -> None:
        try:
            attempt = 0
            hook = self.webhook
            while self.webhook == hook and hook.url:
                number = min((n for n, update in self.pending.items() if _chat(update) == chat), default=None)
                if number is None:
                    return
                done = await self._post(session, self.pending[number])
                if done:
                    self.pending.pop(number, None)
                    attempt = 0
                self._news.tell()
                if not done:
                    await asyncio.sleep(self._delays[min(attempt, len(self._delays) - 1)])
                    attempt += 1
        finally:
            self._at_work.discard(chat)
            self._news.tell()

    async def _post(self, session: aiohttp.ClientSession, update: Raw) -> bool:
        headers = {SECRET_HEADER: self.webhook.secret} if self.webhook.secret else {}
        try:
            async with session.post(self.webhook.url, json=update, headers=headers, allow_redirects=False) as answer:
                self.failed = "" if answer.ok else f"Wrong response from the webhook: {answer.status} {answer.reason}"
                return answer.status // 100 == 2
        except (aiohttp.ClientError, TimeoutError) as error:
            self.failed = type(error).__name__
            return False

    def _ask_for(self, given: Given) -> None:
        """Which kinds come from now on: none named is the default, nothing said leaves it as it was."""
        if (kinds := given.get("allowed_updates")) is not None:
            self._kinds = frozenset(kinds)

    def _confirm(self, offset: int) -> None:
        newest = sorted(self.pending)[offset:] if offset < 0 else [n for n in self.pending if n >= offset]
        self.pending = {number: self.pending[number] for number in newest}

    def _switch(self, webhook: Webhook, given: Given) -> bool:
        if given.get("drop_pending_updates"):
            self.pending.clear()
        self.webhook = webhook
        self.stop()
        return True


def _chat(update: Raw) -> object:
    """What an update is about, None for what belongs to no chat."""
    bodies = [body for body in update.values() if isinstance(body, dict)]
    bodies += [body["message"] for body in bodies if isinstance(body.get("message"), dict)]
    return next((body["chat"].get("id") for body in bodies if isinstance(body.get("chat"), dict)), None)
