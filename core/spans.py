"""The marks within one line: which characters vanish, and what lies over those that stay. Pure, linear.

An opener must stand at the left edge of a word and a closer at the right edge of one, so arithmetic and identifiers are
left alone. Blocks (fences, lists, quotes) are in `markup`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

KINDS = {"**": "bold", "*": "italic", "_": "italic"}
LONGEST_LABEL, LONGEST_URL = 500, 2000
"""Characters of a link's label and address at most: what is longer stays as written, and parsing stays linear."""

_TOKEN = re.compile(r"\*+|_+|`+|\[")
_URL = re.compile(r"(?:https?://|mailto:|tel:)[^\s<>]+", re.IGNORECASE)


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


def inline(line: str) -> tuple[str, list[Span]]:
    """The line as shown, and the spans over it in characters of what is shown; properly nested."""
    found = _Marks(line)
    found.read()
    return found.shown()


class _Marks:
    """What a line's marks come to: `gone` are the ranges that vanish, `spans` what lies over the rest, as written."""

    def __init__(self, line: str) -> None:
        self.line = line
        self.gone: list[tuple[int, int]] = []
        self.spans: list[Span] = []
        self._openers: list[tuple[str, int, int]] = []
        self._waiting: dict[str, int] = dict.fromkeys(KINDS, 0)
        self._ticks: dict[str, list[int]] = {}
        for run in re.finditer("`+", line):
            self._ticks.setdefault(run[0], []).append(run.start())
        for starts in self._ticks.values():
            starts.reverse()

    def read(self) -> None:
        """Go through the line once."""
        at = 0
        while token := _TOKEN.search(self.line, at):
            at = token.end()
            if token[0][0] == "`":
                at = self._code(token)
            elif token[0] == "[":
                at = self._link(token)
            else:
                self._mark(token)

    def shown(self) -> tuple[str, list[Span]]:
        """The line without what is gone, the spans moved along."""
        places = {place for s in self.spans for place in (s.start, s.end)}
        moved: dict[int, int] = {}
        gone = sorted(self.gone)
        taken, next_gone = 0, 0
        for place in sorted(places):
            while next_gone < len(gone) and gone[next_gone][1] <= place:
                taken += gone[next_gone][1] - gone[next_gone][0]
                next_gone += 1
            moved[place] = place - taken
        kept, before = [], 0
        for start, end in gone:
            kept.append(self.line[before:start])
            before = end
        kept.append(self.line[before:])
        return "".join(kept), [replace(s, start=moved[s.start], end=moved[s.end]) for s in self.spans]

    def _code(self, token: re.Match[str]) -> int:
        starts = self._ticks[token[0]]
        while starts and starts[-1] < token.end():
            starts.pop()
        if not starts or not self.line[token.end() : starts[-1]].strip():
            return token.end()
        end = starts[-1]
        self.gone += [token.span(), (end, end + len(token[0]))]
        self.spans.append(Span("code", token.end(), end))
        return end + len(token[0])

    def _link(self, token: re.Match[str]) -> int:
        start = token.end()
        middle = self.line.find("](", start, start + LONGEST_LABEL)
        end = _address_end(self.line, middle + 2) if middle > start else 0
        if not end or "[" in self.line[start:middle]:
            return start
        url = self.line[middle + 2 : end]
        if not _URL.fullmatch(url):
            return start
        self.gone += [token.span(), (middle, end + 1)]
        self.spans.append(Span("text_link", start, middle, url))
        return end + 1

    def _mark(self, token: re.Match[str]) -> None:
        """A run of marks: `***` is bold and italic at once; longer runs, and more than one `_`, are no marks."""
        run, start = token[0], token.start()
        if len(run) > (1 if run[0] == "_" else 3):
            return
        if len(run) < 3:
            self._one(run, start, token.span())
            return
        inner_first = bool(self._openers) and self._openers[-1][0] == "*"
        sizes = (1, 2) if inner_first else (2, 1)
        for size in sizes:
            self._one("*" * size, start, token.span())
            start += size

    def _one(self, mark: str, start: int, run: tuple[int, int]) -> None:
        """One mark of a run; the run's neighbours say whether it may open or close."""
        before, after = self.line[run[0] - 1 : run[0]], self.line[run[1] : run[1] + 1]
        opens, closes = bool(after.strip()), bool(before.strip())
        if mark != "**" or not self._began_at_an_edge():  # of a word whose first half is bold only one side is an edge
            closes = closes and not _is_word(after)
        if mark != "**":
            opens = opens and not _is_word(before)
        if closes and self._waiting[mark] and self._close(mark, start):
            return
        if opens:
            self._openers.append((mark, start, start + len(mark)))
            self._waiting[mark] += 1

    def _began_at_an_edge(self) -> bool:
        if not self._waiting["**"]:
            return False
        start = next(o[1] for o in reversed(self._openers) if o[0] == "**")
        return not _is_word(self.line[start - 1 : start])

    def _close(self, mark: str, start: int) -> bool:
        """Pair with the newest opener of the same mark; those opened since stay as written."""
        newest = next(i for i in range(len(self._openers) - 1, -1, -1) if self._openers[i][0] == mark)
        _, opened, begins = self._openers[newest]
        if not self.line[begins:start].strip("*_"):
            return False
        for other, _, _ in self._openers[newest:]:
            self._waiting[other] -= 1
        del self._openers[newest:]
        self.gone += [(opened, begins), (start, start + len(mark))]
        self.spans.append(Span(KINDS[mark], begins, start))
        return True


def _address_end(line: str, start: int) -> int:
    """The place of the parenthesis that ends a link's address, its own pairs left out; 0 when there is none."""
    depth = 0
    for place in range(start, min(len(line), start + LONGEST_URL)):
        if line[place] == "(":
            depth += 1
        elif line[place] == ")":
            if depth == 0:
                return place
            depth -= 1
        elif line[place].isspace():
            return 0
    return 0


def _is_word(character: str) -> bool:
    return character.isalnum() or character == "_"
