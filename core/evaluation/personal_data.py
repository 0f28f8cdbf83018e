"""How much of the labelled personal data the personal_data signal finds, piece by piece in the original text.

A JSON list of `{"full_text": ..., "spans": [{"entity_type": ..., "start_position": ..., "end_position": ...}]}`. A
labelled piece is found when something of its kind overlaps it (`recall`, of a kind `recall_card`); what is found is
right when it overlaps a labelled piece of its kind (`precision`, `precision_card`). Kinds the signal does not claim
to read (names, postal addresses, dates) are no misses: `not_read` is their share of all labelled pieces. `clean` is
the share of texts without a piece of a claimed kind in which nothing is found.

The signal is measured as a bot in English, Danish and German has it. The baseline: a plain regular expression for each
kind, on the same texts.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.evaluation._measures import Evaluation, Figure, Task, share
from core.evaluation._rows import fault, tree
from core.signals._folding import folded
from core.signals.personal_data import finder
from core.words import clip

LANGUAGES = ("en", "da", "de")

KIND_OF: Mapping[str, str] = {
    "CREDIT_CARD": "card",
    "PHONE_NUMBER": "phone",
    "IP_ADDRESS": "ip",
    "EMAIL_ADDRESS": "email",
    **dict.fromkeys(("IBAN_CODE", "IBAN"), "iban"),
    "US_SSN": "ssn",
    "UK_NHS": "nhs number",
    "DE_TAX_ID": "tax id",
    "DK_CPR": "cpr",
}
"""What labels stand for which kind of the signal's; any other label is not read."""

PLAIN: Mapping[str, re.Pattern[str]] = {
    "card": re.compile(r"\b(?:\d[ -]?){12,18}\d\b"),
    "ssn": re.compile(r"\b\d{3}-\d{2}-\d{4}\b"),
    "ip": re.compile(r"\b(?:\d{1,3}\.){3}\d{1,3}\b"),
    "email": re.compile(r"\b[\w.+-]+@[\w-]+\.[\w.-]+\b"),
    "iban": re.compile(r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?\b"),
    "phone": re.compile(r"(?<![\w.])\+?\(?\d[\d ().x-]{6,18}\d(?!\w)"),
}

SHAPE = '[{"full_text": "...", "spans": [{"entity_type": "EMAIL_ADDRESS", "start_position": 0, "end_position": 9}]}]'


@dataclass(frozen=True, slots=True)
class Piece:
    """One piece of personal data: its kind (empty: none the signal claims) and its place in the original text."""

    kind: str
    start: int
    end: int

    def overlaps(self, other: Piece) -> bool:
        """Whether they are of one kind and share a character."""
        return self.kind == other.kind and self.start < other.end and other.start < self.end


Find = Callable[[str], Sequence[Piece]]


def evaluate(task: Task) -> Evaluation:
    """The figures on a file; `train` is not used. SettingsError when the file is not of this shape."""
    texts = labelled(task.data)
    pieces = [piece for _, wanted in texts for piece in wanted]
    metrics = scored(texts, read_by_signal())
    metrics["not_read"] = share(sum(not piece.kind for piece in pieces), len(pieces))
    return Evaluation("personal_data", len(texts), metrics, scored(texts, plainly))


def labelled(path: Path) -> list[tuple[str, list[Piece]]]:
    """Each text with its labelled pieces."""
    found = []
    rows = tree(path)
    if not isinstance(rows, list) or not rows:
        raise fault(path, "is no list of texts", SHAPE)
    for number, row in enumerate(rows, 1):
        try:
            found.append((str(row["full_text"]), [_piece(span, row["full_text"]) for span in row["spans"]]))
        except (KeyError, TypeError, ValueError) as error:
            raise fault(path, f"text {number} is not of this shape: {error}", SHAPE) from None
    return found


def scored(texts: Sequence[tuple[str, Sequence[Piece]]], find: Find) -> dict[str, Figure]:
    """Recall and precision, overall and of each kind labelled or found."""
    recalled: dict[str, list[bool]] = {}
    precise: dict[str, list[bool]] = {}
    silent = []
    for text, labels in texts:
        wanted, found = [piece for piece in labels if piece.kind], find(text)
        for piece in wanted:
            recalled.setdefault(piece.kind, []).append(any(piece.overlaps(other) for other in found))
        for piece in found:
            precise.setdefault(piece.kind, []).append(any(piece.overlaps(other) for other in wanted))
        if not wanted:
            silent.append(not found)
    figures = {"recall": _of(recalled.values()), "precision": _of(precise.values()), "clean": _of([silent])}
    for name, kinds in (("recall", recalled), ("precision", precise)):
        figures |= {f"{name}_{kind.replace(' ', '_')}": _of([kinds[kind]]) for kind in sorted(kinds)}
    return figures


def read_by_signal() -> Find:
    """What the signal finds, with its place in the original text."""
    find_in = finder(LANGUAGES)

    def find(text: str) -> list[Piece]:
        read = folded(clip(text))
        return [Piece(one.kind, *read.span(one.start, one.end)) for one in find_in(read.text)]

    return find


def plainly(text: str) -> list[Piece]:
    """What the plain expressions find; of those that overlap the longest, then the one named first."""
    every = [Piece(kind, *match.span()) for kind, form in PLAIN.items() for match in form.finditer(text)]
    kept: list[Piece] = []
    for piece in sorted(every, key=lambda p: p.start - p.end):
        if all(piece.end <= other.start or other.end <= piece.start for other in kept):
            kept.append(piece)
    return kept


def _piece(span: Mapping[str, Any], text: str) -> Piece:
    start, end = int(span["start_position"]), int(span["end_position"])
    if not 0 <= start < end <= len(text):
        raise ValueError(f"a piece from {start} to {end} of {len(text)} characters")
    return Piece(KIND_OF.get(span["entity_type"], ""), start, end)


def _of(cases: Iterable[Sequence[bool]]) -> Figure:
    every = [case for some in cases for case in some]
    return share(sum(every), len(every))
