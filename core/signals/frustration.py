"""How frustrated the customer is: a calibrated probability, 0 to 1, that people would call the newest burst frustrated.

VADER is one input of thirteen; the others are word lists (anger, waiting, things failing, asking again, politeness),
shouting, and how the burst before read. The weights are fitted by tools/fit_frustration.py, which prints the figures
again:

data/frustration, 484 English customer turns of 185 dialogues, five folds grouped by dialogue, three shuffles;
frustrated means a median rating of at least 3 of 5. AUC 0.805, VADER alone 0.686; for a median of at least 2: 0.831,
VADER 0.753. Calibration error 0.047. From `high` (0.7) precision 0.83 and recall 0.32, from `medium` 0.73 and 0.50,
from `low` 0.58 and 0.78. The word lists were written with some of these dialogues in view. Danish and German are
unmeasured: no rated data.
"""

from __future__ import annotations

import math

from core.conversation import Conversation
from core.rules import Reading, Signal
from core.signals._frustration import Gauge
from core.signals._reading import quote

WEIGHTS = (0.91, 0.63, 1.21, 0.74, 0.11, 1.27, 0.3, 0.14, -0.85, 0.91, 0.7, 1.17, 1.1)
INTERCEPT = -1.51
"""In the order of `_frustration.INPUTS`; printed by tools/fit_frustration.py."""

OUTRIGHT = 1.0
"""Added when frustration is said outright ("third time I am asking", "I want it now!!"). Set by hand, not fitted: such
words stand in 7 of the 484 rated turns only, of which 6 were rated frustrated."""


def build() -> Signal:
    """The signal; it has no options."""
    gauge = Gauge()

    def read(conversation: Conversation) -> Reading:
        gauged = gauge.gauge(conversation)
        score = round(probability(gauged.values, outright=gauged.outright), 4)
        told = ", ".join(quote(word) for word in gauged.words[:4]) or "no word that tells"
        return Reading(score, f"{score:.2f} frustrated: {told}", score)

    return read


def probability(values: tuple[float, ...], *, outright: bool) -> float:
    """The formula over one burst's inputs."""
    total = INTERCEPT + OUTRIGHT * outright + sum(w * x for w, x in zip(WEIGHTS, values, strict=True))
    return 1 / (1 + math.exp(-total))
