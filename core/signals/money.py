"""Whether the customer speaks of money: an amount, or a whole word of the built-in lists or the bot's own.

Whole words only, so a charger is not a charge; in Chinese and Japanese, which leave no spaces, anywhere in the text.
What something costs before it is bought is not meant: such words are left out of the built-in lists, and a bot that
wants them adds them to its own. Sums without a currency ("20", "five pounds") are not seen. All lists are heard
whatever the bot's languages, on text folded against dodging (_folding).

Measured (Wilson 95 %) on data looked at while writing: bitext/train.csv, flagged of refunds 706 of 719 (0.98 [0.97,
0.99]), invoices 456 of 478 (0.95 [0.93, 0.97]), payment issues 224 of 238 (0.94 [0.90, 0.97]), cancellation fees 229 of
244 (0.94 [0.90, 0.96]), payment methods 29 of 250 (0.12 [0.08, 0.16]: a question before buying, left alone), all other
intents 1 of 4,551 (0.0002 [0.0000, 0.0012]). tweetsumm/: 228 of 2,588 bursts (8.8 % [7.8, 10.0]); of 30 drawn, 28 do
speak of money (0.93 [0.79, 0.98]), 23 of a refund, a bill or a charge (0.77 [0.59, 0.88]); the rest name a price.
lang/ (alarms, weather, music in 19 languages): 0 of 8,548 [0, 0.0004].
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping

import re2

from core.conversation import Conversation
from core.errors import Problem, SettingsError
from core.rules import Reading, Signal
from core.signals._folding import Folded, folded, forms, index, place
from core.signals._reading import asked, load, quote
from core.words import find, remembered, split

_ALPHABETS = ("en", "da", "de", "es", "fr", "it", "nl", "pt", "sv", "nb", "fi", "pl", "tr", "ar", "hi")
_WITHOUT_SPACES = ("zh", "ja")

_PREFIXES = {"ar": ("ال", "و", "وال", "ب", "بال", "ل", "لل", "ف")}
"""What is written as one with the word after it."""

_WITHOUT_THE_KEY = {
    "de": ("äae", "öoe", "üue"),
    "da": ("åaa", "øoe"),
    "nb": ("åaa", "øoe"),
    "sv": ("åaa", "äae", "öoe"),
}
"""How a letter is written on a keyboard that lacks it: first the letter, then what stands for it."""

_SHORTEST_SPACED = 5
"""Letters of a word that is looked for inside a run of letters written one by one."""

_WORDS_BEFORE = 4
"""How far before "charged" a battery makes it a matter of electricity."""

MOST_QUOTED = 4
"""Words of the customer's that the note quotes; one is enough to be sure."""

_SIGNS = r"\$€£¥₹₽₺₩₪₫₴₱฿₦₸₾"
_NUMBER = r"\d(?:[\d.,']| \d{3}\b)*"
_TO_JOIN = str.maketrans(dict.fromkeys(" \n\t.-_*~|/+"))

Lists = Mapping[str, tuple[str, ...]]
Finder = Callable[[Folded], list[str]]


def build(*, words: str = "", lists: Lists | None = None) -> Signal:
    """The signal; `words` names a list of config.yaml whose words count too. Raises SettingsError for no such list."""
    own = (lists or {}).get(words, ())
    if words and words not in (lists or {}):
        raise SettingsError(
            [Problem("config.yaml", 1, 1, f"there is no list {words!r}", f"lists: {{{words}: a file}}")]
        )
    shipped = load("money")
    known = [*own, *(form for group in _ALPHABETS for listed in shipped[group] for form in _spellings(group, listed))]
    finders = (_words(known, shipped), _spaced(known), _inside(shipped), _amounts(shipped))

    @remembered
    def told(burst: str) -> Reading:
        text = folded(burst)
        hits = [hit for finder in finders for hit in finder(text)]
        if not hits:
            return Reading(False, "no word of money")
        return Reading(
            True, "speaks of money: " + ", ".join(quote(hit) for hit in list(dict.fromkeys(hits))[:MOST_QUOTED])
        )

    def read(conversation: Conversation) -> Reading:
        return told(asked(conversation))

    return read


def _spellings(group: str, listed: str) -> Iterable[str]:
    """A listed phrase in the ways people and its language write it."""
    yield listed
    if "'" in listed:
        yield listed.replace("'", "")
        yield listed.replace("'", " ")
    for prefix in _PREFIXES.get(group, ()):
        yield prefix + listed
    other = listed
    for pair in _WITHOUT_THE_KEY.get(group, ()):
        other = other.replace(pair[0], pair[1:])
    yield other


def _words(known: Iterable[str], shipped: Lists) -> Finder:
    """Whole words and phrases; those about charging only with no battery shortly before."""
    plugged = index(shipped["plugged"])
    either = index([*known, *shipped["plugged"]])
    power = frozenset(shipped["power"])

    def search(text: Folded) -> list[str]:
        among = split(text.text)
        hits = []
        for at, found in find(either, among):
            electric = found in plugged.get(found[0], ()) and power.intersection(among[max(0, at - _WORDS_BEFORE) : at])
            if not electric:
                hits.append(text.piece(*place(text.text, among, at, len(found))))
            if len(hits) == MOST_QUOTED:
                break
        return hits

    return search


def _spaced(known: Iterable[str]) -> Finder:
    """Words and phrases of some length inside what was written letter by letter."""
    by_start: dict[str, set[str]] = {}
    for word in {"".join(split(form)) for listed in known for form in forms(listed)}:
        if len(word) >= _SHORTEST_SPACED:
            by_start.setdefault(word[:_SHORTEST_SPACED], set()).add(word)
    starts = {start: tuple(words) for start, words in by_start.items()}

    def search(text: Folded) -> list[str]:
        for start, end in text.runs:
            run = text.text[start:end].replace(" ", "")
            for at in range(len(run)):
                if run.startswith(starts.get(run[at : at + _SHORTEST_SPACED], ()), at):
                    return [text.piece(start, end)]
        return []

    return search


def _inside(shipped: Lists) -> Finder:
    """Words of languages without spaces, anywhere, whatever stands between their characters."""
    pattern = _any_of(form for group in _WITHOUT_SPACES for listed in shipped[group] for form in forms(listed))

    def search(text: Folded) -> list[str]:
        if text.text.isascii() or not _IDEOGRAPH.search(text.text):
            return []
        found = pattern.search(text.text.translate(_TO_JOIN))
        return [found.group()] if found else []

    return search


def _amounts(shipped: Lists) -> Finder:
    """The first sum of money with its currency."""
    units = {name: {form for listed in shipped[name] for form in forms(listed)} for name in _UNITS}
    either = units["codes"] | units["capitals"]
    after, before = _alternatives(units["after"] | either), _alternatives(units["before"] | either)
    pattern = re2.compile(
        rf"[{_SIGNS}] ?{_NUMBER}|{_NUMBER} ?(?:[{_SIGNS}]|{_alternatives(units['touching'])})|\b{_NUMBER},-"
        rf"|(?:^|[^\pL\pM\pN])({before})\.? ?{_NUMBER}|{_NUMBER} ?({after})(?:$|[^\pL\pM\pN])"
    )

    def search(text: Folded) -> list[str]:
        if not _DIGIT.search(text.text):
            return []
        for found in pattern.finditer(text.text):
            which = 1 if found.group(1) else 2
            unit = found.group(which)
            if unit not in units["capitals"] or text.piece(*found.span(which)).isupper():
                return [text.piece(*found.span()).strip(" .,'\n")]
        return []

    return search


_UNITS = ("after", "before", "touching", "codes", "capitals")
_DIGIT = re.compile("[0-9]")  # one character: as linear as RE2, and quicker to call
_IDEOGRAPH = re2.compile(r"[\p{Han}\p{Hiragana}\p{Katakana}]")


def _alternatives(terms: Iterable[str]) -> str:
    """A pattern for any of them, the longest first."""
    return "|".join(re2.escape(term) for term in sorted(terms, key=lambda term: (-len(term), term)))


def _any_of(terms: Iterable[str]) -> re2._Regexp:
    return re2.compile(_alternatives(terms))
