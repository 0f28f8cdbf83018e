"""How single values of config.yaml are spelt: lengths of time, modes, cron lines, short forms.

Functions from what stands in the file to a value, for the shape in `schema`; a fault says what to write instead.
"""

from __future__ import annotations

import re
from datetime import timedelta
from decimal import Decimal, InvalidOperation
from typing import Any
from zoneinfo import ZoneInfo

from pydantic_core import PydanticCustomError

UNITS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400}
"""Seconds of each unit of time."""

_DURATION = re.compile(r"(\d+(?:[.,]\d+)?)\s*(second|minute|hour|day)s?")
_SHARE = re.compile(r"(\d{1,3}(?:[.,]\d+)?)\s?%")
_BAND = re.compile(r"(\d+(?:[.,]\d+)?) to (\d+(?:[.,]\d+)?)")
_LASTS = re.compile(r"([1-9]\d{0,2}) answers?")
_MODE = re.compile(r"canary (\d{1,3}(?:[.,]\d+)?)\s?%")
_CRON_FIELD = r"(?:\*|[a-z0-9]+(?:-[a-z0-9]+)?)(?:/\d+)?"
_CRON = re.compile(rf"{_CRON_FIELD}(?:,{_CRON_FIELD})*(?: +{_CRON_FIELD}(?:,{_CRON_FIELD})*){{4}}", re.IGNORECASE)


def wrong(what: str, write: str) -> PydanticCustomError:
    """A fault in words of our own, which `problems` passes on unchanged."""
    return PydanticCustomError("wrong", "{what}", {"what": what, "write": write})


def duration(value: Any) -> timedelta:
    """`24 hours` as a span of time."""
    found = _DURATION.fullmatch(value.strip()) if isinstance(value, str) else None
    if not found:
        raise wrong("a length of time is a number and a unit", "24 hours")
    seconds = float(found[1].replace(",", ".")) * UNITS[found[2]]
    if not 60 <= seconds <= 366 * 86400:
        raise wrong("a length of time lies between 1 minute and 366 days", "24 hours")
    return timedelta(seconds=seconds)


def seconds(value: Any) -> float:
    """`20 seconds` or `0.5 seconds` as a number of them."""
    found = _DURATION.fullmatch(value.strip()) if isinstance(value, str) else None
    length = float(found[1].replace(",", ".")) * UNITS[found[2]] if found else 0.0
    if not 0.01 <= length <= 3600:
        meant = f"{value:g} seconds" if _is_number(value) and 0.01 <= value <= 3600 else "20 seconds"
        raise wrong("a length of time is a number and a unit, from 0.01 seconds to 1 hour", meant)
    return length


def share(value: Any) -> float:
    """`20%` as 0.2."""
    found = _SHARE.fullmatch(value.strip()) if isinstance(value, str) else None
    if not found or not float(found[1].replace(",", ".")) <= 100:
        number = re.fullmatch(r"\d{1,2}", str(value).strip())
        meant = f"{value * 100:g}%" if _is_number(value) and 0 < value < 1 else f"{number[0]}%" if number else "20%"
        raise wrong("a share is a percentage, from 0% to 100%", meant)
    return float(found[1].replace(",", ".")) / 100


def late(value: Any) -> float | None:
    """When a second model is asked: -1 for never (`off`), None for `p95`, else seconds."""
    if value in ("off", False):
        return -1.0
    if value == "p95":
        return None
    try:
        return seconds(value)
    except PydanticCustomError:
        meant = f"{value:g} seconds" if _is_number(value) and 0.01 <= value <= 3600 else "p95"
        raise wrong("when a second model is asked is off, p95, or a length of time", meant) from None


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def band(value: Any) -> tuple[float, float]:
    """`0.5 to 0.7` as its two ends."""
    found = _BAND.fullmatch(value.strip()) if isinstance(value, str) else None
    low, high = (float(end.replace(",", ".")) for end in found.groups()) if found else (1.0, 0.0)
    if low > high:
        raise wrong("a band is two numbers, the smaller one first", "0.5 to 0.7")
    return low, high


def amount(value: Any) -> Decimal:
    """Exact money: a whole number, or a quoted text."""
    try:
        if isinstance(value, str) or (isinstance(value, int) and not isinstance(value, bool)):
            found = Decimal(value)
            if found.is_finite() and found >= 0:
                return found
    except InvalidOperation:
        pass
    raise wrong("an amount is a whole number, or a number in quotes so that it stays exact", '"0.50"')


def lasts(value: Any) -> int | None:
    """`3 answers` as a number; None for the whole conversation."""
    if value == "this conversation":
        return None
    if value == "this answer":
        return 1
    found = _LASTS.fullmatch(value) if isinstance(value, str) else None
    if not found:
        number = re.search(r"[1-9]\d{0,2}", str(value))
        what = "how long a rule lasts is 'this answer', a number of answers, or 'this conversation'"
        raise wrong(what, f"{number[0]} answers" if number else "3 answers")
    return int(found[1])


def mode(value: Any) -> float | None:
    """The share of customers a rule acts on, -1 for off, None for shadow."""
    fixed: dict[Any, float | None] = {"live": 1.0, "off": -1.0, False: -1.0, "shadow": None}
    if isinstance(value, str | bool) and value in fixed:
        return fixed[value]
    found = _MODE.fullmatch(value) if isinstance(value, str) else None
    share = float(found[1].replace(",", ".")) / 100 if found else 0.0
    if not 0 < share <= 1:
        number = re.search(r"(?<!\d)[1-9]\d?(?!\d)", str(value))
        write = f"canary {number[0]}%" if number else "live"
        raise wrong("a rule's mode is off, shadow, canary with a percentage from 1% to 100%, or live", write)
    return share


def zone(value: Any) -> str:
    """A time zone's name that there is."""
    try:
        return ZoneInfo(value).key
    except Exception:  # noqa: BLE001 - zoneinfo raises ValueError, OSError and KeyError, depending on the odd name
        raise PydanticCustomError("zone", "not a time zone") from None


def cron(value: Any) -> str:
    """A cron line, or nothing."""
    if not isinstance(value, str) or (value and not _CRON.fullmatch(value.strip())):
        what = "a time is five words: minute, hour, day of the month, month, day of the week"
        raise wrong(what, '"0 8 * * mon-fri"')
    return value.strip()


def nothing(value: Any) -> Any:
    """A section with nothing under it, because every line of it is commented out, is an empty one."""
    return {} if value is None else value


def no_items(value: Any) -> Any:
    """A list with nothing in it, as `nothing`."""
    return [] if value is None else value


def encoder(value: Any) -> Any:
    """`encoder: onnx` is short for a section that only says so."""
    if not isinstance(value, str | dict):
        raise wrong("an encoder is a name, or a section with uses: and its options", "onnx")
    return {"uses": value} if isinstance(value, str) else value
