"""Which language the customer writes, as an ISO 639-1 code; None when it cannot be told.

Other scripts tell by their letters. Latin script is told by function words, words of support chats and letters few
languages have. The bot's own languages are preferred where they explain the text nearly as well as any other. A
burst too short to tell ("ok") is read together with what the customer wrote before.

Measured on data/lang (300 requests a language, many with English titles in them; share right, then share unsure),
with en, da and de configured: en 0.94 0.05, da 0.82 0.13, de 0.87 0.08; with none: en 0.86 0.14, da 0.40 0.53, de
0.83 0.12, nl 0.78, tr 0.82, id 0.83, lt 0.87, it 0.68, ar 0.89, zh 0.75, ja 0.99. Norwegian is taken for Danish
where only Danish is configured, and its dialects (n=3299) are rarely told: 0.18. One- or two-word bursts stay
unsure.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from math import exp, sqrt

from core.conversation import Conversation
from core.function_words import FUNCTION_WORDS
from core.rules import Reading, Signal
from core.signals._reading import bursts, load, plain, quote
from core.words import split

LETTERS: Mapping[str, str] = {
    "da": "æøå", "no": "æøå", "sv": "äöå", "de": "äöüß", "fi": "äö", "tr": "ğşıçöü", "pl": "ąęłżźśćńó",
    "cs": "ěřůčšžýáíé", "lt": "ėųįšžčūąę", "es": "ñ¿¡áíóúé", "fr": "çèêàœûîôé", "it": "àèìòù",
    "pt": "ãõçáâêíóú", "nl": "ëï",
}  # fmt: skip
"""Letters beyond a-z by language; each counts less the more languages have it."""

SCRIPTS: tuple[tuple[str, str, str], ...] = (
    ("\u0400", "\u052f", "ru"), ("\u0600", "\u06ff", "ar"), ("\u0590", "\u05ff", "he"), ("\u0370", "\u03ff", "el"),
    ("\u3040", "\u30ff", "ja"), ("\uac00", "\ud7af", "ko"), ("\u4e00", "\u9fff", "zh"), ("\u0e00", "\u0e7f", "th"),
    ("\u0900", "\u097f", "hi"),
)  # fmt: skip
"""First letter, last letter and language of scripts that tell; ja stands before zh since it uses both."""

WITHIN_SCRIPT: Mapping[str, tuple[tuple[str, str], ...]] = {
    "ru": (("kk", "әғқңөұүһ"), ("uk", "їєґ"), ("sr", "јљњћђџ"), ("uk", "\u0456")),
    "ar": (("ur", "ٹڈڑے"), ("fa", "پچژگ")),
}
"""Letters that tell a language from the script's most common one, tried in order."""

EVIDENCE = 0.9
"""Least evidence for a language: about one word that no other language in question has."""

STEEPNESS = 2.5
"""How fast a lead in evidence becomes certainty."""

SURE = 0.65
"""Least score to name a language at all."""

CLOSE = 0.85
"""A configured language is taken when it knows at least this share of what the best other language knows: customers
mostly write the languages the bot was made for, and Danish and Norwegian share most of their small words."""

LONGEST = 400
"""Characters that are read; more does not change the result."""

LOOK_BACK = 4
"""Bursts that are read, the newest included, when the newest is too short."""


def build(*, languages: Sequence[str] = ()) -> Signal:
    """The signal; `languages` are the bot's own, preferred where the text allows it."""
    configured = frozenset(code.partition("-")[0].lower() for code in languages) & frozenset(FUNCTION_WORDS)
    holders = _holders()

    def read(conversation: Conversation) -> Reading:
        text = ""
        for newer, _ in bursts(conversation, LOOK_BACK):
            text = f"{text} {plain(newer)}"[:LONGEST]
            code, score, because = _tell(text.lower(), holders, configured)
            if code:
                return Reading(code, f"{code}, by {quote(because)}", round(score, 4))
        return Reading(None, "too short or too mixed to tell", 0.0)

    return read


def _holders() -> dict[str, frozenset[str]]:
    """Word, or letter after a NUL, -> the languages that have it."""
    holders: dict[str, set[str]] = {}
    extra = load("language")
    for code, small in FUNCTION_WORDS.items():
        for word in {*small, *(word for phrase in extra.get(code, ()) for word in phrase.split())}:
            holders.setdefault(word, set()).add(code)
    for code, letters in LETTERS.items():
        for letter in letters:
            holders.setdefault(f"\0{letter}", set()).add(code)
    return {item: frozenset(codes) for item, codes in holders.items()}


def _tell(text: str, holders: Mapping[str, frozenset[str]], configured: frozenset[str]) -> tuple[str, float, str]:
    """(language or empty, score, the words or letters that told)."""
    code = _script(text)
    if code:
        return code, 0.95, text
    letters = (f"\0{letter}" for letter in sorted({c for c in text if c > "\x7f"}))
    known = [(item, holders[item]) for item in (*split(text), *letters) if item in holders]
    counts = Counter(code for _, codes in known for code in codes)
    own = max((counts[code] for code in configured), default=0)
    other = max((count for code, count in counts.items() if code not in configured), default=0)
    among = configured if own and own >= CLOSE * other else frozenset(counts)
    code, score = _best(known, among)
    told = dict.fromkeys(item.strip("\0") for item, codes in known if code in codes)
    return code, score, " ".join(list(told)[:5])


def _best(known: Iterable[tuple[str, frozenset[str]]], among: frozenset[str]) -> tuple[str, float]:
    """The language with most evidence among these and how sure it is; an item's weight is split by who shares it."""
    evidence = dict.fromkeys(sorted(among), 0.0)
    for _, codes in known:
        sharing = codes & among
        for code in sharing:
            evidence[code] += 1 / len(sharing)
    ranked = sorted(((value, code) for code, value in evidence.items()), reverse=True)
    if not ranked or ranked[0][0] < EVIDENCE:
        return "", 0.0
    best, code = ranked[0]
    second = ranked[1][0] if len(ranked) > 1 else 0.0
    score = 1 / (1 + exp(-STEEPNESS * (best - second) / sqrt(best)))
    return (code, score) if score >= SURE else ("", score)


def _script(text: str) -> str:
    """The language of a text that is mostly in a script that tells, else empty."""
    foreign = [c for c in text if c >= "\u0370"]
    if 2 * len(foreign) < sum(c.isalpha() for c in text) or not foreign:
        return ""
    for first, last, code in SCRIPTS:
        inside = sum(first <= c <= last for c in foreign)
        if 3 * inside >= len(foreign):
            return next(
                (other for other, letters in WITHIN_SCRIPT.get(code, ()) if any(c in text for c in letters)), code
            )
    return ""
