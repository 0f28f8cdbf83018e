"""What a report is: entries and a window in, a document out. The reports themselves are the files of core/reports.

A report is pure; time, files and chats are the caller's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from core.periods import Window
from core.records import Entry


@dataclass(frozen=True, slots=True)
class Document:
    """One report in the forms it can be sent in: `text` for a chat, `csv` for a sheet, `data` for JSON."""

    text: str
    csv: str
    data: dict[str, Any] = field(default_factory=dict)


class Report(Protocol):
    """What `build(**options)` of a report's file returns."""

    def __call__(self, entries: Sequence[Entry], window: Window) -> Document:
        """The document over those entries that lie in the window."""
        ...
