"""What several signals share: the text to be read, quoting, and the word lists that ship.

Everything is bounded: a burst is read at its two ends. Files are opened by `load`
only, which build() calls; nothing here runs while a conversation is read but pure functions.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from core.conversation import Conversation, Message, MessageKind, Reply
from core.words import LONGEST, clip

LONGEST_QUOTE = 60


def asked(conversation: Conversation) -> str:
    """`conversation.asked`, clipped to what is read at all; megabytes are cut before they are put together."""
    newest: list[str] = []
    for turn in reversed(conversation.turns):
        if isinstance(turn, Reply):
            break
        if isinstance(turn, Message) and turn.text and turn.kind is not MessageKind.NOTED:
            newest.append(turn.text)
    if len(newest) == 1:
        return clip(newest[0])
    if sum(map(len, newest)) + len(newest) - 1 <= LONGEST:
        return "\n".join(reversed(newest))
    # One character more than the longest at either end, so that clip still sees that something is cut.
    half = LONGEST // 2 + 1
    first = "\n".join(text[:half] for text in reversed(newest[-half:]))[:half]
    last = "\n".join(text[-half:] for text in reversed(newest[:half]))[-half:]
    return clip(first + last)


def plain(text: str) -> str:
    """The text without addresses: links, @names and e-mail addresses say nothing about what is asked."""
    parts = text.split()
    if "@" in text or "/" in text:
        parts = [part for part in parts if "@" not in part and "/" not in part]
    return " ".join(parts)


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
