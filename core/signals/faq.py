"""Which entry of the bot's FAQ answers the burst, if one does.

The value is the entry's id, or None where no entry is likely enough (`faq: none`). The score is a calibrated
probability; how it is found stands in core/library.py, what it was measured to be worth in core/evidence.py.
"""

from __future__ import annotations

from pathlib import Path

from core.conversation import Conversation
from core.library import Library, read_faq
from core.meaning import vector
from core.rules import Reading, Signal
from core.signals._reading import asked, quote
from core.study import Study

AT_LEAST = 0.6
"""The probability an entry needs that is found by its meaning: 95 % to 98 % of all answers are right then (figures in
core/evidence.py). A wrong answer costs more than none: from 0.55 on more is covered, but more out of scope answered."""

AT_LEAST_BY_WORDS = 0.6
"""The same while meanings are not known. The shipped FAQ of bots/shop on
data/bitext (n=3,240, other people's sentences): from 0.6 precision 0.85, coverage 0.23, out of scope 0.10; from 0.7
precision 0.87, coverage 0.19, out of scope 0.07."""


def build(*, file: str, root: Path, study: Study | None = None, at_least: float | None = None) -> Signal:
    """The signal over one FAQ file, its path relative to config.yaml. Raises SettingsError for a faulty file."""
    library = (study or Study()).add(Library(read_faq(root / file)))

    def read(conversation: Conversation) -> Reading:
        best = library.search(asked(conversation), 1, vector(conversation.meanings, conversation.asked))
        if not best:
            return Reading(None, "no word of it stands in the FAQ", 0.0)
        found, score, meant = best[0].article, round(best[0].score, 4), best[0].meant
        how = f"{score:.2f}" if meant else f"{score:.2f}, by its words alone"
        if score < (at_least if at_least is not None else AT_LEAST if meant else AT_LEAST_BY_WORDS):
            return Reading(None, f"nearest is {quote(found.question)} ({how}, too unlike)", score)
        return Reading(found.id, f"matches {quote(found.question)} ({how})", score)

    return read
