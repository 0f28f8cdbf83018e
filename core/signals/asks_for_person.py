"""Whether the customer asks for a person.

A sentence asks when a verb of talking has a person as its object ("talk to someone", "mit einem Mitarbeiter
sprechen"), when it wishes for a word that can only mean staff ("I want a human"), when staff are to do something
("could one of your people look at this"), when the customer wants to be turned over or called by whomever ("put me
through", "give me a ring"), when such a word stands alone ("human, please"), when it turns the bot away ("no more
bots"), or when it is a command (/person). Asking *what* is answering ("are you a person?") does not count, nor does a
person only mentioned, declined, told of ("yesterday") or of another house ("my travel agent"). The words, in fifteen
languages, stand in _data/asks_for_person; what their groups mean stands in _asking. No score is given: nothing
calibrates one.

Measured on benchmarks/data/asks_for_person.csv (15 languages, 0.79 of the lines chosen to be hard), with Wilson 95 %
intervals. Half `test`: precision 0.984 (0.959 to 0.994, n = 247 found), recall 0.957 (0.924 to 0.976, n = 254 that
ask); English 39 of 41, one miss in da, de, es, fr, hi, it, sv, tr and zh, none in the others (n = 15 or 16 each). Half
`dev`, for which the lists were made: 1.000 and 1.000 (0.985 to 1.000, n = 254). The lines of `test` were read once, to
check their labels, and its totals looked at many times while the lists grew: take its figures as an upper bound. On 160
lines of a stranger that nobody had read (benchmarks/data/asks_for_person_blind.csv): precision 1.000 (0.948 to 1.000,
n = 70 found), recall 0.875 (0.785 to 0.931, n = 80); before their other half was read 0.985, 0.800. Real wordings, read
while the lists were made: of 241 of Bitext's requests for a human agent 0.954 are found (0.920 to 0.974), of 6,008 on
other matters none; of 2,588 bursts of TweetSumm 41 are flagged. Weak: words mistyped twice, wishes that name nobody.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from itertools import chain, islice

from core.conversation import Conversation
from core.rules import Reading, Signal
from core.signals._asking import ANY, COMMA, Lists, Span, Spans, ends, without_addresses
from core.signals._folding import folded
from core.signals._reading import asked, joined, quote
from core.words import clip, remembered

LONGEST = 1_500
"""Characters of a burst that are read, at its two ends: asking for a person takes few words."""
NEAR = 5
"""Words between a verb and the person it is about, at most: "speak to one of your really friendly agents"."""
NEAR_WISH = 3
NEAR_CHARACTERS = 8
"""Instead of both, in languages that are read character by character."""
NOT_FAR = 2
"""Words between a negation and what it takes back, at most."""
LONGEST_NOT = 6
"""Words of a negation that may be part of the phrase it takes back."""
LONGEST_ALONE = 5
"""Words beside the name of staff that is said alone, at most; or of a sentence that turns the bot away."""
MOST = 64
"""Pairs that are looked at in one sentence, so that a hostile text is read in bounded time."""

BY_CHARACTER = frozenset({"ja", "zh"})
STAFF = ("human", "department")
PEOPLE = (*STAFF, "yours", "someone")
VERBS = frozenset({"talk", "move", "discuss", "talk_after", "wish", "wish_after", "serves", "calls"})
BESIDE = (("be", "moved"), ("give", "ring"), ("discuss", "voice"))
PAIRS = tuple(map(frozenset, (*BESIDE, ("move", "onward"), ("someone", "alive"))))
"""Groups of which two in one sentence may ask, without anybody being named."""

_SENTENCES = re.compile("[.!?;\u2026\u3002\uff01\uff1f\u061f\u06d4\u0964\n]+")
_KANA = re.compile("[\u3041-\u30ff]")
_COMMAND = re.compile(r"\s*/[\w-]+")


class _Asking:
    def __init__(self) -> None:
        self._lists = Lists()
        self._in = remembered(self._read)

    def found(self, text: str) -> str:
        """The words that ask for a person, empty when none do."""
        command = _COMMAND.match(text)
        if command and self._names_staff(command.group()):
            return command.group().strip()
        parts = dict.fromkeys(_SENTENCES.split(folded(without_addresses(clip(text, LONGEST))).text))
        return next((hit for part in parts if part and (hit := self._in(part))), "")

    def _names_staff(self, command: str) -> bool:
        spans = self._lists.spans(self._lists.tokens(folded(clip(command, LONGEST).replace("_", " ")).text))
        return any(groups.get(group) for groups in spans.values() for group in (*STAFF, "someone"))

    def _read(self, sentence: str) -> str:
        """The same of one folded sentence."""
        tokens = self._lists.corrected(ends(self._lists.tokens(sentence)))
        spans = self._lists.spans(tokens)
        if not spans:
            return ""
        shared = spans.pop(ANY, {})
        if any(_KANA.match(token) for token in tokens):
            spans.pop("zh", None)
        for language, own in (spans or {ANY: {}}).items():
            if _may_ask(own.keys() | shared.keys()):
                groups = {name: [*own.get(name, ()), *shared.get(name, ())] for name in {*own, *shared}}
                span = next(_Sentence(tokens, groups, language in BY_CHARACTER).asking(), None)
                if span:
                    return joined(tokens[slice(*span)])
        return joined(tokens) if _alone(tokens, list(spans.values()), shared) else ""


class _Sentence:
    """The places of one language's groups in one sentence, and what they come to together."""

    def __init__(self, tokens: Sequence[str], spans: Spans, by_character: bool) -> None:
        self._spans = {group: sorted(set(places)) for group, places in spans.items()}
        self._commas = [at for at, token in enumerate(tokens) if token == COMMA]
        self._nots = sorted((stop, start) for start, stop in self._of("not"))
        self._near, self._near_wish = (NEAR_CHARACTERS, NEAR_CHARACTERS) if by_character else (NEAR, NEAR_WISH)
        self._is_short = len(tokens) <= LONGEST_ALONE * (3 if by_character else 1)

    def asking(self) -> Iterator[Span]:
        """The places that ask for a person, or turn the bot away."""
        named = {group: self._named(group) for group in PEOPLE}
        unnamed = {start for group in PEOPLE for start, _ in set(self._of(group)).difference(named[group])}
        sure = (span for span in self._of("sure") if unnamed.isdisjoint(range(*span)))
        pairs = () if self._of("job") else chain(self._moves(named["someone"]), self._pairs(named))
        found = islice(chain(sure, pairs), MOST)
        yield from (span for span in found if not (self._taken_back(span) or self._is_past(span)))
        yield from self._turning_away()

    def _pairs(self, named: Spans) -> Iterator[Span]:
        staff, someone = named["human"] + named["department"], named["someone"]
        yours = [*named["yours"], *self._before(someone, self._of("inside"), 0)]
        people = staff + yours + someone
        able = list(self._before(someone + yours, self._of("who"), 1, over_comma=True))
        calls = self._of("calls")
        serves = self._of("serves") + calls
        return chain(
            self._before(self._of("talk") + self._of("move"), people, self._near),
            self._before(self._discussing(), people, NOT_FAR),
            self._before(people, self._of("talk_after"), self._near),
            self._before(self._of("wish"), staff, self._near_wish),
            self._before(staff, self._of("wish_after"), self._near_wish),
            self._before(self._of("wish") + self._of("talk"), able, self._near_wish),
            self._before(staff + yours, serves, self._near),
            self._before(serves, staff + yours, self._near),
            self._before(someone, calls, self._near),
            self._before(calls, someone, self._near),
        )

    def _moves(self, someone: list[Span]) -> Iterator[Span]:
        """Being turned over or called, whoever does it; and somebody of whom it is said that he lives or decides."""
        onward = self._before(self._of("move"), self._of("onward"), NOT_FAR + 1)
        pairs = (self._beside(self._of(one), self._of(other), NOT_FAR) for one, other in BESIDE)
        return chain(onward, *pairs, self._beside(someone, self._of("alive"), 1))

    def _turning_away(self) -> Iterator[Span]:
        """Turning the bot away: by not wanting to talk to it, or in few words."""
        bots = self._of("bot")
        talk = self._before(self._of("talk"), bots, self._near)
        talk_after = self._before(bots, self._of("talk_after"), self._near)
        discuss = self._before(self._discussing(), bots, NOT_FAR)
        yield from (span for span in islice(chain(talk, talk_after, discuss), MOST) if self._taken_back(span))
        if self._is_short:
            yield from self._before(self._of("off"), bots, 1)
            yield from self._before(bots, self._of("off_after"), 1)

    def _discussing(self) -> list[Span]:
        return list(islice(self._before(self._of("discuss"), self._of("with"), self._near), MOST))

    def _named(self, group: str) -> list[Span]:
        """The people of a group, without those of another house and those that what is answering is compared with."""
        people = self._of(group)
        asked_before = {end for _, end in self._before(self._of("what"), people, self._near_wish)}
        mine = {end for _, end in self._before(self._of("mine"), self._of("human"), 0)}
        asked_after = {start for start, _ in self._before(people, self._of("what_after"), 0)}
        return [span for span in people if span[1] not in asked_before | mine and span[0] not in asked_after]

    def _taken_back(self, span: Span) -> bool:
        start, end = span
        after = [
            *(begin for begin, _ in self._within("told", start + 1, end)),
            *(begin for begin, _ in self._within("not_after", start + 1, end + 2) if self._joined(end, begin)),
        ]
        first = bisect_left(self._nots, (start - NOT_FAR, 0))
        last = bisect_left(self._nots, (start + LONGEST_NOT, 0))
        nots = self._nots[first:last]
        return bool(after) or any(begin < start and self._joined(stop, start) for stop, begin in nots)

    def _is_past(self, span: Span) -> bool:
        """Whether it is told that this happened."""
        start, end = span
        near = self._within("past", start - NOT_FAR - 1, end + self._near)
        return any(self._joined(*((stop, start) if begin < start else (end, begin))) for begin, stop in near)

    def _beside(self, first: Sequence[Span], second: Sequence[Span], near: int) -> Iterator[Span]:
        """The same as `_before`, in either order."""
        return chain(self._before(first, second, near), self._before(second, first, near))

    def _before(
        self, first: Iterable[Span], then: Iterable[Span], near: int, *, over_comma: bool = False
    ) -> Iterator[Span]:
        """Each pair of which the second follows the first within `near` words, as one span."""
        second = sorted(then)
        for start, end in first if second else ():
            for begin, stop in second[bisect_left(second, (end, 0)) : bisect_left(second, (end + near + 1, 0))]:
                if over_comma or self._joined(end, begin):
                    yield start, stop

    def _within(self, group: str, first: int, last: int) -> list[Span]:
        """The places of a group that begin at `first` or behind it, and before `last`."""
        places = self._of(group)
        return places[bisect_left(places, (first, 0)) : bisect_left(places, (last, 0))]

    def _joined(self, end: int, begin: int) -> bool:
        """Whether no comma stands between two places."""
        return bisect_left(self._commas, min(end, begin)) == bisect_left(self._commas, begin)

    def _of(self, group: str) -> list[Span]:
        return self._spans.get(group, [])


def build() -> Signal:
    """The signal; it has no options."""
    asking = _Asking()

    def read(conversation: Conversation) -> Reading:
        hit = asking.found(asked(conversation))
        return Reading(True, f"asks for a person: {quote(hit)}") if hit else Reading(False, "asks for no person")

    return read


def _may_ask(groups: AbstractSet[str]) -> bool:
    """Whether a sentence with these groups can ask at all: most cannot, and need no closer look."""
    if "sure" in groups or "bot" in groups or any(pair <= groups for pair in PAIRS):
        return True
    return bool(groups & frozenset(PEOPLE) and groups & VERBS)


def _alone(tokens: Sequence[str], by_language: Sequence[Spans], shared: Spans) -> bool:
    """Whether the sentence is the name of staff and what one language, or all, let stand around it.

    A sentence that says no and has a verb is looked at by its language only: it declines.
    """
    if not 0 < len(tokens) <= 3 * LONGEST_ALONE:
        return False
    groups = [*by_language, shared]
    if any(("not" in spans or "not_after" in spans) and not VERBS.isdisjoint(spans) for spans in groups):
        return False
    named = _places(STAFF, groups)
    words = {at for at, token in enumerate(tokens) if token != COMMA} - named
    if not named or len(words) > LONGEST_ALONE:
        return False
    return any(words <= _places(("around",), (spans, shared)) for spans in groups)


def _places(names: Iterable[str], groups: Iterable[Spans]) -> set[int]:
    return {at for spans in groups for name in names for span in spans.get(name, ()) for at in range(*span)}
