"""The Anthropic messages protocol.

Only the protocol: what is asked and what an event means. Connections, limits and errors are in `_http`. No cache
markers are sent, so nothing is written to the vendor's prompt cache, which alone costs more than plain input.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from typing import Any

from core.providers._http import REACH, Client, Limits
from core.providers._wire import key_problem, turns, usage
from core.tiers import Chunk, ModelCard, Prompt, Usage

VERSION = "2023-06-01"


def build(
    *,
    key: str,
    url: str = "https://api.anthropic.com/v1",
    first_token: float = 20.0,
    stall: float = 15.0,
    also: Mapping[str, Any] | None = None,
) -> Anthropic:
    """A provider for the vendor's own address or a stand-in at `url`; times in seconds.

    `also` are fields added to each request, such as `{output_config: {effort: low}}`: newer models think before they
    answer unless told otherwise, and what they think counts as answer.
    """
    return Anthropic(url, key.strip(), Limits(first=first_token, stall=stall), also)


class Anthropic:
    """One account. Keeps no state between calls but its connections."""

    __slots__ = ("_also", "_client", "_problem")

    def __init__(self, url: str, key: str, limits: Limits, also: Mapping[str, Any] | None = None) -> None:
        self._also = dict(also or {})
        self._problem = key_problem(key)
        self._client = Client(url, {"x-api-key": key, "anthropic-version": VERSION}, limits, self._problem)

    def stream(self, prompt: Prompt, card: ModelCard) -> AsyncGenerator[Chunk, None]:
        """The answer as it is made, then its Usage. Raises ProviderError."""
        system = {"system": prompt.system} if prompt.system else {}
        body = {
            "model": card.model,
            "max_tokens": prompt.max_tokens,
            "messages": turns(prompt),
            "stream": True,
            **system,
            **self._also,
        }
        return self._client.stream("/messages", body, _Message())

    async def ready(self) -> str:
        """Whether there is a key; asking the vendor would cost a call."""
        return self._problem

    async def reach(self) -> str:
        """Asks for the list of models with our key, which costs nothing."""
        return self._problem or await self._client.probe("/models", REACH)

    async def aclose(self) -> None:
        """Give connections back."""
        await self._client.aclose()


class _Message:
    """The events of one message. Counts come at its start and, final, with the reason it stopped."""

    __slots__ = ("_told", "finished", "usage")

    def __init__(self) -> None:
        self.finished = False
        self.usage: Usage | None = None
        self._told: dict[str, Any] = {}

    def read(self, event: Any) -> str:
        """The text of a text delta; hidden thinking and kinds of event made later are not text."""
        kind = event["type"]
        if kind == "content_block_delta":
            text: str = event["delta"]["text"] if event["delta"]["type"] == "text_delta" else ""
            return text
        if kind == "message_start":
            self._count(event["message"])
        elif kind == "message_delta":
            self._count(event)
            self.finished = self.finished or bool(event["delta"].get("stop_reason"))
            self.usage = self._usage()
        elif kind == "message_stop":
            self.finished = True
        return ""

    def _count(self, holder: Any) -> None:
        self._told.update({name: n for name, n in (holder.get("usage") or {}).items() if n is not None})

    def _usage(self) -> Usage | None:
        """The vendor leaves cached tokens out of `input_tokens`; our `input` holds them."""
        cached = self._told.get("cache_read_input_tokens", 0)
        parts = (self._told.get("input_tokens"), self._told.get("cache_creation_input_tokens", 0), cached)
        if not all(isinstance(n, int) for n in parts):
            return None
        return usage(sum(parts), self._told.get("output_tokens"), cached)
