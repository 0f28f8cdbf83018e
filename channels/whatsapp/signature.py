"""Whether a request is Twilio's: its signature over the address it called and every field it sent.

The SDK's `RequestValidator` computes; which algorithm counts is decided here and never by the sender's headers.
"""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlparse

from twilio.request_validator import HMAC_SHA1, RequestValidator

HEADER = "X-Twilio-Signature"


class _Fields(dict[str, list[str]]):
    """Values under their names, as the SDK asks for them."""

    def getall(self, name: str) -> list[str]:
        return self[name]


class Signature:
    """Twilio's signature made with the account's auth token. Without a token nothing holds."""

    def __init__(self, token: str) -> None:
        self._validator = RequestValidator(token) if token else None

    def holds(self, url: str, pairs: Sequence[tuple[str, str]], header: str | None) -> bool:
        """Whether the header signs exactly this: the public address with its query, and all pairs of the form.

        Never raises. The order of different names does not count, nor does `:443`: Twilio's scheme has neither.
        """
        if self._validator is None or not header:
            return False
        try:
            if urlparse(url).geturl() != url:  # the SDK would judge another address than the one that was called
                return False
            fields = _Fields()
            for name, value in pairs:
                fields.setdefault(name, []).append(value)
            return bool(self._validator.validate(url, fields, header, HMAC_SHA1))
        except ValueError:  # text that cannot be encoded, a port that is no number
            return False
