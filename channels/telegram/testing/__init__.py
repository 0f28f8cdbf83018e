"""A Bot API server for tests that refuses what Telegram would. `server` is where a reader starts.

It ships with the product so that whoever changes a bot can try it without Telegram. No test and no assertion belongs
here, and nothing of the channel itself: this is the other side of the wire.
"""

from __future__ import annotations

from channels.telegram.testing.flood import Flood
from channels.telegram.testing.server import Call, FakeBotApi
from channels.telegram.testing.world import Draft, Post

__all__ = ["Call", "Draft", "FakeBotApi", "Flood", "Post"]
