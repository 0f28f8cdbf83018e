"""LiteLLM's side of the comparison: its Router as its documentation shows it. Runs in its own environment only.

No retries, since the same deployment would be asked again after a pause; no cooldowns, which are for the fallback what
our breaker is, and would end it after a few calls.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

from benchmarks._calls.worker import DIALOGUE, TOKENS, Call


def deployment(name: str, base: str) -> dict[str, Any]:
    """One row of its model_list."""
    return {"model_name": name, "litellm_params": {"model": "openai/model", "api_base": base, "api_key": "k"}}


def calls(url: str) -> dict[str, Call]:
    """A call that succeeds, one whose first deployment is down, and one that is not streamed, which costs it less."""
    litellm: Any = importlib.import_module("litellm")
    litellm.suppress_debug_info = True
    places = {"good": f"{url}/{TOKENS}/0/v1", "down": f"{url}/down/v1", "whole": f"{url}/{TOKENS}/whole/v1"}
    rows = [deployment(name, base) for name, base in places.items()]
    router = litellm.Router(model_list=rows, fallbacks=[{"down": ["good"]}], num_retries=0, disable_cooldowns=True)

    def asking(name: str) -> Call:
        async def call(heard: Callable[[], None]) -> None:
            stream = await router.acompletion(
                model=name,
                messages=DIALOGUE,
                max_tokens=800,
                stream=True,
                stream_options={"include_usage": True},
            )
            waiting = True
            async for chunk in stream:
                if waiting and chunk.choices and chunk.choices[0].delta.content:
                    heard()
                    waiting = False

        return call

    async def whole(heard: Callable[[], None]) -> None:
        answer = await router.acompletion(model="whole", messages=DIALOGUE, max_tokens=800)
        assert answer.choices[0].message.content
        heard()

    return {"call": asking("good"), "fallback": asking("down"), "call without streaming": whole}
