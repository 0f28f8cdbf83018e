"""What the customer is after, as one of the intents the bot's file describes by example sentences.

The value is the intent's name, or None where none is likely enough (`intent: none`). The method is the FAQ's:
likeness to the examples, calibrated (core/library.py). An example is a whole sentence a customer might write, not a
keyword.
"""

from __future__ import annotations

from pathlib import Path

from core.conversation import Conversation
from core.library import Library, read_intents
from core.rules import Reading, Signal
from core.signals._reading import asked

AT_LEAST = 0.4
"""The probability an intent needs. The shipped intents of bots/shop on data/bitext (n=3,240, other people's sentences,
2,528 of them about one of these intents): from 0.4 precision 0.88, coverage 0.39, out of scope 0.12; from 0.6 precision
0.95, coverage 0.28, out of scope 0.03."""


def build(*, file: str, root: Path, at_least: float = AT_LEAST) -> Signal:
    """The signal over one file of intents, its path relative to config.yaml. Raises SettingsError for a faulty file."""
    library = Library(read_intents(root / file))

    def read(conversation: Conversation) -> Reading:
        best = library.search(asked(conversation), limit=1)
        if not best:
            return Reading(None, "like no example", 0.0)
        name, score = best[0].article.id, round(best[0].score, 4)
        if score < at_least:
            return Reading(None, f"nearest is {name} ({score:.2f}, too unlike)", score)
        return Reading(name, f"like the examples of {name} ({score:.2f})", score)

    return read
