"""How often the customer asked the same again, in whatever words, because the answer failed: 0 for a new question.

A burst is compared with up to three earlier ones by meaning, by what its sentences ask, and by whether it only answers
a question of ours; given the bot's FAQ (`faq: faq.yaml`) also by whether both ask for one entry. Where a meaning is not
known, by words with the one before. A thank-you or a greeting is passed over. The
value is what rules compare, so the probability stands in the note.

Pairs of data/faq (2,835 pairs of rephrasings of 63 entries; 630 hard ones, each query with the nearest of another
entry): AUC 0.842 cross-fitted by entry, as shipped 0.844 (0.80-0.88), where the cosine alone has 0.851 and likeness of
trigrams 0.723. Two vectors do not hold more: whitening within intents of banking77, clinc150 and bitext 0.85, a
regression on the products and differences of their 8 to 64 main directions 0.80-0.84, rarity-weighted words beside the
cosine 0.847. What tells them apart is what the bot knows: with the questions of all entries 0.980 (0.97-0.99), with
those of a random half 0.877 to 0.891 (six draws). Against any other query 0.998 without a FAQ.

320 labelled turns of data/tweetsumm (benchmarks/data/rephrase_turns.csv, 60 of them repeats): AUC 0.83 (0.79-0.87), the
cosine alone 0.66. At the shipped threshold, the one thing chosen on them, 20 of 37 are repeats: precision 0.54
(0.38-0.69), recall 0.33 (0.23-0.46); by words alone 0.29 and 0.35. From 0.8 on 7 of 11. In the 160 that were drawn at
random 2 of 6 are right. Follow-up questions and complaints in the words of before are what it takes for repeats.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from core.asks import asks
from core.conversation import Conversation
from core.library import read_faq
from core.meaning import native
from core.rules import Reading, Signal
from core.signals._reading import quote
from core.signals._rephrase import Burst, compare, read, same_words
from core.signals._rephrase_known import Known, together
from core.study import Study

if TYPE_CHECKING:
    from core.meaning import Vector

AT_LEAST = 0.6
"""The probability a repeat needs: on the labelled turns 0.5 is right in 44 %, 0.6 in 54 %, and no level in 90 %."""

LOOK_BACK = 8
"""Bursts that are read, the newest included."""

EARLIER = 3
"""Earlier bursts one is compared with by meaning; no more are understood (core/asks.py)."""


@dataclass(frozen=True, slots=True)
class Repeats:
    """The newest burst and each it repeats, newest first; nothing where nothing is asked. `probability` is that the
    newest repeats any, None where no meaning was known.
    """

    texts: tuple[str, ...] = ()
    probability: float | None = None


class _Asked(NamedTuple):
    text: str
    reply: str
    burst: Burst
    meaning: Vector | None


class Comparing:
    """Finds what a conversation's newest burst repeats; `known` is the bot's FAQ, where there is one."""

    def __init__(self, known: Known | None = None, at_least: float = AT_LEAST) -> None:
        self._known = known
        self._at_least = at_least

    def repeats(self, conversation: Conversation) -> Repeats:
        """The newest burst and the earlier ones it asks again."""
        said = asks(conversation, LOOK_BACK)
        if not said or read(said[0].text) is None:
            return Repeats()
        meanings = conversation.meanings
        found = [
            _Asked(ask.text, ask.reply, burst, native(meanings, ask.text))
            for ask in said
            if (burst := read(ask.text)) is not None
        ]
        place, probability = self._repeated(found, 0)
        chain = [found[0].text]
        while place:
            chain.append(found[place].text)
            place, _ = self._repeated(found, place)
        return Repeats(tuple(chain), probability)

    def _repeated(self, found: Sequence[_Asked], place: int) -> tuple[int, float | None]:
        """The place of the nearest earlier burst that the one at `place` repeats, or 0; the highest probability."""
        newer, highest = found[place], None
        for n in range(place + 1, min(place + 1 + EARLIER, len(found))):
            likely = self._probability(newer, found[n])
            if likely is not None:
                highest = max(highest or 0.0, likely)
                if likely >= self._at_least:
                    return n, highest
            elif n == place + 1 and same_words(newer.burst, found[n].burst, newer.reply):
                return n, highest
        return 0, highest

    def _probability(self, newer: _Asked, older: _Asked) -> float | None:
        """The probability that a burst repeats an earlier one; None where a meaning is not known."""
        if newer.meaning is None or older.meaning is None:
            return None
        likeness = compare(newer.burst, older.burst, newer.reply, (newer.meaning, older.meaning))
        if self._known is None:
            return likeness.probability()
        shares = self._known.shares
        return likeness.probability(*together(shares(newer.text, newer.meaning), shares(older.text, older.meaning)))


def build(*, faq: str = "", root: Path | None = None, study: Study | None = None, at_least: float = AT_LEAST) -> Signal:
    """The signal; `faq` is the bot's FAQ file, its path relative to config.yaml. SettingsError when that is faulty."""
    known = (study or Study()).add(Known(read_faq((root or Path()) / faq))) if faq else None
    comparing = Comparing(known, at_least)

    def reading(conversation: Conversation) -> Reading:
        repeats = comparing.repeats(conversation)
        sure = "" if repeats.probability is None else f", {repeats.probability:.2f}"
        times = len(repeats.texts) - 1
        if times < 1:
            return Reading(0, f"asks nothing again{sure}")
        newest, before = repeats.texts[:2]
        return Reading(times, f"asks again ({times}x{sure}): {quote(newest)} after {quote(before)}")

    return reading
