"""Whether an answer gives away what the model was told: a run of words of the system text, or a planted canary.

What stands in `Prompt.sources` is there to be told and no secret. From the fourth word of a run on the sentence is held
until it ends. A leak in other words, in another language or in code is not seen.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache

from core.answering.request import Request
from core.answering.screen import Check, Watch
from core.tiers import Prompt
from core.words import words

WORDS = 8
"""So many words in a row as in the system text are a leak."""

HINT = 4
"""So many words in a row as in the system text may be the beginning of one."""

_KEPT = 256
"""Texts of which the runs of words are remembered: what an operator wrote is the same for every answer."""

Runs = frozenset[tuple[str, ...]]


def build(words: int = WORDS, canary: str = "") -> Check:
    """The check. `words` in a row of the system text are a leak; `canary` is a word only the system text holds.

    ValueError for fewer words than a run may be told by.
    """
    if words < HINT:
        raise ValueError(f"words: so many in a row are a leak, a whole number from {HINT} on")
    planted = _bare(canary)

    def watch(prompt: Prompt, _: Request) -> Watch | None:
        told = _secrets(prompt)
        reading = _Reading(prompt.sources, told, words, planted)
        runs = reading.any()
        if not runs and not planted:
            return None
        return Watch(sentence=reading.sentence, free=reading.free)

    return Check("leak", False, watch)


class _Reading:
    """One answer, sentence by sentence; a run of words may go over the end of one."""

    __slots__ = (
        *("_bare", "_before", "_canary", "_hint", "_hinted", "_hints", "_near", "_read", "_runs", "_size", "_sources"),
    )

    def __init__(self, sources: Sequence[str], told: Sequence[str], size: int, canary: str) -> None:
        self._sources = sources
        self._size = size
        self._canary = canary
        self._runs = [_runs(text, size) for text in told]
        self._hint = min(HINT, size)
        self._hints = [_runs(text, self._hint) for text in told]
        self._near: list[str] = []
        self._read = 0
        self._hinted = False
        self._before: list[str] = []
        self._bare = ""

    def any(self) -> bool:
        """Whether there is anything to give away."""
        return any(self._runs)

    def sentence(self, text: str) -> str:
        said = [*self._before, *words(text)]
        self._before = said[-self._size + 1 :]
        self._near, self._read, self._hinted = self._before[1 - self._hint :], 0, False
        for runs in self._runs:
            if not runs.isdisjoint(_runs_of(said, self._size)):
                found = runs.intersection(_runs_of(said, self._size))
                if not all(map(self._is_public, found)):
                    return f"{self._size} words of the system text"
        if not self._canary:
            return ""
        bare = self._bare + _bare(text)
        self._bare = bare[-len(self._canary) :]
        return "the canary" if self._canary in bare else ""

    def free(self, text: str) -> int:
        """All but what may become a leak; the words that were read of the same sentence before are not read again."""
        end = max(text.rfind(" "), text.rfind("\n")) + 1
        if end > self._read and not self._hinted:
            near = [*self._near, *words(text[self._read : end])]
            self._near, self._read = near[1 - self._hint :], end
            self._hinted = any(not hints.isdisjoint(_runs_of(near, self._hint)) for hints in self._hints)
        if self._hinted:
            return 0
        return self._before_canary(text) if self._canary else len(text)

    def _before_canary(self, text: str) -> int:
        """Where the canary may have begun: the place from which on the text is a beginning of it."""
        bare = self._bare + _bare(text)
        if self._canary in bare:
            return 0
        longest = min(len(bare), len(self._canary))
        some = next((size for size in range(longest, 0, -1) if bare.endswith(self._canary[:size])), 0)
        at = len(text)
        while some and at:
            at -= 1
            some -= text[at].isalnum()
        return at

    def _is_public(self, run: tuple[str, ...]) -> bool:
        return any(run in _runs(source, self._size) for source in self._sources)


def _secrets(prompt: Prompt) -> list[str]:
    """The system text without its sources, in the pieces between them."""
    rest = [prompt.system] if prompt.system else []
    for source in prompt.sources:
        if source:
            rest = [part for piece in rest for part in piece.split(source)]
    return rest


@lru_cache(maxsize=_KEPT)
def _runs(text: str, size: int) -> Runs:
    said = words(text)
    return frozenset(_runs_of(said, size))


def _runs_of(said: Sequence[str], size: int) -> Iterator[tuple[str, ...]]:
    return zip(*[said[place:] for place in range(size)], strict=False)


def _bare(text: str) -> str:
    """Letters and digits alone, so that a canary written letter by letter is one."""
    return "".join(filter(str.isalnum, text.lower()))
