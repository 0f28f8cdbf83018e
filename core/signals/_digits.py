"""Digits of a folded text as numbers: which neighbouring groups may be one number, and which are a payment card's.

What a number of another kind is belongs to _national; words near a number to _detectors. The work is bounded by
MOST_WINDOWS whatever the text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

import re2
from stdnum import luhn

CARD_PREFIXES: tuple[tuple[str, frozenset[int]], ...] = (
    ("4", frozenset({13, 16, 19})),
    ("5", frozenset({16})),
    ("2", frozenset({16})),
    ("6", frozenset({16, 17, 18, 19})),
    ("34", frozenset({15})),
    ("37", frozenset({15})),
    ("30", frozenset({14})),
    ("36", frozenset({14})),
    ("38", frozenset({14})),
    ("35", frozenset({16})),
    ("81", frozenset({16})),
)
"""First digits of payment cards and how long such a number is (ISO/IEC 7812 ranges in use)."""

CARD_LENGTHS = frozenset(size for _, sizes in CARD_PREFIXES for size in sizes)
_CARD_GROUPS = frozenset({(4, 6, 5), (4, 6, 4), (4, 4, 5), (6, 13), (4, 3, 3, 3), (4, 4, 4, 4, 1), (4, 4, 4, 4, 2)})

FEWEST, LONGEST = 8, max(CARD_LENGTHS)
"""Digits of the shortest and the longest number looked for."""

MOST_WINDOWS = 500
"""Groups of digits tried as one number, in one text: what bounds the work on a text of nothing but digits."""

_GROUPED = re2.compile(r"\d+(?:(?: ?[-./] ?|[ \n]{1,2})\d+)+|\d{8,}")
_GOES_ON = frozenset("-.")
_GROUP = re.compile("[0-9]+")  # single digits and a plus: as linear as RE2, and quicker to call


class Window(NamedTuple):
    """Neighbouring groups of digits at `start` to `end` of a text. `form` is their sizes and gaps: "4 4 4 4", "6-4"."""

    start: int
    end: int
    digits: str
    sizes: tuple[int, ...]
    form: str


def windows(text: str) -> Iterator[Window]:
    """What may be one number, the longest first at each start.

    A hyphen or a full stop on either side says that the number goes on.
    """
    left = MOST_WINDOWS
    for run in _GROUPED.finditer(text):
        first_at = run.start()
        groups = [(first_at + group.start(), first_at + group.end()) for group in _GROUP.finditer(run.group())]
        gaps = ["", *(text[one[1] : two[0]].strip(" ").replace("\n", " ") or " " for one, two in pairwise(groups)), ""]
        for first in range(1 if first_at and text[first_at - 1].isalnum() else 0, len(groups)):
            if gaps[first] in _GOES_ON:
                continue
            tried = list(_from(text, groups, gaps, first))
            left -= len(tried) + 1
            if left <= 0:
                return
            yield from reversed(tried)


def _from(text: str, groups: list[tuple[int, int]], gaps: list[str], first: int) -> Iterator[Window]:
    digits, form, start = "", "", groups[first][0]
    sizes: tuple[int, ...] = ()
    for at in range(first, len(groups)):
        begins, ends = groups[at]
        digits += text[begins:ends]
        if len(digits) > LONGEST:
            return
        sizes = (*sizes, ends - begins)
        form += f"{gaps[at] if at > first else ''}{ends - begins}"
        if len(digits) >= FEWEST and gaps[at + 1] not in _GOES_ON:
            yield Window(start, ends, digits, sizes, form)


def begins_as_card(digits: str) -> bool:
    """Whether first digits and length are a payment card's."""
    return any(digits.startswith(prefix) and len(digits) in lengths for prefix, lengths in CARD_PREFIXES)


def is_card(digits: str) -> bool:
    """Whether digits are a payment card's number: first digits, length and Luhn's check."""
    return begins_as_card(digits) and len(set(digits)) > 1 and luhn.is_valid(digits)


def is_grouped_as_card(sizes: tuple[int, ...]) -> bool:
    """Whether the groups are those of a card: one, all as long as the first but the last, or a known grouping."""
    even = sizes[0] > 1 and len(set(sizes[:-1])) <= 1 and sizes[-1] <= sizes[0]
    return even or sizes in _CARD_GROUPS
