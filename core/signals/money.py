"""Whether the customer speaks of money: an amount, or a whole word of the built-in list or the bot's own.

Whole words only, so a charger is not a charge. What something costs before it is bought is not meant: such words are
left out of the built-in list, and a bot that wants them adds them to its own.
"""

from __future__ import annotations

from collections.abc import Mapping

import re2

from core.conversation import Conversation
from core.errors import Problem, SettingsError
from core.rules import Reading, Signal
from core.signals._reading import asked, joined, load, quote
from core.words import find, fold, phrases, split

_UNITS = "kr|dkk|sek|nok|eur|usd|gbp|chf|pln|czk|cad|aud|inr|euros?|dollars?|kroner|kronor|bucks|quid|zl|zł"
_SIGNS = r"\$€£¥₹₽₺"
_AMOUNT = re2.compile(
    rf"[{_SIGNS}]\s?\d[\d.,]*|\d[\d.,]*\s?[{_SIGNS}]"
    rf"|\b(?:{_UNITS})\.?\s?\d[\d.,]*\b|\b\d[\d.,]*\s?(?:{_UNITS})\b|\b\d[\d.]*,-"
)
_LONGEST = 3_000
"""Folded characters searched for amounts: what a burst is clipped to, give or take folding."""


def build(*, words: str = "", lists: Mapping[str, tuple[str, ...]] | None = None) -> Signal:
    """The signal; `words` names a list of config.yaml whose words count too. Raises SettingsError for no such list."""
    own = (lists or {}).get(words, ())
    if words and words not in (lists or {}):
        raise SettingsError(
            [Problem("config.yaml", 1, 1, f"there is no list {words!r}", f"lists: {{{words}: a file}}")]
        )
    index = phrases([*load("money")[""], *own])

    def read(conversation: Conversation) -> Reading:
        text = fold(asked(conversation))
        hits = [joined(phrase) for _, phrase in find(index, split(text))]
        amount = _AMOUNT.search(text[:_LONGEST])
        if amount:
            hits.append(amount.group().strip())
        if not hits:
            return Reading(False, "no word of money")
        return Reading(True, "speaks of money: " + ", ".join(quote(hit) for hit in dict.fromkeys(hits[:3])))

    return read
