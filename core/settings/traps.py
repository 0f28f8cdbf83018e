"""What YAML accepts and quietly turns into something else than the lead typed: a table of traps.

Each trap looks at one value as typed. Syntax errors are reworded in `syntax`; this is for what the parser lets pass.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from core.settings.source import Path, Place, quote

if TYPE_CHECKING:
    from core.settings.problems import Faults

_FREE_TEXT = frozenset({"name", "why", "say", "examples"})
_PHONE = re.compile(r"\+\d{5,}|0\d{5,}")


class Trap(NamedTuple):
    """When it snaps, what is wrong, and what to write."""

    snaps: Callable[[Path, Place], bool]
    what: str
    write: Callable[[Place], str]


def _is_cut_sentence(path: Path, place: Place) -> bool:
    """A sentence that loses its end to ` #`: in a rule's free text and its words, nowhere else."""
    in_rule = len(path) > 2 and path[0] == "escalation"
    return bool(place.cut) and in_rule and (path[2] in _FREE_TEXT or "words" in path)


def _is_bare_phone(path: Path, place: Place) -> bool:
    """A phone number that other YAML tools, an editor's formatter among them, read as a number."""
    return not place.quoted and bool(_PHONE.fullmatch(place.text))


TRAPS = (
    Trap(
        _is_cut_sentence,
        "everything from ' #' on is a comment, so only {text!r} is left",
        lambda place: quote(place.text + place.cut),
    ),
    Trap(
        _is_bare_phone,
        "{text} loses its first sign where YAML is read as a number: a phone number stands in quotes",
        lambda place: quote(place.text),
    ),
)


def look(faults: Faults) -> None:
    """Add a fault for every value a trap has caught."""
    for path, place in faults.document.places.items():
        for trap in TRAPS:
            if trap.snaps(path, place):
                faults.add(path, trap.what.format(text=place.text), trap.write(place))
