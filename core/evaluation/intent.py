"""How well `intent` tells what a text is about: labelled sentences as a table, or as JSON with parts.

A table has the columns text and category (or utterance and intent); a sentence labelled oos is about no intent. JSON
has parts of [text, label] pairs: what is learned stands in `train`, parts named oos... are about no intent, and every
other part is read. With --train that file is learned and the other read; without it a table is read in five folds,
each learned from the other four. The classifier is taught as when a bot starts, with the shipped weights.

accuracy: the likeliest intent is right, of all that is about one (accuracy_5, accuracy_10: with so many examples an
intent, drawn five times). in_scope_accuracy: the same where something is about none. oos_auroc: a text about an intent
is taken to be about one more likely than a text about none. ece: of the likeliest intent's probability given that the
text is about one. score_ece: of the score that ships, which takes one text in five to be about none, over all rows.
answered, answered_right and none_answered: at the shipped threshold, of texts about an intent, of answers, of others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from core.classifier import Classifier, Guess
from core.evaluation._measures import Evaluation, Figure, Task, auc, ece, resampled, share
from core.evaluation._sentences import NONE, Round, fewer, rounds
from core.signals.intent import AT_LEAST
from core.softmax import regress

if TYPE_CHECKING:
    from core.meaning import Encoder, Matrix, Vector

_T = TypeVar("_T")

FEW = (5, 10)
PLAIN_STEPS = 40
TOGETHER = 512


@dataclass(slots=True)
class _Heard:
    """What came out, a place a sentence read: whether it is about an intent, and what each method said."""

    rows: list[int] = field(default_factory=list)
    known: list[bool] = field(default_factory=list)
    right: list[bool] = field(default_factory=list)
    guesses: list[Guess] = field(default_factory=list)
    near: list[float] = field(default_factory=list)
    near_right: list[bool] = field(default_factory=list)
    plain: list[float] = field(default_factory=list)
    plain_right: list[bool] = field(default_factory=list)

    def inside(self, values: Sequence[_T]) -> list[_T]:
        """The values of the sentences that are about an intent."""
        return [value for value, known in zip(values, self.known, strict=True) if known]

    def accuracy(self, right: Sequence[bool]) -> Figure:
        """The share that is right of what is about an intent; a row read several times is resampled as one."""
        kept = np.array(self.inside(right))
        rows = self.inside(self.rows)
        if len(set(rows)) == len(rows):
            return share(int(kept.sum()), len(kept))
        return resampled(lambda chosen: float(kept[chosen].mean()), rows)


def evaluate(task: Task) -> Evaluation:
    """The figures. SettingsError for a file that is malformed, empty or has nothing to learn from."""
    every = rounds(task)
    vectors = _Vectors(task.encoder)
    heard = _hear(every, vectors)
    metrics, baseline = _metrics(heard), _baseline(heard)
    for examples in FEW:
        less = fewer(every, examples)
        if less:
            some = _hear(less, vectors)
            metrics[f"accuracy_{examples}"] = some.accuracy(some.right)
            baseline[f"nearest_accuracy_{examples}"] = some.accuracy(some.near_right)
            baseline[f"logistic_accuracy_{examples}"] = some.accuracy(some.plain_right)
    return Evaluation("intent", len(heard.rows), metrics, baseline)


def _metrics(heard: _Heard) -> dict[str, Figure]:
    chances = [guess.any for guess in heard.guesses]
    scores = [guess.probability for guess in heard.guesses]
    right, inside = heard.inside(heard.right), heard.inside(heard.guesses)
    answered = [yes for yes, score in zip(heard.right, scores, strict=True) if score >= AT_LEAST]
    known = [score >= AT_LEAST for score in heard.inside(scores)]
    found = {
        "accuracy": heard.accuracy(heard.right),
        "ece": ece([guess.chosen for guess in inside], right),
        "score_ece": ece(scores, heard.right),
        "answered": share(sum(known), len(known)),
        "answered_right": share(sum(answered), len(answered)),
    }
    if all(heard.known):
        return found
    others = len(heard.known) - len(known)
    return found | {
        "in_scope_accuracy": found["accuracy"],
        "oos_auroc": auc(chances, heard.known),
        "none_answered": share(len(answered) - sum(known), others),
    }


def _baseline(heard: _Heard) -> dict[str, Figure]:
    found = {
        "nearest_accuracy": heard.accuracy(heard.near_right),
        "logistic_accuracy": heard.accuracy(heard.plain_right),
        "logistic_ece": ece(heard.inside(heard.plain), heard.inside(heard.plain_right)),
    }
    if all(heard.known):
        return found
    return found | {
        "nearest_oos_auroc": auc(heard.near, heard.known),
        "logistic_oos_auroc": auc(heard.plain, heard.known),
    }


class _Vectors:
    """Vectors of texts, each encoded once."""

    def __init__(self, encoder: Encoder) -> None:
        self._encoder = encoder
        self._known: dict[str, Vector] = {}

    def of(self, texts: Sequence[str]) -> Matrix:
        """A row for each text."""
        new = [text for text in dict.fromkeys(texts) if text not in self._known]
        if new:
            self._known.update(zip(new, self._encoder.embed(new), strict=True))
        return np.stack([self._known[text] for text in texts])


def _hear(rounds: Sequence[Round], vectors: _Vectors) -> _Heard:
    heard = _Heard()
    for each in rounds:
        intents: dict[str, list[str]] = {}
        for sentence in each.taught:
            intents.setdefault(sentence.label, []).append(sentence.text)
        classifier = Classifier(intents)
        classifier.learn(list(vectors.of(classifier.texts)))
        read = vectors.of([sentence.text for sentence in each.read])
        for sentence, meaning in zip(each.read, read, strict=True):
            guess = classifier.guess(meaning)
            if guess is not None:
                heard.rows.append(sentence.row)
                heard.known.append(sentence.label != NONE)
                heard.right.append(guess.name == sentence.label)
                heard.guesses.append(guess)
        _hear_simpler(heard, each, vectors, list(intents))
    return heard


def _hear_simpler(heard: _Heard, some: Round, vectors: _Vectors, names: Sequence[str]) -> None:
    """The nearest example by cosine, and a plain logistic regression on sentence vectors."""
    number = {name: n for n, name in enumerate(names)}
    rows = vectors.of([sentence.text for sentence in some.taught])
    owners = np.array([number[sentence.label] for sentence in some.taught], np.intp)
    weights = regress(rows, owners, len(names), PLAIN_STEPS)
    labels = np.array([number.get(sentence.label, -1) for sentence in some.read])
    for start in range(0, len(labels), TOGETHER):
        part, own = vectors.of([s.text for s in some.read[start : start + TOGETHER]]), labels[start : start + TOGETHER]
        cosines = part @ rows.T
        heard.near += cosines.max(axis=1).tolist()
        heard.near_right += (owners[cosines.argmax(axis=1)] == own).tolist()
        z = part @ weights[:-1] + weights[-1]
        heard.plain += (1 / np.exp(z - z.max(axis=1, keepdims=True)).sum(axis=1)).tolist()
        heard.plain_right += (z.argmax(axis=1) == own).tolist()
