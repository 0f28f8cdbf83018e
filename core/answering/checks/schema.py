"""Whether an answer is the JSON that was asked for: it parses, and has the named keys with values of their kinds.

For answers a program reads, so nothing is shown before all of it is there. What the values mean is not checked.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from types import NoneType
from typing import Any, NoReturn

from core.answering.screen import Check, Watch

KINDS: Mapping[str, tuple[type, ...]] = {
    "any": (object,),
    "boolean": (bool,),
    "list": (list,),
    "null": (NoneType,),
    "number": (int, float),
    "object": (dict,),
    "text": (str,),
}
"""What a key's value may be."""


def build(keys: Mapping[str, str]) -> Check:
    """The check. `keys`: name -> one of KINDS. ValueError when there is no such kind."""
    unknown = sorted(set(keys.values()) - set(KINDS))
    if unknown:
        raise ValueError(f"no such kind: {', '.join(unknown)}; write one of {', '.join(KINDS)}")

    def whole(text: str) -> str:
        return broken(text, keys)

    watch = Watch(opening=_opening, whole=whole, complete=True)
    return Check("schema", False, lambda _prompt, _request: watch)


def broken(text: str, keys: Mapping[str, str]) -> str:
    """Why the text is not an object with these keys; empty when it is one."""
    try:
        found: Any = json.loads(text, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        return f"no JSON: {error}"
    if not isinstance(found, dict):
        return "no JSON object"
    for key, kind in keys.items():
        if key not in found:
            return f"{key!r} is missing"
        value = found[key]
        if not isinstance(value, KINDS[kind]) or (kind == "number" and isinstance(value, bool)):
            return f"{key!r} is no {kind}"
    return ""


def _opening(text: str) -> str:
    """Text before the object is seen at once, long before the end."""
    return "" if text.lstrip()[:1] in {"", "{"} else "no JSON: it does not begin with {"


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number in JSON")
