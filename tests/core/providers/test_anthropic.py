"""The messages protocol against a server whose every byte is known."""

from __future__ import annotations

from contextlib import aclosing
from typing import Any

import pytest

from core.errors import Busy, Denied, Interrupted, ProviderError
from core.providers.anthropic import build
from core.tiers import Delta, Line, ModelCard, Prompt, Usage

START = {
    "type": "message_start",
    "message": {"id": "msg_1", "usage": {"input_tokens": 5, "cache_read_input_tokens": 90, "output_tokens": 1}},
}
END = {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 7}}
STOP = {"type": "message_stop"}


def text(words: Any) -> dict[str, Any]:
    return {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": words}}


async def ask(vendor: Any, prompt: Prompt, key: str = "sk-ant-1") -> list[Any]:
    provider = build(key=key, url=vendor.url, stall=1)
    try:
        async with aclosing(provider.stream(prompt, ModelCard("anthropic", "small-1"))) as chunks:
            return [chunk async for chunk in chunks]
    finally:
        await provider.aclose()


def playing(*events: Any) -> Any:
    async def script(vendor: Any) -> None:
        await vendor.head()
        await vendor.events(*events)
        await vendor.end()

    return script


async def test_an_answer_comes_as_its_texts_then_its_usage(serving: Any, prompt: Prompt) -> None:
    thinking = {"type": "content_block_delta", "index": 0, "delta": {"type": "thinking_delta", "thinking": "hmm"}}
    events = [START, {"type": "ping"}, thinking, text("It is "), {"type": "made_later"}, text("on."), END, STOP]
    async with serving(playing(*events)) as vendor:
        assert await ask(vendor, prompt) == [Delta("It is "), Delta("on."), Usage(95, 7, 90)]


async def test_the_request_says_exactly_what_the_protocol_knows(serving: Any, prompt: Prompt) -> None:
    async with serving(playing(START, text("x"), END, STOP)) as vendor:
        await ask(vendor, prompt)
    [request] = vendor.requests
    assert (request.method, request.path) == ("POST", "/v1/messages")
    assert request.headers["x-api-key"] == "sk-ant-1"
    assert request.headers["anthropic-version"] == "2023-06-01"
    assert "authorization" not in request.headers
    assert request.body == {
        "model": "small-1",
        "max_tokens": 64,
        "system": "You are kind.",
        "messages": [
            {"role": "user", "content": "My parcel is late."},
            {"role": "assistant", "content": "I am sorry. Which order is it?"},
            {"role": "user", "content": "Number 1007.\nWhere is it? \N{PACKAGE}"},
        ],
        "stream": True,
    }


async def test_fields_of_ones_own_are_added_to_the_request(serving: Any, prompt: Prompt) -> None:
    async with serving(playing(START, text("x"), END, STOP)) as vendor:
        provider = build(key="k", url=vendor.url, also={"output_config": {"effort": "low"}})
        async with aclosing(provider.stream(prompt, ModelCard("anthropic", "small-1"))) as chunks:
            assert await anext(chunks) == Delta("x")
        await provider.aclose()
    assert vendor.requests[0].body["output_config"] == {"effort": "low"}


async def test_the_history_begins_with_the_customer_and_holds_no_empty_turn(serving: Any) -> None:
    prompt = Prompt("", (Line("assistant", "Hello!"), Line("user", " "), Line("user", "Hi"), Line("assistant", "")))
    async with serving(playing(START, text("x"), END, STOP)) as vendor:
        await ask(vendor, prompt)
    assert vendor.requests[0].body["messages"] == [{"role": "user", "content": "Hi"}]
    assert "system" not in vendor.requests[0].body


async def test_tokens_written_to_the_cache_are_input_too(serving: Any, prompt: Prompt) -> None:
    final = END | {"usage": {"input_tokens": 5, "cache_creation_input_tokens": 40, "output_tokens": 7}}
    async with serving(playing(START, text("x"), final, STOP)) as vendor:
        assert (await ask(vendor, prompt))[-1] == Usage(135, 7, 90)


async def test_a_message_without_counts_has_no_usage(serving: Any, prompt: Prompt) -> None:
    events = ({"type": "message_start", "message": {}}, text("x"), END | {"usage": None}, STOP)
    async with serving(playing(*events)) as vendor:
        assert await ask(vendor, prompt) == [Delta("x")]


@pytest.mark.parametrize(
    ("events", "kind"),
    [
        ([START, {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}], Busy),
        ([START, text("half")], Interrupted),
        ([START, text(None)], Interrupted),
        ([{"no": "type"}], Interrupted),
    ],
)
async def test_a_message_that_breaks_off_is_an_error(
    serving: Any, prompt: Prompt, events: list[Any], kind: type[ProviderError]
) -> None:
    async with serving(playing(*events)) as vendor:
        with pytest.raises(ProviderError) as caught:
            await ask(vendor, prompt)
    assert type(caught.value) is kind


async def test_without_a_key_it_is_not_ready_and_sends_nothing(serving: Any, prompt: Prompt) -> None:
    async with serving(playing(START)) as vendor:
        assert await build(key="", url=vendor.url).ready() == "no key"
        assert await build(key="k", url=vendor.url).ready() == ""
        with pytest.raises(Denied):
            await ask(vendor, prompt, key=" ")
    assert vendor.requests == []
