"""Sums written out in a text ("3 * 60 = 180 meters"), and whether they hold.

Only + - * / between plain numbers, a few words allowed after each; what stands in brackets, holds an unknown ("7x") or
goes on from something unreadable is left out. Exact fractions; linear in the length of the text.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

from core.answering.quantities import NUMBER, value
from core.words import fold

MOST = 64
"""Sums of one text that are worked out."""

LONGEST_NUMBER, LONGEST_SUM = 12, 12
"""Characters of a number, and numbers in a sum, that are reckoned with."""

WORDS = 4
"""Words that may stand after a number of a sum."""

NEAR = Fraction(1, 100)
"""A result counts as right within this share of it, or this much: texts round."""

_TIMES = "x\N{MULTIPLICATION SIGN}"
_TOKEN = re.compile(
    rf"(?P<number>{NUMBER})|(?P<sign>[-+*/\N{{DIVISION SIGN}}{_TIMES}](?![^\W\d_]))|(?P<word>[^\W\d_]+)|[^\s]"
)
_SIGNS = str.maketrans(
    {"\N{MINUS SIGN}": "-", "\N{EN DASH}": "-", "\N{DIVISION SIGN}": "/", **dict.fromkeys(_TIMES, "*")}
)
_QUIET = frozenset("$€£")
_NOTE = re.compile(r"<<[^<>]{0,80}>>")
"""What GSM8K's answers repeat of a sum for a calculator."""


@dataclass(frozen=True, slots=True)
class Token:
    """A number (with its value), a sign, a word, or any other mark. `glued`: nothing stands before it."""

    kind: str
    text: str
    glued: bool
    size: Fraction | None = None


@dataclass(frozen=True, slots=True)
class Sum:
    """What comes out of a sum, and whether the text says so."""

    result: Fraction
    holds: bool


def sums(text: str) -> list[Sum]:
    """The sums of a text, at most MOST of them: every "=" with a readable sum on one side, a value on the other."""
    found: list[Sum] = []
    for line in _NOTE.sub("", fold(text).replace(" per cent", "%")).splitlines():
        sides = [_tokens(side) for side in line.split("=")]
        for left, right in pairwise(sides):
            made, said = _last(left), _first(right)
            if made is not None and said is not None and len(made) + len(said) > 2:
                one, other = _worked_out(made), _worked_out(said)
                if one is not None and other is not None:
                    found.append(Sum(other, abs(one - other) <= max(NEAR, NEAR * abs(other))))
            if len(found) == MOST:
                return found
    return found


def number(written: str) -> Fraction | None:
    """The value of a number as it is written; None when it is too long to reckon with."""
    bare = value(written)
    return Fraction(bare) if len(bare) <= LONGEST_NUMBER else None


def _tokens(text: str) -> list[Token]:
    tokens: list[Token] = []
    end = -1
    for match in _TOKEN.finditer(text):
        kind, glued = match.lastgroup or "mark", match.start() == end
        end = match.end()
        written = match.group(0)
        if kind == "mark" and written in _QUIET:
            continue
        if written == "%" and tokens and tokens[-1].size is not None:
            tokens[-1] = Token("number", tokens[-1].text, tokens[-1].glued, tokens[-1].size / 100)
            continue
        size = number(written) if kind == "number" else None
        tokens.append(Token(kind, written.translate(_SIGNS) if kind == "sign" else written, glued, size))
    return tokens


Step = tuple[str, Fraction]
"""A sign, "+" for the first, and the number after it."""


def _last(tokens: Sequence[Token]) -> list[Step] | None:
    """The sum a side ends with; None when it cannot be read."""
    steps: list[Step] = []
    words, at = 0, len(tokens) - 1
    while at >= 0 and len(steps) < LONGEST_SUM:
        token = tokens[at]
        if token.kind == "word":
            words += 1
            if words > WORDS or (token.glued and at and tokens[at - 1].kind == "number"):
                return None
        elif token.size is not None:
            before = tokens[at - 1] if at else None
            if before is None or before.kind == "word" or (before.kind == "mark" and before.text in ".,:;"):
                return [("+", token.size), *reversed(steps)]
            if before.kind != "sign":
                return None
            steps.append((before.text, token.size))
            at, words = at - 1, 0
        else:
            return None
        at -= 1
    return None


def _first(tokens: Sequence[Token]) -> list[Step] | None:
    """The sum a side begins with; None when it cannot be read."""
    steps: list[Step] = []
    sign, words = "+", 0
    for token in tokens:
        if sign:
            if token.size is None:
                return None
            steps.append((sign, token.size))
            sign, words = "", 0
        elif token.kind == "sign" and words <= WORDS:
            sign = token.text
        elif token.kind == "word" and not (token.glued and not words):
            words += 1
        else:
            return steps if token.kind == "mark" and token.text in ".,;:!?)" else None
        if len(steps) == LONGEST_SUM:
            return None
    return steps if steps and not sign else None


def _worked_out(steps: Sequence[Step]) -> Fraction | None:
    """What comes out, * and / before + and -; None when something is divided by nothing."""
    total, product = Fraction(0), steps[0][1]
    for sign, size in steps[1:]:
        if sign in "+-":
            total, product = total + product, size if sign == "+" else -size
        elif sign == "*":
            product *= size
        elif size:
            product /= size
        else:
            return None
    return total + product
