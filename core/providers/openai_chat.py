"""Any server that speaks the OpenAI chat-completions protocol: OpenAI, Groq, Together, vLLM, Ollama, llama.cpp ...

Only the protocol: what is asked and what a chunk means. Connections, limits and errors are in `_http`.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from typing import Any

from core.providers._http import REACH, Client, Limits
from core.providers._wire import key_problem, turns, usage
from core.tiers import Chunk, ModelCard, Prompt, Usage

PROBE = 0.5
"""Seconds a server without a key, most likely on this machine, has to answer when asked whether it is there."""


def build(
    *,
    url: str,
    key: str | None = None,
    limit_field: str = "max_tokens",
    first_token: float = 20.0,
    stall: float = 15.0,
    also: Mapping[str, Any] | None = None,
) -> OpenAIChat:
    """A provider for the server at `url` (up to and including `/v1`); times in seconds.

    Without `key` the server needs none; an empty one means the variable behind it is not set. `limit_field` names the
    field that bounds the answer: `max_completion_tokens` for OpenAI's reasoning models, which refuse `max_tokens`.
    `also` are fields added to each request, such as `{reasoning_effort: low}`: hidden reasoning counts as answer.
    """
    return OpenAIChat(url, key, Limits(first=first_token, stall=stall), limit_field, also)


class OpenAIChat:
    """One server. Keeps no state between calls but its connections."""

    __slots__ = ("_also", "_client", "_keyed", "_limit_field", "_problem")

    def __init__(
        self, url: str, key: str | None, limits: Limits, limit_field: str, also: Mapping[str, Any] | None = None
    ) -> None:
        self._also = dict(also or {})
        self._keyed = key is not None
        self._problem = key_problem(key.strip()) if key is not None else ""
        self._limit_field = limit_field
        headers = {"Authorization": f"Bearer {key.strip()}"} if key else {}
        self._client = Client(url, headers, limits, self._problem)

    def stream(self, prompt: Prompt, card: ModelCard) -> AsyncGenerator[Chunk, None]:
        """The answer as it is made, then its Usage where the server tells. Raises ProviderError."""
        system = [{"role": "system", "content": prompt.system}] if prompt.system else []
        body = {
            "model": card.model,
            "messages": [*system, *turns(prompt)],
            self._limit_field: prompt.max_tokens,
            "stream": True,
            "stream_options": {"include_usage": True},
            **self._also,
        }
        return self._client.stream("/chat/completions", body, _Completion())

    async def ready(self) -> str:
        """A server with a key is taken at its word; one without is asked for its models, which costs nothing."""
        return self._problem if self._keyed else await self._client.probe("/models", PROBE)

    async def reach(self) -> str:
        """Asks for the list of models with our key, which costs nothing."""
        return self._problem or await self._client.probe("/models", REACH)

    async def aclose(self) -> None:
        """Give connections back."""
        await self._client.aclose()


class _Completion:
    """The chunks of one chat completion. Some servers count in every chunk, some in the last: the newest count wins."""

    __slots__ = ("finished", "usage")

    def __init__(self) -> None:
        self.finished = False
        self.usage: Usage | None = None

    def read(self, event: Any) -> str:
        """The text of the first choice; hidden reasoning and tool calls are not text."""
        if told := event.get("usage"):
            details = told.get("prompt_tokens_details") or {}
            self.usage = usage(told["prompt_tokens"], told["completion_tokens"], details.get("cached_tokens") or 0)
        choice: dict[str, Any] = next((c for c in event.get("choices") or () if c.get("index", 0) == 0), {})
        self.finished = self.finished or bool(choice.get("finish_reason"))
        text = (choice.get("delta") or {}).get("content") or ""
        return text if isinstance(text, str) else ""
