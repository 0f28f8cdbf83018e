"""What of a model's answer may be shown, and when: the checks of one answer, run on its stream.

A check looks at moments that do not depend on how the stream was cut: the opening, each sentence, the whole. Until the
opening stands nothing is shown; later text passes at once, except what a check holds until its sentence ends. What a
check looks for is in `checks/`; what becomes of an unfit answer is the caller's.

Linear in the length of the answer: an unfinished sentence is never longer than LONGEST_SENTENCE.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from core.answering.request import Request
from core.errors import Unfit
from core.tiers import Prompt

HELD = 80
"""Characters of an answer that are held at most before the first of them is shown."""

SHORT = 40
"""A sentence that ends before this many characters (a greeting) does not end the opening."""

LONGEST_SENTENCE = 600
"""Characters after which a sentence counts as ended though nothing ends it."""

_END = re.compile(r"""(?:(?<!\d)\.|[!?…])["'”’»)\]*_]?\s|[。！？｡]|\n""")  # noqa: RUF001 - full-width marks end sentences
_REACH = 3
"""Characters a sentence's end takes, so that the search for it goes on that much before where it stopped."""

Judge = Callable[[str], str]
"""Text -> why it must not be shown, for operators; empty when nothing speaks against it."""


@dataclass(frozen=True, slots=True)
class Watch:
    """What one check does about one answer; what is None costs nothing.

    `opening`, `sentence`, `whole`: judge the answer's beginning, each sentence in order, all of it at the end.
    `free`: how many characters of an unfinished sentence may be shown before it has ended.
    `ending`: what has to be added to the whole answer. `complete`: show nothing before all is judged.
    """

    opening: Judge | None = None
    sentence: Judge | None = None
    whole: Judge | None = None
    free: Callable[[str], int] | None = None
    ending: Callable[[str], str] | None = None
    complete: bool = False


@dataclass(frozen=True, slots=True)
class Check:
    """One check, as configured. `watch` begins it for one answer; None: nothing about this one is to be checked.

    `last_resort`: what it finds unfit may be shown where nothing better is left.
    """

    name: str
    last_resort: bool
    watch: Callable[[Prompt, Request], Watch | None]


class Screen:
    """The checks of one answer. What is given back adds up to what was fed, and what a check adds at the end.

    An answer that goes on from `prompt.begun` is read as one text with it; that much is shown already.

    `last`: nothing better is left, so checks with `last_resort` are not asked. The opening is held all the same: a word
    that is shown and then taken back looks worse than a moment's wait.
    """

    __slots__ = (
        "_begun",
        "_complete",
        "_endings",
        "_frees",
        "_judges",
        "_openings",
        "_said",
        "_seen",
        "_shown",
        "_tail",
        "_wholes",
    )

    def __init__(self, checks: Sequence[Check], prompt: Prompt, request: Request, last: bool = False) -> None:
        asked = [check for check in checks if not (last and check.last_resort)]
        begun = [(check.name, watch) for check in asked if (watch := check.watch(prompt, request)) is not None]
        openings = [(name, watch.opening) for name, watch in begun if watch.opening is not None]
        self._judges = [(name, watch.sentence) for name, watch in begun if watch.sentence is not None]
        self._begun = prompt.begun
        held = bool(openings or (self._judges and len(asked) < len(checks)))
        self._openings = openings if held and not prompt.begun else None
        self._wholes = [(name, watch.whole) for name, watch in begun if watch.whole is not None]
        self._frees = [watch.free for _, watch in begun if watch.free is not None]
        self._endings = [watch.ending for _, watch in begun if watch.ending is not None]
        self._complete = any(watch.complete for _, watch in begun)
        self._said: list[str] | None = [] if begun else None
        self._tail = ""
        self._seen = self._shown = 0

    def feed(self, piece: str) -> str:
        """What may be shown now, often nothing. Raises Unfit; then nothing more may be shown of this answer."""
        if self._said is None:
            return piece
        if self._begun:
            self._go_on()
        self._tail += piece
        if self._openings is not None and not self._opened():
            return ""
        return self._passed()

    def close(self) -> str:
        """The rest, at the end of the stream, with what the checks add to it. Raises Unfit."""
        if self._said is None:
            return ""
        if self._begun:
            self._go_on()
        if self._openings is not None:
            _judge(self._openings, self._tail)
            self._openings = None
        held = self._passed()
        if self._tail:
            _judge(self._judges, self._tail)
        self._said.append(self._tail)
        text = "".join(self._said)
        _judge(self._wholes, text)
        rest = text if self._complete else held + self._tail[self._shown :]
        self._tail = ""
        return rest + "".join([ending(text) for ending in self._endings])

    def _go_on(self) -> None:
        """Read what is shown already."""
        self._tail, self._begun = self._begun, ""
        self._passed()
        self._shown = len(self._tail)

    def _opened(self) -> bool:
        """Whether the opening stands; then it has been judged."""
        end = _END.search(self._tail, SHORT - 1, HELD)
        if end is None and len(self._tail) < HELD:
            return False
        _judge(self._openings or (), self._tail[: end.end() if end else HELD])
        self._openings = None
        return True

    def _passed(self) -> str:
        """Judge the sentences that have ended; what may be shown of them and of the one that has not."""
        out, at, said = [], 0, self._said or []
        while end := self._boundary(at):
            sentence = self._tail[at:end]
            if not sentence.isspace():
                _judge(self._judges, sentence)
            said.append(sentence)
            out.append(sentence[self._shown :])
            # What counts as ended for its length alone may end before what was shown of it.
            at, self._shown, self._seen = end, max(0, self._shown - len(sentence)), end
        self._said = said
        if at:
            self._tail = self._tail[at:]
        self._seen = max(0, len(self._tail) - _REACH)
        if self._complete:
            return ""
        free = min([free(self._tail) for free in self._frees], default=len(self._tail)) if self._tail else 0
        if free > self._shown:
            out.append(self._tail[self._shown : free])
            self._shown = free
        return "".join(out)

    def _boundary(self, at: int) -> int:
        """Where the sentence that begins at `at` ends; 0 while it has not."""
        limit = at + LONGEST_SENTENCE
        found = _END.search(self._tail, max(at, self._seen), limit)
        if found:
            return found.end()
        if len(self._tail) < limit:
            return 0
        blank = self._tail.rfind(" ", at, limit)
        return blank + 1 if blank > at else limit


def _judge(judges: Sequence[tuple[str, Judge]], text: str) -> None:
    for name, judge in judges:
        why = judge(text)
        if why:
            raise Unfit(name, why)
