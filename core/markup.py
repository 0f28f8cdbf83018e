"""A model's Markdown -> plain text with entities, and cutting that into messages. Offsets are UTF-16 units.

Recognised: fences, inline code, `**bold**`, `*italic*`, `_italic_`, links to http, https, mailto and tel,
bullets, headings, quotes and tables. Marks count at word edges only and everything else stays as written, so `10*20`,
`snake_case` and `<name>` survive. Spans within a line are in `spans`. Pure, and linear in the text's length.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from core.spans import Entity, Span, inline
from core.text import fitting, utf16_length, whole

__all__ = ["Entity", "Rich", "convert", "split"]

MOST_ENTITIES = 100
"""Telegram drops the rest without a word (its libraries' constants)."""

MOST_PLACES = 200
"""Places looked at for one cut, the best kind and the latest first."""

LONG_QUOTE = 5
"""A quote of more lines is folded."""

_FENCE = re.compile(r"([ \t]*)(`{3,}|~{3,})[ \t]*([\w+#.-]*)([^`~]*)$")
_HEADING = re.compile(r" {0,3}#{1,6}[ \t]+(?=\S)")
_BULLET = re.compile(r"([ \t]*)[-*][ \t]+(?=\S)")
_QUOTE = re.compile(r" {0,3}(?!>>>)(?:>(?=[ >]|$) ?)+")
_CONTROLS = {code: " " for code in range(32) if chr(code) not in "\n\t"}
_ATOMIC = frozenset({"code", "pre"})
_ENDS = (re.compile(r"\n\s*\n"), re.compile(r"\n"), re.compile(r"(?<=[.!?…\u3002\uff01\uff1f])\s"), re.compile(r"\s"))


@dataclass(frozen=True, slots=True)
class Rich:
    """Text as a platform shows it; entities sorted by offset, outer before inner."""

    text: str
    entities: tuple[Entity, ...] = ()


def convert(markdown: str) -> Rich:
    """The text a customer sees for this Markdown, with at most 100 entities; marks that mean nothing stay."""
    text: list[str] = []
    spans: list[Span] = []
    length = 0
    for piece, found in _blocks(_clean(markdown).split("\n")):
        if text:
            text.append("\n")
            length += 1
        spans += [Span(s.kind, s.start + length, s.end + length, s.url, s.language) for s in found]
        text.append(piece)
        length += len(piece)
    shown = "".join(text)
    return _rich(shown, spans) if shown.strip() else Rich(markdown.strip())


def split(rich: Rich, limit: int = 4096) -> list[Rich]:
    """The text in messages of at most `limit` UTF-16 units: cut between paragraphs, lines, sentences or words.

    No character people see as one is cut, and no entity that fits a message; a longer one goes on in the next. Every
    part is stripped, as platforms do; a text of blanks gives no part.
    """
    parts: list[Rich] = []
    rest = _stripped(rich)
    while rest.text:
        if utf16_length(rest.text) <= limit:
            return [*parts, rest]
        cut = _cut(rest, limit)
        head = _stripped(_slice(rest, 0, cut))
        if head.text:
            parts.append(head)
        rest = _stripped(_slice(rest, cut, len(rest.text)))
    return parts


def _clean(text: str) -> str:
    """Text any platform takes: one kind of line end, halves of a character joined or replaced, no control codes."""
    joined = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return joined.replace("\r\n", "\n").translate(_CONTROLS)


def _blocks(lines: list[str]) -> Iterator[tuple[str, list[Span]]]:
    """Each block's shown text and its spans in characters."""
    i = 0
    while i < len(lines):
        if fence := _FENCE.match(lines[i]):
            end = _fence_end(lines, i, fence[2])
            body = _code(fence, lines[i + 1 : end])
            yield body, [Span("pre", 0, len(body), language=fence[3])]
            i = end + 1
            continue
        if "|" in lines[i] and i + 1 < len(lines) and _is_ruler(lines[i + 1]):
            end = _while(lines, i, lambda line: "|" in line)
            body = "\n".join(line.rstrip() for line in lines[i:end])
            yield body, [Span("pre", 0, len(body))]
            i = end
            continue
        if _QUOTE.match(lines[i]):
            end = _while(lines, i, lambda line: bool(_QUOTE.match(line)))
            yield _quote([_QUOTE.sub("", line, count=1) for line in lines[i:end]])
            i = end
            continue
        yield _line(lines[i])
        i += 1


def _fence_end(lines: list[str], start: int, mark: str) -> int:
    """The line that closes a fence; the end of the text while a model is still writing it."""
    for i in range(start + 1, len(lines)):
        if lines[i].strip().startswith(mark) and not lines[i].strip().strip(mark[0]):
            return i
    return len(lines)


def _code(fence: re.Match[str], lines: list[str]) -> str:
    """What is fenced, without the fence's own indentation; what the fence says besides its language stands first."""
    indent = len(fence[1])
    body = [line[min(indent, len(line) - len(line.lstrip())) :] for line in lines]
    return "\n".join([fence[4].strip(), *body] if fence[4].strip() else body)


def _is_ruler(line: str) -> bool:
    """Whether this is the line between a table's head and its rows."""
    return "|" in line and "-" in line and not line.strip("|-: \t")


def _while(lines: list[str], start: int, holds: Callable[[str], bool]) -> int:
    end = start
    while end < len(lines) and holds(lines[end]):
        end += 1
    return end


def _quote(lines: list[str]) -> tuple[str, list[Span]]:
    kind = "expandable_blockquote" if len(lines) > LONG_QUOTE else "blockquote"
    text, spans = "", []
    for n, line in enumerate(lines):
        shown, found = _line(line)
        text += "\n" if n else ""
        spans += [replace(s, start=s.start + len(text), end=s.end + len(text)) for s in found]
        text += shown
    return text, [Span(kind, 0, len(text)), *spans]


def _line(line: str) -> tuple[str, list[Span]]:
    if heading := _HEADING.match(line):
        shown, spans = inline(_title(line[heading.end() :].rstrip()))
        return shown, [Span("bold", 0, len(shown)), *(s for s in spans if s.kind != "bold")]
    lead = ""
    bullet = _BULLET.match(line)
    if bullet and line.strip("-*_ \t"):
        lead, line = f"{bullet[1]}• ", line[bullet.end() :]
    shown, spans = inline(line)
    return lead + shown, [replace(s, start=s.start + len(lead), end=s.end + len(lead)) for s in spans]


def _title(text: str) -> str:
    """A heading without the marks that may end it; the one of `C#` belongs to its word."""
    bare = text.rstrip("#")
    return bare.rstrip() if bare != bare.rstrip() else text


def _rich(text: str, spans: list[Span]) -> Rich:
    """Spans in characters as entities in units: code alone where it stands, the first hundred."""
    atoms = sorted((s for s in spans if s.kind in _ATOMIC), key=lambda s: s.start)
    pieces = list(atoms)
    for span in spans:
        if span.kind not in _ATOMIC:
            pieces += _around(span, atoms)
    pieces = sorted((s for s in pieces if text[s.start : s.end].strip()), key=lambda s: (s.start, -s.end))
    kept = pieces[:MOST_ENTITIES]
    units = _units(text, {place for s in kept for place in (s.start, s.end)})
    return Rich(
        text, tuple(Entity(s.kind, units[s.start], units[s.end] - units[s.start], s.url, s.language) for s in kept)
    )


def _around(span: Span, atoms: list[Span]) -> Iterator[Span]:
    """What is left of a span outside code, which bears nothing around it but a quote."""
    start = span.start
    if not span.kind.endswith("blockquote"):
        at = bisect_left(atoms, start, key=lambda atom: atom.start)
        while at < len(atoms) and atoms[at].start < span.end:
            yield replace(span, start=start, end=atoms[at].start)
            start, at = atoms[at].end, at + 1
    yield replace(span, start=min(start, span.end))


def _units(text: str, places: set[int]) -> dict[int, int]:
    """The UTF-16 offset of each of these character offsets."""
    units, before, offset = {}, 0, 0
    for place in sorted(places):
        offset += utf16_length(text[before:place])
        units[place], before = offset, place
    return units


def _slice(rich: Rich, start: int, end: int) -> Rich:
    """The characters from start to end with the entities over them, clipped."""
    units = _units(rich.text, {start, end})
    low, high = units[start], units[end]
    clipped = []
    for entity in rich.entities:
        begin, stop = max(entity.offset, low), min(entity.offset + entity.length, high)
        if stop > begin:
            clipped.append(replace(entity, offset=begin - low, length=stop - begin))
    return Rich(rich.text[start:end], tuple(clipped))


def _stripped(rich: Rich) -> Rich:
    """Without white space at its ends, as platforms show it; where code begins its indentation stays."""
    text = rich.text
    start, end = len(text) - len(text.lstrip()), len(text.rstrip())
    if not text.strip():
        return Rich("")
    code = next((entity.offset for entity in rich.entities if entity.kind == "pre"), start)
    start = min(start, code)  # white space is one unit a character
    return rich if (start, end) == (0, len(text)) else _slice(rich, start, end)


def _cut(rich: Rich, limit: int) -> int:
    """Where to end the first part, in characters; at least one."""
    room = fitting(rich.text, limit)
    places = [m.end() for end in _ENDS for m in reversed(list(end.finditer(rich.text, room // 2, room)))]
    places = places[:MOST_PLACES] or [m.end() for m in _ENDS[-1].finditer(rich.text, 0, room // 2)][-1:]
    for place in (*places, whole(rich.text, room)):
        start = _entity_start(rich, place, limit)
        if start > 0:
            return start
    return max(1, whole(rich.text, room))


def _entity_start(rich: Rich, place: int, limit: int) -> int:
    """The cut moved before the entities it would divide; unmoved through one too long for any part."""
    at = utf16_length(rich.text[:place])
    divided = [e for e in rich.entities if e.offset < at < e.offset + e.length and e.length <= limit]
    if not divided:
        return place
    return fitting(rich.text, min(e.offset for e in divided))
