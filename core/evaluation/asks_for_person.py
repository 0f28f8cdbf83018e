"""How well asks_for_person tells who wants to be served by a person: precision and recall, overall and by language.

A CSV file `text,language,asks` with 1 or 0 under `asks`; a column `split` chooses the rows that say `test`, where any
do. Baseline: a message counts as asking when one of a few English words stands in it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from core.conversation import Address, Conversation, Message
from core.evaluation._measures import Evaluation, Figure, Task, share
from core.evaluation._rows import fault, table
from core.signals import asks_for_person
from core.words import words

AT, PLACE = datetime(2026, 1, 1, tzinfo=UTC), Address("memory", "1")
HELD_BACK = "test"
TELLING = frozenset({"human", "person", "agent", "representative", "operator", "advisor", "somebody", "someone"})
"""The baseline's words."""


@dataclass(frozen=True, slots=True)
class _Case:
    """One message: its language, whether it asks, and whether that was said by the signal and by the baseline."""

    language: str
    asks: bool
    said: bool
    plainly: bool


def evaluate(task: Task) -> Evaluation:
    """The figures on a file; `train` is not used. SettingsError when it cannot be read."""
    rows = table(task.data, "text", "language", "asks")
    for number, row in enumerate(rows, 1):
        if row["asks"] not in ("0", "1"):
            raise fault(
                task.data, f"row {number} has {row['asks']!r} under asks", "1 where a person is asked for, else 0"
            )
    rows = [row for row in rows if row.get("split") == HELD_BACK] or rows
    signal = asks_for_person.build()
    cases = []
    for row in rows:
        reading = signal(Conversation(PLACE, (Message("1", PLACE, row["text"], AT),)))
        plainly = bool(TELLING.intersection(words(row["text"])))
        cases.append(_Case(row["language"], row["asks"] == "1", bool(reading.value), plainly))
    metrics = _figures([(case.asks, case.said) for case in cases])
    for code in sorted({case.language for case in cases}):
        some = [(case.asks, case.said) for case in cases if case.language == code]
        metrics |= {f"{name}_{code}": figure for name, figure in _figures(some).items()}
    return Evaluation("asks_for_person", len(cases), metrics, _figures([(case.asks, case.plainly) for case in cases]))


def _figures(pairs: Sequence[tuple[bool, bool]]) -> dict[str, Figure]:
    """Precision and recall of (asks, said)."""
    both = sum(asks and said for asks, said in pairs)
    return {
        "precision": share(both, sum(said for _, said in pairs)),
        "recall": share(both, sum(asks for asks, _ in pairs)),
    }
