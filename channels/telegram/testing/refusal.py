"""What a Bot API call may come with and end in: an uploaded file, a refusal. Values only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


class Refusal(Exception):
    """A call the Bot API answers with `ok: false`: HTTP status, description, `parameters`."""

    def __init__(self, status: int, description: str, parameters: Mapping[str, Any] | None = None) -> None:
        super().__init__(f"{status} {description}")
        self.status = status
        self.description = description
        self.parameters = parameters


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that came with a call."""

    name: str
    mime: str
    content: bytes

    def __str__(self) -> str:
        return f"<{self.name}, {len(self.content)} bytes>"
