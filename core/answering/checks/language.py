"""Whether an answer is in another language than the customer's (`Prompt.language`).

The script tells, and for languages in Latin letters their small words (core.function_words). Far surer than needed for
one sentence is asked for, since a wrong alarm costs a call: near relatives (Danish and Norwegian) are not told apart,
nor are languages whose small words are not known. Which language a customer writes is core/signals/language.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from core.answering.request import Request
from core.answering.screen import Check, Watch
from core.function_words import FUNCTION_WORDS
from core.tiers import Prompt
from core.words import clip, split

LEAD = 4
"""So many more small words of another language than of the right one, and at least three times as many, tell it."""

STRANGE, LATIN, STRANGE_SHARE = 8, 24, 0.6
"""So many letters of a script the language is not written in, and this share of all, tell as well. Of Latin letters it
takes more: names and products are written in them everywhere."""

READ = 1_500
"""Characters of a whole answer that are read, at both ends."""

_RANGES = {
    "Greek": "\u0370-\u03ff\u1f00-\u1fff",
    "Cyrillic": "\u0400-\u052f",
    "Hebrew": "\u0590-\u05ff",
    "Arabic": "\u0600-\u06ff\u0750-\u077f",
    "Devanagari": "\u0900-\u097f",
    "Thai": "\u0e00-\u0e7f",
    "Han": "\u3040-\u30ff\u3400-\u9fff",
    "Hangul": "\uac00-\ud7a3\u1100-\u11ff",
}
_SCRIPTS = {script: re.compile(f"[{letters}]") for script, letters in _RANGES.items()}
_ANY = re.compile(f"[{''.join(_RANGES.values())}]")
_LATIN = re.compile("[A-Za-z\u00c0-\u024f]")
_WRITTEN_IN = {
    **dict.fromkeys(("ru", "uk", "bg", "be", "mk", "sr", "kk"), "Cyrillic"),
    **dict.fromkeys(("ar", "fa", "ur"), "Arabic"),
    **dict.fromkeys(("hi", "mr", "ne"), "Devanagari"),
    **dict.fromkeys(("zh", "ja"), "Han"),
    "el": "Greek",
    "he": "Hebrew",
    "th": "Thai",
    "ko": "Hangul",
}


def _users() -> Iterator[tuple[str, tuple[str, ...]]]:
    for word in frozenset[str]().union(*FUNCTION_WORDS.values()):
        yield word, tuple(language for language, known in FUNCTION_WORDS.items() if word in known)


_USERS = dict(_users())


def other_language(text: str, language: str) -> str:
    """Why the text is not in this language; empty when it may be, or when the language is not known here."""
    script = _WRITTEN_IN.get(language, "")
    if script:
        own, strange = len(_SCRIPTS[script].findall(text)), len(_LATIN.findall(text))
        return f"written in Latin letters, not {script}" if strange >= LATIN and _most(strange, own) else ""
    if language not in FUNCTION_WORDS:
        return ""
    if not text.isascii():
        strange = len(_ANY.findall(text))
        if strange >= STRANGE and _most(strange, len(_LATIN.findall(text))):
            return f"{strange} letters of another script"
    counts: dict[str, int] = {}
    for word in split(text.lower()):
        for user in _USERS.get(word, ()):
            counts[user] = counts.get(user, 0) + 1
    if not counts:
        return ""
    found, own = max(counts, key=counts.__getitem__), counts.get(language, 0)
    return f"rather {found} than {language}" if counts[found] >= max(own + LEAD, 3 * own) else ""


def build() -> Check:
    """The check. An answer in another language is better than none, so it may be shown where nothing else is left."""
    return Check("language", True, _watch)


def _watch(prompt: Prompt, _: Request) -> Watch | None:
    language = prompt.language
    if language not in FUNCTION_WORDS and language not in _WRITTEN_IN:
        return None

    def judge(text: str) -> str:
        return other_language(clip(text, READ), language)

    return Watch(opening=judge, whole=judge)


def _most(strange: int, own: int) -> bool:
    return strange >= STRANGE_SHARE * (strange + own)
