"""Masks secrets and personal data in text that is about to be logged. Rather too much than too little.

Pure. What counts as personal data for routing is core/signals/personal_data; this is only about what a log may hold.
Patterns run on RE2: linear in the length of the text, whatever a stranger put into it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import re2

MASK = "***"
LONGEST = 20_000
"""Characters of one text that are looked at; what is longer is cut, because nobody has looked at the rest."""

SHORTEST_SECRET = 6
"""A known secret shorter than this is not searched for: it would mask ordinary words."""

_KEYS = r"(?:api[_-]?key|operator[_-]?key|access[_-]?key|secret|token|passw(?:or)?d|pwd|authorization|cookie|signature)"

_SECRETS = (
    r"(?s)-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\z)",
    r"\d{5,}:[A-Za-z0-9_-]{30,}",  # a Telegram bot's token, as it stands in the path of every call
    r"\b(?:sk|pk|rk|gsk|xai|hf|r8|ghp|gho|ghs|glpat|xoxb|xoxp)[-_][A-Za-z0-9_-]{12,}",
    r"\bAKIA[0-9A-Z]{16}\b",
    r"\bAIza[A-Za-z0-9_-]{30,}",
    r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*)?",
    r"\b[0-9a-f]{32}\b",  # a Twilio auth token; other hashes are longer
)
_AFTER_A_NAME = (
    r"(?i)(\b(?:Bearer|Basic)\s+)[A-Za-z0-9._~+/=-]{6,}",
    r"(://[^/\s:@]*:)[^/\s@]+(?:@)",
    rf"(?i)((?:\b|_){_KEYS}[\"']?\s*[=:]\s*[\"']?)[^\s\"'&,;}})]+",
    r"(?i)([?&](?:key|sig|code)=)[^&\s\"']+",
)
_EMAIL = r"[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63})+"
_IBAN = r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?\b"
_DIGITS = r"\+?\(?\d(?:[ ()./-]{0,2}\d){6,}"
_DATE_OR_DECIMAL = r"^(?:\d{4}-\d{2}-\d{2}(?:[ T]\d{2})?|\d+\.\d+)$"


def redact(text: str, secrets: Iterable[str] = ()) -> str:
    """The text with secrets and personal data replaced by `***`; `secrets` are values known to be secret."""
    if len(text) > LONGEST:
        text = text[:LONGEST] + " ..."
    for secret in secrets:
        if len(secret) >= SHORTEST_SECRET:
            text = text.replace(secret, MASK)
    for pattern, replacement in _TABLE:
        text = pattern.sub(replacement, text)
    return text


def is_secret_name(name: str) -> bool:
    """Whether a field of this name holds a secret whatever its value looks like."""
    return bool(_SECRET_NAME.search(name))


def redact_value(value: Any, secrets: Iterable[str] = ()) -> Any:
    """The same for a value as logs hold them: text, numbers, and mappings and lists of those; the rest by its str."""
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, Mapping):
        return {str(k): MASK if is_secret_name(str(k)) else redact_value(v, secrets) for k, v in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [redact_value(item, secrets) for item in value]
    return redact(str(value), secrets)


def _number(match: Any) -> str:
    """A run of digits is masked when it can be dialled or paid with; dates, decimals and ids are neither."""
    found: str = match.group(0)
    if _PLAIN_FIGURE.match(found):
        return found
    digits = [int(c) for c in found if c.isdigit()]
    if found.isdigit() and not (13 <= len(digits) <= 19 and _luhn(digits)):
        return found
    return MASK


def _luhn(digits: list[int]) -> bool:
    doubled = [d if i % 2 == 0 else sum(divmod(2 * d, 10)) for i, d in enumerate(reversed(digits))]
    return sum(doubled) % 10 == 0


_SECRET_NAME = re2.compile(rf"(?i)(?:^|[_.-]){_KEYS}$")
_PLAIN_FIGURE = re2.compile(_DATE_OR_DECIMAL)
_TABLE: tuple[tuple[Any, str | Callable[[Any], str]], ...] = (
    *((re2.compile(pattern), MASK) for pattern in _SECRETS),
    *(
        (re2.compile(pattern), lambda m: f"{m.group(1)}{MASK}" + ("@" if m.group(0)[-1] == "@" else ""))
        for pattern in _AFTER_A_NAME
    ),
    (re2.compile(_EMAIL), MASK),
    (re2.compile(_IBAN), MASK),
    (re2.compile(_DIGITS), _number),
)
