"""The marks within one line: which characters vanish, and what lies over those that stay. Pure, linear.

An opener must stand at the left edge of a word and a closer at the right edge of one, so arithmetic, identifiers,
addresses and emoticons are left alone. Blocks (fences, lists, quotes) are in `markup`.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from itertools import accumulate

KINDS = {"**": "bold", "*": "italic", "_": "italic"}
LONGEST_URL = 2000
"""Characters of a link's address at most; a link with a longer one stays as written."""

# An address in the text keeps its underscores, whatever stands around them.
_TOKEN = re.compile(r"`+|\*+|_+|\[|\]|\bhttps?://(?:[^\s*`<>\[\]_]++|_++(?=[^\s*`<>\[\]_]))++", re.IGNORECASE)
_TARGET = re.compile(r"\(((?:https?://|mailto:|tel:)(?:[^\s()<>]++|\([^\s()<>]*+\))++)\)", re.IGNORECASE)
_BEFORE_OPENER = frozenset({"Ps", "Pi", "Pf", "Pd", "So"})  # brackets, quotes, dashes, emoji
_ALSO_BEFORE_OPENER = frozenset("\"'*_:,|\ufe0f")
_NOT_AFTER_OPENER = frozenset(")]}>,.;:!?»”…、。」』\uff09")
_NOT_BEFORE_CLOSER = frozenset("([{<«“「『\uff08\\")
_SPACELESS = (range(0x0E00, 0x1100), range(0x1780, 0x1800), range(0x2E80, 0xD7B0), range(0xF900, 0xFB00))


@dataclass(frozen=True, slots=True)
class Span:
    """A kind of entity over characters `start` to `end` of the shown text."""

    kind: str
    start: int
    end: int
    url: str = ""
    language: str = ""


@dataclass(frozen=True, slots=True)
class Entity:
    """A span as platforms want it: offset and length in UTF-16 units. `kind` is Telegram's MessageEntity type."""

    kind: str
    offset: int
    length: int
    url: str = ""
    language: str = ""


@dataclass(frozen=True, slots=True)
class _Opener:
    """A mark that waits for its partner: its piece, whether a word begins there, and the spans found before it."""

    mark: str
    piece: int
    at_edge: bool
    spans: int


def inline(line: str) -> tuple[str, list[Span]]:
    """The line as shown, and the spans over it in characters of what is shown; properly nested, none in its like."""
    found = _Marks(line)
    found.read()
    return found.shown()


class _Marks:
    """A line in pieces. A mark is a piece, which is emptied once it means something; spans run from piece to piece."""

    def __init__(self, line: str) -> None:
        self._line = line
        self._pieces: list[str] = []
        self._spans: list[Span] = []
        self._openers: list[_Opener] = []
        self._waiting: dict[str, list[int]] = {mark: [] for mark in (*KINDS, "[")}
        self._last_word = -1  # the last piece that is no mark
        self._ticks: dict[str, list[int]] = {}
        for run in re.finditer("`+", line):
            self._ticks.setdefault(run[0], []).append(run.start())
        for starts in self._ticks.values():
            starts.reverse()

    def read(self) -> None:
        """Go through the line once."""
        at = 0
        while token := _TOKEN.search(self._line, at):
            if token.start() > at:
                self._say(self._line[at : token.start()])
            at = token.end()
            match token[0][0]:
                case "`":
                    at = self._code(token)
                case "[":
                    self._open("[", at_edge=True)
                case "]":
                    at = self._link(token)
                case "*" | "_":
                    self._mark(token)
                case _:
                    self._say(token[0])
        self._say(self._line[at:])

    def shown(self) -> tuple[str, list[Span]]:
        """The line without the marks that mean something, the spans in its characters."""
        places = [0, *accumulate(map(len, self._pieces))]
        until: dict[str, int] = {}
        spans = []
        for span in sorted(self._spans, key=lambda s: (s.start, -s.end)):
            start, end = places[span.start], places[span.end]
            if start >= until.get(span.kind, 0):
                spans.append(Span(span.kind, start, end, span.url))
                until[span.kind] = end
        return "".join(self._pieces), spans

    def _say(self, text: str) -> None:
        if text.strip():
            self._last_word = len(self._pieces)
        self._pieces.append(text)

    def _open(self, mark: str, at_edge: bool) -> None:
        self._waiting[mark].append(len(self._openers))
        self._openers.append(_Opener(mark, len(self._pieces), at_edge, len(self._spans)))
        self._pieces.append(mark)

    def _close(self, place: int, kind: str, url: str = "") -> None:
        """A span from this opener to here; those opened since stay as written."""
        opener = self._openers[place]
        for waiting in self._waiting.values():
            while waiting and waiting[-1] >= place:
                waiting.pop()
        del self._openers[place:]
        self._pieces[opener.piece] = ""
        self._spans.append(Span(kind, opener.piece, len(self._pieces), url))
        self._pieces.append("")

    def _code(self, token: re.Match[str]) -> int:
        starts = self._ticks[token[0]]
        while starts and starts[-1] < token.end():
            starts.pop()
        inside = self._line[token.end() : starts[-1]] if starts else ""
        if not inside.strip():
            self._say(token[0])
            return token.end()
        if inside[0] == inside[-1] == " ":  # how Markdown puts a backtick at the edge of code
            inside = inside[1:-1]
        self._spans.append(Span("code", len(self._pieces), len(self._pieces) + 1))
        self._say(inside)
        return starts[-1] + len(token[0])

    def _link(self, token: re.Match[str]) -> int:
        """The end of what a closing bracket takes with it: an address after it makes a link of what is inside."""
        target = _TARGET.match(self._line, token.end())
        waiting = self._waiting["["]
        place = waiting.pop() if waiting else -1
        opener = self._openers[place] if place >= 0 else None
        if opener is None or target is None or len(target[1]) > LONGEST_URL or self._last_word < opener.piece:
            self._say(token[0])
            return token.end()
        waiting.clear()  # no link is inside another
        self._spans[opener.spans :] = [s for s in self._spans[opener.spans :] if s.kind != "code"]
        self._close(place, "text_link", target[1])
        return target.end()

    def _mark(self, token: re.Match[str]) -> None:
        """A run of marks: `***` is bold and italic at once; longer runs, and more than one `_`, are no marks."""
        run = token[0]
        if len(run) > (1 if run[0] == "_" else 3):
            self._say(run)
        elif len(run) < 3:
            self._one(run, token)
        else:
            inner_first = bool(self._openers) and self._openers[-1].mark == "*"
            for size in (1, 2) if inner_first else (2, 1):
                self._one("*" * size, token)

    def _one(self, mark: str, run: re.Match[str]) -> None:
        """One mark of a run; the run's neighbours say whether it may open or close."""
        before, after = self._line[run.start() - 1 : run.start()], self._line[run.end() : run.end() + 1]
        if self._waiting[mark]:
            place = self._waiting[mark][-1]
            opener = self._openers[place]
            # Of a word only whose first half is bold, one side is an edge.
            at_edge = not _is_word(after) or (mark == "**" and opener.at_edge)
            ends_word = bool(before.strip()) and before not in _NOT_BEFORE_CLOSER
            if at_edge and ends_word and self._last_word > opener.piece:
                self._close(place, KINDS[mark])
                return
        begins_word = bool(after.strip()) and after not in _NOT_AFTER_OPENER
        if begins_word and (mark == "**" or _may_stand_before_opener(before)):
            self._open(mark, not _is_word(before))
        else:
            self._pieces.append(mark)


def _may_stand_before_opener(character: str) -> bool:
    if not character.strip() or character in _ALSO_BEFORE_OPENER:
        return True
    if character == "-":  # rather the eyes of an emoticon
        return False
    return unicodedata.category(character) in _BEFORE_OPENER or (character.isalnum() and not _is_word(character))


def _is_word(character: str) -> bool:
    """Whether it belongs to a word as scripts with spaces have them; in the others a word's edge cannot be seen."""
    return character.isalnum() and not any(ord(character) in script for script in _SPACELESS)
