"""One way of logging for everything in the process: structlog's rendering of the standard library's log records.

JSON, one event a line, where nobody watches; readable lines on a terminal. The redacting processor is the last one
before the text is made, so nothing can be logged around it. Other modules only use `logging.getLogger(__name__)`.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterable, MutableMapping
from typing import Any, TextIO

import structlog

from core.redact import redact, redact_value

CHATTY = ("httpx", "httpcore", "aiohttp.access", "apscheduler", "alembic", "telegram")
"""Libraries that report every request or tick at INFO; from them only warnings are of interest."""

_CONTROL = {code: f"\\x{code:02x}" for code in (*range(0x20), *range(0x7F, 0xA0))} | {10: "\\n", 13: "\\r", 9: "\\t"}
_CONTROL |= {0x2028: "\\u2028", 0x2029: "\\u2029"}

Event = MutableMapping[str, Any]


class Redact:
    """The last processor: masks secrets and personal data, and escapes control characters, in every field."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._secrets = tuple(secrets)

    def __call__(self, _logger: Any, _method: str, event: Event) -> Event:
        """The event as it may be written."""
        traceback = event.pop("exception", None)
        cleaned = {str(key): _one_line(value) for key, value in redact_value(event, self._secrets).items()}
        if traceback is not None:
            cleaned["exception"] = redact(str(traceback), self._secrets)
        return cleaned


def configure(secrets: Iterable[str] = (), *, stream: TextIO | None = None, level: int = logging.INFO) -> None:
    """Send every log record to `stream` (standard error) from now on; `secrets` are values never to be written."""
    out = sys.stderr if stream is None else stream
    terminal = out.isatty()
    render: Any = structlog.dev.ConsoleRenderer() if terminal else structlog.processors.JSONRenderer()
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[
            structlog.stdlib.add_logger_name,
            structlog.stdlib.add_log_level,
            structlog.stdlib.ExtraAdder(),
            structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
        ],
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.format_exc_info,
            Redact(secrets),
            render,
        ],
    )
    handler = logging.StreamHandler(out)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
    for name in CHATTY:
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.captureWarnings(True)


def _one_line(value: Any) -> Any:
    if isinstance(value, str):
        return value.translate(_CONTROL)
    if isinstance(value, dict):
        return {key: _one_line(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_one_line(inner) for inner in value]
    return value
