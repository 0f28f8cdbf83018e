"""How often the language signal names the language of a message, and how often it leaves it open.

A CSV file `text,language`. Messages of three words or more count, links and addresses left out; in the languages
written without spaces, of five letters or more. `accuracy` is the share named rightly, unknown counted as not right,
without the dialects; `accuracy_da` that of one language or dialect; `unknown` and `wrong` are shares of all but the
dialects; `ece` is the calibration error of what is named. No language is configured, so none is preferred.

Baselines: `common` always names the most common language of the file; `stop_words` names the script's language, or that
with most of its small words in the message.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from core.conversation import Address, Conversation, Message
from core.evaluation._measures import Evaluation, Figure, Task, ece, share
from core.evaluation._rows import fault, table
from core.function_words import FUNCTION_WORDS
from core.rules import Signal
from core.signals import language
from core.signals._reading import plain
from core.words import words

COUSINS = {"de-ba": "de", "de-muc": "de", "de-st": "de", "gsw": "de", "nap": "it", "sr": "hr"}
"""Dialects, and a language whose Latin spelling is told together with its neighbours'."""

DIALECTS = frozenset({"de-ba", "de-muc", "de-st", "gsw", "nap", "no"})
"""Left out of what is summed up; the Norwegian rows of xSID are dialects too."""

SPACELESS = frozenset({"zh", "ja", "th"})
FEWEST_WORDS, FEWEST_LETTERS = 3, 5
AT, PLACE = datetime(2026, 1, 1, tzinfo=UTC), Address("memory", "1")

SCRIPTS: Mapping[str, str] = {
    "ARABIC": "ar", "HIRAGANA": "ja", "KATAKANA": "ja", "CJK": "zh", "HANGUL": "ko", "CYRILLIC": "ru", "GREEK": "el",
    "HEBREW": "he", "DEVANAGARI": "hi", "THAI": "th",
}  # fmt: skip
"""The baseline's: the first word of a letter's Unicode name."""


@dataclass(frozen=True, slots=True)
class Told:
    """What was said of one message: the language wanted, the one named or None, and how sure it was."""

    wanted: str
    named: str | None
    score: float

    @property
    def right(self) -> bool:
        """Whether the language itself was named, or of a dialect the language it is told with."""
        return self.named == COUSINS.get(self.wanted, self.wanted)


def evaluate(task: Task) -> Evaluation:
    """The figures on a file; `train` is not used. SettingsError when it cannot be read or nothing in it counts."""
    rows = [(row["text"], row["language"]) for row in table(task.data, "text", "language")]
    counted = [(text, wanted) for text, wanted in rows if is_counted(text, wanted)]
    if not counted:
        raise fault(task.data, f"holds no message of {FEWEST_WORDS} words", "whole messages under text")
    told = tell(counted, language.build())
    metrics = summary(told)
    for code in sorted({one.wanted for one in told}):
        rights = [one.right for one in told if one.wanted == code]
        metrics[f"accuracy_{code}"] = share(sum(rights), len(rights))
    return Evaluation("language", len(told), metrics, baselines(counted))


def is_counted(text: str, wanted: str) -> bool:
    """Whether the message is long enough to be measured."""
    letters = sum(character.isalpha() for character in text)
    return len(words(plain(text))) >= FEWEST_WORDS or (wanted in SPACELESS and letters >= FEWEST_LETTERS)


def tell(rows: Sequence[tuple[str, str]], signal: Signal) -> list[Told]:
    """What the signal says of each (text, language)."""
    found = []
    for text, wanted in rows:
        reading = signal(Conversation(PLACE, (Message("1", PLACE, text, AT),)))
        found.append(Told(wanted, str(reading.value) if reading.value else None, reading.score or 0.0))
    return found


def summary(told: Sequence[Told]) -> dict[str, Figure]:
    """The figures of all messages that are in no dialect."""
    main = [one for one in told if one.wanted not in DIALECTS]
    named = [one for one in main if one.named]
    rights = sum(one.right for one in main)
    return {
        "accuracy": share(rights, len(main)),
        "unknown": share(len(main) - len(named), len(main)),
        "wrong": share(len(named) - rights, len(main)),
        "ece": ece([one.score for one in named], [one.right for one in named]),
    }


def baselines(rows: Sequence[tuple[str, str]]) -> dict[str, Figure]:
    """The share right of what is simpler."""
    main = [(text, COUSINS.get(wanted, wanted)) for text, wanted in rows if wanted not in DIALECTS]
    common = Counter(wanted for _, wanted in main).most_common(1)
    return {
        "common": share(common[0][1] if common else 0, len(main)),
        "stop_words": share(sum(by_stop_words(text) == wanted for text, wanted in main), len(main)),
    }


def by_stop_words(text: str) -> str:
    """The language of most letters' script, or the one most of whose small words stand there; empty without any."""
    scripts = Counter(unicodedata.name(c, "").partition(" ")[0] for c in text if c.isalpha())
    script = max(scripts, key=lambda name: scripts[name], default="")
    if script == "CJK" and scripts["HIRAGANA"] + scripts["KATAKANA"]:
        return "ja"
    if script in SCRIPTS:
        return SCRIPTS[script]
    said = set(words(text))
    hits = {code: len(said & small) for code, small in FUNCTION_WORDS.items()}
    best = max(hits, key=lambda code: hits[code])
    return best if hits[best] else ""
