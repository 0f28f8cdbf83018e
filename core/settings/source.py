"""Text of config.yaml -> a plain tree, and for every key and value the line and column it stands at.

YAML 1.2 by ruamel's parser; what a plain word means is decided here, so that nothing a lead types is changed silently.
No meaning of any setting is known here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from core.errors import Problem, SettingsError
from core.settings import syntax
from core.settings.secrets import is_secret_name, mask

LONGEST = 100_000
"""Characters of a configuration file that are read; of the odd texts tried, the slowest this long took a second."""
_SAID = 500
"""Characters of one remark about a fault."""
DEEPEST = 20

Path = tuple[str | int, ...]

_INT = re.compile(r"-?(0|[1-9][0-9]{0,14})")
_FLOAT = re.compile(r"-?(0|[1-9][0-9]{0,14})(\.[0-9]{1,15})?([eE][-+]?[0-9]{1,2})?")
_WORDS: Mapping[str, bool | None] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_CUT = re.compile(r"(\s+#\S.*)$")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a value stands (`line`, `column`) and its key, from 1; `text` is a scalar as typed.

    `cut` is what a ` #` directly before a character took away from it.
    """

    line: int
    column: int
    key: tuple[int, int] | None = None
    text: str = ""
    quoted: bool = False
    cut: str = ""


@dataclass(frozen=True, slots=True)
class Document:
    """A file as it was written: the plain tree, the places, and the faults YAML itself would have let pass."""

    file: str
    tree: Mapping[str, Any]
    places: Mapping[Path, Place]
    faults: tuple[Problem, ...] = ()

    def place(self, path: Path) -> Place:
        """Where this stands; the nearest thing around it when it does not exist."""
        while path not in self.places:
            path = path[:-1]
        return self.places[path]

    def problem(self, path: Path, what: str, write: str = "", *, key: bool = False) -> Problem:
        """A problem of the value at the path, or of its key. Whatever looks like a secret is masked."""
        place = self.place(path)
        line, column = place.key if place.key and (key or path not in self.places) else (place.line, place.column)
        if any(is_secret_name(str(part)) for part in path) and place.text:
            what, write = what.replace(place.text, "***"), write.replace(place.text, "***")
        return Problem(self.file, line, column, mask(what[:_SAID]), mask(write[:_SAID]))


def quote(text: str) -> str:
    """The text as a YAML value in double quotes."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\t", "\\t")
    return f'"{escaped}"'


def read(text: str, file: str) -> Document:
    """The document. SettingsError holds the syntax error that ended reading, and any fault found before it."""
    if len(text) > LONGEST:
        raise SettingsError([Problem(file, 1, 1, f"the file is longer than {LONGEST:,} characters", "a shorter file")])
    text = text.removeprefix("\ufeff")
    reader = _Reader(file, text.splitlines())
    try:
        tree = reader.document(iter(YAML(typ="safe", pure=True).parse(text)))
    except YAMLError as error:
        problem = syntax.reword(error, text, file)
        told = any(fault.line == problem.line for fault in reader.faults)
        raise SettingsError(reader.faults if told else [*reader.faults, problem]) from None
    return Document(file, tree, reader.places, tuple(reader.faults))


@dataclass(slots=True)
class _Reader:
    """Turns parser events into the tree, remembering places."""

    file: str
    lines: list[str]
    places: dict[Path, Place] = field(default_factory=lambda: {(): Place(1, 1)})
    faults: list[Problem] = field(default_factory=list)

    def document(self, events: Iterator[Event]) -> dict[str, Any]:
        """The one document, a mapping. SettingsError when there is none or a second."""
        found: dict[str, Any] | None = None
        wrong = Problem(self.file, 1, 1, "the file is empty", "version: 1")
        starts = 0
        for event in events:
            starts += isinstance(event, DocumentStartEvent)
            if starts > 1:
                what = "a second document starts here"
                wrong = Problem(self.file, *_spot(event), what, "one document only, without --- or ...")
                raise SettingsError([wrong])
            if isinstance(event, MappingStartEvent) and found is None:
                found = self._mapping((), events)
            elif isinstance(event, SequenceStartEvent | ScalarEvent | AliasEvent) and found is None:
                wrong = Problem(self.file, *_spot(event), "settings are written as name: value", "version: 1")
                if isinstance(event, SequenceStartEvent):
                    break
        if found is None:
            raise SettingsError([wrong])
        return found

    def _mapping(self, path: Path, events: Iterator[Event]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for event in events:
            if isinstance(event, MappingEndEvent):
                break
            if not isinstance(event, ScalarEvent):
                self._fault(event, "a setting's name must be a plain word", "name: value")
                self._value((*path, ""), event, events)
                self._value((*path, ""), next(events), events)
                continue
            name = str(event.value)
            here = (*path, name)
            spot = _spot(event)
            first = self.places.get(here)
            value = self._value(here, next(events), events, spot)
            if first is not None and first.key:
                what = f"{event.value!r} stands here twice; the first is in line {first.key[0]}"
                self._fault(event, what, "it once")
            found[name] = value
        return found

    def _sequence(self, path: Path, events: Iterator[Event]) -> list[Any]:
        found: list[Any] = []
        for event in events:
            if isinstance(event, SequenceEndEvent):
                break
            found.append(self._value((*path, len(found)), event, events))
        return found

    def _value(self, path: Path, event: Event, events: Iterator[Event], key: tuple[int, int] | None = None) -> Any:
        if len(path) > DEEPEST:
            raise SettingsError([Problem(self.file, *_spot(event), "nested too deep", "at most a few levels")])
        mark = getattr(event, "anchor", None) or getattr(event, "tag", None)
        if mark or isinstance(event, AliasEvent):
            self._special(event)
        if isinstance(event, MappingStartEvent):
            self.places[path] = Place(*_spot(event), key)
            return self._mapping(path, events)
        if isinstance(event, SequenceStartEvent):
            self.places[path] = Place(*_spot(event), key)
            return self._sequence(path, events)
        text, quoted = (event.value, event.style is not None) if isinstance(event, ScalarEvent) else ("", True)
        spot = key if key and not (text or quoted) else _spot(event)
        self.places[path] = Place(*spot, key, text, quoted, "" if quoted else self._cut(event))
        return text if quoted else _resolve(text)

    def _cut(self, event: Event) -> str:
        line = self.lines[event.end_mark.line] if event.end_mark.line < len(self.lines) else ""
        rest = _CUT.match(line[event.end_mark.column :])
        return rest[1] if rest else ""

    def _special(self, event: Event) -> None:
        """A value that starts with & * or ! means something to YAML that no setting needs."""
        line, column = _spot(event)
        typed = self.lines[line - 1][column - 1 :].rstrip()
        self._fault(event, f"a text that starts with {typed[:1]} needs quotes", quote(typed))

    def _fault(self, event: Event, what: str, write: str) -> None:
        self.faults.append(Problem(self.file, *_spot(event), mask(what[:_SAID]), mask(write[:_SAID])))


def _spot(event: Event) -> tuple[int, int]:
    return event.start_mark.line + 1, event.start_mark.column + 1


def _resolve(text: str) -> Any:
    """What a word without quotes means. Anything a number would lose a character of stays text: +45..., 0123, 1_000."""
    if text in _WORDS:
        return _WORDS[text]
    if _INT.fullmatch(text):
        return int(text)
    return float(text) if _FLOAT.fullmatch(text) else text
