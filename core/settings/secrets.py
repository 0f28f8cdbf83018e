"""Secrets: `${NAME}` in config.yaml, values that never show themselves, and text with token-looking parts masked.

The environment is handed in; nothing here reads it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

SECTIONS = frozenset({"channels", "encoder", "providers", "server", "store"})
"""The sections of config.yaml in which `${NAME}` stands for an environment variable."""

_LONGEST = 500
"""Characters of a value in which a token is looked for."""
_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
_MALFORMED = re.compile(r"\$\{|^\$[A-Za-z_]\w*$|^%[A-Z_][A-Z0-9_]*%$")
_NAME = r"(?:[\w-]*_)?(?:token|key|secret|password|passwd|auth)"
_NAMED = re.compile(rf"^{_NAME}$", re.IGNORECASE)
_TOKEN = re.compile(
    r"\d{6,}:[\w-]{20,}|(?:sk|pk|rk|gsk|xai|hf|xox[abp]|ghp|AIza|AC|SK)[-_]?[A-Za-z0-9][\w-]{18,}|(?<=://)[^/@\s:]+:[^@/\s]+(?=@)"
)
_ASSIGNED = re.compile(rf"(\b{_NAME}['\"]?\s*:\s*)(?!['\"]?\$\{{)(['\"]?)([^\s,'\"}}]+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True, repr=False)
class Secret:
    """A value nobody may print. Only `reveal()` gives it out; an empty one is false."""

    _value: str

    def reveal(self) -> str:
        """The value itself, for the one call that needs it."""
        return self._value

    def __repr__(self) -> str:
        return "Secret(***)" if self._value else "Secret()"

    def __bool__(self) -> bool:
        return bool(self._value)


class Expanded(NamedTuple):
    """A value with its variables filled in, and the names of those that are unset or empty."""

    value: Any
    missing: tuple[str, ...]


def expand(value: Any, env: Mapping[str, str], key: str = "") -> Expanded:
    """Fill `${NAME}` in, however deep; what came from the environment or stands under a secret's name is a Secret."""
    if isinstance(value, Mapping):
        parts = {k: expand(v, env, str(k)) for k, v in value.items()}
        return Expanded({k: p.value for k, p in parts.items()}, _all_missing(parts.values()))
    if isinstance(value, list | tuple):
        items = [expand(v, env, key) for v in value]
        return Expanded([p.value for p in items], _all_missing(items))
    if not isinstance(value, str):
        return Expanded(value, ())
    names = _VARIABLE.findall(value)
    filled = _VARIABLE.sub(lambda found: env.get(found[1], ""), value)
    missing = tuple(dict.fromkeys(name for name in names if not env.get(name)))
    return Expanded(Secret(filled) if names or _NAMED.match(key) or _TOKEN.search(value[:_LONGEST]) else value, missing)


def _all_missing(parts: Any) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for part in parts for name in part.missing))


def reveal(value: Any) -> Any:
    """The same value with every Secret in it given out."""
    if isinstance(value, Secret):
        return value.reveal()
    if isinstance(value, Mapping):
        return {key: reveal(part) for key, part in value.items()}
    return [reveal(part) for part in value] if isinstance(value, list) else value


def malformed(text: str) -> bool:
    """Whether it looks like a variable and is not written `${NAME}`."""
    return bool(_MALFORMED.search(_VARIABLE.sub("", text)))


def has_variable(text: str) -> bool:
    """Whether `${` stands in it."""
    return "${" in text


def is_literal_secret(key: str, text: str) -> bool:
    """Whether a secret seems to be written out here instead of named."""
    if has_variable(text):
        return False
    return bool(_TOKEN.search(text[:_LONGEST])) or (bool(_NAMED.match(key)) and len(text) >= 8)


def variable_for(section: str, key: str) -> str:
    """The name the environment variable of an option is usually given: `${GROQ_API_KEY}` for key of groq."""
    return "${" + re.sub(r"\W", "_", f"{section}_{'api_key' if key == 'key' else key}").upper() + "}"


def mask(text: str) -> str:
    """The text with whatever looks like a secret replaced by `***`."""
    return _TOKEN.sub("***", _ASSIGNED.sub(r"\1\2***", text))


def is_secret_name(key: str) -> bool:
    """Whether an option of this name holds a secret."""
    return bool(_NAMED.match(key))
