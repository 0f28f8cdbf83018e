"""What an answer says of itself ("I can't help with that", "I don't know"): read in its opening, and in the whole of a
short one. The words are each check's own.
"""

from __future__ import annotations

from collections.abc import Sequence

import re2

from core.answering.screen import Check, Watch
from core.words import fold

BRIEF = 300
"""Characters of an answer that is read as a whole; what a longer one says beside it is worth showing."""


def stance(name: str, says: str, patterns: Sequence[str]) -> Check:
    """A check of these words in folded text; shown where nothing better is left. `says`: what they mean."""
    wanted = re2.compile("|".join(patterns))

    def opening(text: str) -> str:
        found = wanted.search(" ".join(fold(text).split()))
        return f"{says}: {found.group(0)!r}" if found else ""

    def whole(text: str) -> str:
        return opening(text) if len(text) <= BRIEF else ""

    watch = Watch(opening=opening, whole=whole)
    return Check(name, True, lambda _prompt, _request: watch)
