"""A long answer -> the Markdown sources of the messages it is sent as. Pure.

The outbox keeps *sources*, not rendered text: whoever resumes after a crash renders each part again, entities and all.
Where to cut is `core.markup.split`'s choice; here the place in the source is found that renders to it. A cut is good
when both sides, rendered apart, look as they do rendered together; so no mark is cut in two.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass

from core.markup import MOST_ENTITIES, Rich, convert, split
from core.text import utf16_length

LIMIT = 4096  # UTF-16 units of one Telegram message
TRIES = 40  # places looked at for one cut, the latest first
# A source is longer than it looks, mostly by its links; what lies further on is looked at for a later part.
WINDOW = 4 * LIMIT
BLANKS = re.compile(r"\s+")
FENCE = re.compile(r"^[ \t]*(```+|~~~+)[^\n]*$", re.MULTILINE)


def rendered(source: str) -> list[Rich]:
    """Markdown as messages that fit, at least one unless it is blank."""
    return split(convert(source), LIMIT)


def sources(markdown: str) -> list[str]:
    """The text in parts that each fit one message; `[markdown]` when it fits, `[]` when there is nothing to say."""
    rest, parts = markdown.strip(), []
    while not _fits(convert(rest)):
        window, further = rest[:WINDOW], rest[WINDOW:]
        head, tail = _cut(window, rendered(window)[0])
        parts.append(head)
        rest = tail + further
    return [*parts, rest] if rest else parts


@dataclass(frozen=True, slots=True)
class Look:
    """What a customer sees, blanks left out because a cut swallows some: the characters and what is laid over them.

    A span is its start and end in those characters, its kind and what belongs to it.
    """

    text: str
    spans: frozenset[tuple[int, int, str]]

    @classmethod
    def of(cls, rich: Rich) -> Look:
        """The look of a rendered text; a folded quote looks like an open one."""
        counted, seen = [0], 0  # characters seen before each UTF-16 unit
        for character in rich.text:
            seen += not character.isspace()
            counted += [seen] * (2 if character > "\uffff" else 1)
        spans = (
            (counted[e.offset], counted[e.offset + e.length], f"{e.kind[-10:]} {e.url} {e.language}")
            for e in rich.entities
        )
        return cls(_solid(rich.text), frozenset(spans))

    def part(self, start: int, end: int) -> Look:
        """The look of the characters from start to end."""
        clipped = ((max(a, start) - start, min(b, end) - start, kind) for a, b, kind in self.spans)
        return Look(self.text[start:end], frozenset(span for span in clipped if span[0] < span[1]))


def _cut(markdown: str, first: Rich) -> tuple[str, str]:
    """The source of a first part, as near to the rendered `first` as can be, and what is left."""
    rich = convert(markdown)
    whole = Look.of(rich)
    for head, tail in _candidates(markdown, len(_solid(first.text))):
        left = convert(head)
        place = len(_solid(left.text))
        if not place or not _fits(left):
            continue
        right, rest = Look.of(convert(tail)), whole.part(place, len(whole.text))
        # The entities beyond the hundredth are missing from the whole and stand in its second half.
        if right == rest or (len(rich.entities) == MOST_ENTITIES and right.text == rest.text):
            return head, tail
    return _hard_cut(markdown)


def _candidates(markdown: str, wanted: int) -> Iterator[tuple[str, str]]:
    """Cuts at blanks, from the one that shows `wanted` characters on its left side backwards."""
    blanks = [blank for blank in BLANKS.finditer(markdown, 1, WINDOW) if blank.end() < len(markdown)]
    last = bisect_right(blanks, wanted, key=lambda blank: len(_solid(convert(markdown[: blank.start()]).text)))
    for blank in reversed(blanks[max(0, last - TRIES) : last]):
        yield _close(markdown[: blank.start()], markdown[blank.end() :])


def _close(head: str, tail: str) -> tuple[str, str]:
    """Both sides of a cut; code that is cut in two is fenced on both."""
    fences = list(FENCE.finditer(head))
    if len(fences) % 2 == 0:
        return head, tail
    opening = fences[-1]
    return f"{head}\n{opening[1]}", f"{opening[0].strip()}\n{tail}"


def _hard_cut(markdown: str) -> tuple[str, str]:
    """One endless word, or marks around more than a message: cut the plain source where no character is broken."""
    head = split(Rich(markdown[:LIMIT]), LIMIT // 2)[0].text
    return head, markdown[len(head) :].lstrip()


def _fits(rich: Rich) -> bool:
    return utf16_length(rich.text.strip()) <= LIMIT


def _solid(text: str) -> str:
    return "".join(text.split())
