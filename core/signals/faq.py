"""Which entry of the bot's FAQ answers the burst, if one does.

The value is the entry's id, or None where no entry is likely enough (`faq: none`). The score is a calibrated
probability; how it is found and what it was measured to be worth stands in core/library.py.
"""

from __future__ import annotations

from pathlib import Path

from core.conversation import Conversation
from core.library import Library, read_faq
from core.rules import Reading, Signal
from core.signals._reading import asked, quote

AT_LEAST = 0.6
"""The probability an entry needs. Figures on public FAQ data stand in core/library.py. The shipped FAQ of bots/shop on
data/bitext (n=3,240, other people's sentences): from 0.6 precision 0.85, coverage 0.23, out of scope 0.10; from 0.7
precision 0.87, coverage 0.19, out of scope 0.07."""


def build(*, file: str, root: Path, at_least: float = AT_LEAST) -> Signal:
    """The signal over one FAQ file, its path relative to config.yaml. Raises SettingsError for a faulty file."""
    library = Library(read_faq(root / file))

    def read(conversation: Conversation) -> Reading:
        best = library.search(asked(conversation), limit=1)
        if not best:
            return Reading(None, "no word of it stands in the FAQ", 0.0)
        found, score = best[0].article, round(best[0].score, 4)
        if score < at_least:
            return Reading(None, f"nearest is {quote(found.question)} ({score:.2f}, too unlike)", score)
        return Reading(found.id, f"matches {quote(found.question)} ({score:.2f})", score)

    return read
