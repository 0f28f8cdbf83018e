"""Which methods there are and what each takes: refuses unknown, missing and mistyped parameters, at any depth.

From the published description where its files are at hand, else from the table in `methods`. What a call does, and
what a text may hold, is not known here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from channels.telegram.testing.methods import METHODS, TYPES, UNIONS
from channels.telegram.testing.refusal import Refusal, Upload

FILES = ("bot-api-10.1.json", "bot-api-additions.json")
ARRAY = "Array of "
TRUTHS = {"true": True, "1": True, "false": False, "0": False}
PLAIN: dict[str, tuple[type, ...]] = {"String": (str,), "Boolean": (bool,), "Integer": (int,), "Float": (int, float)}


@dataclass(frozen=True, slots=True)
class Field:
    """One parameter of a method or one field of a type."""

    name: str
    types: tuple[str, ...]
    required: bool = False


Fields = Mapping[str, Field]


@dataclass(frozen=True, slots=True)
class Description:
    """The methods and types of a Bot API. A type of neither `types` nor `unions` is any JSON object."""

    methods: Mapping[str, Fields]
    types: Mapping[str, Fields]
    unions: Mapping[str, tuple[str, ...]]

    def check(self, method: str, given: Mapping[str, Any], is_form: bool) -> dict[str, Any]:
        """The parameters as values of their types; a form's are text. Raises Refusal."""
        fields = self.methods.get(method)
        if fields is None:
            raise Refusal(404, "Not Found: method not found")
        for name in given.keys() - fields.keys():
            if not isinstance(given[name], Upload):
                raise Refusal(400, f'Bad Request: method "{method}" has no parameter "{name}"')
        for field in fields.values():
            if field.required and given.get(field.name) is None:
                raise Refusal(400, f'Bad Request: parameter "{field.name}" is required')
        return {
            name: self._parameter(fields[name], value, is_form) if name in fields else value
            for name, value in given.items()
            if value is not None
        }

    def _parameter(self, field: Field, value: Any, is_form: bool) -> Any:
        problem = ""
        for kind in field.types:
            try:
                read = _from_form(value, kind) if is_form else value
            except ValueError:
                problem = problem or f"must be of type {' or '.join(field.types)}"
                continue
            wrong = self._wrong(read, kind)
            if not wrong:
                return read
            problem = problem or wrong
        raise Refusal(400, f'Bad Request: parameter "{field.name}" {problem}')

    def _wrong(self, value: Any, kind: str) -> str:
        """What is wrong with a value of this type, empty when nothing is."""
        if kind == "InputFile":
            return "" if isinstance(value, Upload) else "must be an uploaded file"
        if plain := PLAIN.get(kind):
            fits = isinstance(value, plain) and (kind == "Boolean" or not isinstance(value, bool))
            return "" if fits else f"must be of type {kind}"
        if kind.startswith(ARRAY):
            if not isinstance(value, list):
                return f"must be an {kind}"
            return next(filter(None, (self._wrong(item, kind.removeprefix(ARRAY)) for item in value)), "")
        if kind in self.unions:
            wrongs = [self._wrong(value, part) for part in self.unions[kind]]
            return "" if "" in wrongs else wrongs[0]
        return self._wrong_object(value, kind)

    def _wrong_object(self, value: Any, kind: str) -> str:
        if not isinstance(value, dict):
            return f"must be a JSON object {kind}"
        fields = self.types.get(kind)
        if fields is None:
            return ""
        if unknown := value.keys() - fields.keys():
            return f"has an unknown field {kind}.{min(unknown)}"
        for name, field in fields.items():
            if name not in value:
                if field.required:
                    return f"misses the field {kind}.{name}"
            elif all(wrongs := [self._wrong(value[name], part) for part in field.types]):
                return f"has a wrong {kind}.{name}: {wrongs[0]}"
        return ""


def _from_form(value: Any, kind: str) -> Any:
    """A form's text as a value of this type. ValueError when it is none."""
    if isinstance(value, Upload) or kind in {"String", "InputFile"}:
        return value
    if kind == "Integer":
        if not re.fullmatch(r"-?\d{1,19}", value):
            raise ValueError(value)
        return int(value)
    if kind == "Boolean":
        if value.lower() not in TRUTHS:
            raise ValueError(value)
        return TRUTHS[value.lower()]
    return json.loads(value)


@cache
def described(folder: Path | None) -> Description:
    """The description in this folder (or in `peers` under it), else the one we wrote down ourselves."""
    if folder is None:
        return Description(_table(METHODS), _table(TYPES), UNIONS)
    place = next(place for place in (folder, folder / "peers") if (place / FILES[0]).exists())
    methods: dict[str, dict[str, Field]] = {}
    types: dict[str, dict[str, Field]] = {}
    unions: dict[str, tuple[str, ...]] = {}
    for name in FILES:
        found = json.loads((place / name).read_text(encoding="utf-8"))
        for known, group in ((methods, "methods"), (types, "types")):
            for owner, about in found[group].items():
                fields = (Field(f["name"], tuple(f["types"]), f["required"]) for f in about.get("fields", []))
                known.setdefault(owner, {}).update((field.name, field) for field in fields)
                if parts := about.get("subtypes"):
                    unions[owner] = tuple(parts)
    return Description(methods, types, unions)


def _table(text: str) -> dict[str, dict[str, Field]]:
    """Lines `owner: name:Type other*:Type|[Type]`; `*` is required, `[Type]` an array of it."""
    table: dict[str, dict[str, Field]] = {}
    for line in filter(None, map(str.strip, text.splitlines())):
        owner, _, rest = line.partition(":")
        table[owner] = {field.name: field for field in map(_field, rest.split())}
    return table


def _field(word: str) -> Field:
    name, _, types = word.partition(":")
    return Field(name.rstrip("*"), tuple(map(_kind, types.split("|"))), name.endswith("*"))


def _kind(word: str) -> str:
    return ARRAY + _kind(word[1:-1]) if word.startswith("[") else word
