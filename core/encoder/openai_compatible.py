"""An embeddings URL as OpenAI, and many servers and vendors after it, offer one: for languages other than English.

Every text leaves this machine and may cost money that no ledger entry of ours names; `url` may as well be a server of
your own. Weights that ship were fitted to the built-in model, so signals that use such weights go by words here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import httpx
import numpy as np

from core.errors import EncoderError

if TYPE_CHECKING:
    from core.meaning import Matrix

TOGETHER = 64
"""Texts of one request at most."""

LONGEST = 4_000
"""Characters of a text that are sent: below every vendor's limit."""

CONNECT, TOTAL = 2.0, 10.0
"""Seconds to connect, and to wait for the server at any one step."""


class OpenAICompatible:
    """Asks `url`/embeddings. One thread at a time may use it; `close` gives the connections back."""

    def __init__(self, url: str, model: str, key: str, dimensions: int | None) -> None:
        self.version = f"{model}/{dimensions}" if dimensions else model
        self._asked: dict[str, Any] = {"model": model, "encoding_format": "float"}
        if dimensions:
            self._asked["dimensions"] = dimensions
        headers = {"authorization": f"Bearer {key}"} if key else {}
        self._client = httpx.Client(headers=headers, timeout=httpx.Timeout(TOTAL, connect=CONNECT))
        self._url = url.rstrip("/") + "/embeddings"

    def embed(self, texts: Sequence[str]) -> Matrix:
        """A row of length 1 for each text, in their order. EncoderError when the server does not answer as agreed."""
        rows: list[Any] = []
        for start in range(0, len(texts), TOGETHER):
            rows += self._ask([_told(text) for text in texts[start : start + TOGETHER]])
        try:
            found = np.array(rows, np.float32).reshape(len(texts), -1)
        except (TypeError, ValueError):
            found = np.array([[np.nan]], np.float32)
        lengths = np.linalg.norm(found, axis=1, keepdims=True)
        if not np.isfinite(lengths).all() or not lengths.all():
            raise EncoderError("the embeddings server sent vectors that are none")
        found /= lengths
        return found

    def close(self) -> None:
        """Give the connections back."""
        self._client.close()

    def _ask(self, texts: list[str]) -> list[Any]:
        problem = ""
        try:
            answer = self._client.post(self._url, json={**self._asked, "input": texts})
            if answer.status_code == httpx.codes.OK:
                rows = sorted(answer.json()["data"], key=lambda row: row["index"])
                if [row["index"] for row in rows] == list(range(len(texts))):
                    return [row["embedding"] for row in rows]
            problem = f"HTTP {answer.status_code}"
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            problem = type(error).__name__
        except (ValueError, KeyError, TypeError):
            problem = "not the JSON of an embeddings answer"
        # Outside of `except`: a request in the context of an error would carry the key.
        raise EncoderError(f"the embeddings server did not answer as agreed: {problem}")


def _told(text: str) -> str:
    """What is sent: UTF-8, short enough, and never nothing, which vendors refuse."""
    return text[:LONGEST].encode("utf-8", "replace").decode().strip() or "-"


def build(*, url: str, model: str, key: str = "", dimensions: int | None = None) -> OpenAICompatible:
    """The embeddings of `model` at a base `url` (`https://host/v1`); `dimensions` where the model can be asked to."""
    return OpenAICompatible(url, model, key, dimensions)
