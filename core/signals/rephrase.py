"""How often in a row the customer asked the same again in other words: 0 for a new question, 1 for the first repeat.

Bursts are compared with the one before them by the words that carry meaning: half by their stems, half by their
character trigrams. A thank-you or a greeting is passed over. After a question of ours a likeness must be plain,
since the customer may only be answering it; after words such as "that's not what I asked" a faint one is enough.

On data/faq, pairs of rephrasings of one entry (n=630) against pairs of two entries (n=600): AUC 0.975; from 0.4 on
62 % of the first and 0.2 % of the second are taken. Against the most alike question of another entry (n=300) the AUC
is 0.54 and 56 % are taken: words alone cannot tell those apart. Of 1,988 real bursts after a reply in data/tweetsumm
5.6 % are taken; they carry no label.
"""

from __future__ import annotations

from dataclasses import dataclass

from core.conversation import Conversation
from core.function_words import STOP_WORDS
from core.retrieval import STEM
from core.rules import Reading, Signal
from core.signals._reading import bursts, load, plain, quote
from core.words import find, fold, likeness, phrases, split, trigrams

ALIKE = 0.4
"""The likeness from which a burst asks the same as the one before."""

ALIKE_AFTER_OUR_QUESTION = 0.55
ALIKE_WHEN_SAID = 0.2
"""The same after a question of ours, and where the customer says that it is asked again."""

FEW = 3
"""Words beside a thank-you that still ask nothing: "thank you for your quick response"."""

LOOK_BACK = 8
"""Bursts that are read, the newest included."""


@dataclass(frozen=True, slots=True)
class _Ask:
    """One burst, ready to be compared."""

    text: str
    stems: frozenset[str]
    trigrams: frozenset[str]
    after_question: bool
    says_again: bool


class _Comparing:
    """The word lists, compiled."""

    def __init__(self) -> None:
        groups = load("rephrase")
        self._again = phrases(groups["again"])
        self._thanks = phrases(groups["thanks"])
        self._nothing = phrases(groups["nothing_asked"])

    def ask(self, text: str, reply: str) -> _Ask | None:
        """The burst as something asked; None when nothing is asked in it."""
        folded = fold(plain(text))
        tokens = split(folded)
        thanked = find(self._thanks, tokens)
        said = (*thanked, *find(self._nothing, tokens))
        covered = {at + i for at, phrase in said for i in range(len(phrase))}
        carrying = [token for i, token in enumerate(tokens) if i not in covered and token not in STOP_WORDS]
        if not carrying or (thanked and "?" not in text and len(carrying) <= FEW):
            return None
        question = reply.rstrip().endswith("?") and "?" not in text
        stems = frozenset(token[:STEM] for token in carrying)
        again = bool(find(self._again, tokens))
        return _Ask(text, stems, trigrams(" ".join(carrying)), question, again)


def build() -> Signal:
    """The signal; it has no options."""
    comparing = _Comparing()

    def read(conversation: Conversation) -> Reading:
        chain: list[_Ask] = []
        for text, reply in bursts(conversation, LOOK_BACK):
            ask = comparing.ask(text, reply)
            if (ask is None and not chain) or (ask and chain and not _same(chain[-1], ask)):
                break
            if ask:
                chain.append(ask)
        if len(chain) < 2:
            return Reading(0, "asks nothing again")
        times = len(chain) - 1
        return Reading(times, f"asks again ({times}x): {quote(chain[0].text)} after {quote(chain[1].text)}")

    return read


def _same(newer: _Ask, older: _Ask) -> bool:
    alike = (likeness(newer.stems, older.stems) + likeness(newer.trigrams, older.trigrams)) / 2
    if newer.says_again:
        return alike >= ALIKE_WHEN_SAID
    return alike >= (ALIKE_AFTER_OUR_QUESTION if newer.after_question else ALIKE)
