"""What a vendor's refusal means in our error tree: one table for status codes, one for the codes inside a body.

Pure. A vendor's own words are read here and go no further: no message made here quotes them.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from core.errors import BadPrompt, Busy, Denied, Interrupted, ProviderError, Unavailable

LONGEST_WAIT = 3600.0
"""Seconds of a `retry-after` we believe; a longer one is a quota by another name."""

_BY_STATUS: Mapping[int, type[ProviderError]] = {
    401: Denied,
    402: Denied,
    403: Denied,
    408: Unavailable,
    429: Busy,
    529: Busy,
}

_BY_CODE: Mapping[str, type[ProviderError]] = {
    "account_deactivated": Denied,
    "authentication_error": Denied,
    "billing_error": Denied,
    "billing_hard_limit_reached": Denied,
    "billing_not_active": Denied,
    "insufficient_quota": Denied,
    "invalid_api_key": Denied,
    "permission_error": Denied,
    "rate_limit_error": Busy,
    "rate_limit_exceeded": Busy,
    "overloaded_error": Busy,
    "invalid_request_error": BadPrompt,
    "api_error": Unavailable,
    "server_error": Unavailable,
}
"""Codes the OpenAI and Anthropic protocols put into `error.code` or `error.type`; they are finer than the status."""

_SAYS: Mapping[type[ProviderError], str] = {
    Busy: "asked to slow down",
    Denied: "the key, the quota or a permission was refused",
    BadPrompt: "the request was refused",
    Unavailable: "the server failed",
    Interrupted: "the stream ended in an error",
}


def from_response(status: int, body: bytes, retry_after: str = "") -> ProviderError:
    """The error for an HTTP answer that is not a stream. `retry_after` is that header, in either of its two forms."""
    codes = _codes(body)
    kind = _of_status(status)
    if any(_BY_CODE.get(code) is Denied for code in codes):
        kind = Denied
    message = f"{_SAYS[kind]} (HTTP {status})"
    return Busy(message, seconds_to_wait(retry_after)) if kind is Busy else kind(message)


def from_event(error: Any) -> ProviderError:
    """The error for an `error` object inside a stream that had begun."""
    kind = next((_BY_CODE[code] for code in _codes_of(error) if code in _BY_CODE), Interrupted)
    return kind(_SAYS[kind])


def seconds_to_wait(header: str, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> float | None:
    """A `retry-after` header, a number or an HTTP date, in seconds up to LONGEST_WAIT; None when it says nothing."""
    if not header:
        return None
    try:
        seconds = float(header)
    except ValueError:
        try:
            seconds = (parsedate_to_datetime(header) - now()).total_seconds()
        except (ValueError, TypeError):
            return None
    return min(max(seconds, 0.0), LONGEST_WAIT) if math.isfinite(seconds) else None


def _of_status(status: int) -> type[ProviderError]:
    if status in _BY_STATUS:
        return _BY_STATUS[status]
    return BadPrompt if 400 <= status < 500 else Unavailable


def _codes(body: bytes) -> list[str]:
    try:
        parsed = json.loads(body)
    except (ValueError, RecursionError):
        return []
    return _codes_of(parsed.get("error")) if isinstance(parsed, dict) else []


def _codes_of(error: Any) -> list[str]:
    if not isinstance(error, dict):
        return []
    return [code for code in (error.get("code"), error.get("type")) if isinstance(code, str)]
