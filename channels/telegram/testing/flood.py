"""How much one bot may send, and the penalty for more: 429 with `retry_after`, and nothing before that is over.

Telegram publishes about 30 calls a second for a bot, one message a second for a chat (short bursts pass) and 20 a
minute for a group; edits count as messages. Whether drafts and typing do is not published: here they count for the bot
only. What the calls are is not known here.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from channels.telegram.testing.refusal import Refusal
from core.pacing import Bucket

MESSAGES = frozenset({"sendMessage", "editMessageText", "sendPhoto", "sendDocument"})
FREE = frozenset({"getMe", "getUpdates", "setWebhook", "deleteWebhook", "getWebhookInfo", "getFile"})


@dataclass(frozen=True, slots=True)
class Flood:
    """Limits as (calls a second, burst). `penalty` is the least `retry_after` in whole seconds."""

    bot: tuple[float, float] = (30.0, 30.0)
    chat: tuple[float, float] = (1.0, 10.0)
    group: tuple[float, float] = (20 / 60, 20.0)
    penalty: int = 1


class FloodGuard:
    """Counts one bot's calls; without a `flood` everything passes."""

    def __init__(self, flood: Flood | None) -> None:
        self._flood = flood
        self._buckets: dict[int | None, Bucket] = {}
        self._until: dict[int | None, float] = {}

    def check(self, method: str, chat: int | None, now: float) -> None:
        """Count a call at this instant, or raise Refusal 429."""
        if self._flood is None or method in FREE:
            return
        self._count(None, Bucket(*self._flood.bot), self._flood.penalty, now)
        if method in MESSAGES and chat is not None:
            limit = self._flood.group if chat < 0 else self._flood.chat
            self._count(chat, Bucket(*limit), self._flood.penalty, now)

    def _count(self, key: int | None, fresh: Bucket, penalty: int, now: float) -> None:
        left = self._until.get(key, now) - now
        if left <= 0:
            wait, bucket = self._buckets.get(key, fresh).take(now)
            if wait <= 0:
                self._buckets[key] = bucket
                return
            left = max(wait, float(penalty))
            self._until[key] = now + left
        seconds = math.ceil(left)
        raise Refusal(429, f"Too Many Requests: retry after {seconds}", {"retry_after": seconds})
