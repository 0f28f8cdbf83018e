"""What the customer is after, as one of the intents the bot's file describes by example sentences.

The value is the intent's name, or None where none is likely enough (`intent: none`). It is learned from the examples
when the bot starts (core/classifier.py); the score is the calibrated probability of being about any intent and about
this one. While meanings are not known it is found by its words, as the FAQ is, and the note says so. An example is a
whole sentence a customer might write, not a keyword; 1 to 100 an intent, in the encoder's language.
"""

from __future__ import annotations

from pathlib import Path

from core.classifier import Classifier
from core.conversation import Conversation
from core.library import Library, read_intents
from core.meaning import vector
from core.rules import Reading, Signal
from core.signals._reading import asked, quote
from core.study import Study

AT_LEAST = 0.5
"""The probability an intent needs that is found by its meaning. data/clinc150 val: 0.944 of 3,000 texts answered, 0.977
[0.971, 0.982] of 2,840 answers right, 7 of 100 texts about no intent answered. data/banking77, 5 folds: 0.943 of 10,003
answered, 0.951 [0.947, 0.955] of the answers right."""

AT_LEAST_BY_WORDS = 0.4
"""The same while meanings are not known. The shipped intents of bots/shop on data/bitext (n=3,240, other people's
sentences, 2,528 of them about one of these intents): from 0.4 precision 0.88, coverage 0.39, out of scope 0.12; from
0.6 precision 0.95, coverage 0.28, out of scope 0.03."""


def build(*, file: str, root: Path, study: Study | None = None, at_least: float | None = None) -> Signal:
    """The signal over one file of intents, its path relative to config.yaml. Raises SettingsError for a faulty file."""
    intents = read_intents(root / file)
    by_words = Library(intents)
    classifier = (study or Study()).add(Classifier({each.id: (each.question, *each.asked_as) for each in intents}))

    def read(conversation: Conversation) -> Reading:
        meaning = vector(conversation.meanings, conversation.asked)
        guess = classifier.guess(meaning) if meaning is not None else None
        if guess is None:
            return _by_words(by_words, conversation, AT_LEAST_BY_WORDS if at_least is None else at_least)
        score = round(guess.probability, 4)
        if score < (AT_LEAST if at_least is None else at_least):
            return Reading(None, f"nearest is {guess.name} ({score:.2f}, too unlikely)", score)
        return Reading(guess.name, f"{guess.name} ({score:.2f}), nearest to {quote(guess.example)}", score)

    return read


def _by_words(library: Library, conversation: Conversation, at_least: float) -> Reading:
    best = library.search(asked(conversation), limit=1)
    if not best:
        return Reading(None, "like no example, by its words alone", 0.0)
    name, score = best[0].article.id, round(best[0].score, 4)
    if score < at_least:
        return Reading(None, f"nearest is {name} ({score:.2f}, by its words alone, too unlike)", score)
    return Reading(name, f"like the examples of {name} ({score:.2f}, by its words alone)", score)
