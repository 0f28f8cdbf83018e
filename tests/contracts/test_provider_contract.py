"""What every provider keeps to, whichever file it is in: the folder is the list.

One server speaks the protocols there are; a provider for a new protocol teaches it that protocol here.
"""

from __future__ import annotations

import asyncio
import importlib
import inspect
import json
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import pytest
from aiohttp import web

from core import plugins
from core.errors import ProviderError
from core.library import Article, Library
from core.ports import Provider
from core.tiers import Delta, Line, ModelCard, Prompt, Usage

PACKAGE = "core.providers"
KEY = "sk-contract-0123456789"
PROMPT = Prompt("You are kind.", (Line("user", "How do I return my shoes?"),), "en", 50)
CARD = ModelCard("some", "model-1")
WORDS = ["Send ", "them ", "back."]


def _openai(word: str | None) -> dict[str, Any]:
    return {"choices": [{"index": 0, "delta": {"content": word}, "finish_reason": None if word else "stop"}]}


def _anthropic(word: str) -> dict[str, Any]:
    return {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": word}}


PROTOCOLS: dict[str, tuple[list[Any], list[Any]]] = {
    "/chat/completions": (
        [_openai(word) for word in WORDS],
        [_openai(None), {"choices": [], "usage": {"prompt_tokens": 9, "completion_tokens": 3}}, "[DONE]"],
    ),
    "/messages": (
        [{"type": "message_start", "message": {"usage": {"input_tokens": 9}}}, *map(_anthropic, WORDS)],
        [
            {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 3}},
            {"type": "message_stop"},
        ],
    ),
}


class Server:
    """Answers every protocol; `mode` is whole, hanging (texts, then silence) or an HTTP status to refuse with."""

    def __init__(self) -> None:
        self.mode: str | int = "whole"
        self.open = 0
        self.idle = asyncio.Event()

    async def models(self, _: web.Request) -> web.Response:
        return web.json_response({"data": []})

    async def answer(self, request: web.Request) -> web.StreamResponse:
        if isinstance(self.mode, int):
            return web.json_response({"error": {"message": f"no {KEY}"}}, status=self.mode)
        texts, end = PROTOCOLS[request.path]
        self.open += 1
        self.idle.clear()
        try:
            response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
            await response.prepare(request)
            for event in texts if self.mode == "hanging" else [*texts, *end]:
                data = event if isinstance(event, str) else json.dumps(event)
                await response.write(f"data: {data}\n\n".encode())
            if self.mode == "hanging":
                await asyncio.Event().wait()
            return response
        finally:
            self.open -= 1
            if not self.open:
                self.idle.set()


@pytest.fixture
async def server() -> AsyncIterator[tuple[Server, str]]:
    script = Server()
    app = web.Application()
    app.router.add_get("/models", script.models)
    for path in PROTOCOLS:
        app.router.add_post(path, script.answer)
    runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield script, f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


@pytest.fixture(params=plugins.names(PACKAGE))
async def provider(request: Any, server: tuple[Server, str]) -> AsyncIterator[Provider]:
    made = _build(request.param, server[1], KEY)
    yield made
    await made.aclose()


def _build(name: str, url: str, key: str) -> Any:
    """The provider with whichever of these its build() names."""
    library = Library([Article("returns", "How do I return my shoes?", "Send them back.", (), "en", "faq")])
    wanted = inspect.signature(importlib.import_module(f"{PACKAGE}.{name}").build).parameters
    options = {option: value for option, value in {"url": url, "key": key}.items() if option in wanted}
    return plugins.build(PACKAGE, name, options, {"knowledge": library})


async def test_an_answer_is_texts_then_at_most_one_usage(provider: Provider) -> None:
    async with aclosing(provider.stream(PROMPT, CARD)) as chunks:
        got = [chunk async for chunk in chunks]
    texts = [chunk for chunk in got if isinstance(chunk, Delta)]
    assert got[: len(texts)] == texts
    assert len(got) - len(texts) <= 1
    assert all(chunk.text for chunk in texts)
    assert "".join(chunk.text for chunk in texts) == "Send them back."
    assert all(isinstance(chunk, Usage) for chunk in got[len(texts) :])


async def test_answers_side_by_side_do_not_mix(provider: Provider) -> None:
    async def one() -> str:
        async with aclosing(provider.stream(PROMPT, CARD)) as chunks:
            return "".join([chunk.text async for chunk in chunks if isinstance(chunk, Delta)])

    async with asyncio.timeout(10):
        assert set(await asyncio.gather(*(one() for _ in range(20)))) == {"Send them back."}


async def test_a_stream_never_pulled_asks_nobody_and_can_be_closed(
    provider: Provider, server: tuple[Server, str]
) -> None:
    await provider.stream(PROMPT, CARD).aclose()
    assert server[0].open == 0


async def test_closing_a_stream_ends_the_call_at_once(provider: Provider, server: tuple[Server, str]) -> None:
    server[0].mode = "hanging"
    stream = provider.stream(PROMPT, CARD)
    assert isinstance(await anext(stream), Delta)
    async with asyncio.timeout(2):
        await stream.aclose()
        if server[0].open:
            await server[0].idle.wait()
    assert await anext(stream, None) is None


@pytest.mark.parametrize("status", [400, 401, 429, 500])
async def test_a_refusal_is_a_provider_error_that_shows_no_key(
    provider: Provider, server: tuple[Server, str], status: int
) -> None:
    server[0].mode = status
    shown = repr(provider)
    try:
        async with aclosing(provider.stream(PROMPT, CARD)) as chunks:
            shown += str([chunk async for chunk in chunks])
    except ProviderError as error:
        shown += f"{error!r}{error}{error.__cause__!r}{error.__context__!r}"
    assert KEY not in shown


async def test_it_says_quickly_whether_it_is_ready(provider: Provider) -> None:
    async with asyncio.timeout(1):
        assert await provider.ready() == ""


async def test_giving_connections_back_twice_is_harmless_and_it_can_be_asked_again(provider: Provider) -> None:
    await provider.aclose()
    await provider.aclose()
    async with aclosing(provider.stream(PROMPT, CARD)) as chunks:
        assert isinstance(await anext(chunks), Delta)


@pytest.mark.parametrize("name", plugins.names(PACKAGE))
async def test_an_empty_key_is_said_in_words_where_a_key_is_asked_for(name: str) -> None:
    made = _build(name, "http://127.0.0.1:9", "")
    said = await made.ready()
    await made.aclose()
    assert said in ("", "no key")
    assert (said == "no key") == (
        "key" in inspect.signature(importlib.import_module(f"{PACKAGE}.{name}").build).parameters
    )


@pytest.mark.parametrize("name", plugins.names(PACKAGE))
def test_every_option_is_named_and_there_are_at_most_six(name: str) -> None:
    parameters = inspect.signature(importlib.import_module(f"{PACKAGE}.{name}").build).parameters.values()
    assert all(p.kind is p.KEYWORD_ONLY for p in parameters)
    assert len(parameters) <= 6
