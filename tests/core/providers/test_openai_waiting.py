"""How long a call may take, measured between the server's texts, and what a caller that hangs up leaves behind."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import Any

import pytest

from core.errors import Interrupted, Unavailable
from core.providers import _http
from core.providers._http import Limits
from core.providers.openai_chat import OpenAIChat, build
from core.tiers import Delta, ModelCard, Prompt

COUNT = {"prompt_tokens": 12, "completion_tokens": 3, "total_tokens": 15, "prompt_tokens_details": {"cached_tokens": 8}}


def piece(text: Any, finish: str | None = None, **more: Any) -> dict[str, Any]:
    return {"choices": [{"index": 0, "delta": {"content": text}, "finish_reason": finish}], **more}


ANSWER = (
    {"choices": [{"index": 0, "delta": {"role": "assistant", "content": ""}}]},
    piece("It is "),
    piece("on \N{DELIVERY TRUCK}"),
    piece(None, "stop"),
    {"choices": [], "usage": COUNT},
    "[DONE]",
)


async def ask(provider: OpenAIChat, prompt: Prompt, card: ModelCard) -> list[Any]:
    try:
        async with aclosing(provider.stream(prompt, card)) as chunks:
            return [chunk async for chunk in chunks]
    finally:
        await provider.aclose()


async def test_silence_between_two_texts_is_a_stall(serving: Any, prompt: Prompt, card: ModelCard) -> None:
    async def script(vendor: Any) -> None:
        await vendor.head()
        await vendor.events(piece("half"))
        await vendor.wait_until_gone()

    async with serving(script) as vendor:
        with pytest.raises(Interrupted, match="stalled"):
            await ask(build(url=vendor.url, stall=0.1), prompt, card)
        async with asyncio.timeout(5):
            await vendor.gone.wait()


@pytest.mark.parametrize("header_first", [True, False])
async def test_no_first_text_in_time_means_unavailable(
    serving: Any, prompt: Prompt, card: ModelCard, header_first: bool
) -> None:
    async def script(vendor: Any) -> None:
        if header_first:
            await vendor.head()
            await vendor.raw(b": thinking\n\n")
        await vendor.wait_until_gone()

    async with serving(script) as vendor:
        with pytest.raises(Unavailable):
            await ask(build(url=vendor.url, first_token=0.1), prompt, card)


async def test_a_slow_reader_is_no_stall(serving: Any, prompt: Prompt, card: ModelCard) -> None:
    pulled = asyncio.Event()

    async def script(vendor: Any) -> None:
        await vendor.head()
        await vendor.events(piece("It is "))
        await pulled.wait()
        await vendor.events(*ANSWER[2:])
        await vendor.end()

    async with serving(script) as vendor:
        provider = OpenAIChat(vendor.url, None, Limits(first=0.2, stall=0.2, total=0.2), "max_tokens")
        async with aclosing(provider.stream(prompt, card)) as chunks:
            await anext(chunks)
            await asyncio.sleep(0.3)
            asyncio.get_running_loop().call_later(0.02, pulled.set)
            assert await anext(chunks) == Delta("on \N{DELIVERY TRUCK}")
        await provider.aclose()


async def test_a_server_that_never_ends_a_finished_answer_is_left(
    serving: Any, prompt: Prompt, card: ModelCard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_http, "_LINGER", 0.05)

    async def script(vendor: Any) -> None:
        await vendor.head()
        await vendor.events(*ANSWER)
        await vendor.wait_until_gone()

    async with serving(script) as vendor, asyncio.timeout(2):
        assert len(await ask(build(url=vendor.url), prompt, card)) == 3


async def test_keep_alives_do_not_hide_a_stall(serving: Any, prompt: Prompt, card: ModelCard) -> None:
    async def script(vendor: Any) -> None:
        await vendor.head()
        await vendor.events(piece("half"))
        while not vendor.reader.at_eof():
            await vendor.raw(b": still here\n\n")
            await asyncio.sleep(0.01)

    async with serving(script) as vendor:
        with pytest.raises(Interrupted, match="stalled"):
            await ask(build(url=vendor.url, stall=0.2), prompt, card)


async def test_closing_the_stream_closes_the_connection_at_once(serving: Any, prompt: Prompt, card: ModelCard) -> None:
    async def script(vendor: Any) -> None:
        await vendor.head()
        await vendor.events(piece("first"))
        await vendor.wait_until_gone()

    async with serving(script) as vendor:
        provider = build(url=vendor.url)
        stream = provider.stream(prompt, card)
        assert await anext(stream) == Delta("first")
        await stream.aclose()
        async with asyncio.timeout(1):
            await vendor.gone.wait()
        await provider.aclose()


async def test_cancelling_a_wait_closes_the_connection(serving: Any, prompt: Prompt, card: ModelCard) -> None:
    asked = asyncio.Event()

    async def script(vendor: Any) -> None:
        asked.set()
        await vendor.wait_until_gone()

    async with serving(script) as vendor:
        provider = build(url=vendor.url)
        task = asyncio.create_task(ask(provider, prompt, card))
        async with asyncio.timeout(5):
            await asked.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            await vendor.gone.wait()
