"""What Twilio's API answers when it refuses: HTTP status, Twilio's own code, words. Values only.

Codes and meanings: Twilio's error dictionary (www.twilio.com/docs/api/errors). Where it names no code for a case we use
20001, "unknown parameters", and say what was wrong.
"""

from __future__ import annotations

from typing import Any


class Refusal(Exception):
    """A call Twilio does not do."""

    def __init__(self, status: int, code: int, message: str, retry_after: str = "") -> None:
        super().__init__(f"{status} {code} {message}")
        self.status = status
        self.code = code
        self.message = message
        self.headers = {"Retry-After": retry_after} if retry_after else {}

    def body(self) -> dict[str, Any]:
        """The JSON object Twilio answers with."""
        info = f"https://www.twilio.com/docs/errors/{self.code}"
        return {"code": self.code, "message": self.message, "more_info": info, "status": self.status}


def not_found(path: str) -> Refusal:
    """There is nothing at this address."""
    return Refusal(404, 20404, f"The requested resource {path} was not found")


def wrong(what: str) -> Refusal:
    """A request Twilio's description does not allow and its dictionary has no code for."""
    return Refusal(400, 20001, what)
