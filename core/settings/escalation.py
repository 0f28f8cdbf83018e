"""The section `escalation:` -> core.rules.Rule: what a lead writes under a rule, with every name in it checked."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from core.hours import Hours
from core.rules import LEVELS, AnyOf, Between, Clause, Condition, Examples, Is, Rule, Signal
from core.settings.conditions import BUILT_IN, AtWork, ListedCustomer, SaysWords
from core.settings.schema import RuleText
from core.settings.source import Path, quote
from core.settings.spelling import UNITS
from core.tiers import Tier
from core.words import words as split_words

if TYPE_CHECKING:
    from core.settings.problems import Faults

LANGUAGE = "language"
"""The signal whose values are language codes: there `no` is Norwegian."""

_YES_NO = {**dict.fromkeys(("yes", "true", "on"), True), **dict.fromkeys(("no", "false", "off"), False)}
_NUMBER = r"(\d{1,9}(?:[.,]\d{1,9})?)"
_UNITS = {"time": 1, **UNITS}
"""Of counts, and of lengths of time, which signals read in seconds."""
_AMOUNT = rf"{_NUMBER}(?: ({'|'.join(_UNITS)})s?)?"
_COMPARED: tuple[tuple[re.Pattern[str], Callable[[float], Between]], ...] = (
    (re.compile(rf"(?:at least )?{_AMOUNT}"), lambda n: Between(low=n)),
    (re.compile(rf"at most {_AMOUNT}"), lambda n: Between(high=n)),
    (re.compile(rf"more than {_AMOUNT}"), lambda n: Between(low=math.nextafter(n, math.inf))),
    (re.compile(rf"(?:fewer|less) than {_AMOUNT}"), lambda n: Between(high=math.nextafter(n, -math.inf))),
)
_NOTHING = frozenset({"none", "unknown"})
"""How a rule asks for a reading without a value: nothing was found, or it could not be told."""
_SAYABLE = ("yes", "no", *sorted(_NOTHING), *LEVELS)


@dataclass(frozen=True, slots=True)
class Known:
    """The names a rule may use, as the other sections give them."""

    signals: tuple[str, ...]
    channels: tuple[str, ...]
    tiers: tuple[str, ...]
    languages: tuple[str, ...]
    lists: Mapping[str, tuple[str, ...]]
    hours: Hours | None


@dataclass(slots=True)
class Compiled:
    """Rules ready for the rulebook, and the signals their built-in conditions read."""

    rules: list[Rule] = field(default_factory=list)
    signals: dict[str, Signal] = field(default_factory=dict)


def compile_rules(rules: Iterable[tuple[int, RuleText]], known: Known, faults: Faults) -> Compiled:
    """Every rule that is not off, with its place in the file for faults."""
    compiled = Compiled()
    lines: dict[str, int] = {}
    for index, text in rules:
        path: Path = ("escalation", index)
        first = lines.setdefault(text.name, faults.document.place(path).line)
        if first != faults.document.place(path).line:
            what = f"two rules are called {text.name!r}; the first is in line {first}"
            faults.add((*path, "name"), what, quote(f"{text.name} 2"))
        _Compiler(path, text.name, known, faults, compiled).rule(text)
    return compiled


@dataclass(frozen=True, slots=True)
class _Compiler:
    """Compiles one rule; `path` is where it stands."""

    path: Path
    name: str
    known: Known
    faults: Faults
    compiled: Compiled

    def rule(self, text: RuleText) -> None:
        when = self._clauses((*self.path, "when"), text.when)
        unless = self._clauses((*self.path, "unless"), text.unless)
        self._names(text)
        if text.locked and text.mode != 1:
            self.faults.add((*self.path, "mode"), "a locked rule is always live", "live")
        if text.mode == -1:
            return
        examples = Examples(text.examples.should_match, text.examples.should_not_match)
        channels = {name: Tier.named(change.send_to) for name, change in text.channels.items()}
        self.compiled.rules.append(
            Rule(
                name=text.name,
                when=when,
                tier=Tier.named(text.send_to),
                unless=unless,
                channels=MappingProxyType(channels),
                lasts=text.lasts,
                say=MappingProxyType(dict(text.say)),
                why=text.why,
                locked=text.locked,
                shadow=text.mode is None,
                canary=1.0 if text.mode is None else text.mode,
                examples=examples,
            )
        )

    def _names(self, text: RuleText) -> None:
        """Tiers, channels and languages the rule names."""
        outcomes = [((*self.path, "send_to"), text.send_to)]
        for channel, change in text.channels.items():
            here = (*self.path, "channels", channel)
            if channel not in self.known.channels:
                what = f"there is no channel {channel!r} under channels:"
                self.faults.unknown(here, what, channel, self.known.channels, key=True)
            outcomes.append(((*here, "send_to"), change.send_to))
        for path, outcome in outcomes:
            if outcome not in (*self.known.tiers, "person"):
                what = f"the tier {outcome!r} has no models under tiers:"
                self.faults.add(path, what, " or ".join((*self.known.tiers, "person")))
        for language in text.say:
            if language not in self.known.languages:
                what = f"{language!r} is not one of this bot's languages"
                self.faults.unknown((*self.path, "say", language), what, language, self.known.languages, key=True)

    def _clauses(self, path: Path, conditions: Mapping[str, Any]) -> tuple[Clause, ...]:
        found = [self._clause((*path, key), key, value) for key, value in conditions.items()]
        return tuple(clause for clause in found if clause)

    def _clause(self, path: Path, key: str, value: Any) -> Clause | None:
        special = {"any": self._any, "words": self._words, "hours": self._hours, "customer_in": self._customer_in}
        if key in special:
            return special[key](path, value)
        if key not in self.known.signals:
            what = f"there is no signal {key!r} under signals:"
            self.faults.unknown(path, what, key, (*self.known.signals, *BUILT_IN), key=True)
            return None
        test = self._test(path, key, value)
        return Condition(key, test) if test else None

    def _any(self, path: Path, value: Any) -> Clause | None:
        items = value if isinstance(value, list) else []
        if not items or not all(isinstance(item, dict) and len(item) == 1 and "any" not in item for item in items):
            what = "'any:' takes a list, one condition on each line, none of them another 'any:'"
            self.faults.add(path, what, "- faq: none")
            return None
        clauses = [self._clause((*path, n, k), k, v) for n, item in enumerate(items) for k, v in item.items()]
        return AnyOf(tuple(c for c in clauses if isinstance(c, Condition)))

    def _words(self, path: Path, value: Any) -> Clause | None:
        places = [(*path, n) for n in range(len(value))] if isinstance(value, list) else [path]
        wanted = []
        for place, item in zip(places, value if isinstance(value, list) else [value], strict=True):
            typed = self.faults.document.place(place).text
            if item is None or isinstance(item, dict | list):
                self.faults.add(place, "an empty word; put quotes around it", quote(typed or "word"))
            elif not split_words(typed):
                self.faults.add(place, f"{typed!r} has no letter or digit to look for", '"word"')
            else:
                wanted.append(typed)
        if value == []:
            self.faults.add(path, "no word to look for", "[refund, charge]")
        name = f"words of {self.name}"
        while name in self.compiled.signals:
            name += " again"
        return self._built_in(name, SaysWords.of(wanted), Is(True))

    def _hours(self, path: Path, value: Any) -> Clause | None:
        if value not in ("open", "closed"):
            self.faults.unknown(path, "'hours:' is open or closed", str(value), ("open", "closed"))
            return None
        if self.known.hours is None:
            self.faults.add(
                path, "there are no opening hours under hours:", 'mon-fri: "09:00-17:00" under hours:', key=True
            )
            return None
        return self._built_in("hours", AtWork(self.known.hours), Is(value))

    def _customer_in(self, path: Path, value: Any) -> Clause | None:
        if not isinstance(value, str) or value not in self.known.lists:
            what = f"there is no list {self.faults.document.place(path).text!r} under lists:"
            self.faults.unknown(path, what, str(value), self.known.lists)
            return None
        listed = ListedCustomer(value, frozenset(self.known.lists[value]))
        return self._built_in(f"customer_in {value}", listed, Is(True))

    def _built_in(self, name: str, signal: Signal, test: Is) -> Condition:
        self.compiled.signals[name] = signal
        return Condition(name, test)

    def _test(self, path: Path, signal: str, value: Any) -> Is | Between | None:
        if isinstance(value, bool):
            return Is(value)
        place = self.faults.document.place(path)
        text = place.text.strip()
        if not text or isinstance(value, dict | list):
            self.faults.add(path, f"{signal!r} needs one value", "yes, none, high, or a number such as at least 3")
            return None
        folded = text.casefold()
        if signal == LANGUAGE and folded == "no":
            return Is(text)
        if folded in _NOTHING:
            return Is(None)
        if folded in _YES_NO:
            return Is(_YES_NO[folded])
        if folded in LEVELS:
            return Between(low=LEVELS[folded])
        for pattern, test in _COMPARED:
            if found := pattern.fullmatch(folded):
                return test(float(found[1].replace(",", ".")) * _UNITS[found[2] or "time"])
        return self._literal(path, text, quoted=place.quoted)

    def _literal(self, path: Path, text: str, *, quoted: bool) -> Is | None:
        """Any other text must be what the signal reads; what looks like a slip of the pen is a fault unless quoted."""
        number = re.search(_NUMBER, text)
        if number and not quoted and " " in text:
            self.faults.add(path, f"{text!r} is not a comparison", f"at least {number[1]}")
            return None
        close = [] if quoted else get_close_matches(text.casefold(), _SAYABLE, n=1, cutoff=0.7)
        if close:
            what = f"{text!r} looks like a slip (did you mean {close[0]!r}?); in quotes it is taken as it stands"
            self.faults.add(path, what, close[0])
            return None
        return Is(text)
