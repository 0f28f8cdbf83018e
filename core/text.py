"""Lengths and cuts of text as chat platforms count them: in UTF-16 units, never through a character people see as one;
and how the pieces of an answer under way become its text.

What marks a text up is in `markup`, what its words mean in `words`. Pure.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import AsyncIterator

_CLAUSE = re.compile(r"[.!?…,;:](?=\s)|\n")
_JOINERS = frozenset("\u200d\ufe0e\ufe0f\u20e3")
_MODIFIERS = range(0x1F3FB, 0x1F400)
_FLAGS = range(0x1F1E6, 0x1F200)
_TAGS = range(0xE0020, 0xE0080)

ELLIPSIS = " …"


class Anew(str):
    """A piece of an answer that takes the place of everything of it that was shown before."""

    __slots__ = ()


def grown(text: str, piece: str) -> str:
    """What is shown once this piece has come."""
    return str(piece) if isinstance(piece, Anew) else text + piece


async def complete(pieces: AsyncIterator[str]) -> str:
    """The whole of an answer, once all its pieces have come."""
    text = ""
    async for piece in pieces:
        text = grown(text, piece)
    return text


def utf16_length(text: str) -> int:
    """The text's length in UTF-16 units: what Telegram and JavaScript count."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def fitting(text: str, limit: int) -> int:
    """How many characters of the text, from its start, fit into `limit` UTF-16 units."""
    if len(text) <= limit // 2:
        return len(text)
    units = 0
    for index, character in enumerate(text):
        units += 2 if character > "\uffff" else 1
        if units > limit:
            return index
    return len(text)


def whole(text: str, cut: int) -> int:
    """The last place at or before `cut` that divides no character people see as one (ZWJ emoji, flags, accents).

    A cluster longer than the text before the cut is divided after all: something has to be shown.
    """
    place = cut
    while 0 < place < len(text) and _joined(text, place):
        place -= 1
    return place or cut


def first_clause(text: str, limit: int = 80) -> str:
    """The text's first clause, at most `limit` UTF-16 units, ending ` …`: what opens a message before its text stands.

    It never holds the whole text: of a single clause it is the first half's words, of a single word the dots alone.
    """
    line = text.strip()
    room = fitting(line, limit - len(ELLIPSIS))
    ends = [m.start() for m in _CLAUSE.finditer(line[:room]) if line[: m.start()].strip() and line[m.end() :].strip()]
    if ends:
        cut = ends[0]
    else:
        half = min(room, len(line) // 2)
        cut = line.rfind(" ", 0, half + 1)
        cut = cut if cut > 0 else (whole(line, room) if len(line) > room else 0)
    return (line[:cut].rstrip() + ELLIPSIS).strip()


def _joined(text: str, place: int) -> bool:
    """Whether the characters on both sides of a place are shown as one."""
    before, after = text[place - 1], text[place]
    if after in _JOINERS or before == "\u200d" or unicodedata.combining(after):
        return True
    if ord(after) in _MODIFIERS or ord(after) in _TAGS:
        return True
    if ord(after) in _FLAGS and ord(before) in _FLAGS:
        start = place
        while start and ord(text[start - 1]) in _FLAGS:
            start -= 1
        return (place - start) % 2 == 1
    return False
