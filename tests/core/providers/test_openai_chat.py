"""The OpenAI chat protocol against a server whose every byte is known."""

from __future__ import annotations

import asyncio
import json
from contextlib import aclosing
from typing import Any

import pytest

from core.errors import Denied
from core.providers.openai_chat import OpenAIChat, build
from core.tiers import Delta, ModelCard, Prompt, Usage

KEY = "sk-very-secret-0123456789"
COUNT = {"prompt_tokens": 12, "completion_tokens": 3, "total_tokens": 15, "prompt_tokens_details": {"cached_tokens": 8}}
FIELDS = {"model", "messages", "max_tokens", "stream", "stream_options"}


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


async def whole(vendor: Any) -> None:
    await vendor.head()
    await vendor.events(*ANSWER)
    await vendor.end()


async def ask(provider: OpenAIChat, prompt: Prompt, card: ModelCard) -> list[Any]:
    try:
        async with aclosing(provider.stream(prompt, card)) as chunks:
            return [chunk async for chunk in chunks]
    finally:
        await provider.aclose()


async def test_an_answer_comes_as_its_texts_then_its_usage(serving: Any, prompt: Prompt, card: ModelCard) -> None:
    async with serving(whole) as vendor:
        got = await ask(build(url=vendor.url, key=KEY), prompt, card)
    assert got == [Delta("It is "), Delta("on \N{DELIVERY TRUCK}"), Usage(12, 3, 8)]


async def test_the_request_says_exactly_what_the_protocol_knows(serving: Any, prompt: Prompt, card: ModelCard) -> None:
    async with serving(whole) as vendor:
        await ask(build(url=vendor.url + "/", key=f" {KEY}\n"), prompt, card)
    [request] = vendor.requests
    assert (request.method, request.path) == ("POST", "/v1/chat/completions")
    assert request.headers["authorization"] == f"Bearer {KEY}"
    assert request.headers["content-type"] == "application/json"
    assert request.headers["accept-encoding"] == "identity"
    assert set(request.body) == FIELDS
    assert request.body == {
        "model": "family/small-1",
        "messages": [
            {"role": "system", "content": "You are kind."},
            {"role": "user", "content": "My parcel is late."},
            {"role": "assistant", "content": "I am sorry. Which order is it?"},
            {"role": "user", "content": "Number 1007.\nWhere is it? \N{PACKAGE}"},
        ],
        "max_tokens": 64,
        "stream": True,
        "stream_options": {"include_usage": True},
    }


async def test_the_field_that_bounds_the_answer_can_be_renamed(serving: Any, prompt: Prompt, card: ModelCard) -> None:
    async with serving(whole) as vendor:
        await ask(build(url=vendor.url, limit_field="max_completion_tokens"), prompt, card)
    body = vendor.requests[0].body
    assert body["max_completion_tokens"] == 64
    assert "max_tokens" not in body
    assert "authorization" not in vendor.requests[0].headers


async def test_fields_of_ones_own_are_added_to_the_request(serving: Any, prompt: Prompt, card: ModelCard) -> None:
    async with serving(whole) as vendor:
        await ask(build(url=vendor.url, also={"reasoning_effort": "low"}), prompt, card)
    assert vendor.requests[0].body["reasoning_effort"] == "low"
    assert set(vendor.requests[0].body) == FIELDS | {"reasoning_effort"}


async def test_a_finished_answer_leaves_its_connection_to_the_next(
    serving: Any, prompt: Prompt, card: ModelCard
) -> None:
    async with serving(whole) as vendor:
        provider = build(url=vendor.url, key=KEY)
        for _ in range(3):
            async with aclosing(provider.stream(prompt, card)) as chunks:
                assert len([c async for c in chunks]) == 3
        await provider.aclose()
    assert vendor.connections == 1


async def test_a_kept_connection_that_proves_closed_is_replaced(serving: Any, prompt: Prompt, card: ModelCard) -> None:
    async def script(vendor: Any) -> None:
        if len(vendor.requests) == 2:
            await vendor.hang_up()
        else:
            await whole(vendor)

    async with serving(script) as vendor:
        provider = build(url=vendor.url)
        for _ in range(2):
            async with aclosing(provider.stream(prompt, card)) as chunks:
                assert len([c async for c in chunks]) == 3
        assert await provider.ready() == ""
        await provider.aclose()
    assert vendor.connections == 2


async def test_hidden_reasoning_tools_and_other_choices_are_not_text(
    serving: Any, prompt: Prompt, card: ModelCard
) -> None:
    async def script(vendor: Any) -> None:
        await vendor.head()
        await vendor.raw(b": keep-alive\n\n")
        await vendor.events(
            {"choices": [{"index": 0, "delta": {"reasoning_content": "hmm"}}]},
            {"choices": [{"index": 1, "delta": {"content": "other"}}, {"index": 0, "delta": {"content": "this"}}]},
            {"choices": [{"index": 0, "delta": {"tool_calls": [{"id": "x"}]}}]},
            {"choices": [{"index": 0, "delta": {"content": [{"type": "text"}]}}]},
            {"object": "unheard.of"},
            piece("\ud83d lone\0", "stop"),
        )
        await vendor.end()

    async with serving(script) as vendor:
        assert await ask(build(url=vendor.url), prompt, card) == [Delta("this"), Delta(" lone")]


async def test_a_count_that_does_not_add_up_is_unknown(serving: Any, prompt: Prompt, card: ModelCard) -> None:
    wrong = COUNT | {"prompt_tokens_details": {"cached_tokens": 13}}

    async def script(vendor: Any) -> None:
        await vendor.head()
        await vendor.events(piece("ok", "stop"), {"choices": [], "usage": wrong}, "[DONE]")
        await vendor.end()

    async with serving(script) as vendor:
        assert await ask(build(url=vendor.url), prompt, card) == [Delta("ok")]


async def test_the_newest_of_several_counts_holds(serving: Any, prompt: Prompt, card: ModelCard) -> None:
    async def script(vendor: Any) -> None:
        await vendor.head()
        await vendor.events(
            piece("a", usage={"prompt_tokens": 5, "completion_tokens": 1}),
            piece("b", "stop", usage={"prompt_tokens": 5, "completion_tokens": 2, "prompt_tokens_details": None}),
        )
        await vendor.end()

    async with serving(script) as vendor:
        assert (await ask(build(url=vendor.url), prompt, card))[-1] == Usage(5, 2)


async def test_a_server_with_a_key_is_not_asked_whether_it_is_there(serving: Any) -> None:
    async with serving(whole) as vendor:
        assert await build(url=vendor.url, key=KEY).ready() == ""
        assert await build(url=vendor.url, key="").ready() == "no key"
        assert await build(url=vendor.url, key=KEY + "\N{SNOWMAN}").ready() == "the key has characters no key has"
    assert vendor.requests == []


@pytest.mark.parametrize(
    ("status", "word"),
    [(200, ""), (404, ""), (401, "no key"), (503, "not ready (HTTP 503)"), (None, "nothing answers")],
)
async def test_a_server_without_a_key_is_asked_for_its_models(serving: Any, status: int | None, word: str) -> None:
    async def script(vendor: Any) -> None:
        await (vendor.refuse(status, {"data": []}) if status else vendor.wait_until_gone())

    async with serving(script) as vendor:
        provider = build(url=vendor.url.replace("//", "//user:hidden@"))
        loop = asyncio.get_running_loop()
        began = loop.time()
        said = await provider.ready()
        assert loop.time() - began < 0.9
        await provider.aclose()
    assert (said == "") == (word == "")
    assert said.startswith(word)
    assert "hidden" not in said
    assert (vendor.requests[0].method, vendor.requests[0].path) == ("GET", "/v1/models")


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/v1", "nonsense", "http://[::1", "http://nowhere.invalid/v1"])
async def test_a_server_that_is_not_there_is_said_so(url: str) -> None:
    provider = build(url=url)
    assert (await provider.ready()).startswith("nothing answers at ")
    await provider.aclose()


async def test_without_a_key_nothing_is_sent(serving: Any, prompt: Prompt, card: ModelCard) -> None:
    async with serving(whole) as vendor:
        with pytest.raises(Denied, match="no key"):
            await ask(build(url=vendor.url, key=""), prompt, card)
    assert vendor.requests == []


async def test_lone_surrogates_in_the_history_can_be_sent(serving: Any, prompt: Prompt, card: ModelCard) -> None:
    async with serving(whole) as vendor:
        await ask(build(url=vendor.url), Prompt("\ud83d", prompt.lines), card)
    assert json.dumps(vendor.requests[0].body["messages"][0]["content"]) == '"?"'
