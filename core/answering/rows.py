"""One row of models.yaml -> a ModelCard: what each field may hold, and what to write where it holds something else.

Prices are exact: quoted text or whole numbers, never a binary fraction. Nothing is guessed: a field that is left out is
unknown, and a version that is not fixed has to be owned up to.
"""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal, InvalidOperation
from difflib import get_close_matches
from typing import Any

from ruamel.yaml.comments import CommentedMap

from core.errors import Problem
from core.tiers import TEXT, ModelCard, Price

PER = "1M tokens"
"""The only unit prices are written in."""

EXAMPLE = (
    '{name}: {{input: "0.00", output: "0.00", currency: USD, dated: 2026-01-31, source: https://..., pinned: no}}, '
    "or {{price: unknown, pinned: no}}, or {{price: free, pinned: no}}"
)
MODALITIES = ("text", "image", "audio", "video")
LIMITS = ("requests", "tokens")
SWITCH = {True: True, False: False, "yes": True, "no": False}

_PRICED = ("input", "output", "currency", "dated", "source")
_ABOUT = ("context", "modalities", "limits", "region", "weights", "continues", "fallback")
_FIELDS = (*_PRICED, "cached", "per", "price", "pinned", "pinned_source", "quality", "quality_source", *_ABOUT)
_WORD = re.compile(r"[a-z0-9][a-z0-9._-]*")
_STAMP = re.compile(
    r"[-@:.](?:20\d\d-?(?:0[1-9]|1[0-2])-?(?:0[1-9]|[12]\d|3[01])"  # -2024-11-20, -20250929, @20250929
    r"|(?:0[1-9]|1[0-2])-20\d\d"  # -08-2024
    r"|2[3-9](?:0[1-9]|1[0-2])|(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])"  # -2411, -0613
    r"|00\d|sha256[:-][0-9a-f]{8,})"  # -001, @sha256:...
    r"(?:-v\d+(?::\d+)?)?$"  # -20250929-v1:0
)
"""How the vendors we know of stamp a name that stands for one version for good."""


class Reader:
    """Turns rows into cards; the faults of the whole file gather in `problems`."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.problems: list[Problem] = []

    def card(self, rows: CommentedMap, name: Any) -> ModelCard | None:
        """The card of one row. None where it cannot be one; what is wrong is in `problems` then."""
        provider, slash, model = str(name).partition("/")
        row = rows[name]
        if not (provider and slash and model):
            self._fault(rows, name, f"{name!r} is not a model", "provider/model")
            return None
        if not isinstance(row, CommentedMap):
            self._fault(rows, name, f"{name!r} has no fields", EXAMPLE.format(name=name))
            return None
        for field in row:
            if field not in _FIELDS:
                close = get_close_matches(str(field), _FIELDS, n=1)
                self._fault(row, field, f"there is no field {field!r}", close[0] if close else ", ".join(_FIELDS))
        price = None if "price" in row else self._price(rows, name)
        limits = self._mapping(row, "limits", LIMITS, "limits: {requests: 30, tokens: 6000}")
        card = ModelCard(
            provider,
            model,
            price,
            free=self._is_free(row),
            context=self._number(row, "context", "a number of tokens", "context: 131072"),
            pinned=self._is_pinned(rows, name),
            modalities=self._modalities(row),
            requests=self._number(limits, "requests", "a number of requests a minute", "requests: 30"),
            tokens=self._number(limits, "tokens", "a number of tokens a minute", "tokens: 6000"),
            region=self._word(row, "region", "region: eu, or region: here for your own machine"),
            weights=self._word(row, "weights", "weights: llama-3.3-70b"),
            quality=self._quality(row),
            continues=self._switch(row, "continues"),
            fallback=self._switch(row, "fallback"),
        )
        return card if price or "price" in row else None

    def _is_free(self, row: CommentedMap) -> bool:
        if "price" not in row:
            return False
        if row["price"] not in ("free", "unknown"):
            self._fault(row, "price", f"{row['price']!r} is not a price", "price: free, or price: unknown")
        for field in (f for f in row if f in (*_PRICED, "cached", "per")):
            self._fault(row, field, f"a row with 'price' has no {field!r}", "one or the other")
        return bool(row["price"] == "free")

    def _price(self, rows: CommentedMap, name: str) -> Price | None:
        row = rows[name]
        before = len(self.problems)
        for field in _PRICED:
            if field not in row:
                self._fault(rows, name, f"{name!r} has no {field!r}", EXAMPLE.format(name=name))
        if row.get("per", PER) != PER:
            self._fault(row, "per", f"prices are per {PER}, not {row['per']!r}", f"per: {PER}")
        money = {field: self._money(row, field) for field in ("input", "output", "cached") if field in row}
        currency = str(row.get("currency", ""))
        if "currency" in row and not (len(currency) == 3 and currency.isascii() and currency.isupper()):
            self._fault(row, "currency", f"{currency!r} is not a currency's code", "currency: USD")
        dated = self._date(row) if "dated" in row else None
        self._page(row, "source")
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

    def _is_pinned(self, rows: CommentedMap, name: str) -> bool:
        """Whether the name stands for one version: by its stamp, or because the row says so and on whose word."""
        row, stamped = rows[name], _STAMP.search(str(name)) is not None
        said = self._switch(row, "pinned") if "pinned" in row else None
        if said and not stamped and "pinned_source" not in row:
            write = "pinned_source: https://..., the vendor's page that says so, or pinned: no"
            self._fault(row, "pinned", f"{name!r} carries no date, and nobody vouches that it never changes", write)
        elif said is None and not stamped:
            write = "pinned: no, or the vendor's dated name, or pinned: yes with pinned_source: https://..."
            self._fault(rows, name, f"{name!r} names no version: the vendor may change what answers", write)
        self._page(row, "pinned_source")
        return stamped if said is None else said

    def _modalities(self, row: CommentedMap) -> frozenset[str]:
        given = row.get("modalities", ["text"])
        known = isinstance(given, list) and all(isinstance(m, str) and m in MODALITIES for m in given)
        if known and "text" in given:
            return frozenset(map(str, given))
        self._fault(row, "modalities", f"{_plain(given)} is not what a model reads", "modalities: [text, image]")
        return TEXT

    def _quality(self, row: CommentedMap) -> dict[str, float]:
        given = self._mapping(row, "quality", (), "quality: {general: 0.71}")
        if given and "quality_source" not in row:
            write = "quality_source: https://..., the page it was read from"
            self._fault(row, "quality", "a quality without a source is a guess", write)
        self._page(row, "quality_source")
        for kind, value in given.items():
            if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
                self._fault(given, kind, f"{value!r} is not a quality, which is 0 to 1", f"{kind}: 0.71")
        return {str(kind): float(value) for kind, value in given.items() if isinstance(value, int | float)}

    def _mapping(self, row: CommentedMap, field: str, keys: tuple[str, ...], write: str) -> CommentedMap:
        given = row.get(field, CommentedMap())
        if not isinstance(given, CommentedMap):
            self._fault(row, field, f"{_plain(given)} is not {field}", write)
            return CommentedMap()
        for key in given:
            if keys and key not in keys:
                self._fault(given, key, f"there are no {field} of {key!r}", write)
        return given

    def _number(self, holder: CommentedMap, field: str, what: str, write: str) -> int:
        given = holder.get(field, 0)
        if _whole(given) and (given or field not in holder):
            return int(given)
        self._fault(holder, field, f"{_plain(given)} is not {what}", write)
        return 0

    def _word(self, row: CommentedMap, field: str, write: str) -> str:
        given = row.get(field, "")
        if field in row and not (isinstance(given, str) and _WORD.fullmatch(given)):
            self._fault(row, field, f"{_plain(given)} is not a name in small letters", write)
        return str(given)

    def _switch(self, row: CommentedMap, field: str) -> bool:
        given = row.get(field, False)
        if isinstance(given, bool | str) and given in SWITCH:
            return SWITCH[given]
        self._fault(row, field, f"{_plain(given)} is neither yes nor no", f"{field}: no")
        return False

    def _page(self, row: CommentedMap, field: str) -> None:
        if field in row and not str(row[field]).startswith("https://"):
            self._fault(row, field, "the source is not a page", f"{field}: https://...")

    def _fault(self, holder: CommentedMap, key: Any, what: str, write: str) -> None:
        line, column = holder.lc.key(key)
        self.problems.append(Problem(self.file, line + 1, column + 1, what, write))


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _plain(value: Any) -> str:
    """A value as it was written, near enough for whoever reads a complaint about it."""
    return repr(str(value) if isinstance(value, str) else list(value) if isinstance(value, list) else value)
