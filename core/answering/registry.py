"""models.yaml: every model a tier may name, with its price, the page it was read from and the day it was read.

Only reading the file; what one row may say is in `rows`. Which tier tries which model is config.yaml's business; what
a call cost is Usage's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from core.answering.rows import EXAMPLE, Reader
from core.errors import Problem, SettingsError
from core.tiers import ModelCard


@dataclass(frozen=True, slots=True)
class Registry:
    """The rows of one models.yaml by `provider/model`."""

    file: str
    cards: Mapping[str, ModelCard]

    def pick(self, names: Sequence[str]) -> tuple[ModelCard, ...]:
        """The cards a tier names, in its order. SettingsError says which row to write for those that have none."""
        problems = [Problem(self.file, 1, 1, *self.missing(name)) for name in names if name not in self.cards]
        if problems:
            raise SettingsError(problems)
        return tuple(self.cards[name] for name in names)

    def missing(self, name: str) -> tuple[str, str]:
        """What is wrong with a name that has no row, and what to write: for the place in config.yaml that uses it."""
        close = get_close_matches(name, self.cards, n=1)
        hint = f" (did you mean {close[0]}?)" if close else ""
        return f"the model {name!r} has no row in {self.file}{hint}", "the row " + EXAMPLE.format(name=name)


def read(path: Path) -> Registry:
    """The registry in this file. SettingsError lists every fault with its place."""
    try:
        rows = YAML().load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError([Problem(path.name, 1, 1, f"cannot be read: {type(error).__name__}")]) from error
    except YAMLError as error:
        raise SettingsError([_not_yaml(path.name, error)]) from error
    if not isinstance(rows, CommentedMap):
        what, write = "there are no rows", EXAMPLE.format(name="provider/model")
        raise SettingsError([Problem(path.name, 1, 1, what, write)])
    reader = Reader(path.name)
    cards = [card for name in rows if (card := reader.card(rows, name)) is not None]
    if reader.problems:
        raise SettingsError(reader.problems)
    return Registry(path.name, {card.name: card for card in cards})


def _not_yaml(file: str, error: YAMLError) -> Problem:
    mark = error.problem_mark if isinstance(error, MarkedYAMLError) else None
    what = (error.problem if isinstance(error, MarkedYAMLError) else None) or "this is not YAML"
    return Problem(file, mark.line + 1 if mark else 1, mark.column + 1 if mark else 1, what)
