"""A long answer -> the bodies of the messages it is sent as, in WhatsApp's markup. Pure.

The outbox keeps the bodies as they are sent: Twilio's list of messages is searched for them when an answer got lost.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from channels.whatsapp.markup import written
from core.markup import Rich, convert, split
from core.text import utf16_length

LIMIT = 1600
"""UTF-16 units of one message at most: Twilio's limit for a body (error 21617)."""

AIMS = (700, 1000, 1300, LIMIT)
"""Units a part should have, and may have where a sentence, paragraph or piece of formatting does not end before."""

TIGHTER = (350, 175, 90, 45, 22, 11)
"""Tried when marks and addresses make a part longer than it looks."""

WINDOW = 4 * LIMIT
"""Characters looked at for one cut; what lies further on does not change it."""

_ENDS = frozenset(".!?…:;»”\"')]\u3002\uff01\uff1f")


def bodies(markdown: str) -> list[str]:
    """The text in messages of at most 1,600 units, cut at the ends of paragraphs and sentences; `[]` for blanks."""
    return [body for part in _parts(convert(markdown)) for body in _hard(written(part))]


def _parts(rich: Rich) -> Iterator[Rich]:
    rest = next(iter(split(rich, max(LIMIT, utf16_length(rich.text)))), Rich(""))  # stripped
    while rest.text:
        head = _head(_slice(rest, 0, WINDOW))
        yield head
        start = len(head.text)
        start += len(rest.text[start:]) - len(rest.text[start:].lstrip())
        rest = _slice(rest, start, len(rest.text))


def _head(rest: Rich) -> Rich:
    """The first part of what is left: the shortest that ends well, else the shortest that fits."""
    fitting = []
    for limit in AIMS:
        head = split(rest, limit)[0]
        if utf16_length(written(head)) > LIMIT:
            break
        if _ends_well(rest, head):
            return head
        fitting.append(head)
    if fitting:
        return fitting[0]
    tried = (split(rest, limit)[0] for limit in TIGHTER)
    return next((head for head in tried if utf16_length(written(head)) <= LIMIT), split(rest, TIGHTER[-1])[0])


def _ends_well(rest: Rich, head: Rich) -> bool:
    """Whether a reader can pause here: after a line or a sentence, and not inside of anything formatted."""
    end = len(head.text)
    units = utf16_length(head.text)
    if any(entity.offset < units < entity.offset + entity.length for entity in rest.entities):
        return False
    after = rest.text[end:].lstrip(" \t")
    return not after or after.startswith("\n") or head.text[-1] in _ENDS


def _slice(rich: Rich, start: int, end: int) -> Rich:
    """The characters from start to end, with the entities over them, clipped."""
    low, high = utf16_length(rich.text[:start]), utf16_length(rich.text[:end])
    spans = ((e, max(e.offset, low), min(e.offset + e.length, high)) for e in rich.entities)
    kept = (replace(e, offset=begin - low, length=stop - begin) for e, begin, stop in spans if begin < stop)
    return Rich(rich.text[start:end], tuple(kept))


def _hard(body: str) -> list[str]:
    """A body that is too long for all that, such as one endless address, cut where no character is broken."""
    return [body] if utf16_length(body) <= LIMIT else [piece.text for piece in split(Rich(body), LIMIT)]
