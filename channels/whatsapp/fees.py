"""What a message costs on WhatsApp, from the dated table in config.yaml. Nothing here knows a price by itself.

A fee nobody vouches for is unknown, never zero: Twilio's and Meta's prices differ by country and change.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from core.plugins import PluginError
from core.tiers import Fee, Money

AMOUNTS = ("in", "out", "template")
UNKNOWN = "unknown"
_KEYS = (*AMOUNTS, "currency", "dated", "source")
_IN, _OUT, _TEMPLATE = Fee("whatsapp in"), Fee("whatsapp out"), Fee("whatsapp template")
_EXAMPLE = 'fees: {in: "0.005", out: "0.005", template: unknown, currency: USD, dated: 2026-01-31, source: https://...}'


@dataclass(frozen=True, slots=True)
class Fees:
    """The fee for a message in, a message out, and what a template costs on top; `cost` None where it is unknown.

    `dated` is the day somebody read the amounts at `source`; None and empty when there is no table.
    """

    received_fee: Fee = _IN
    sent_fee: Fee = _OUT
    template_fee: Fee = _TEMPLATE
    dated: date | None = None
    source: str = ""

    def received(self) -> tuple[Fee, ...]:
        """What one message of a customer's costs."""
        return (self.received_fee,)

    def sent(self, template: bool) -> tuple[Fee, ...]:
        """What one message to a customer costs; Meta's fee for a template comes on top of Twilio's."""
        return (self.sent_fee, self.template_fee) if template else (self.sent_fee,)


def read(table: Mapping[str, Any] | None = None) -> Fees:
    """The option `fees`; no table is no known fee. PluginError for an undated, unsourced or unreadable one."""
    if table is not None and not isinstance(table, Mapping):
        raise PluginError("fees must be a table", _EXAMPLE, "fees")
    if not table:
        return Fees()
    if strange := [str(key) for key in table if key not in _KEYS]:
        raise PluginError(f"fees has no line {strange[0]!r}", _EXAMPLE, "fees")
    for needed in ("dated", "source"):
        if not table.get(needed):
            raise PluginError(f"fees does not say {needed!r}: when and where the amounts were read", _EXAMPLE, "fees")
    costs = {name: _cost(name, table) for name in AMOUNTS}
    return Fees(
        replace(_IN, cost=costs["in"]),
        replace(_OUT, cost=costs["out"]),
        replace(_TEMPLATE, cost=costs["template"]),
        _day(table["dated"]),
        str(table["source"]),
    )


def _cost(name: str, table: Mapping[str, Any]) -> Money | None:
    value = table.get(name, UNKNOWN)
    if value == UNKNOWN:
        return None
    try:
        amount = Decimal("nan") if isinstance(value, bool) else Decimal(str(value))
    except InvalidOperation:
        amount = Decimal("nan")
    if not amount.is_finite() or amount < 0:
        raise PluginError(f"fees: {name!r} is neither an amount nor {UNKNOWN!r}", f'{name}: "0.005"', "fees")
    currency = table.get("currency")
    if not (isinstance(currency, str) and len(currency) == 3 and currency.isascii() and currency.isupper()):
        raise PluginError("fees has amounts without a currency of three letters", "currency: USD", "fees")
    return Money(amount, currency)


def _day(value: Any) -> date:
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date):
        return value
    try:
        return date.fromisoformat(str(value))
    except ValueError:
        raise PluginError("fees: 'dated' is not a day", "dated: 2026-01-31", "fees") from None
