"""Twilio's side of WhatsApp for tests, refusing what Twilio would. `server` is where a reader starts.

It ships with the product so that whoever changes a bot can try it without Twilio. No test and no assertion belongs
here, and nothing of the channel itself: this is the other side of the wire.
"""

from __future__ import annotations

from channels.whatsapp.testing.api import Call
from channels.whatsapp.testing.server import FakeTwilio
from channels.whatsapp.testing.webhooks import Delivery, Undelivered
from channels.whatsapp.testing.world import Content, Media, Message

__all__ = ["Call", "Content", "Delivery", "FakeTwilio", "Media", "Message", "Undelivered"]
