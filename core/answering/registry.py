"""models.yaml: every model a tier may name, with its price, the page it was read from and the day it was read.

Only reading and checking. Prices are exact: quoted text or whole numbers, never a binary fraction. Which tier tries
which model is config.yaml's business; what a call cost is Usage's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from core.errors import Problem, SettingsError
from core.tiers import ModelCard, Price

PER = "1M tokens"
"""The only unit prices are written in."""

ROW = (
    '{name}: {{input: "0.00", output: "0.00", currency: USD, dated: 2026-01-31, source: https://...}}, '
    "or price: unknown, or price: free"
)
_PRICED = ("input", "output", "currency", "dated", "source")
_FIELDS = (*_PRICED, "cached", "per", "price", "context")


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
        return f"the model {name!r} has no row in {self.file}{hint}", "the row " + ROW.format(name=name)


def read(path: Path) -> Registry:
    """The registry in this file. SettingsError lists every fault with its place."""
    try:
        rows = YAML().load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError([Problem(path.name, 1, 1, f"cannot be read: {type(error).__name__}")]) from error
    except YAMLError as error:
        raise SettingsError([_not_yaml(path.name, error)]) from error
    reader = _Reader(path.name)
    cards = reader.cards(rows)
    if reader.problems:
        raise SettingsError(reader.problems)
    return Registry(path.name, cards)


class _Reader:
    """Collects the faults of one file while its rows become cards."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.problems: list[Problem] = []

    def cards(self, rows: Any) -> dict[str, ModelCard]:
        if not isinstance(rows, CommentedMap):
            self.problems.append(Problem(self.file, 1, 1, "there are no rows", ROW.format(name="provider/model")))
            return {}
        cards = (self._card(rows, name) for name in rows)
        return {card.name: card for card in cards if card is not None}

    def _card(self, rows: CommentedMap, name: Any) -> ModelCard | None:
        provider, slash, model = str(name).partition("/")
        row = rows[name]
        if not (provider and slash and model):
            self._fault(rows, name, f"{name!r} is not a model", "provider/model")
            return None
        if not isinstance(row, CommentedMap):
            self._fault(rows, name, f"{name!r} has no fields", ROW.format(name=name))
            return None
        for field in row:
            if field not in _FIELDS:
                close = get_close_matches(str(field), _FIELDS, n=1)
                self._fault(row, field, f"there is no field {field!r}", close[0] if close else ", ".join(_FIELDS))
        context = row.get("context", 0)
        if not _whole(context):
            self._fault(row, "context", f"{context!r} is not a number of tokens", "context: 131072")
            context = 0
        if "price" in row:
            self._check_unpriced(row)
            return ModelCard(provider, model, free=row["price"] == "free", context=context)
        price = self._price(rows, name)
        return ModelCard(provider, model, price, context=context) if price else None

    def _check_unpriced(self, row: CommentedMap) -> None:
        if row["price"] not in ("free", "unknown"):
            self._fault(row, "price", f"{row['price']!r} is not a price", "price: free, or price: unknown")
        for field in (f for f in row if f in (*_PRICED, "cached", "per")):
            self._fault(row, field, f"a row with 'price' has no {field!r}", "one or the other")

    def _price(self, rows: CommentedMap, name: str) -> Price | None:
        row = rows[name]
        before = len(self.problems)
        for field in _PRICED:
            if field not in row:
                self._fault(rows, name, f"{name!r} has no {field!r}", ROW.format(name=name))
        if row.get("per", PER) != PER:
            self._fault(row, "per", f"prices are per {PER}, not {row['per']!r}", f"per: {PER}")
        money = {field: self._money(row, field) for field in ("input", "output", "cached") if field in row}
        currency = str(row.get("currency", ""))
        if "currency" in row and not (len(currency) == 3 and currency.isascii() and currency.isupper()):
            self._fault(row, "currency", f"{currency!r} is not a currency's code", "currency: USD")
        dated = self._date(row) if "dated" in row else None
        if "source" in row and not str(row["source"]).startswith("https://"):
            self._fault(row, "source", "the source is not a page", "source: https://...")
        if len(self.problems) > before or dated is None:
            return None
        return Price(money["input"], money["output"], currency, dated, str(row["source"]), money.get("cached"))

    def _money(self, row: CommentedMap, field: str) -> Decimal:
        given = row[field]
        write = f'{field}: "0.05"'
        if isinstance(given, float):
            self._fault(row, field, f"{given} is a binary fraction, which is not exact money", write + ", in quotes")
            return Decimal(0)
        try:
            amount = Decimal(given) if isinstance(given, str) or _whole(given) else Decimal("NaN")
        except InvalidOperation:
            amount = Decimal("NaN")
        if not amount.is_finite() or amount < 0:
            self._fault(row, field, f"{given!r} is not an amount of money", write)
        return amount

    def _date(self, row: CommentedMap) -> date | None:
        given = row["dated"]
        if type(given) is date:
            return given
        try:
            return date.fromisoformat(str(given))
        except ValueError:
            self._fault(row, "dated", f"{given!r} is not a day", "dated: 2026-01-31")
            return None

    def _fault(self, holder: CommentedMap, key: Any, what: str, write: str) -> None:
        line, column = holder.lc.key(key)
        self.problems.append(Problem(self.file, line + 1, column + 1, what, write))


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _not_yaml(file: str, error: YAMLError) -> Problem:
    mark = error.problem_mark if isinstance(error, MarkedYAMLError) else None
    what = (error.problem if isinstance(error, MarkedYAMLError) else None) or "this is not YAML"
    return Problem(file, mark.line + 1 if mark else 1, mark.column + 1 if mark else 1, what)
