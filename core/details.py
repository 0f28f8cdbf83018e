"""What must not be confused though it sounds alike: numbers, yes and no, one side of a matter and the other.

Reading these details out of a text and comparing two texts only; what a difference costs is in core.library. The word
lists are our own, English with the negations of Danish and German.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

_NEGATING = (
    "not no never nothing none nobody cannot cant dont doesnt didnt wont isnt arent wasnt without unable refuse "
    "refuses refused declined failed fails ikke ingen aldrig uden nicht kein keine keinen keiner nie ohne"
)
_NEGATIONS = frozenset(_NEGATING.split())
_OPPOSITES = (
    "on|off before|after with|without enable|disable enabled|disabled add|remove adding|removing subscribe|unsubscribe "
    "increase|decrease increasing|decreasing higher|lower more|less raise|reduce open|close opened|closed buy|sell "
    "accept|refuse activate|deactivate lock|unlock install|uninstall send|receive sent|received upgrade|downgrade "
    "deposit|withdraw upload|download import|export start|stop am|pm arrival|departure arrive|depart online|offline "
    "minimum|maximum first|last earlier|later cheaper|dearer pause|resume mute|unmute block|unblock show|hide "
    "join|leave public|private max|min allowed|forbidden"
)
_SIDES: dict[str, tuple[str, ...]] = {}
for _pair in _OPPOSITES.split():
    _one, _other = _pair.split("|")
    _SIDES[_one] = (*_SIDES.get(_one, ()), _other)
    _SIDES[_other] = (*_SIDES.get(_other, ()), _one)
_SIDED = frozenset(_SIDES)

_COUNTED = "zero one two three four five six seven eight nine ten eleven twelve"
_NUMBERS = {name: str(n) for n, name in enumerate(_COUNTED.split()) if n != 1}
"""Number words; "one" is left out, for it is mostly no number."""
_COUNTING = frozenset(_NUMBERS)


@dataclass(frozen=True, slots=True)
class Details:
    """A text's numbers, whether it says no, and its words that have an opposite."""

    numbers: frozenset[str]
    negated: bool
    sides: frozenset[str]


def details(tokens: Sequence[str]) -> Details:
    """The details in the folded words of a text."""
    once = frozenset(tokens)
    mixed = [token for token in once if not token.isalpha()]
    numbers = [_NUMBERS[name] for name in _COUNTING & once]
    negating = [*(_NEGATIONS & once)]
    for token in mixed:
        if any(map(str.isdigit, token)):
            numbers.append(token)
        if token.endswith("n't"):
            negating.append(token)
    said_no = sum(map(tokens.count, negating))
    return Details(frozenset(numbers), said_no % 2 == 1, _SIDED & once)


def differ(question: Details, wording: Details) -> tuple[float, float]:
    """1 where both have numbers and share none; and a half for a no on one side only plus a half for a word of which
    the other has the opposite.
    """
    numbers = bool(question.numbers and wording.numbers) and question.numbers.isdisjoint(wording.numbers)
    opposite = bool(question.sides and wording.sides) and _opposed(question.sides, wording.sides)
    return float(numbers), ((question.negated != wording.negated) + opposite) / 2


def _opposed(question: frozenset[str], wording: frozenset[str]) -> bool:
    return any(
        other in question and other not in wording for side in wording if side not in question for other in _SIDES[side]
    )
