"""Messages for benchmarks: real customers' questions to the shipped bot, from many chats. It measures nothing."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import count, cycle

from bots.assembly import House
from core.conversation import Address, Arrival, Customer, Message


def questions(house: House) -> list[str]:
    """What the bot's FAQ says customers ask."""
    return [a.question for a in house.desk.policy.library.articles if a.kind == "faq"]


def arrivals(texts: list[str], chats: int) -> Iterator[Arrival]:
    """Endless messages, each the next chat's; the time of each is when it is taken."""
    for number, text in zip(count(), cycle(texts), strict=False):
        chat = Address("memory", f"chat {number % chats}")
        message = Message(f"m{number}", chat, text, datetime.now(UTC), Customer(chat.chat))
        yield Arrival(f"key {number}", '{"text": "as the platform sent it"}', message)
