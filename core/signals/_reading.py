"""What several signals share: the text to be read, the earlier ones, quoting, and the word lists that ship.

Everything is bounded: a burst is read at its two ends, a history at its newest part. Files are opened by `load`
only, which build() calls; nothing here runs while a conversation is read but pure functions.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from core.asks import asks
from core.conversation import Conversation
from core.words import clip

LONGEST_QUOTE = 60


def asked(conversation: Conversation) -> str:
    """The burst to be answered, clipped to what is read at all."""
    return clip(conversation.asked)


def bursts(conversation: Conversation, most: int) -> list[tuple[str, str]]:
    """The newest `most` bursts, newest first: (what the customer wrote, the reply before it or empty)."""
    return [(clip(ask.text), ask.reply) for ask in asks(conversation, most)]


def plain(text: str) -> str:
    """The text without addresses: links, @names and e-mail addresses say nothing about what is asked."""
    return " ".join(part for part in text.split() if "@" not in part and "/" not in part)


def quote(text: str) -> str:
    """A piece of the conversation in quotation marks, on one line, cut where it is long."""
    line = " ".join(text.split())
    return f'"{line}"' if len(line) <= LONGEST_QUOTE else f'"{line[: LONGEST_QUOTE - 1].rstrip()}…"'


def load(name: str) -> dict[str, tuple[str, ...]]:
    """A shipped word list by group: `[group]` opens one, then phrases parted by commas or line ends; # comments."""
    groups: dict[str, list[str]] = {}
    group = groups.setdefault("", [])
    text = (Path(__file__).parent / "_data" / f"{name}.txt").read_text(encoding="utf-8")
    for raw in text.splitlines():
        line = raw.partition("#")[0].strip()
        if line.startswith("["):
            group = groups.setdefault(line.strip("[]"), [])
        else:
            group.extend(phrase.strip() for phrase in line.split(",") if phrase.strip())
    return {name: tuple(phrases) for name, phrases in groups.items()}


def joined(parts: Sequence[str]) -> str:
    """The words of a found phrase as one text."""
    return " ".join(parts)
