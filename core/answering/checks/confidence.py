"""The band over whole answers: one whose confidence is below `least` goes one tier up (docs/cascade.md).

The confidence was fitted on arithmetic in words and says little about other answers, so this check is for bots that
calculate. Nothing of an answer is shown before all of it was read.
"""

from __future__ import annotations

from core.answering.confidence import confidence
from core.answering.request import Request
from core.answering.screen import Check, Watch
from core.tiers import Prompt


def build(least: float = 0.5) -> Check:
    """The check. An answer nobody is sure of may be shown where nothing better is left. ValueError outside 0 to 1."""
    if not 0 <= least <= 1:
        raise ValueError(f"least: a confidence lies between 0 and 1, not {least}")

    def watch(prompt: Prompt, _: Request) -> Watch:
        def whole(text: str) -> str:
            sure = confidence(text, prompt.question)
            return "" if sure >= least else f"confidence {sure:.2f}"

        return Watch(whole=whole, complete=True)

    return Check("confidence", True, watch)
