"""How sure one can be of a whole answer, from what it says alone: 0 (surely wrong) to 1 (surely right).

Read are its length, hedging, whether it breaks off, the sums in it, and whether it uses the question's numbers and
comes to an end. Weights were fitted by tools/cascade.py on one model's 1,319 answers to GSM8K (arithmetic in words):
for other kinds of questions the score is a ranking nobody has measured. Figures, out of fold: docs/cascade.md.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from fractions import Fraction

import re2

from core.answering.arithmetic import number, sums
from core.answering.quantities import NUMBER
from core.words import clip, fold, split

FEATURES = ("length", "hedging", "cut", "sums", "wrong", "changed", "unused", "no_end", "odd_end", "corrected", "asked")
"""What is read of an answer, each from 0 to about 1; what each means is said in `features`."""

WEIGHTS: Mapping[str, float] = {
    "length": -3.2553,
    "hedging": 0.1814,
    "cut": -1.3923,
    "sums": 1.7548,
    "wrong": -3.9329,
    "changed": -0.5728,
    "unused": -2.0526,
    "no_end": -2.0308,
    "odd_end": -3.0591,
    "corrected": -1.525,
    "asked": -0.606,
}
INTERCEPT = 2.2184

_HEDGES = re2.compile(
    r"\b(?:maybe|perhaps|probably|might|approximately|roughly|i think|i believe|i assume|assuming|assume|seems?|"
    r"unclear|not sure|unsure|måske|vistnok|cirka|nok|vielleicht|wahrscheinlich|vermutlich|ungefähr)\b"
)
_CORRECTIONS = re2.compile(
    r"\b(?:however|wait|actually|correction|mistake|apologi[sz]e|sorry|but since|not possible|cannot have|can't have|"
    r"dog|men da|faktisk|allerdings|moment|eigentlich)\b"
)
_END = re2.compile(
    r"####|\b(?:answer is|total of|in total|therefore|thus|so,|altogether|svaret er|i alt|antwort ist|insgesamt)"
)
_NUMBERS = re2.compile(rf"(?:{NUMBER})")


def confidence(text: str, question: str = "") -> float:
    """The score of one whole answer to a question."""
    read = features(text, question)
    return squash(INTERCEPT + sum(WEIGHTS[name] * value for name, value in read.items()))


def features(text: str, question: str = "") -> Mapping[str, float]:
    """What is read of an answer.

    `length`: tenths of the logarithm of its words. `hedging`, `corrected`: words that hedge or take back, a fifth each.
    `cut`: it breaks off. `sums`: tenths of the sums written out; `wrong`: a share of them does not hold. `changed`: the
    last number is no sum's result. `unused`: share of the question's numbers it never names. `no_end`: nothing says
    that this is the answer. `odd_end`: the last number is no whole number. `asked`: tenths of the question's numbers.
    """
    folded = fold(clip(text))
    found, worked = _values(folded), sums(clip(text))
    wanted = set(_values(fold(clip(question))))
    last = found[-1] if found else None
    results = {made.result for made in worked}
    return {
        "length": math.log1p(len(split(folded))) / 10,
        "hedging": min(1.0, len(_HEDGES.findall(folded)) / 5),
        "cut": float(not text.rstrip()[-1:] or text.rstrip()[-1:] not in ".!?)\"'”`*%0123456789$€"),
        "sums": min(2.0, len(worked) / 10),
        "wrong": sum(not made.holds for made in worked) / len(worked) if worked else 0.0,
        "changed": float(bool(worked) and last not in results),
        "unused": len(wanted - set(found)) / len(wanted) if wanted else 0.0,
        "no_end": float(not _END.search(folded)),
        "odd_end": float(last is None or last.denominator != 1),
        "corrected": min(1.0, len(_CORRECTIONS.findall(folded)) / 5),
        "asked": min(2.0, len(wanted) / 10),
    }


def squash(total: float) -> float:
    """The logistic function."""
    return 1 / (1 + math.exp(-max(-40.0, min(40.0, total))))


def _values(folded: str) -> list[Fraction]:
    return [size for written in _NUMBERS.findall(folded) if (size := number(written)) is not None]
