"""Which language the customer writes, as an ISO 639-1 code; None when it cannot be told.

Other scripts tell by their letters. Latin script is told by the trigrams of its words and by frequent words
(`_language`). The bot's own languages are preferred. A burst too short to tell ("ok") is read together with what the
customer wrote before.

Measured on messages of three words or more: share right, with 95 % intervals; unknown counts as not right. Chat
(benchmarks/data/asks_for_person.csv, n 58 to 167 a language; only counts of errors were looked at while tuning), none
configured: ar de fr ja nl pl sv tr zh 1.00 (from 0.94), es it pt 0.98 (0.91-1.00), en 0.95 (0.91-0.98), da 0.95
(0.86-0.98); with en, da, de configured en 0.96, da and sv 0.97. Hindi 1.00 (n=40) in its own script; in Latin letters
unknown (n=21, none named). Requests with English titles in them (data/lang, n 150 to 297; errors in every other row,
and in all English ones, seen while tuning): ar ja zh 1.00, de id nl 0.99, it tr 0.98, lt 0.97, en 0.96, da sr 0.95,
kk 0.93; with en, da, de configured da 0.98, en 0.97. Tweets: en 0.98 (n=5958, some seen). Calibration error of what is
named 0.01, dialects left out.

What it cannot do: Norwegian dialects 0.78 (n=3249), mostly taken for Danish; German dialects are called German in 0.43
to 0.70 (n 295 each), else mostly a neighbour. Croatian, Serbian and Bosnian in Latin letters are one, `hr`. A single
word that is named is wrong one time in seven.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from core.asks import asks
from core.conversation import Conversation
from core.rules import Reading, Signal
from core.signals._language import RIVALS, Tongues, tongues
from core.signals._reading import load, plain, quote
from core.words import clip, fold, remembered, split

SCRIPTS: tuple[tuple[str, str, str], ...] = (
    ("\u0400", "\u052f", "ru"), ("\u0600", "\u06ff", "ar"), ("\u0590", "\u05ff", "he"), ("\u0370", "\u03ff", "el"),
    ("\u3040", "\u30ff", "ja"), ("\uac00", "\ud7af", "ko"), ("\u4e00", "\u9fff", "zh"), ("\u0e00", "\u0e7f", "th"),
    ("\u0900", "\u097f", "hi"), ("\u0980", "\u09ff", "bn"), ("\u0b80", "\u0bff", "ta"), ("\u0c00", "\u0c7f", "te"),
    ("\u10a0", "\u10ff", "ka"), ("\u0530", "\u058f", "hy"),
)  # fmt: skip
"""First letter, last letter and language of scripts that tell."""

WITHIN_SCRIPT: Mapping[str, tuple[tuple[str, str], ...]] = {
    "ru": (
        ("kk", "әғқңөұүһ"), ("be", "ў"), ("uk", "їєґ"), ("mk", "ѓќѕ"), ("sr", "јљњћђџ"), ("ru", "ыэё"),
        ("uk", "\u0456"),
    ),
    "ar": (("ur", "ٹڈڑے"), ("fa", "پچژگ")),
}  # fmt: skip
"""Letters that tell a language from the script's most common one, tried in order."""

BY_WORDS: Mapping[str, tuple[str, ...]] = {"ru": ("ru", "uk", "bg", "kk")}
"""Where no such letter stands: the language with most frequent words in the text, the first where none leads."""

TOLD_AS: Mapping[str, str] = {"nb": "no", "nn": "no", "sr": "hr", "bs": "hr"}
"""Languages told as one with another in Latin script: where a bot lists one of these, that is what is read."""

KANA = 0.1
"""The share of kana from which Chinese characters are Japanese."""

SYLLABIC = "\u3040"
"""From this character on one letter is a syllable or a word, and counts as much as SYLLABLE of an alphabet."""

SYLLABLE = 2.5

FOREIGN = 0.12
"""The least share of a script's letters that tells: titles and product names stay in Latin script."""

MIXED, PLAINLY, LIKELY = 0.5, 0.97, 0.8
"""How sure a script is: PLAINLY above a share of MIXED, LIKELY below it and where nothing tells its languages apart."""

SURE = 0.5
"""Least score to name a language at all."""

SHORT, SURE_WHEN_SHORT = 3, 0.8
"""Fewer words than SHORT need this score: one word often belongs to a language that is not known here."""

LONGEST = 400
"""Characters that are read; more does not change the result."""

MOST_WORDS = 20
"""Different words that are read; a word said again says nothing new."""

DOT = "\u0307"
"""What folding leaves of the dot on a Turkish capital I."""

LOOK_BACK = 4
"""Bursts that are read, the newest included, when the newest is too short."""

Found = tuple[str, float, str]
"""Language or empty, score, and the words that told."""

NOTHING: Found = ("", 0.0, "")


def build(*, languages: Sequence[str] = ()) -> Signal:
    """The signal; `languages` are the bot's own, preferred where the text allows it."""
    configured = [code.partition("-")[0].lower() for code in languages]
    called = {TOLD_AS.get(code, code): code for code in configured}
    own, tables = frozenset(called), tongues()
    listed = load("language")
    frequent = {code: frozenset(listed[code]) for codes in BY_WORDS.values() for code in codes}

    @remembered
    def told(text: str) -> Found:
        folded = fold(text)
        found = _by_script(folded, frequent)
        return found if found[0] else _by_words(folded, tables, own)

    def read(conversation: Conversation) -> Reading:
        text = ""
        for newer in _newest_first(conversation):
            text = f"{text} {newer}".lstrip()[:LONGEST]
            code, score, because = told(text)
            if code:
                code = called.get(code, code)
                return Reading(code, f"{code}, by {quote(because)}", round(score, 4))
        return Reading(None, "too short or too mixed to tell", 0.0)

    return read


def _newest_first(conversation: Conversation) -> Iterator[str]:
    """What the customer wrote without addresses, burst by burst; earlier ones are looked for only when wanted."""
    for most, known in ((1, 0), (LOOK_BACK, 1)):
        for ask in asks(conversation, most)[known:]:
            text = clip(ask.text)
            yield plain(text) if "@" in text or "/" in text else " ".join(text.split())


def _by_words(text: str, tables: Tongues, own: frozenset[str]) -> Found:
    """The language of a folded text in Latin letters."""
    different = list(dict.fromkeys(split(text.replace(DOT, ""))))[:MOST_WORDS]
    words = [word for word in different if (word.isalpha() and word[0] < "\u0370") or "'" in word]
    told = tables.tell(words, own)
    least = SURE if len(words) >= SHORT else SURE_WHEN_SHORT
    if told is None or told.share < least or (told.code in RIVALS and told.code not in own):
        return NOTHING
    return told.code, told.share, " ".join(told.because[:5])


def _by_script(text: str, frequent: Mapping[str, frozenset[str]]) -> Found:
    """The language of a folded text that has enough letters of a script that tells."""
    foreign = [c for c in text if c >= "\u0370" and c.isalpha()] if not text.isascii() else []
    if not foreign:
        return NOTHING
    counts = {code: sum(first <= c <= last for c in foreign) for first, last, code in SCRIPTS}
    code = max(counts, key=lambda c: counts[c])
    weight = sum(SYLLABLE if c >= SYLLABIC else 1.0 for c in foreign)
    share = weight / (weight + sum(c.isalpha() for c in text) - len(foreign))
    if share < FOREIGN or not counts[code]:
        return NOTHING
    if code == "zh" and counts["ja"] >= KANA * len(foreign):
        code = "ja"
    told, score = _within(code, text, frequent)
    return told, score if share > MIXED else LIKELY, text


def _within(script: str, text: str, frequent: Mapping[str, frozenset[str]]) -> tuple[str, float]:
    """The language among those that share the script of its most common one, and how sure it is."""
    for code, letters in WITHIN_SCRIPT.get(script, ()):
        if any(c in text for c in letters):
            return code, PLAINLY
    if script not in BY_WORDS:
        return script, PLAINLY
    words = set(split(text))
    hits = {code: len(words & frequent[code]) for code in BY_WORDS[script]}
    best = max(hits, key=lambda code: hits[code])
    return best, PLAINLY if hits[best] else LIKELY
