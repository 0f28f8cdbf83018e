"""Formatted text -> WhatsApp's own markup: `*bold*`, `_italic_`, `~strike~`, backticks, `> quote`, links in full. Pure.

WhatsApp has no way to escape a mark and does not publish its rules, so this side keeps well within them: a mark is set
only between word edges within one line, a text that holds its own mark stays plain, and a literal mark that could be
taken for formatting is replaced by a character that looks like it. Everything else stays as it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from core.markup import Entity, Rich

MARKS = {"bold": "*", "italic": "_", "strikethrough": "~", "code": "`"}
FENCE = "```"
#: Asterisk operator, modifier low macron, tilde operator, modifier grave accent.
LIKE = {"*": "\u2217", "_": "\u02cd", "~": "\u223c", "`": "\u02cb"}
#: What makes a quote or a list of a line it begins, and what is written instead.
LEADS = {">": "\ufe65", "*": "\u2217", "-": "\u2013"}

_ADDRESS = re.compile(r"\b(?:https?://|www\.)\S+|[^\W_][\w.+-]*@[\w-]+\.[\w.-]+", re.IGNORECASE)
_LEAD = re.compile(r"^([ \t]*)([>*-])(?=\s)", re.MULTILINE)
_FENCED = re.compile(r"```(.+?)```", re.DOTALL)
_PAIRS = [re.compile(rf"(?<![^\W_]){re.escape(m)}((?=\S)[^{m}\n]+(?<=\S)){re.escape(m)}(?![^\W_])") for m in "`*_~"]
_CODE = (_FENCED, _PAIRS[0])
_SCHEMES = ("mailto:", "tel:")


@dataclass(frozen=True, slots=True)
class Span:
    """An entity over characters `start` to `end`, on one line but for `pre`."""

    kind: str
    start: int
    end: int
    url: str = ""


def written(rich: Rich) -> str:
    """The text as WhatsApp is sent it; what cannot be marked safely is sent plain."""
    text, spans = _links(rich.text, _spans(rich))
    pre = [span for span in spans if span.kind == "pre"]
    marked = [span for span in _by_line(text, spans) if _is_safe(text, span, spans)]
    quoted = [span for span in spans if span.kind.endswith("blockquote")]
    shown = list(_literals(text, marked, pre))
    for start in _line_starts(text):
        if any(span.start <= start < span.end for span in quoted):
            shown[start] = f"> {shown[start]}"
        elif lead := _LEAD.match(text, start):
            at = lead.start(2)
            inside = any(span.start <= at < span.end for span in (*pre, *marked))
            shown[at] = shown[at] if inside else LEADS[lead[2]]
    return _with_marks(text, shown, [*marked, *pre])


def plain(body: str) -> str:
    """A text that was written here, without its marks: what is sent when WhatsApp would not take it with them."""
    gone: set[int] = set()
    hidden = _ADDRESS.sub(lambda found: "x" * len(found[0]), body)
    for pair in (_FENCED, *_PAIRS):
        for found in pair.finditer(hidden):
            gone |= {*range(found.start(), found.start(1)), *range(found.end(1), found.end())}
        if pair in _CODE:  # what is in code means nothing else; its marks are edges of words
            hidden = pair.sub(lambda found: "." * len(found[0]), hidden)
    for quote in re.finditer(r"^> ", hidden, re.MULTILINE):
        gone |= {*range(*quote.span())}
    return written(Rich("".join(c for at, c in enumerate(body) if at not in gone)))


def _spans(rich: Rich) -> list[Span]:
    """The entities in characters instead of UTF-16 units, outer before inner."""
    at, place = {0: 0}, 0
    for n, character in enumerate(rich.text, 1):
        place += 2 if character > "\uffff" else 1
        at[place] = n
    return [Span(e.kind, at[e.offset], at[e.offset + e.length], e.url) for e in rich.entities if _fits(e, at)]


def _fits(entity: Entity, at: dict[int, int]) -> bool:
    return entity.offset in at and entity.offset + entity.length in at


def _links(text: str, spans: Sequence[Span]) -> tuple[str, list[Span]]:
    """Every link's address written behind its text, unless the text says it already; the other spans moved along."""
    moved = [span for span in spans if span.kind != "text_link"]
    for link in sorted((span for span in spans if span.kind == "text_link"), key=lambda span: -span.end):
        address = link.url
        for scheme in _SCHEMES:
            address = address.removeprefix(scheme)
        shown = text[link.start : link.end].strip()
        if shown.removesuffix("/") in {address.removesuffix("/"), re.sub(r"^https?://", "", address).removesuffix("/")}:
            continue
        added = f" ({address})"
        text = text[: link.end] + added + text[link.end :]
        moved = [_moved(span, link, len(added)) for span in moved]
    return text, moved


def _moved(span: Span, link: Span, by: int) -> Span:
    if span.start >= link.end:
        return replace(span, start=span.start + by, end=span.end + by)
    return replace(span, end=span.end + by) if span.end >= link.end else span


def _by_line(text: str, spans: Sequence[Span]) -> Iterator[Span]:
    """The spans with marks, in pieces of one line each, without blanks at their ends."""
    for span in spans:
        if span.kind not in MARKS:
            continue
        for line in re.finditer(r"[^\n]+", text[span.start : span.end]):
            words = line[0].strip()
            if words:
                start = span.start + line.start() + line[0].index(words)
                yield Span(span.kind, start, start + len(words))


def _is_safe(text: str, span: Span, spans: Sequence[Span]) -> bool:
    """Whether WhatsApp shows this as meant: own mark absent, words' edges at both ends, no other mark run into."""
    mark, inside = MARKS[span.kind], text[span.start : span.end]
    before, after = text[span.start - 1 : span.start] if span.start else "", text[span.end : span.end + 1]
    if mark in inside or "`" in inside or any(c.isalnum() or c in LIKE for c in (before, after) if c):
        return False
    return not any(other.end == span.start or other.start == span.end for other in spans if other.kind == span.kind)


def _literals(text: str, marked: Sequence[Span], pre: Sequence[Span]) -> Iterator[str]:
    """The text's characters; a mark that stands for itself and could open formatting is replaced by its like."""
    kept = {at for span in (*marked, *pre) if span.kind in {"code", "pre"} for at in range(span.start, span.end)}
    kept |= {at for found in _ADDRESS.finditer(text) for at in range(*found.span())}
    fences = {at for found in re.finditer("`{3,}", text) for at in range(*found.span())} | set(_edges(text, pre))
    joints = {at for span in marked for at in (span.start, span.end)}
    closers = _last_closers(text, marked, joints)
    for at, character in enumerate(text):
        if character not in LIKE:
            yield character
        elif at in fences and not any(s.start <= at < s.end for s in marked if s.kind == "code"):
            yield LIKE["`"]
        elif at not in kept and _may_open(text, at, joints) and at < closers.get((_line_of(text, at), character), -1):
            yield LIKE[character]
        else:
            yield character


def _edges(text: str, pre: Sequence[Span]) -> Iterator[int]:
    """The backticks code begins or ends with, which would run into its fence."""
    for span in pre:
        code = text[span.start : span.end]
        yield from range(span.start, span.start + len(code) - len(code.lstrip("`")))
        yield from range(span.start + len(code.rstrip("`")), span.end)


def _may_open(text: str, at: int, joints: set[int]) -> bool:
    """Whether formatting could begin here: at no word's end, before something. At `joints` marks are put in."""
    before, after = text[at - 1 : at] if at else "", text[at + 1 : at + 2]
    return (at in joints or not before.isalnum()) and (at + 1 in joints or bool(after.strip()))


def _may_close(text: str, at: int, joints: set[int]) -> bool:
    """Whether formatting could end here: after something, at no word's beginning."""
    before, after = text[at - 1 : at] if at else "", text[at + 1 : at + 2]
    return (at in joints or bool(before.strip())) and (at + 1 in joints or not after.isalnum())


def _last_closers(text: str, marked: Sequence[Span], joints: set[int]) -> dict[tuple[int, str], int]:
    """For each line and mark the last place where formatting could end: a mark after a word, or a set one."""
    found: dict[tuple[int, str], int] = {}
    places = [(at, c) for at, c in enumerate(text) if c in LIKE and _may_close(text, at, joints)]
    for at, character in [*places, *((span.end, MARKS[span.kind]) for span in marked)]:
        key = _line_of(text, at), character
        found[key] = max(at, found.get(key, -1))
    return found


def _line_of(text: str, at: int) -> int:
    return text.rfind("\n", 0, at)


def _line_starts(text: str) -> list[int]:
    return [0, *(found.end() for found in re.finditer("\n", text))]


def _with_marks(text: str, shown: list[str], spans: Sequence[Span]) -> str:
    """The characters with the marks around their spans, inner ones inside."""
    opening: dict[int, str] = {}
    closing: dict[int, str] = {}
    for span in sorted(spans, key=lambda span: (span.start, -span.end)):
        mark = MARKS.get(span.kind, FENCE)
        opening[span.start] = opening.get(span.start, "") + mark
        closing[span.end] = mark + closing.get(span.end, "")
    pieces = [closing.get(n, "") + _quote_first(opening.get(n, ""), shown[n]) for n in range(len(text))]
    return "".join(pieces) + closing.get(len(text), "")


def _quote_first(marks: str, shown: str) -> str:
    """A quote's sign belongs before the marks of what it quotes."""
    return f"> {marks}{shown[2:]}" if len(shown) > 1 and shown.startswith("> ") else marks + shown
