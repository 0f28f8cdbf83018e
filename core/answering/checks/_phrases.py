"""An operator's words and phrases, looked for in folded text. Shared by the guardrails; what a hit means is theirs.

Whole words only, whatever marks stand between them; `*` at the end of a word stands for any ending. In scripts without
capital letters (Chinese, Arabic, ...) a phrase is found inside words too. Patterns run on RE2, so no list makes an
answer wait.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import re2

from core.words import fold

_EDGE = r"[^\pL\pN\pM]"


@dataclass(frozen=True, slots=True)
class Phrases:
    """A list that can be searched for: `pattern` finds a whole phrase, `start` a phrase's first word; None: no list."""

    pattern: re2._Regexp | None
    start: re2._Regexp | None

    def found(self, text: str) -> str:
        """The first listed phrase in the text as it stands there, folded; empty when there is none."""
        match = self.pattern.search(fold(text)) if self.pattern else None
        return str(match.group(1) or match.group(2)) if match else ""

    def free(self, text: str) -> int:
        """How many characters of an unfinished sentence are surely before any listed phrase.

        The last word may still grow. Where folding changes the number of characters, places cannot be told: none.
        """
        if self.start is None:
            return len(text)
        folded = fold(text)
        if len(folded) != len(text):
            return 0
        match = self.start.search(folded)
        grown = max(folded.rfind(" "), folded.rfind("\n")) + 1
        return min(max(match.start(1), match.start(2)), grown) if match else grown


def listed(phrases: Iterable[str]) -> Phrases:
    """The phrases, ready to be searched for; blank ones count as not written. ValueError for what is no list of texts.

    One text would be taken for its letters, and an answer that holds the word "I" for unfit.
    """
    given = [] if isinstance(phrases, str) else list(phrases)
    if isinstance(phrases, str) or not all(isinstance(phrase, str) for phrase in given):
        raise ValueError("words and phrases are a list of texts, for example [lawsuit, legal advice]")
    wanted = [words for phrase in given if (words := fold(phrase).split())]
    return Phrases(_compiled(wanted), _compiled([words[:1] for words in wanted]))


def _compiled(wanted: Sequence[Sequence[str]]) -> re2._Regexp | None:
    """Two groups: phrases with the borders of words around them, and those whose script has none."""
    if not wanted:
        return None
    parts: dict[bool, list[str]] = {True: [], False: []}
    for words in wanted:
        parts[unicodedata.category(words[0][0]) != "Lo"].append(r"[\s\pP]+".join(map(_word, words)))
    bordered, inside = ("|".join(parts[kind]) or r"[^\x00-\x{10ffff}]" for kind in (True, False))
    return re2.compile(rf"(?:^|{_EDGE})({bordered})(?:$|{_EDGE})|({inside})")


def _word(word: str) -> str:
    ending = r"[\pL\pN\pM]*" if word.endswith("*") else ""
    return f"{re2.escape(word.removesuffix('*'))}{ending}"
