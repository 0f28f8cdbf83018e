"""How hard the burst is for a small model: low, medium, high, or None where the text does not tell.

The score is the probability that a small model fails where a strong one does not, counted as if that held for half of
all questions: how common such questions are in a chat is not known, so the score is what the text alone says. 0.5 says
nothing, 0.7 that such a text is 2.3 times as common among those questions. Where a share b of the questions is of that
kind, the odds are score / (1 - score) * b / (1 - b). `high` is from 0.7, `medium` from 0.5, as rules read levels.

What is read: numbers, operators, questions, conditions, comparisons, code, length and more (_complexity.py), and, where
the encoder knows the burst and it is like what the formula was fitted on, its vector and its terms. No evidence is not
"simple": a text that is neither like those questions nor shows two kinds of work reads None (`complexity: none`). A
burst of a few words goes on with the one before, unless it is a thank-you.

Fitted and measured by tools/fit_complexity.py on RouteLLM's tables, Mixtral-8x7B against GPT-4: MMLU n=14,037, GSM8K
n=1,307, English. APGR (core/evaluation/complexity.py) over five folds, near-duplicates together, 95 % by resampling:

    each table alone: MMLU 0.678 (0.660-0.700), GSM8K 0.638 (0.596-0.682); by counts alone 0.608 and 0.619
    both together, as shipped: MMLU 0.670, GSM8K 0.631; by counts alone 0.607 and 0.618
    length 0.586 (0.569-0.602) and 0.598 (0.559-0.641), random 0.5, oracle 1.285 and 1.121
    fitted on the other table: MMLU 0.497, GSM8K 0.559

So it knows questions of the kind it was fitted on, and nothing much of others. On the tables themselves the shipped
weights rank better than that (MMLU 0.827, GSM8K 0.776): they have seen them. Calibration error at the tables' share of
such questions (0.188), out of fold, n=7,672: 0.005 by meaning, 0.020 by counts alone.

Support chats have no such labels. Of every fifth message of bitext, banking77 and tweetsumm's customers (n=1,296, 2,001
and 671) read None 1.00, 0.95 and 0.86; medium 0, 0.03 and 0.11; high 0, 2 and 0 messages. Padding ("think step by
step", stuffed keywords) moved known scores by 0.11 at most (60 questions of GSM8K, 5 of banking77, four paddings each),
but stuffed keywords make an unknown text known, below 0.7 for all of 120 messages. Danish and German are read by word
lists, unmeasured.
"""

from __future__ import annotations

from collections.abc import Mapping

from core.asks import Ask, asks
from core.conversation import Conversation
from core.meaning import Meanings, vector
from core.rules import LEVELS, Reading, Signal
from core.signals._complexity import Counter, Counts, terms
from core.signals._complexity_weights import Weights, load_weights, probability
from core.signals._reading import quote
from core.words import clip, remembered

FEWEST_WORDS = 17
"""Words of a text that is read by its meaning: 99 in 100 of the fitted questions have as many."""

FEWEST_MARKS = 2
"""Different marks of work for whoever answers, from which a text unlike the fitted questions is read by its counts."""

LONG = 60
"""Words from which the length is a mark: of 7,161 messages of bitext, banking77 and tweetsumm 2 have as many."""

FEWEST_NUMBERS = 2
"""Numbers that, with a word or a sign for what to do with them, are arithmetic."""

RECKONED = ("operators", "amount", "rate", "comparison")
"""Pieces that say what to do with numbers."""

FOLLOW_UP = 4
"""Words of the longest burst that is taken to go on with the one before ("yes, do it")."""


def build() -> Signal:
    """The signal with the weights that ship; it has no options."""
    return reader(load_weights())


def reader(weights: Weights) -> Signal:
    """The signal with other weights: for whoever measures."""
    counter = Counter()
    counted = remembered(lambda text: counter.count(clip(text)))

    def read(conversation: Conversation) -> Reading:
        newest = asks(conversation, 1)
        if not newest:
            return Reading(None, "nothing was asked")
        seen = counted(newest[0].text)
        reading = _read(newest[0], seen, conversation.meanings, weights)
        if reading.value is not None or len(seen.tokens) > FOLLOW_UP or counter.closes(seen.tokens):
            return reading
        for before in asks(conversation, 2)[1:]:
            earlier = _read(before, counted(before.text), conversation.meanings, weights)
            return Reading(earlier.value, f"goes on with {quote(before.text)}: {earlier.note}", earlier.score)
        return reading

    return read


def _read(ask: Ask, seen: Counts, meanings: Meanings | None, weights: Weights) -> Reading:
    """One burst by itself."""
    marks = _marks(seen)
    known = vector(meanings, ask.text) if meanings and meanings.version == weights.encoder else None
    if known is not None and len(seen.tokens) >= FEWEST_WORDS and weights.is_near(known):
        score = probability(weights.by_meaning(seen.values, terms(seen.tokens), known))
    elif len(marks) >= FEWEST_MARKS:
        score = probability(weights.by_words(seen.values))
    else:
        return Reading(None, f"no evidence{_told(marks)}")
    score = round(score, 4)
    level = "high" if score >= LEVELS["high"] else "medium" if score >= LEVELS["medium"] else "low"
    return Reading(level, f"{score:.2f} hard for a small model{_told(marks)}", score)


def _told(marks: Mapping[str, str]) -> str:
    return ": " + ", ".join(f"{name} {what}".strip() for name, what in marks.items()) if marks else ""


def _marks(seen: Counts) -> dict[str, str]:
    """What in a text is work, by name, with the pieces that show it."""
    found = seen.found
    marks: dict[str, str] = {}
    if seen.questions > 1:
        marks["several questions"] = ""
    numbers = found.get("numbers", ())
    if len(numbers) >= FEWEST_NUMBERS and not found.keys().isdisjoint(RECKONED):
        marks["arithmetic"] = quote(" ".join(numbers[:4]))
    for name, kind in (("a condition", "condition"), ("a comparison", "comparison"), ("reasons", "reasoning")):
        if kind in found:
            marks[name] = quote(found[kind][0])
    if "code" in found:
        marks["code"] = quote(" ".join(found["code"][:3]))
    if len(seen.tokens) >= LONG:
        marks["length"] = f"of {len(seen.tokens)} words"
    return marks
