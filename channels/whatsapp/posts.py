"""One message to a customer: as it is asked of Twilio, and as Twilio then has it. Pure values and their wire forms."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from core.errors import Unconfirmed


@dataclass(frozen=True, slots=True, repr=False)
class Post:
    """One message to send. `content` is a template's Content SID; it then has `variables` and no `body`."""

    to: str
    sender: str
    body: str = ""
    content: str = ""
    variables: Mapping[str, str] = field(default_factory=dict)
    status_callback: str = ""

    @property
    def form(self) -> dict[str, str]:
        """The form Twilio wants, without what is empty."""
        variables = json.dumps(dict(self.variables), ensure_ascii=False) if self.content else ""
        fields = {
            "To": self.to,
            "From": self.sender,
            "Body": self.body,
            "ContentSid": self.content,
            "ContentVariables": variables,
            "StatusCallback": self.status_callback,
        }
        return {name: value for name, value in fields.items() if value}


@dataclass(frozen=True, slots=True, repr=False)
class Posted:
    """A message as Twilio has it. `code` is its error code, 0 for none; `made` is when Twilio took it, if it says.

    `files` is how many came with it; what they are is another list.
    """

    sid: str
    status: str
    body: str = ""
    sender: str = ""
    direction: str = ""
    code: int = 0
    made: datetime | None = None
    to: str = ""
    files: int = 0


def posted(row: Mapping[str, Any]) -> Posted:
    """Unconfirmed when Twilio's answer names no message."""
    if not row.get("sid"):
        raise Unconfirmed("Twilio answered without a message")
    code, files = str(row.get("error_code")), str(row.get("num_media"))
    return Posted(
        str(row["sid"]),
        str(row.get("status") or ""),
        str(row.get("body") or ""),
        str(row.get("from") or ""),
        str(row.get("direction") or ""),
        int(code) if code.isdecimal() else 0,
        _time(row.get("date_created")) or _time(row.get("date_sent")),
        str(row.get("to") or ""),
        int(files) if files.isdecimal() else 0,
    )


def _time(value: Any) -> datetime | None:
    """RFC 2822, as the 2010 API writes times."""
    try:
        return parsedate_to_datetime(str(value)).astimezone(UTC)
    except (TypeError, ValueError):
        return None
