"""Faults found in the tree -> Problems with a place and what to write: pydantic's errors, and "did you mean".

A table from pydantic's error types to words. No rule about a setting belongs here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from typing import Any, get_args, get_origin
from zoneinfo import available_timezones

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from core.errors import Problem
from core.settings.schema import File
from core.settings.secrets import SECTIONS
from core.settings.source import Document, Path, quote

Words = tuple[str, str]
"""What is wrong, and what to write."""


class Faults:
    """Collects the problems of one document while the rest of it is still looked at."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.found: list[Problem] = list(document.faults)
        self.warnings: list[Problem] = []

    def add(self, path: Path, what: str, write: str = "", *, key: bool = False) -> None:
        """The value at this path is wrong, or its key."""
        self.found.append(self.document.problem(path, what, write, key=key))

    def unknown(self, path: Path, what: str, word: str, known: Iterable[str], *, key: bool = False) -> None:
        """A name that is none of the known ones; `what` ends before the guess at what was meant."""
        guess, write = suggest(word, known)
        self.add(path, what + guess, write, key=key)

    def warn(self, path: Path, what: str, write: str) -> None:
        """Something that works and should not stay."""
        self.warnings.append(self.document.problem(path, what, write))

    def in_order(self) -> list[Problem]:
        """Every problem once, those of the document first, from top to bottom."""
        return sorted(dict.fromkeys(self.found), key=lambda p: (p.file != self.document.file, p.file, p.line, p.column))


def suggest(word: str, known: Iterable[str]) -> Words:
    """` (did you mean 'x'?)` and `x`; or nothing and all there is to choose from."""
    by_folded = {name.casefold(): name for name in known}
    close = get_close_matches(word.casefold(), by_folded, n=1)
    if close:
        meant = by_folded[close[0]]
        return f" (did you mean {meant!r}?)", meant
    if not by_folded:
        return "", "a line for it there first"
    return "", ("one of " if len(by_folded) > 1 else "") + ", ".join(by_folded.values())


def from_pydantic(error: ValidationError, document: Document) -> list[tuple[Path, Problem]]:
    """Every error of the shape, with the path it belongs to."""
    return [_problem(details, document) for details in error.errors(include_url=False)]


def _problem(details: ErrorDetails, document: Document) -> tuple[Path, Problem]:
    loc: Path = details["loc"]
    on_key = loc[-1] == "[key]" or details["type"] == "extra_forbidden"
    path = loc[:-1] if loc[-1] == "[key]" else loc
    say = _TABLE.get(details["type"], _other)
    what, write = say(details, path, document)
    return path, document.problem(path, what, write, key=on_key)


def _wrong(details: ErrorDetails, path: Path, document: Document) -> Words:
    context = details["ctx"]
    if details["input"] is None:
        return f"nothing is written after '{path[-1]}:'", context["write"]
    return f"{_echo(path, document)}{context['what']}", context["write"]


def _missing(details: ErrorDetails, path: Path, document: Document) -> Words:
    example = _example(path)
    return f"the setting {str(path[-1])!r} is missing", f"{path[-1]}: {example}" if example else f"{path[-1]}:"


def _extra(details: ErrorDetails, path: Path, document: Document) -> Words:
    model = _model_at(path[:-1])
    guess, write = suggest(str(path[-1]), model.model_fields if model else ())
    return f"there is no setting {str(path[-1])!r} here{guess}", write


def _text(details: ErrorDetails, path: Path, document: Document) -> Words:
    value, place = details["input"], document.place(path)
    if value is None:
        return _nothing(path, document)
    if isinstance(value, dict):
        if len(value) == 1 and document.place(path).line == document.place((*path, *value)).line:
            key, said = next(iter(value.items()))
            return "a text with ':' in it needs quotes", quote(f"{key}: {said}")
        return "one text is expected here, not a group of settings", _example(path) or '"a text"'
    if isinstance(value, list):
        return "one text is expected here, not a list", _example(path) or '"a text"'
    return f"{_echo(path, document)}a text that looks like a number or a yes/no needs quotes", quote(place.text)


def _nothing(path: Path, document: Document) -> Words:
    typed = document.place(path).text
    if isinstance(path[-1], int):
        return "an empty word; put quotes around it", quote(typed or "word")
    return f"nothing is written after '{path[-1]}:'", _example(path) or quote(typed or "a text")


def _choice(details: ErrorDetails, path: Path, document: Document) -> Words:
    choices = re.findall(r"'([^']*)'|(\b\d+\b)", details["ctx"]["expected"])
    if details["input"] is None:
        return _nothing(path, document)
    guess, write = suggest(str(details["input"]), [word or number for word, number in choices])
    name = path[-1] if isinstance(path[-1], str) else path[-2]
    return f"{_echo(path, document)}not something {str(name)!r} can be{guess}", write


def _key_choice(details: ErrorDetails, path: Path, document: Document) -> Words:
    choices = [word for word, _ in re.findall(r"'([^']*)'|(\b\d+\b)", details["ctx"]["expected"])]
    guess, write = suggest(str(path[-1]), choices)
    return f"there is no tier {str(path[-1])!r} here{guess}", write


def _literal(details: ErrorDetails, path: Path, document: Document) -> Words:
    return (_key_choice if details["loc"][-1] == "[key]" else _choice)(details, path, document)


def _zone(details: ErrorDetails, path: Path, document: Document) -> Words:
    if details["input"] is None:
        return _nothing(path, document)
    guess, write = suggest(str(details["input"]), available_timezones())
    return f"{_echo(path, document)}not a time zone{guess}", write if guess else "Europe/Copenhagen"


def _expected(kind: str, otherwise: str) -> Callable[[ErrorDetails, Path, Document], Words]:
    def say(details: ErrorDetails, path: Path, document: Document) -> Words:
        if details["input"] is None:
            return f"nothing is written after '{path[-1]}:'", _example(path) or otherwise
        if isinstance(details["input"], str) and details["input"].startswith("-"):
            return "a space is missing after the '-' of a list", "- " + details["input"][1:].split(" -")[0]
        return f"{_echo(path, document)}{kind} is expected here", _example(path) or otherwise

    return say


def _other(details: ErrorDetails, path: Path, document: Document) -> Words:
    """Bounds and patterns: pydantic's own words name the bound, never the value."""
    return f"{_echo(path, document)}{details['msg'].lower().replace('input should', 'should')}", _example(path)


def _empty(details: ErrorDetails, path: Path, document: Document) -> Words:
    return f"nothing is written under '{path[-1]}:'", _example(path) or "at least one line there"


_Say = Callable[[ErrorDetails, Path, Document], Words]
_GROUP = _expected("a group of settings, one 'name: value' on each line,", "name: value")
_LIST = _expected("a list, one '- item' on each line,", "- item")
_NUMBER = _expected("a whole number", "a number such as 1")
_YES_NO = _expected("yes or no", "yes")
_TABLE: Mapping[str, _Say] = {
    "wrong": _wrong,
    "zone": _zone,
    "missing": _missing,
    "extra_forbidden": _extra,
    "string_type": _text,
    "string_too_short": _empty,
    "too_short": _empty,
    "literal_error": _literal,
    "string_pattern_mismatch": _expected("another way of writing it", "a plain word"),
    **dict.fromkeys(("int_type", "int_parsing", "int_from_float"), _NUMBER),
    **dict.fromkeys(("bool_type", "bool_parsing"), _YES_NO),
    **dict.fromkeys(("dict_type", "model_type", "model_attributes_type"), _GROUP),
    **dict.fromkeys(("tuple_type", "list_type"), _LIST),
}


def _echo(path: Path, document: Document) -> str:
    """What was typed, unless it stands where secrets stand."""
    typed = document.place(path).text if path in document.places else ""
    return "" if not typed or path[0] in SECTIONS else f"{typed[:60]!r}: "


def _example(path: Path) -> str:
    """What the schema shows as an example of this setting, of the list it is in where it has none itself."""
    name = path[-1] if isinstance(path[-1], str) else path[-2]
    model = _model_at(path[:-1] if isinstance(path[-1], str) else path[:-2])
    shown = model.model_fields[str(name)].examples if model and name in model.model_fields else None
    return str(shown[0]) if shown else ""


def _model_at(path: Path) -> type[BaseModel] | None:
    """The model that describes the group of settings at this path."""
    here: Any = File
    for step in path:
        fields: Mapping[str, FieldInfo] = here.model_fields if _is_model(here) else {}
        here = fields[str(step)].annotation if str(step) in fields else _inside(here)
        while get_origin(here) is not None and not isinstance(here, type) and hasattr(here, "__metadata__"):
            here = get_args(here)[0]
    return here if _is_model(here) else None


def _inside(annotation: Any) -> Any:
    """What a mapping or tuple of this annotation holds."""
    held = [part for part in get_args(annotation) if part is not Ellipsis and part is not str]
    return held[-1] if held else None


def _is_model(found: Any) -> bool:
    return isinstance(found, type) and issubclass(found, BaseModel)
