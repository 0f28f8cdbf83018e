"""Finding a wish for a person among the words of one sentence: the lists of all languages, and how they are looked up.

What the groups of the lists mean stands in GROUPS; the words stand in _data/asks_for_person, one file a language.
Chinese and Japanese are read character by character, Arabic without the small words written onto the next one. How the
groups combine belongs to asks_for_person. Linear in the number of words.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

from core.function_words import FUNCTION_WORDS
from core.signals._folding import folded
from core.signals._reading import load
from core.words import split

LANGUAGES = ("ar", "da", "de", "en", "es", "fr", "hi", "it", "ja", "nl", "pl", "pt", "sv", "tr", "zh")
ANY = "all"
"""The list whose groups hold beside those of every language."""

GROUPS = {
    "human": "words that mean a living person who works for the shop",
    "department": "parts of the shop where people answer",
    "someone": "words that mean a person only after a verb of talking",
    "yours": "how a customer names staff: one of your people, somebody from your team",
    "talk": "verbs whose object follows: talk to (someone)",
    "talk_after": "verbs whose object stands before: (mit jemandem) sprechen, (someone) I can talk to",
    "discuss": "verbs whose matter stands between them and [with]: discuss (my bill) with (somebody)",
    "with": "what the person then follows",
    "wish": "wishes for the [human] or [department] that follows",
    "wish_after": "wishes for the one that stands before",
    "who": "makes a [wish] for [someone] one for staff: (I need someone) who can decide",
    "serves": "what staff are asked to do; the [human] or [yours] stands before: (one of your people) take over",
    "calls": "turning to the customer; [someone] may be the one who does it",
    "move": "turns the customer over to the [human] or [onward] that follows: put me",
    "onward": "where to, without saying to whom: (put me) through",
    "be": "beside a [moved], makes it a wish: (I) want to be",
    "moved": "what is done with a customer who is turned over: transferred",
    "give": "asks for the [ring] beside it: give me (a bell)",
    "ring": "names of a call that say nothing about who calls",
    "voice": "beside [discuss], a wish to talk: (sort this out) over the phone",
    "inside": "after [someone], makes it one of [yours]: (somebody) from your",
    "alive": "makes the [someone] beside it one of the staff: someone (with a brain)",
    "past": "what stands near is told, not asked: (I spoke to an agent) yesterday",
    "sure": "said like this it always asks",
    "bot": "words for what answers now",
    "off": "turns away the [bot] that follows",
    "off_after": "turns away the [bot] that stands before",
    "not": "before what it takes back",
    "not_after": "after, or within, what it takes back",
    "told": "between the words of what then is told, not asked: your agent (didn't) call me",
    "what": "asks what is answering; the person named next is not asked for",
    "what_after": "the same, after the person",
    "mine": "before a [human] who is not the shop's: my (travel) agent, per (person)",
    "other": "longer phrases in which the words mean something else; nothing inside them counts",
    "job": "seeks work or asks about it; only [sure] counts beside it",
    "around": "what may stand around a [human] or [department] that is said alone",
    "real": "real words that are no slip of a listed one",
    "same": "two characters each: the first is read as the second",
}
"""The groups of a list, and what belongs in each."""

NAMING = frozenset({"human", "department", "someone", "yours", "sure", "bot", "move", "moved", "ring", "voice"})
"""A sentence without any of these asks for nobody, whatever else stands in it."""

MEANT = ("human", "department", "someone", "talk", "talk_after")
"""The groups of which slips are known."""

SHORTEST_SLIP = 5
"""Letters of the shortest word that is known with one letter missing, added, changed or swapped with the next."""
LONGEST_SLIP = 24

KEPT = 8_192
"""Words of which it is kept what they open: most words of a conversation come again."""

COMMA = ","

LONGEST_SENTENCE = 300
"""Words of a sentence that are read, at its two ends; nobody writes so many without a full stop."""

_CLAUSES = re.compile("[,:()\u060c\u3001]")
_CHARACTER = re.compile("([\u3041-\u3096\u30a1-\u30ff\u3400-\u9fff][\u3099\u309a]*)")
_ARABIC = re.compile("[\u0621-\u064a]")
_WRITTEN_ON = re.compile(
    r"(?<!\w)[\u0648\u0641]?(?:\u0644\u0644|[\u0644\u0628])?(?:\u0627\u0644)?(?=[\u0621-\u064a]{3})"
)

Span = tuple[int, int]
Spans = dict[str, list[Span]]
"""Group to places: first word, and the one behind the last."""
_Phrase = tuple[tuple[str, ...], str, str]
"""Its words, its language and its group. A word that ends in `*` stands for all that begin so."""


class _Opened(NamedTuple):
    """The phrases a word opens: it alone (language and group), those always to be tried, and those by second word.

    `names` when one of NAMING may begin here, whatever follows; `names_before` are second words of such phrases.
    """

    alone: tuple[tuple[str, str], ...]
    always: list[_Phrase]
    by_second: dict[str, list[_Phrase]]
    names: bool
    names_before: frozenset[str]

    def may_name(self, second: str) -> bool:
        """Whether one of NAMING may begin here, where this word follows."""
        return self.names or second in self.names_before


class Lists:
    """The word lists, compiled: `tokens` reads a sentence, `spans` finds what is listed in it."""

    def __init__(self) -> None:
        lists = {language: load(f"asks_for_person/{language}") for language in (*LANGUAGES, ANY)}
        pairs = (folded(pair).text for groups in lists.values() for pair in groups.pop("same", ()))
        self._same = str.maketrans({pair[0]: pair[1] for pair in pairs})
        self._index: dict[str, list[_Phrase]] = defaultdict(list)
        for language, groups in lists.items():
            for group, known in groups.items():
                for phrase in known:
                    self._add(phrase, language, group)
        self._stems = sorted({len(word) - 1 for word in self._index if word.endswith("*")})
        phrases = [phrase for known in self._index.values() for phrase in known]
        self._known = frozenset(word for parts, _, _ in phrases for word in parts).union(*FUNCTION_WORDS.values())
        self._opened_by = lru_cache(maxsize=KEPT)(self._opened)
        self._right = lru_cache(maxsize=KEPT)(self._meant)
        self._slips = _slips(word for parts, _, group in phrases if group in MEANT for word in parts)

    def tokens(self, sentence: str) -> list[str]:
        """The words of a folded sentence, commas kept, each character of Chinese and Japanese by itself."""
        text = sentence.replace("'", " ")
        if not text.isascii():
            text = _CHARACTER.sub(r" \1 ", text.translate(self._same))
            if _ARABIC.search(text):
                text = _WRITTEN_ON.sub("", text)
        found = [word for clause in _CLAUSES.split(text) for word in (*split(clause), COMMA)]
        return found[:-1]

    def corrected(self, tokens: Iterable[str]) -> list[str]:
        """The words, slips of one letter put right."""
        return [token if token in self._known else self._right(token) for token in tokens]

    def spans(self, tokens: Sequence[str]) -> dict[str, Spans]:
        """Language to group to the places where a phrase of it stands, without those inside an [other] phrase.

        Empty where nothing of NAMING stands: then the rest does not matter.
        """
        opened = [self._opened_by(token) for token in tokens]
        likely = [at for at, may in enumerate(map(_Opened.may_name, opened, (*tokens[1:], ""))) if may]
        if not any(group in NAMING for at in likely for _, group, _ in _found(opened[at], at, tokens)):
            return {}
        found = [hit for at, phrases in enumerate(opened) for hit in _found(phrases, at, tokens)]
        hidden: dict[int, list[tuple[str, int]]] = defaultdict(list)
        for language, group, (start, end) in found:
            for place in range(start, end) if group == "other" else ():
                hidden[place].append((language, end - start))
        spans: dict[str, Spans] = defaultdict(lambda: defaultdict(list))
        for language, group, span in found:
            if group != "other" and not _is_hidden(span, language, hidden):
                spans[language][group].append(span)
        return spans

    def _add(self, phrase: str, language: str, group: str) -> None:
        if group not in GROUPS:
            raise ValueError(f"asks_for_person/{language}: there is no group [{group}]")
        parts = [word for part in phrase.split() for word in self._listed(part)]
        self._index[parts[0]].append((tuple(parts), language, group))

    def _listed(self, part: str) -> list[str]:
        if part.isascii() and part.isalpha():
            return [part.lower()]
        words = self.tokens(folded(part.removesuffix("*")).text)
        return [*words[:-1], f"{words[-1]}*"] if part.endswith("*") else words

    def _opened(self, token: str) -> _Opened:
        stems = (f"{token[:size]}*" for size in self._stems if size <= len(token))
        opened = [phrase for first in (token, *stems) for phrase in self._index.get(first, ())]
        always: list[_Phrase] = []
        by_second: dict[str, list[_Phrase]] = defaultdict(list)
        for phrase in (phrase for phrase in opened if len(phrase[0]) > 1):
            (always if phrase[0][1].endswith("*") else by_second[phrase[0][1]]).append(phrase)
        alone = tuple(dict.fromkeys((language, group) for parts, language, group in opened if len(parts) == 1))
        names = any(group in NAMING for _, group in alone) or any(group in NAMING for _, _, group in always)
        before = frozenset(second for second, known in by_second.items() if any(g in NAMING for _, _, g in known))
        return _Opened(alone, always, dict(by_second), names, before)

    def _meant(self, token: str) -> str:
        if not SHORTEST_SLIP - 1 <= len(token) <= LONGEST_SLIP:
            return token
        near = (self._slips.get(form, "") for form in _shortened(token))
        return next((word for word in near if word[:1] == token[0] and word[-1:] == token[-1]), token)


def ends(tokens: list[str]) -> list[str]:
    """The words of a sentence, a long one at its two ends only."""
    half = LONGEST_SENTENCE // 2
    return tokens if len(tokens) <= LONGEST_SENTENCE else [*tokens[:half], COMMA, *tokens[-half:]]


def without_addresses(text: str) -> str:
    """The text without links and @names."""
    if "@" not in text and "://" not in text:
        return text
    return " ".join(part for part in text.split(" ") if not part.startswith("@") and "://" not in part)


def _found(opened: _Opened, at: int, tokens: Sequence[str]) -> list[tuple[str, str, Span]]:
    """Language, group and place of the phrases that stand at a place whose word opens these."""
    second = opened.by_second.get(tokens[at + 1], ()) if opened.by_second and at + 1 < len(tokens) else ()
    hits = [(language, group, (at, at + 1)) for language, group in opened.alone]
    for parts, language, group in (*opened.always, *second):
        end = at + len(parts)
        if end <= len(tokens) and all(map(_fits, parts[1:], tokens[at + 1 : end])):
            hits.append((language, group, (at, end)))
    return hits


def _slips(words: Iterable[str]) -> Mapping[str, str]:
    """Each form of a word with one letter left out, to that word. Two words that share a form are a slip apart."""
    slips: dict[str, str] = {}
    for word in sorted(set(words)):
        if len(word) >= SHORTEST_SLIP and word.isalpha():
            for form in _shortened(word):
                slips.setdefault(form, word)
    return slips


def _shortened(word: str) -> list[str]:
    """The word, and the word without each of its letters."""
    return [word, *(word[:at] + word[at + 1 :] for at in range(len(word)))]


def _is_hidden(span: Span, language: str, hidden: Mapping[int, list[tuple[str, int]]]) -> bool:
    """Whether a phrase that means something else overlaps this one, which is no longer and of the same language."""
    size = span[1] - span[0]
    others = (other for place in range(*span) for other in hidden.get(place, ()))
    return any(tongue in {language, ANY} and size <= length for tongue, length in others)


def _fits(known: str, token: str) -> bool:
    return known == token or (known[-1] == "*" and token.startswith(known[:-1]))
