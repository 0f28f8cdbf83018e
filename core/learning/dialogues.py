"""Recorded conversations: JSON lines of `{"id", "turns": [{"speaker", "text"}]}` -> values. Reading only, no I/O."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from core.errors import Problem, SettingsError

CUSTOMER = "customer"
EXAMPLE = '{"id": "1", "turns": [{"speaker": "customer", "text": "..."}]}'


@dataclass(frozen=True, slots=True)
class Said:
    """One turn: whether the customer said it, and what."""

    by_customer: bool
    text: str


@dataclass(frozen=True, slots=True)
class Dialogue:
    """One recorded conversation. `chat` is unique in its file, whatever the ids are."""

    id: str
    chat: str
    turns: tuple[Said, ...]

    @property
    def messages(self) -> int:
        """How many turns are the customer's."""
        return sum(turn.by_customer for turn in self.turns)


def parse(lines: Iterable[str], file: str, customer: str = CUSTOMER) -> list[Dialogue]:
    """The dialogues of a file's lines; `customer` is what its customers are called. Turns without text are left out.

    SettingsError names every line that is not a dialogue, and a file in which no customer speaks.
    """
    found: list[Dialogue] = []
    problems: list[Problem] = []
    speakers: set[str] = set()
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            turns = list(_turns(json.loads(line)))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            problems.append(Problem(file, number, 1, f"not a dialogue ({type(error).__name__})", EXAMPLE))
            continue
        speakers |= {speaker for speaker, _ in turns}
        said = tuple(Said(speaker == customer, text) for speaker, text in turns if text.strip())
        name = str(json.loads(line).get("id", number))
        found.append(Dialogue(name, f"{number}", said))
    if not problems and not any(dialogue.messages for dialogue in found):
        heard = " or ".join(f"--customer {name}" for name in sorted(speakers)[:5]) or EXAMPLE
        problems.append(Problem(file, 1, 1, f"nobody in it is called {customer!r}", heard))
    if problems:
        raise SettingsError(problems)
    return found


def _turns(row: Any) -> Iterator[tuple[str, str]]:
    for turn in row["turns"]:
        speaker, text = turn["speaker"], turn["text"]
        if not (isinstance(speaker, str) and isinstance(text, str)):
            raise TypeError("speaker and text are strings")
        yield speaker, text
