"""How sure a match with an article is: what speaks for it, and the formula that makes a probability of that.

How articles are found is in core.library.

Calibration: `probability` is the probability that the article answers the question, where half of what customers ask is
not in the library at all. Its constants are fitted by tools/fit_library.py, which prints the figures below again:
public FAQ entries with rephrasings by other people, half of the entries removed, constants fitted on one half of the
entries and measured on the other (both ways round, 6 draws each):

    half 1, n=1860: calibration error 0.031; from 0.6: precision 0.88, coverage 0.63, out of scope answered 7.9 %
                                             from 0.7: precision 0.92, coverage 0.54, out of scope answered 4.4 %
    half 0, n=1920: calibration error 0.089; from 0.6: precision 0.96, coverage 0.66, out of scope answered 2.8 %
                                             from 0.7: precision 0.98, coverage 0.58, out of scope answered 1.4 %

The same by meaning (the encoder that ships):

    half 1, n=1860: calibration error 0.052; from 0.55: precision 0.95, coverage 0.93, out of scope answered 4.5 %
                                             from 0.6:  precision 0.95, coverage 0.91, out of scope answered 3.5 %
    half 0, n=1920: calibration error 0.061; from 0.55: precision 0.98, coverage 0.85, out of scope answered 2.1 %
                                             from 0.6:  precision 0.98, coverage 0.82, out of scope answered 1.6 %

Only the formula is cross-fitted: n-gram size, stem length and the other settings of the index were chosen with all of
these entries in view, and the shipped constants are fitted on everything, so expect somewhat less on other text. As
shipped, on all 63 entries with half removed (6 draws of 630 questions, entries resampled), from 0.6: precision 0.962
(0.936-0.982), coverage 0.882 (0.833-0.928), out of scope answered 3.2 % (1.5-5.1), calibration error 0.057; from 0.55:
0.952, 0.901, 4.2 %. Tried as further evidence without gain, cross-fitted: nearness of question and of article to their
nearest others, lead of the whole article, mean and spread of all cosines, vectors centred on other texts, length.

Of 66 pairs of questions that differ in a negation, a number or a name (benchmarks/data/faq_minimal_pairs.csv, written
for this project) both are found for 0.909 (0.816-0.958), without comparing details for 0.864 (0.76-0.93): negation
0.773, number 0.955, name 1.0, n 22 each.

Without removing any entry the best article is the right one for 0.983 of the 630 rephrasings by meaning (the cosine
with the question alone 0.976) and for 0.867 by words (character n-gram TF-IDF alone 0.795, BM25 0.656 on the same set).
On intents that differ by a word both are worth less: from 0.7 by meaning precision 0.73, by words 0.75.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

EXACT = 0.99
"""The probability where the question is one of an article's own wordings: set by hand, not measured."""

WEIGHTS = (3.19, 2.03, 2.94, 1.6, 2.12, -0.79)
INTERCEPT = -4.53
"""The logistic formula over `Evidence`, in its order; see the module's docstring."""

MEANT_WEIGHTS = (5.01, 5.06, 1.36, 4.4)
MEANT_INTERCEPT = -6.67
"""The logistic formula over `Meant`, in its order."""

OTHER_NUMBERS = -2.5
"""What it adds to the formula when question and article both have numbers and share none: set by hand, for public data
hold too few such questions to measure it."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What speaks for one article: the logistic formula's inputs, all 0 to 1 but `lead`, which may be below 0.

    `wording` likeness to its wordings, `body` share of the question's weight in its text, `lead` over the best other
    article and `relative` the same as a share, `length` of the question, `single` 1 when one word carries it all.
    `exact` when the question is one of the wordings, and no formula is asked.
    """

    wording: float
    body: float
    lead: float
    relative: float
    length: float
    single: float
    exact: bool = False

    @property
    def probability(self) -> float:
        """The calibrated probability that the article answers."""
        inputs = (self.wording, self.body, self.lead, self.relative, self.length, self.single)
        return EXACT if self.exact else _probability(INTERCEPT, WEIGHTS, inputs)


@dataclass(frozen=True, slots=True)
class Meant:
    """What speaks for one article by its meaning: cosines with its nearest wording and with the whole of it, likeness
    in words, and the lead of the first over the best other article's; `numbers` 1 when it is about
    other numbers than the question (core/details.py). `exact` as in `Evidence`.
    """

    wording: float
    body: float
    words: float
    lead: float
    numbers: float = 0.0
    exact: bool = False

    @property
    def probability(self) -> float:
        """The calibrated probability that the article answers."""
        inputs = (self.wording, self.body, self.words, self.lead)
        intercept = MEANT_INTERCEPT + OTHER_NUMBERS * self.numbers
        return EXACT if self.exact else _probability(intercept, MEANT_WEIGHTS, inputs)


def _probability(intercept: float, weights: Sequence[float], inputs: Sequence[float]) -> float:
    return 1 / (1 + math.exp(-intercept - sum(w * x for w, x in zip(weights, inputs, strict=True))))
