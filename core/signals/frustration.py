"""How frustrated the customer is: a calibrated probability, 0 to 1, that people would call the newest burst frustrated.

Word lists, marks, shouting and VADER for the newest four bursts; where vectors are known also three feelings learned
from data/goemotions and the newest burst's vector itself. Until then, and for other languages than the encoder's, a
formula on words alone decides, and the note says so. What the replies say is not read: it made no difference.

Measured by tools/fit_frustration.py on data/frustration, 484 English customer turns of 185 dialogues, five folds
grouped by dialogue, three shuffles, ridge and calibration fitted without the measured fold; frustrated means a median
rating of at least 3 of 5. In brackets the 95 % interval of the first shuffle, dialogues resampled:

                   AUC (>= 2)             AUC (>= 3)             calibration error
    by meaning     0.887 [0.859, 0.922]   0.852 [0.810, 0.886]   0.042
    by words       0.859 [0.820, 0.891]   0.809 [0.753, 0.842]   0.052
    VADER          0.754 [0.709, 0.800]   0.688 [0.637, 0.737]

By meaning, first shuffle: from `high` (0.7) precision 0.84 and recall 0.41 (n=88), from `medium` 0.70 and 0.62 (n=159),
from `low` 0.63 and 0.85 (n=244). The word lists, the inputs and their scales were chosen with these dialogues in view,
so expect somewhat less on others. On data/tweetsumm (n=2,027 bursts, unrated) the reading is higher before an agent
first asks to go on in private than before other answers: AUC 0.617 [0.582, 0.649], VADER 0.582 [0.544, 0.617].

Danish and German are unmeasured: no rated data. Other languages are read by their marks only.
"""

from __future__ import annotations

from core.conversation import Conversation
from core.rules import Reading, Signal
from core.signals._frustration_formula import Formula, Weighing, shipped
from core.signals._reading import quote


def build() -> Signal:
    """The signal; it has no options."""
    return weighed_by(shipped())


def weighed_by(formula: Formula) -> Signal:
    """The same signal with another formula, to measure what was fitted on other data."""
    weighing = Weighing()

    def read(conversation: Conversation) -> Reading:
        evidence = weighing.evidence(conversation)
        score = round(formula.probability(evidence), 4)
        told = ", ".join(quote(word) for word in evidence.words[:4]) or "no word that tells"
        how = "" if evidence.meant is not None else ", by its words alone"
        return Reading(score, f"{score:.2f} frustrated{how}: {told}", score)

    return read
